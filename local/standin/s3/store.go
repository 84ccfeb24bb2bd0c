// Package s3 is a stand-in for Amazon S3 over a folder: an object is a plain
// file at <folder>/<bucket>/<key>, so that anyone can look at it with any tool.
// The protocol is that of github.com/johannesboyne/gofakes3.
//
// A PUT writes a file of its own and renames it, so a reader sees the object
// before or the object after, whole, and neither waits for the other; a client
// killed in the middle of a PUT changes nothing. If-Match and If-None-Match are
// checked in the same step as the rename. What a file cannot keep is not kept:
// content types, user metadata, versions. One process at a time may use a
// folder.
package s3

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // ETags are MD5 in S3's protocol.
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/johannesboyne/gofakes3"
)

// temporary is the folder for what is being written. No bucket can have that
// name.
const temporary = ".tmp"

// Store is all buckets. It is gofakes3's Backend.
type Store struct {
	root *os.Root

	mu    sync.Mutex
	locks map[string]*sync.Mutex // by bucket
	sums  map[string]sum         // by bucket and key
}

// sum is what is known of a file's content. It holds for a file of that size
// and that time of change, and for no other.
type sum struct {
	size    int64
	changed time.Time
	md5     [md5.Size]byte
	crc     uint32 // CRC-32, IEEE
}

// Open uses the folder, which it makes if need be.
func Open(folder string) (*Store, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for buckets: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open the folder for buckets: %w", err)
	}
	// What is there was being written when an earlier process was killed.
	err = root.RemoveAll(temporary)
	if err == nil {
		err = root.Mkdir(temporary, 0o700)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("empty the folder for temporary files: %w", err), root.Close())
	}
	return &Store{root: root, locks: make(map[string]*sync.Mutex), sums: make(map[string]sum)}, nil
}

// Close lets the folder go.
func (s *Store) Close() error {
	if err := s.root.Close(); err != nil {
		return fmt.Errorf("close the folder for buckets: %w", err)
	}
	return nil
}

// Put writes an object from within this process, without conditions.
func (s *Store) Put(ctx context.Context, bucket, key string, content []byte) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("put %s/%s: %w", bucket, key, err)
	}
	_, err := s.PutObject(bucket, key, nil, bytes.NewReader(content), int64(len(content)), nil)
	if err != nil {
		return fmt.Errorf("put %s/%s: %w", bucket, key, err)
	}
	return nil
}

// lock is held while the files of a bucket change: over the check of a PUT's
// conditions and its rename, never while content moves.
func (s *Store) lock(bucket string) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.locks[bucket]
	if l == nil {
		l = new(sync.Mutex)
		s.locks[bucket] = l
	}
	return l
}

// PutObject implements gofakes3.Backend.
func (s *Store) PutObject(bucket, key string, _ map[string]string, content io.Reader, size int64, conditions *gofakes3.PutConditions) (gofakes3.PutObjectResult, error) {
	if err := checkKey(key); err != nil {
		return gofakes3.PutObjectResult{}, err
	}
	if err := s.mustExist(bucket); err != nil {
		return gofakes3.PutObjectResult{}, err
	}
	name := temporary + "/" + uuid.NewString()
	written, err := s.write(name, content, size)
	if err == nil {
		err = s.place(name, bucket, key, written, conditions)
	}
	if err != nil {
		_ = s.root.Remove(name) // Open removes what is left.
	}
	return gofakes3.PutObjectResult{}, err
}

// write fills a new temporary file.
func (s *Store) write(name string, content io.Reader, size int64) (sum, error) {
	file, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return sum{}, fmt.Errorf("make a temporary file: %w", err)
	}
	written, err := copySum(file, content)
	if err == nil && written.size != size {
		err = gofakes3.ErrIncompleteBody
	}
	if err == nil {
		var info fs.FileInfo
		if info, err = file.Stat(); err == nil {
			written.changed = info.ModTime()
		}
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	return written, err // gofakes3 knows its own errors only when they are bare.
}

// copySum copies all of the content and sums it up on the way.
func copySum(to io.Writer, content io.Reader) (sum, error) {
	digest, crc := md5.New(), crc32.NewIEEE() //nolint:gosec // See the import.
	size, err := io.Copy(io.MultiWriter(to, digest, crc), content)
	result := sum{size: size, crc: crc.Sum32()}
	digest.Sum(result.md5[:0])
	return result, err
}

// place makes the temporary file the object, if the conditions hold.
func (s *Store) place(name, bucket, key string, written sum, conditions *gofakes3.PutConditions) error {
	l := s.lock(bucket)
	l.Lock()
	defer l.Unlock()
	full := bucket + "/" + key
	if err := s.mustExist(bucket); err != nil { // It may have gone meanwhile.
		return err
	}
	if conditions != nil {
		if err := s.checkConditions(full, conditions); err != nil {
			return err
		}
	}
	if err := s.root.MkdirAll(path.Dir(full), 0o700); err != nil {
		if isFileInTheWay(err) {
			return isFolder(key)
		}
		return fmt.Errorf("make the object's folder: %w", err)
	}
	if info, err := s.root.Lstat(full); err == nil && info.IsDir() {
		return isFolder(key)
	}
	if err := s.root.Rename(name, full); err != nil {
		return fmt.Errorf("put the object in its place: %w", err)
	}
	s.remember(full, written)
	return nil
}

// checkConditions is gofakes3.CheckPutConditions, but answers an If-Match on a
// key without an object as S3 does: 404.
func (s *Store) checkConditions(full string, conditions *gofakes3.PutConditions) error {
	present := gofakes3.ConditionalObjectInfo{}
	current, _, err := s.stat(full)
	switch {
	case err == nil:
		present.Exists, present.Hash = true, current.md5[:]
	case !gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey):
		return err
	case conditions.IfMatch != nil:
		return noObject()
	}
	return gofakes3.CheckPutConditions(conditions, &present)
}

func (s *Store) remember(full string, known sum) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sums[full] = known
}

func (s *Store) forget(full string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sums, full)
}

// known gives the sum of the file if it has not changed since then.
func (s *Store) known(full string, info fs.FileInfo) (sum, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.sums[full]
	return k, ok && k.size == info.Size() && k.changed.Equal(info.ModTime())
}

// stat gives the sum of an object, which it may have to read for that.
func (s *Store) stat(full string) (sum, fs.FileInfo, error) {
	info, err := s.root.Stat(full)
	if err != nil {
		return sum{}, nil, notFound(err)
	}
	if !info.Mode().IsRegular() {
		return sum{}, nil, noObject()
	}
	if k, ok := s.known(full, info); ok {
		return k, info, nil
	}
	file, info, err := s.open(full)
	if err != nil {
		return sum{}, nil, err
	}
	defer func() { _ = file.Close() }() // It was only read.
	k, err := s.sumOf(full, file, info)
	return k, info, err
}

// sumOf gives the sum of an open file and leaves its position where it was.
func (s *Store) sumOf(full string, file *os.File, info fs.FileInfo) (sum, error) {
	if k, ok := s.known(full, info); ok {
		return k, nil
	}
	k, err := copySum(io.Discard, io.NewSectionReader(file, 0, info.Size()))
	if err != nil {
		return sum{}, fmt.Errorf("read an object: %w", err)
	}
	k.changed = info.ModTime()
	s.remember(full, k)
	return k, nil
}

func (s *Store) open(full string) (*os.File, fs.FileInfo, error) {
	file, err := s.root.Open(full)
	if err != nil {
		return nil, nil, notFound(err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = noObject()
	}
	if err != nil {
		_ = file.Close() // It was only opened.
		return nil, nil, err
	}
	return file, info, nil
}

func noObject() error {
	return gofakes3.ErrorMessage(gofakes3.ErrNoSuchKey, "The specified key does not exist.")
}

// notFound makes of an error of the file system what S3 answers.
func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) || isFileInTheWay(err) {
		return noObject()
	}
	return fmt.Errorf("look for an object: %w", err)
}

// headers are what a GET or HEAD answers beside the content. The checksum is
// that of the whole object, so a part of it must not carry it.
func headers(info fs.FileInfo, k sum, whole bool) map[string]string {
	h := map[string]string{
		"Last-Modified": info.ModTime().UTC().Format("Mon, 02 Jan 2006 15:04:05") + " GMT",
		"Content-Type":  "binary/octet-stream",
	}
	if whole {
		var crc [4]byte
		binary.BigEndian.PutUint32(crc[:], k.crc)
		h["X-Amz-Checksum-Crc32"] = base64.StdEncoding.EncodeToString(crc[:])
		h["X-Amz-Checksum-Type"] = "FULL_OBJECT"
	}
	return h
}

// part is a range of an open file.
type part struct {
	io.Reader
	file *os.File
}

// Close closes the file.
func (p part) Close() error { return p.file.Close() }

// bounded ends a range where the object ends. gofakes3 would compute with an end
// near the largest number until it overflows, and refuses more last bytes than
// there are.
func bounded(wanted *gofakes3.ObjectRangeRequest, size int64) *gofakes3.ObjectRangeRequest {
	if wanted == nil {
		return nil
	}
	within := *wanted
	switch {
	case within.FromEnd:
		within.End = min(within.End, size)
	case within.End >= size:
		within.End = gofakes3.RangeNoEnd
	}
	return &within
}

// GetObject implements gofakes3.Backend.
func (s *Store) GetObject(bucket, key string, wanted *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	if err := s.mustExist(bucket); err != nil {
		return nil, err
	}
	if !canHold(key) {
		return nil, noObject() // No such object can be here.
	}
	full := bucket + "/" + key
	file, info, err := s.open(full)
	if err != nil {
		return nil, err
	}
	k, err := s.sumOf(full, file, info)
	var within *gofakes3.ObjectRange
	if err == nil {
		within, err = bounded(wanted, info.Size()).Range(info.Size())
	}
	if err != nil {
		_ = file.Close() // It was only read.
		return nil, err
	}
	start, length := int64(0), info.Size()
	if within != nil {
		start, length = within.Start, within.Length
	}
	return &gofakes3.Object{
		Name: key, Size: info.Size(), Hash: k.md5[:], Range: within,
		Metadata: headers(info, k, within == nil),
		Contents: part{io.NewSectionReader(file, start, length), file},
	}, nil
}

// HeadObject implements gofakes3.Backend.
func (s *Store) HeadObject(bucket, key string) (*gofakes3.Object, error) {
	if err := s.mustExist(bucket); err != nil {
		return nil, err
	}
	if !canHold(key) {
		return nil, noObject()
	}
	k, info, err := s.stat(bucket + "/" + key)
	if err != nil {
		return nil, err
	}
	return &gofakes3.Object{
		Name: key, Size: info.Size(), Hash: k.md5[:], Metadata: headers(info, k, true),
		Contents: io.NopCloser(bytes.NewReader(nil)),
	}, nil
}

// CopyObject implements gofakes3.Backend.
func (s *Store) CopyObject(fromBucket, fromKey, bucket, key string, metadata map[string]string) (gofakes3.CopyObjectResult, error) {
	return gofakes3.CopyObject(s, fromBucket, fromKey, bucket, key, metadata)
}
