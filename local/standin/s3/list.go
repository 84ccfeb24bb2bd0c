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

// list gives the keys after the marker that begin with the prefix, at most limit of
// them. Keys with the delimiter after the prefix are listed as one common prefix,
// which is then the marker of the next page.
func (s *Store) list(bucket, prefix, delimiter, marker string, limit int) (*gofakes3.ObjectList, error) {
	result := gofakes3.NewObjectList()
	if limit <= 0 {
		return result, nil
	}
	keys, err := s.keys(bucket, prefix)
	if err != nil {
		return nil, err
	}
	last := ""
	for _, object := range keys {
		key := object.key
		group := groupOf(key, prefix, delimiter)
		switch {
		case key <= marker, group != "" && (group == last || group == marker):
			continue
		case len(result.Contents)+len(result.CommonPrefixes) == limit:
			result.IsTruncated, result.NextMarker = true, last
			return result, nil
		case group != "":
			last = group
			result.AddPrefix(group)
			continue
		}
		known, info, err := s.statEntry(bucket+"/"+key, object.entry)
		if gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey) {
			continue // It was deleted a moment ago.
		}
		if err != nil {
			return nil, err
		}
		last = key
		result.Add(&gofakes3.Content{
			Key: key, Size: info.Size(), ETag: gofakes3.FormatETag(known.md5[:]),
			LastModified: gofakes3.NewContentTime(info.ModTime().UTC()), StorageClass: gofakes3.StorageStandard,
		})
	}
	return result, nil
}

// statEntry is stat, but faster where the sum is known.
func (s *Store) statEntry(full string, entry fs.DirEntry) (sum, fs.FileInfo, error) {
	if info, err := entry.Info(); err == nil {
		if known, ok := s.known(full, info); ok {
			return known, info, nil
		}
	}
	return s.stat(full)
}

// groupOf gives the common prefix that the key is listed under: up to the first
// delimiter after the prefix. It is empty where there is none.
func groupOf(key, prefix, delimiter string) string {
	if i := strings.Index(key[len(prefix):], delimiter); delimiter != "" && i >= 0 {
		return key[:len(prefix)+i+len(delimiter)]
	}
	return ""
}

// found is a key, and what its folder says of the file.
type found struct {
	key   string
	entry fs.DirEntry
}

// keys lists the keys that begin with the prefix, sorted. It reads the deepest folder
// that the prefix names, and those below.
func (s *Store) keys(bucket, prefix string) (keys []found, err error) {
	folder := prefix[:strings.LastIndexByte(prefix, '/')+1]
	if folder != "" && !canHold(strings.TrimSuffix(folder, "/")) {
		return nil, nil // A prefix of no key that can be here.
	}
	for folders := []string{folder}; len(folders) > 0; folders = folders[1:] {
		entries, err := s.readFolder(strings.TrimSuffix(bucket+"/"+folders[0], "/"))
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			key := folders[0] + entry.Name()
			switch {
			case entry.IsDir():
				if key += "/"; strings.HasPrefix(key, prefix) || strings.HasPrefix(prefix, key) {
					folders = append(folders, key)
				}
			case entry.Type().IsRegular() && strings.HasPrefix(key, prefix):
				keys = append(keys, found{key, entry})
			}
		}
	}
	slices.SortFunc(keys, func(a, b found) int { return cmp.Compare(a.key, b.key) })
	return keys, nil
}
