package s3

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"github.com/johannesboyne/gofakes3"
)

// isFileInTheWay says that a part of the path is a file, not a folder.
func isFileInTheWay(err error) bool {
	return errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrExist)
}

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
	entries, err := s.readFolder(".")
	if err != nil {
		return nil, err
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
	l := s.lock(name)
	l.Lock()
	defer l.Unlock()
	listed, err := s.list(name, "", "", "", 1)
	if err != nil {
		return err
	}
	if len(listed.Contents) > 0 {
		return gofakes3.ResourceError(gofakes3.ErrBucketNotEmpty, name)
	}
	return s.removeAll(name)
}

// ForceDeleteBucket implements gofakes3.Backend.
func (s *Store) ForceDeleteBucket(name string) error {
	if err := s.mustExist(name); err != nil {
		return err
	}
	l := s.lock(name)
	l.Lock()
	defer l.Unlock()
	return s.removeAll(name)
}

func (s *Store) removeAll(bucket string) error {
	if err := s.root.RemoveAll(bucket); err != nil {
		return fmt.Errorf("delete a bucket: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for full := range s.sums {
		if strings.HasPrefix(full, bucket+"/") {
			delete(s.sums, full)
		}
	}
	return nil
}

// DeleteObject implements gofakes3.Backend. It also removes the folders that
// become empty, because S3 has no folders.
func (s *Store) DeleteObject(bucket, key string) (gofakes3.ObjectDeleteResult, error) {
	if err := s.mustExist(bucket); err != nil {
		return gofakes3.ObjectDeleteResult{}, err
	}
	if !canHold(key) {
		return gofakes3.ObjectDeleteResult{}, nil // No such object can be here.
	}
	l := s.lock(bucket)
	l.Lock()
	defer l.Unlock()
	full := bucket + "/" + key
	info, err := s.root.Lstat(full)
	if err != nil {
		if err = notFound(err); gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey) {
			err = nil
		}
		return gofakes3.ObjectDeleteResult{}, err
	}
	if info.IsDir() {
		return gofakes3.ObjectDeleteResult{}, nil
	}
	if err := s.root.Remove(full); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return gofakes3.ObjectDeleteResult{}, fmt.Errorf("delete an object: %w", err)
	}
	s.forget(full)
	for folder := path.Dir(full); folder != bucket; folder = path.Dir(folder) {
		if s.root.Remove(folder) != nil { // as a rule because it is not empty
			break
		}
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
