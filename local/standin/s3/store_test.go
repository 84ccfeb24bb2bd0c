package s3

import (
	"bytes"
	"crypto/md5" //nolint:gosec // ETags are MD5.
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"pgregory.net/rapid"
)

const bucket = "lake"

func newStore(t testing.TB) (*Store, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func put(t testing.TB, s *Store, key, content string) {
	t.Helper()
	if err := s.Put(t.Context(), bucket, key, []byte(content)); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, s *Store, key string) string {
	t.Helper()
	o, err := s.GetObject(bucket, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(o.Contents)
	if err := errors.Join(err, o.Contents.Close()); err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum(content) //nolint:gosec // See the import.
	if !bytes.Equal(sum[:], o.Hash) {
		t.Errorf("%s: the hash is not that of the content", key)
	}
	return string(content)
}

func TestAnObjectIsAPlainFile(t *testing.T) {
	s, dir := newStore(t)
	put(t, s, "a/b=c/d e.txt", "one")
	put(t, s, "a/b=c/d e.txt", "two")
	content, err := os.ReadFile(filepath.Join(dir, bucket, "a", "b=c", "d e.txt")) //nolint:gosec // The test's own.
	if err != nil || string(content) != "two" {
		t.Errorf("the file has %q, %v", content, err)
	}
	if got := read(t, s, "a/b=c/d e.txt"); got != "two" {
		t.Errorf("read %q", got)
	}
	left, err := os.ReadDir(filepath.Join(dir, temporary))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
}

func TestAFileThatSomeoneElseChangedHasANewHash(t *testing.T) {
	s, dir := newStore(t)
	put(t, s, "k", "before")
	for i, content := range []string{"afterwards", "of one size"[:10]} {
		path := filepath.Join(dir, bucket, "k")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(int64(1e9+i), 0) // A clock may be too coarse for two changes.
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		if got := read(t, s, "k"); got != content {
			t.Errorf("read %q", got)
		}
	}
}

func TestKeysThatAFolderCannotHold(t *testing.T) {
	s, dir := newStore(t)
	put(t, s, "folder/object", "x")
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../x", "a/../../x", "a/./b", "a\x00b", "\xff",
		strings.Repeat("n", 256), "folder", "folder/object/below",
	} {
		err := s.Put(t.Context(), bucket, key, []byte("y"))
		var refusal gofakes3.Error
		if !errors.As(err, &refusal) || refusal.ErrorCode() != gofakes3.ErrInvalidArgument {
			t.Errorf("put %q: %v", key, err)
		}
		if _, err := s.GetObject(bucket, key, nil); !gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey) {
			if key != "folder/object" {
				t.Errorf("get %q: %v", key, err)
			}
		}
		if _, err := s.DeleteObject(bucket, key); err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	if got := read(t, s, "folder/object"); got != "x" {
		t.Errorf("read %q", got)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 2 {
		t.Errorf("beside the bucket and the temporary folder there is something: %v, %v", names, err)
	}
}

func TestALinkDoesNotLeadOutOfTheFolder(t *testing.T) {
	s, dir := newStore(t)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, bucket, "link")); err != nil {
		t.Fatal(err)
	}
	if o, err := s.GetObject(bucket, "link/secret", nil); err == nil {
		t.Error("it was read", o.Contents.Close())
	}
	if err := s.Put(t.Context(), bucket, "link/new", nil); err == nil {
		t.Error("it was written")
	}
}

func TestConditions(t *testing.T) {
	s, _ := newStore(t)
	star, wrong := "*", `"00000000000000000000000000000000"`
	sum := md5.Sum([]byte("one")) //nolint:gosec // See the import.
	right := gofakes3.FormatETag(sum[:])
	try := func(key, content string, c gofakes3.PutConditions) error {
		_, err := s.PutObject(bucket, key, nil, strings.NewReader(content), int64(len(content)), &c)
		return err
	}
	for _, step := range []struct {
		what, key  string
		conditions gofakes3.PutConditions
		want       gofakes3.ErrorCode
	}{
		{"a match on nothing", "k", gofakes3.PutConditions{IfMatch: &right}, gofakes3.ErrNoSuchKey},
		{"the first one", "k", gofakes3.PutConditions{IfNoneMatch: &star}, ""},
		{"a second first one", "k", gofakes3.PutConditions{IfNoneMatch: &star}, gofakes3.ErrPreconditionFailed},
		{"the wrong match", "k", gofakes3.PutConditions{IfMatch: &wrong}, gofakes3.ErrPreconditionFailed},
		{"the right match", "k", gofakes3.PutConditions{IfMatch: &right}, ""},
	} {
		if err := try(step.key, "one", step.conditions); !gofakes3.HasErrorCode(err, step.want) {
			t.Errorf("%s: %v", step.what, err)
		}
	}
}

func TestOfManyConditionalPutsOneWins(t *testing.T) {
	s, _ := newStore(t)
	put(t, s, "counter", "0")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for done := 0; done < 20; {
				o, err := s.GetObject(bucket, "counter", nil)
				if err != nil {
					t.Error(err)
					return
				}
				var n int
				_, err = fmt.Fscan(o.Contents, &n)
				if err := errors.Join(err, o.Contents.Close()); err != nil {
					t.Error(err)
					return
				}
				etag, next := gofakes3.FormatETag(o.Hash), fmt.Sprint(n+1)
				_, err = s.PutObject(bucket, "counter", nil, strings.NewReader(next), int64(len(next)), &gofakes3.PutConditions{IfMatch: &etag})
				if err == nil {
					done++
				} else if !gofakes3.HasErrorCode(err, gofakes3.ErrPreconditionFailed) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := read(t, s, "counter"); got != "160" {
		t.Errorf("counted to %s, not 160", got)
	}
}

func TestABrokenBodyChangesNothing(t *testing.T) {
	s, dir := newStore(t)
	put(t, s, "k", "before")
	_, err := s.PutObject(bucket, "k", nil, strings.NewReader("aft"), 10, nil)
	if !gofakes3.HasErrorCode(err, gofakes3.ErrIncompleteBody) {
		t.Error(err)
	}
	if got := read(t, s, "k"); got != "before" {
		t.Errorf("read %q", got)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, temporary)); len(left) > 0 {
		t.Error("temporary files are left")
	}
}

func TestDeleteRemovesEmptyFolders(t *testing.T) {
	s, dir := newStore(t)
	put(t, s, "a/b/c", "x")
	put(t, s, "a/d", "x")
	result, err := s.DeleteMulti(bucket, "a/b/c", "a/none")
	if err != nil || len(result.Deleted) != 2 || len(result.Error) != 0 {
		t.Errorf("%+v, %v", result, err)
	}
	if _, err := os.Stat(filepath.Join(dir, bucket, "a", "b")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the folder is still there:", err)
	}
	if err := s.DeleteBucket(bucket); !gofakes3.HasErrorCode(err, gofakes3.ErrBucketNotEmpty) {
		t.Error(err)
	}
	if _, err := s.DeleteObject(bucket, "a/d"); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteBucket(bucket); err != nil {
		t.Error(err)
	}
}

// TestListing compares listings, page by page, with a plain model: all keys
// sorted, those with the prefix, grouped by the delimiter.
func TestListing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		s, err := Open(dir)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() {
			if err := errors.Join(s.Close(), os.RemoveAll(filepath.Join(dir, bucket))); err != nil {
				rt.Fatal(err)
			}
		}()
		if err := s.CreateBucket(bucket); err != nil {
			rt.Fatal(err)
		}
		key := rapid.StringMatching(`[ab.]?[ab-](/[ab.]?[ab0]){0,3}`)
		var keys []string
		for _, k := range rapid.SliceOfN(key, 0, 25).Draw(rt, "keys") {
			if s.Put(t.Context(), bucket, k, []byte(k)) == nil && !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		prefix := rapid.SampledFrom([]string{"", "a", "a/", "b/a", "a/b/", "-", "/", "a//", "../"}).Draw(rt, "prefix")
		delimiter := rapid.SampledFrom([]string{"", "/", "b", "/a"}).Draw(rt, "delimiter")
		limit := rapid.IntRange(1, 5).Draw(rt, "limit")
		var want []string
		for _, k := range keys {
			rest, ok := strings.CutPrefix(k, prefix)
			if !ok {
				continue
			}
			if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
				k = k[:len(prefix)+i+len(delimiter)] + " (group)"
			}
			if len(want) == 0 || want[len(want)-1] != k {
				want = append(want, k)
			}
		}
		var got []string
		for marker := ""; ; {
			page, err := s.list(bucket, prefix, delimiter, marker, limit)
			if err != nil {
				rt.Fatal(err)
			}
			var names []string
			for _, c := range page.Contents {
				names = append(names, c.Key)
			}
			for _, c := range page.CommonPrefixes {
				names = append(names, c.Prefix+" (group)")
			}
			slices.Sort(names)
			if len(names) > limit {
				rt.Fatalf("%d on a page of %d", len(names), limit)
			}
			got = append(got, names...)
			if !page.IsTruncated {
				break
			}
			if len(names) != limit {
				rt.Fatalf("%d on a full page of %d", len(names), limit)
			}
			marker = page.NextMarker
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			rt.Fatalf("of %q with prefix %q, delimiter %q got %q, want %q", keys, prefix, delimiter, got, want)
		}
	})
}

func TestChunks(t *testing.T) {
	for name, test := range map[string]struct {
		body, want string
		bad        bool
	}{
		"a checksum at the end": {"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "hello world", false},
		"signatures":            {"3;chunk-signature=ab\r\nabc\r\n0;chunk-signature=cd\r\n\r\n", "abc", false},
		"nothing":               {"0\r\n\r\n", "", false},
		"no last line":          {"1\r\na\r\n0\r\n", "a", false},
		"cut off":               {"5\r\nhel", "", true},
		"no chunk of size 0":    {"1\r\na\r\n", "", true},
		"no size":               {"hello", "", true},
		"a wrong size":          {"2\r\nhello\r\n0\r\n\r\n", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/lake/k", strings.NewReader(test.body))
			r.Header.Set("Content-Encoding", "aws-chunked")
			r.Header.Set("X-Amz-Decoded-Content-Length", fmt.Sprint(len(test.want)))
			if err := unchunk(r); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r.Body)
			if (err != nil) != test.bad || !test.bad && string(got) != test.want {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
