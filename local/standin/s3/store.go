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
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
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
	// mu is held while files come and go: over the check of a PUT's conditions and its
	// rename, never while content moves.
	mu   sync.Mutex
	sums sync.Map // sum by bucket/key
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
	return &Store{root: root}, nil
}

// Close lets the folder go.
func (s *Store) Close() error {
	if err := s.root.Close(); err != nil {
		return fmt.Errorf("close the folder for buckets: %w", err)
	}
	return nil
}

// maxName is the longest name of a file or folder on the file systems of
// Linux, macOS and Windows, in bytes.
const maxName = 255

// canHold says whether a folder can hold an object of that key as a plain file under
// the same name, and not outside of it. S3 itself accepts any 1 to 1,024 bytes of
// UTF-8. Windows has more rules than the others: backslashes, colons, CON and so on.
func canHold(key string) bool {
	local, err := filepath.Localize(key)
	isLong := func(name string) bool { return len(name) > maxName }
	return err == nil && key != "." && filepath.ToSlash(local) == key && !slices.ContainsFunc(strings.Split(key, "/"), isLong)
}

func badKey(key, reason string) error {
	return gofakes3.ErrorInvalidArgument("key", key, "headcount's stand-in keeps objects as files in folders: "+reason)
}

func isFolder(key string) error { return badKey(key, "one key cannot be the folder of another") }

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

// PutObject implements gofakes3.Backend.
func (s *Store) PutObject(
	bucket, key string, _ map[string]string, content io.Reader, size int64, conditions *gofakes3.PutConditions,
) (gofakes3.PutObjectResult, error) {
	if !canHold(key) {
		return gofakes3.PutObjectResult{}, badKey(key, fmt.Sprintf(
			"a key must be names between single slashes, of 1 to %d bytes of UTF-8 each, "+
				"without NUL and what this machine has in no name, and not . or ..", maxName))
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
	s.mu.Lock()
	defer s.mu.Unlock()
	full := bucket + "/" + key
	if err := s.mustExist(bucket); err != nil { // It may have gone meanwhile.
		return err
	}
	if conditions != nil {
		if err := s.checkConditions(bucket, key, conditions); err != nil {
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
	s.sums.Store(full, written)
	return nil
}

// checkConditions is gofakes3.CheckPutConditions, but answers an If-Match on a
// key without an object as S3 does: 404.
func (s *Store) checkConditions(bucket, key string, conditions *gofakes3.PutConditions) error {
	present := gofakes3.ConditionalObjectInfo{}
	current, err := s.HeadObject(bucket, key)
	switch {
	case err == nil:
		present.Exists, present.Hash = true, current.Hash
	case !gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey):
		return err
	case conditions.IfMatch != nil:
		return noObject()
	}
	return gofakes3.CheckPutConditions(conditions, &present)
}

// known gives the sum of the file if it has not changed since then.
func (s *Store) known(full string, info fs.FileInfo) (sum, bool) {
	found, _ := s.sums.Load(full)
	k, ok := found.(sum)
	return k, ok && k.size == info.Size() && k.changed.Equal(info.ModTime())
}

// stat gives the sum of an object. It has to open it for that only where the file is
// not as it was.
func (s *Store) stat(full string, entry fs.DirEntry) (sum, fs.FileInfo, error) {
	info, err := entry.Info()
	if err == nil && info.Mode().IsRegular() {
		if k, ok := s.known(full, info); ok {
			return k, info, nil
		}
	}
	file, k, info, err := s.open(full)
	if err != nil {
		return sum{}, nil, err
	}
	_ = file.Close() // It was only read.
	return k, info, nil
}

// open opens an object and gives its sum.
func (s *Store) open(full string) (file *os.File, k sum, info fs.FileInfo, err error) {
	if file, err = s.root.Open(full); err != nil {
		if isAbsent(err) {
			return nil, k, nil, noObject()
		}
		return nil, k, nil, fmt.Errorf("look for an object: %w", err)
	}
	if info, err = file.Stat(); err == nil && !info.Mode().IsRegular() {
		err = noObject()
	}
	if err == nil {
		k, err = s.sumOf(full, file, info)
	}
	if err != nil {
		_ = file.Close() // It was only opened.
		return nil, k, nil, err
	}
	return file, k, info, nil
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
	s.sums.Store(full, k)
	return k, nil
}

func noObject() error {
	return gofakes3.ErrorMessage(gofakes3.ErrNoSuchKey, "The specified key does not exist.")
}

// isAbsent says that there is no such file.
func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) || isFileInTheWay(err) }

// isFileInTheWay says that a part of the path is a file, not a folder.
func isFileInTheWay(err error) bool {
	return errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrExist)
}

// headers are what a GET or HEAD answers beside the content. The checksum is
// that of the whole object, so a part of it must not carry it.
func headers(info fs.FileInfo, k sum, whole bool) map[string]string {
	h := map[string]string{
		"Last-Modified": info.ModTime().UTC().Format("Mon, 02 Jan 2006 15:04:05") + " GMT",
		"Content-Type":  "binary/octet-stream",
	}
	if whole {
		h["X-Amz-Checksum-Crc32"] = base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, k.crc))
		h["X-Amz-Checksum-Type"] = "FULL_OBJECT"
	}
	return h
}

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
	file, k, info, err := s.open(bucket + "/" + key)
	if err != nil {
		return nil, err
	}
	within, err := bounded(wanted, info.Size()).Range(info.Size())
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
		Contents: struct {
			io.Reader
			io.Closer
		}{io.NewSectionReader(file, start, length), file},
	}, nil
}

// HeadObject implements gofakes3.Backend.
func (s *Store) HeadObject(bucket, key string) (*gofakes3.Object, error) {
	object, err := s.GetObject(bucket, key, nil)
	if err != nil {
		return nil, err
	}
	_ = object.Contents.Close() // It was only opened.
	object.Contents = http.NoBody
	return object, nil
}

// CopyObject implements gofakes3.Backend.
func (s *Store) CopyObject(fromBucket, fromKey, bucket, key string, metadata map[string]string) (gofakes3.CopyObjectResult, error) {
	return gofakes3.CopyObject(s, fromBucket, fromKey, bucket, key, metadata)
}
