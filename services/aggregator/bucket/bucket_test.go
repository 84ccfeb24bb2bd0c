package bucket_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
)

// server is the real client against a server that answers as a test says.
func server(t *testing.T, answer http.HandlerFunc) bucket.Bucket {
	t.Helper()
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	return bucket.Bucket{Name: "b", API: s3.New(s3.Options{
		Region: "eu-west-1", BaseEndpoint: &srv.URL, UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})}
}

// verbs are the four things that a bucket does.
var verbs = map[string]func(t *testing.T, b bucket.Bucket) error{
	"get":  func(t *testing.T, b bucket.Bucket) error { _, _, err := b.Get(t.Context(), "k"); return err },
	"head": func(t *testing.T, b bucket.Bucket) error { _, err := b.Head(t.Context(), "k"); return err },
	"create": func(t *testing.T, b bucket.Bucket) error {
		_, err := b.Create(t.Context(), "k", []byte("x"))
		return err
	},
	"replace": func(t *testing.T, b bucket.Bucket) error {
		_, err := b.Replace(t.Context(), "k", `"e"`, []byte("x"))
		return err
	},
	"list": func(t *testing.T, b bucket.Bucket) error { _, err := b.List(t.Context(), "k"); return err },
}

func TestErrors(t *testing.T) {
	tests := []struct {
		status int
		code   string
		want   map[string]error // by verb; nil for an error of no kind
	}{
		{404, "NoSuchKey", map[string]error{
			"get": bucket.ErrNotFound, "head": bucket.ErrNotFound, "list": bucket.ErrNotFound,
			"create": bucket.ErrNotFound, "replace": bucket.ErrConflict,
		}},
		// HEAD has no body, and so no code.
		{404, "NoSuchBucket", map[string]error{"get": nil, "head": bucket.ErrNotFound, "list": nil, "create": nil, "replace": nil}},
		{409, "ConditionalRequestConflict", map[string]error{"create": bucket.ErrConflict, "replace": bucket.ErrConflict}},
		{412, "PreconditionFailed", map[string]error{"create": bucket.ErrConflict, "replace": bucket.ErrConflict}},
		{403, "AccessDenied", map[string]error{"get": nil, "head": nil, "create": nil, "replace": nil, "list": nil}},
		{500, "InternalError", map[string]error{"get": nil, "head": nil, "create": nil, "replace": nil, "list": nil}},
	}
	for _, test := range tests {
		b := server(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(test.status)
			if r.Method != http.MethodHead {
				_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>m</Message></Error>", test.code)
			}
		})
		for verb, want := range test.want {
			err := verbs[verb](t, b)
			if err == nil || !strings.Contains(err.Error(), "s3://b/k") {
				t.Errorf("%s, %s: %v does not name the object", test.code, verb, err)
			}
			for _, kind := range []error{bucket.ErrNotFound, bucket.ErrConflict} {
				if is := errors.Is(err, kind); is != errors.Is(want, kind) {
					t.Errorf("%s, %s: %v, is %q: %v", test.code, verb, err, kind, is)
				}
			}
		}
	}
}

// TestDate: the clock is S3's, and this process's only where S3 names none.
func TestDate(t *testing.T) {
	at := time.Date(2026, 3, 1, 5, 1, 57, 0, time.UTC)
	for name, header := range map[string][]string{"S3's": {at.Format(http.TimeFormat)}, "none": nil} {
		b := server(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = header
			w.Header().Set("Content-Length", "1")
			_, _ = w.Write([]byte("x"))
		})
		_, get, getErr := b.Get(t.Context(), "k")
		head, headErr := b.Head(t.Context(), "k")
		if getErr != nil || headErr != nil {
			t.Fatal(getErr, headErr)
		}
		for _, date := range []time.Time{get.Date, head.Date} {
			if header != nil && !date.Equal(at) || header == nil && time.Since(date).Abs() > time.Hour {
				t.Errorf("%s: %s", name, date)
			}
		}
	}
}

// TestConditions: what goes over the wire.
func TestConditions(t *testing.T) {
	var got string
	b := server(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got = fmt.Sprintf("%s %s %q %q", r.Method, r.URL.Path, r.Header.Get("If-None-Match"), r.Header.Get("If-Match"))
		w.Header().Set("ETag", `"new"`)
	})
	etag, err := b.Create(t.Context(), "a/k", []byte("x"))
	if want := `PUT /b/a/k "*" ""`; got != want || etag != `"new"` || err != nil {
		t.Errorf("got %s, %s, %v; want %s", got, etag, err, want)
	}
	etag, err = b.Replace(t.Context(), "a/k", `"old"`, []byte("x"))
	if want := `PUT /b/a/k "" "\"old\""`; got != want || etag != `"new"` || err != nil {
		t.Errorf("got %s, %s, %v; want %s", got, etag, err, want)
	}
}

// TestGetCutOff: a connection that breaks in the middle, and an empty answer, are errors
// of the call, which may be made again, and not a shorter object.
func TestGetCutOff(t *testing.T) {
	b := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half"))
	})
	var call *smithy.OperationError
	if data, _, err := b.Get(t.Context(), "k"); !errors.As(err, &call) {
		t.Errorf("got %q and %v", data, err)
	}
	b = server(t, func(http.ResponseWriter, *http.Request) {})
	if data, _, err := b.Get(t.Context(), "k"); !errors.As(err, &call) {
		t.Errorf("an empty answer: got %q and %v", data, err)
	}
}

// TestTooLarge: what is larger is not read, whether or not S3 says how large it is, and
// not written.
func TestTooLarge(t *testing.T) {
	most := make([]byte, bucket.MaxSize)
	for name, flush := range map[string]bool{"with its length": false, "without": true} {
		var more []byte
		b := server(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				_, _ = io.Copy(io.Discard, r.Body)
				return
			}
			if flush {
				w.(http.Flusher).Flush()
			} else {
				w.Header().Set("Content-Length", fmt.Sprint(len(most)+len(more)))
			}
			_, _ = w.Write(most)
			_, _ = w.Write(more)
		})
		if data, _, err := b.Get(t.Context(), "k"); err != nil || len(data) != len(most) {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
		if _, err := b.Create(t.Context(), "k", most); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		more = []byte("5")
		if data, _, err := b.Get(t.Context(), "k"); !errors.Is(err, bucket.ErrTooLarge) {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
		if _, err := b.Create(t.Context(), "k", append(most, more...)); !errors.Is(err, bucket.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := b.Replace(t.Context(), "k", "etag", append(most, more...)); !errors.Is(err, bucket.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMemory(t *testing.T) {
	m := &memory.Bucket{Ahead: time.Hour}
	b := bucket.Bucket{API: m, Name: "b"}
	first, err := b.Create(t.Context(), "k", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(t.Context(), "k", []byte("2")); !errors.Is(err, bucket.ErrConflict) {
		t.Errorf("created twice: %v", err)
	}
	second, err := b.Replace(t.Context(), "k", first, []byte("2"))
	if err != nil || second == first {
		t.Errorf("replaced: %s, %v", second, err)
	}
	if _, err := b.Replace(t.Context(), "k", first, []byte("3")); !errors.Is(err, bucket.ErrConflict) {
		t.Errorf("replaced what was there before: %v", err)
	}
	if _, err := b.Replace(t.Context(), "none", first, []byte("3")); !errors.Is(err, bucket.ErrConflict) {
		t.Errorf("replaced nothing: %v", err)
	}
	data, info, err := b.Get(t.Context(), "k")
	if string(data) != "2" || info.ETag != second || info.Modified.IsZero() || err != nil {
		t.Errorf("got %q, %+v, %v", data, info, err)
	}
	if head, err := b.Head(t.Context(), "k"); head.ETag != info.ETag || head.Modified != info.Modified || err != nil {
		t.Errorf("head %+v, %v, get %+v", head, err, info)
	}
	if ahead := time.Until(info.Date); ahead < 59*time.Minute || ahead > time.Hour || info.Date.Sub(info.Modified) > time.Minute {
		t.Errorf("its clock is %s ahead, and says %+v", ahead, info)
	}
	m.After = func(string) error { return memory.Status(http.StatusInternalServerError) }
	if _, err := b.Create(t.Context(), "late", []byte("x")); err == nil || errors.Is(err, bucket.ErrConflict) || string(m.Get("late")) != "x" {
		t.Errorf("answer lost: %v, %q", err, m.Get("late"))
	}
}

func keys(objects []bucket.Object) (keys []string) {
	for _, o := range objects {
		keys = append(keys, o.Key)
	}
	return keys
}

// TestListPages: the fake gives three keys a page.
func TestListPages(t *testing.T) {
	for n := range 8 {
		m := &memory.Bucket{}
		m.Put("other/x", nil)
		var want []string
		for i := range n {
			want = append(want, fmt.Sprintf("p/%d", i))
			m.Put(want[i], nil)
		}
		pages := 0
		m.Before = func(verb, _ string) error {
			pages++
			if verb != "list" {
				t.Errorf("a %s to list", verb)
			}
			return nil
		}
		got, err := bucket.Bucket{API: m, Name: "b"}.List(t.Context(), "p/")
		if !slices.Equal(keys(got), want) || err != nil || pages != max((n+2)/3, 1) {
			t.Errorf("%d keys: got %v in %d pages, %v", n, got, pages, err)
		}
	}
}

// TestListPagesOfS3: the token of one page asks for the next.
func TestListPagesOfS3(t *testing.T) {
	b := server(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("list-type") != "2" || q.Get("prefix") != "p/" {
			t.Errorf("asked for %s", r.URL)
		}
		more, key := "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>", "p/1"
		if q.Get("continuation-token") == "t" {
			more, key = "", "p/2"
		}
		_, _ = fmt.Fprintf(w, "<ListBucketResult>%s<Contents><Key>%s</Key><Size>7</Size><LastModified>2026-05-10T12:00:00.000Z</LastModified></Contents></ListBucketResult>", more, key)
	})
	got, err := b.List(t.Context(), "p/")
	at := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
	if want := []bucket.Object{{Key: "p/1", Size: 7, Modified: at}, {Key: "p/2", Size: 7, Modified: at}}; !slices.Equal(got, want) || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := (bucket.Bucket{Name: "b", API: &memory.Bucket{Before: func(string, string) error { return errors.New("down") }}}).List(t.Context(), "p/"); err == nil || !strings.Contains(err.Error(), "list s3://b/p/: down") {
		t.Errorf("got %v", err)
	}
}
