package s3

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/johannesboyne/gofakes3"
)

// readFolder lists a folder; one that is not there, or is a file, is empty.
func (s *Store) readFolder(name string) ([]fs.DirEntry, error) {
	folder, err := s.root.Open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || isFileInTheWay(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("open a folder: %w", err)
	}
	defer func() { _ = folder.Close() }() // It was only read.
	if info, err := folder.Stat(); err != nil || !info.IsDir() {
		return nil, err
	}
	entries, err := folder.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("read a folder: %w", err)
	}
	return entries, nil
}

// ListBucket implements gofakes3.Backend: keys in the order of their bytes,
// those after the marker, as many as the page may hold.
func (s *Store) ListBucket(bucket string, prefix *gofakes3.Prefix, page gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	if err := s.mustExist(bucket); err != nil {
		return nil, err
	}
	var before, delimiter string
	if prefix != nil {
		before, delimiter = prefix.Prefix, prefix.Delimiter
	}
	return s.list(bucket, before, delimiter, page.Marker, int(page.MaxKeys))
}

func (s *Store) list(bucket, prefix, delimiter, marker string, limit int) (*gofakes3.ObjectList, error) {
	l := &lister{
		store: s, bucket: bucket, prefix: prefix, delimiter: delimiter, marker: marker, limit: limit,
		result: gofakes3.NewObjectList(),
	}
	if limit <= 0 {
		return l.result, nil
	}
	if group, ok := l.groupOf(marker); ok && group == marker {
		l.skip = group // The page before ended with this common prefix.
	}
	// No folder but the deepest one that the prefix names can hold a match.
	folder := prefix[:strings.LastIndexByte(prefix, '/')+1]
	if folder != "" && !canHold(strings.TrimSuffix(folder, "/")) {
		return l.result, nil // A prefix of no key that can be here.
	}
	err := l.walk(folder)
	if err != nil && !errors.Is(err, errFull) {
		return nil, err
	}
	return l.result, nil
}

// lister walks the folders of a bucket in the order of the keys.
type lister struct {
	store                             *Store
	bucket, prefix, delimiter, marker string
	limit                             int
	skip                              string // common prefix that is done with
	last                              string // what was listed last
	result                            *gofakes3.ObjectList
}

// errFull ends a walk when the page is full and there is more.
var errFull = errors.New("the page is full")

// groupOf gives the common prefix that the key is listed under: up to the first
// delimiter after the prefix.
func (l *lister) groupOf(key string) (string, bool) {
	if l.delimiter == "" || !strings.HasPrefix(key, l.prefix) {
		return "", false
	}
	i := strings.Index(key[len(l.prefix):], l.delimiter)
	if i < 0 {
		return "", false
	}
	return key[:len(l.prefix)+i+len(l.delimiter)], true
}

// hasMore reports whether a key that begins with start can still be listed.
func (l *lister) hasMore(start string) bool {
	switch {
	case l.skip != "" && strings.HasPrefix(start, l.skip):
		return false
	case !strings.HasPrefix(start, l.prefix) && !strings.HasPrefix(l.prefix, start):
		return false
	}
	return start > l.marker || strings.HasPrefix(l.marker, start)
}

// walk lists the folder, which is empty or ends with a slash.
func (l *lister) walk(folder string) error {
	entries, err := l.store.readFolder(strings.TrimSuffix(l.bucket+"/"+folder, "/"))
	if err != nil {
		return err
	}
	// A folder sorts by what its keys begin with: "a-b" before "a/".
	name := func(entry fs.DirEntry) string {
		if entry.IsDir() {
			return entry.Name() + "/"
		}
		return entry.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(name(a), name(b)) })
	for _, entry := range entries {
		key := folder + name(entry)
		if !l.hasMore(key) {
			continue
		}
		if entry.IsDir() {
			err = l.walk(key)
		} else if entry.Type().IsRegular() && strings.HasPrefix(key, l.prefix) && key > l.marker {
			err = l.add(key, entry)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) add(key string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // It was deleted a moment ago.
	}
	if err != nil {
		return fmt.Errorf("list an object: %w", err)
	}
	if len(l.result.Contents)+len(l.result.CommonPrefixes) == l.limit {
		l.result.IsTruncated, l.result.NextMarker = true, l.last
		return errFull
	}
	if group, ok := l.groupOf(key); ok {
		l.skip, l.last = group, group
		l.result.AddPrefix(group)
		return nil
	}
	full := l.bucket + "/" + key
	known, ok := l.store.known(full, info)
	if !ok {
		known, info, err = l.store.stat(full)
		if gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	l.last = key
	l.result.Add(&gofakes3.Content{
		Key: key, Size: info.Size(), ETag: gofakes3.FormatETag(known.md5[:]),
		LastModified: gofakes3.NewContentTime(info.ModTime().UTC()), StorageClass: gofakes3.StorageStandard,
	})
	return nil
}
