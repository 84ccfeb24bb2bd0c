package s3

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/johannesboyne/gofakes3"
)

// CreateBucket makes a bucket. One that is there already is no error, as in
// us-east-1. It implements gofakes3.Backend.
func (s *Store) CreateBucket(name string) error {
	if err := gofakes3.ValidateBucketName(name); err != nil {
		return err // gofakes3 knows its own errors only when they are bare.
	}
	if err := s.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make a bucket: %w", err)
	}
	return nil
}

func isBucketName(name string) bool { return gofakes3.ValidateBucketName(name) == nil }

// BucketExists implements gofakes3.Backend.
func (s *Store) BucketExists(name string) (bool, error) {
	info, err := s.root.Stat(name)
	if !isBucketName(name) || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a bucket: %w", err)
	}
	return info.IsDir(), nil
}

func (s *Store) mustExist(bucket string) error {
	ok, err := s.BucketExists(bucket)
	if err == nil && !ok {
		return gofakes3.BucketNotFound(bucket)
	}
	return err
}

// ListBuckets implements gofakes3.Backend.
func (s *Store) ListBuckets() ([]gofakes3.BucketInfo, error) {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("list the buckets: %w", err)
	}
	var buckets []gofakes3.BucketInfo
	for _, entry := range entries {
		if !entry.IsDir() || !isBucketName(entry.Name()) {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list the buckets: %w", err)
		}
		created := gofakes3.NewContentTime(info.ModTime().UTC())
		buckets = append(buckets, gofakes3.BucketInfo{Name: entry.Name(), CreationDate: created})
	}
	return buckets, nil
}

// DeleteBucket implements gofakes3.Backend.
func (s *Store) DeleteBucket(name string) error {
	if err := s.mustExist(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	keys, err := s.keys(name, "")
	if err != nil {
		return err
	}
	if len(keys) > 0 {
		return gofakes3.ResourceError(gofakes3.ErrBucketNotEmpty, name)
	}
	if err := s.root.RemoveAll(name); err != nil {
		return fmt.Errorf("delete a bucket: %w", err)
	}
	return nil
}

// ForceDeleteBucket is for gofakes3.Backend: MinIO has it, S3 has not.
func (s *Store) ForceDeleteBucket(string) error { return gofakes3.ErrNotImplemented }

// DeleteObject implements gofakes3.Backend. It also removes the folders that
// become empty, because S3 has no folders.
func (s *Store) DeleteObject(bucket, key string) (gofakes3.ObjectDeleteResult, error) {
	if err := s.mustExist(bucket); err != nil {
		return gofakes3.ObjectDeleteResult{}, err
	}
	if !canHold(key) {
		return gofakes3.ObjectDeleteResult{}, nil // No such object can be here.
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	full := bucket + "/" + key
	info, err := s.root.Lstat(full)
	if err == nil && !info.IsDir() {
		err = s.root.Remove(full)
	}
	if err != nil && !isAbsent(err) {
		return gofakes3.ObjectDeleteResult{}, fmt.Errorf("delete an object: %w", err)
	}
	s.sums.Delete(full)
	for folder := path.Dir(full); err == nil && folder != bucket; folder = path.Dir(folder) {
		err = s.root.Remove(folder) // until one is not empty
	}
	return gofakes3.ObjectDeleteResult{}, nil
}

// DeleteMulti implements gofakes3.Backend.
func (s *Store) DeleteMulti(bucket string, keys ...string) (gofakes3.MultiDeleteResult, error) {
	var result gofakes3.MultiDeleteResult
	for _, key := range keys {
		if _, err := s.DeleteObject(bucket, key); err != nil {
			failed := gofakes3.ErrorResultFromError(err)
			failed.Key = key
			result.Error = append(result.Error, failed)
			continue
		}
		result.Deleted = append(result.Deleted, gofakes3.ObjectID{Key: key})
	}
	return result, nil
}
