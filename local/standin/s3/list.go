package s3

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/johannesboyne/gofakes3"
)

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
	for _, key := range slices.Sorted(maps.Keys(keys)) {
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
		known, info, err := s.stat(bucket+"/"+key, keys[key])
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

// groupOf gives the common prefix that the key is listed under: up to the first
// delimiter after the prefix. It is empty where there is none.
func groupOf(key, prefix, delimiter string) string {
	if i := strings.Index(key[len(prefix):], delimiter); delimiter != "" && i >= 0 {
		return key[:len(prefix)+i+len(delimiter)]
	}
	return ""
}

// keys finds the keys that begin with the prefix, and their files. It reads the
// deepest folder that the prefix names, and those below.
func (s *Store) keys(bucket, prefix string) (keys map[string]fs.DirEntry, err error) {
	keys = map[string]fs.DirEntry{}
	top := bucket
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		if top += "/" + prefix[:i]; !canHold(prefix[:i]) {
			return keys, nil // A prefix of no key that can be here.
		}
	}
	err = fs.WalkDir(s.root.FS(), top, func(name string, entry fs.DirEntry, err error) error {
		key := strings.TrimPrefix(name, bucket+"/")
		switch {
		case err != nil && isAbsent(err): // it went away, or was not there
		case err != nil:
			return fmt.Errorf("read a folder: %w", err)
		case entry.IsDir() && name != top && !strings.HasPrefix(key, prefix) && !strings.HasPrefix(prefix, key+"/"):
			return fs.SkipDir
		case entry.Type().IsRegular() && strings.HasPrefix(key, prefix):
			keys[key] = entry
		}
		return nil
	})
	return keys, err
}
