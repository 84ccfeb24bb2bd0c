package firehose

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// bucket keeps objects, and fails while it has a fault.
type bucket struct {
	mu      sync.Mutex
	objects map[string]string
	fault   error
	failing string // what the keys begin with that the fault is for
	tries   int
}

func (b *bucket) put(_ context.Context, _, key string, content []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tries++
	if b.fault != nil && strings.HasPrefix(key, b.failing) {
		return b.fault
	}
	if _, ok := b.objects[key]; ok {
		return errors.New("a second object under one key")
	}
	b.objects[key] = string(content)
	return nil
}

func (b *bucket) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault = err
}

// only gives the one object whose key begins so.
func (b *bucket) only(t *testing.T, prefix string) (key, content string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, c := range b.objects {
		if strings.HasPrefix(k, prefix) {
			if key != "" {
				t.Errorf("two objects begin with %s", prefix)
			}
			key, content = k, c
		}
	}
	if key == "" {
		t.Fatalf("no object begins with %s: %v", prefix, b.objects)
	}
	return key, content
}

// join is a conversion that accepts every record but those that say bad.
func join(records [][]byte) (object []byte, bad []Bad, err error) {
	for i, r := range records {
		if bytes.HasPrefix(r, []byte("bad")) {
			bad = append(bad, Bad{Index: i, Code: "DataFormatConversion.ParseError", Message: "no"})
			continue
		}
		object = append(append(object, r...), ' ')
	}
	return object, bad, nil
}

func newService(t *testing.T, bytes int, interval time.Duration) (*Service, *bucket) {
	t.Helper()
	b := &bucket{objects: map[string]string{}}
	s := New(b.put, zerolog.Nop())
	err := s.Create(Stream{
		Name: "lake", Bucket: "b", BufferBytes: bytes, BufferInterval: interval, Convert: join,
		Prefix:      "data/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/",
		ErrorPrefix: "errors/!{firehose:error-output-type}/!{timestamp:HH}/",
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, b
}

func putAll(t *testing.T, s *Service, records ...string) {
	t.Helper()
	var data [][]byte
	for _, r := range records {
		data = append(data, []byte(r))
	}
	if err := putRecords(t.Context(), s, data...); err != nil {
		t.Fatal(err)
	}
}

// putRecords waits for room, as a topic does.
func putRecords(ctx context.Context, s *Service, data ...[]byte) error {
	if err := s.Await(ctx, ARN("lake")); err != nil {
		return err
	}
	return s.Add(ARN("lake"), data)
}

func closeAll(t *testing.T, s *Service) {
	t.Helper()
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// flush delivers what is there.
func flush(t *testing.T, s *Service) {
	t.Helper()
	if err := s.FlushAll(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// count gives the number of objects.
func (b *bucket) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.objects)
}

func TestTheBufferIsDeliveredWhenItsOldestRecordHasWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newService(t, 1000, time.Minute)
		defer closeAll(t, s)
		time.Sleep(23*time.Hour + 59*time.Minute + 30*time.Second) // synctest's clock starts at midnight, 2000-01-01
		putAll(t, s, "one")
		time.Sleep(59 * time.Second)
		putAll(t, s, "two")
		synctest.Wait()
		if n := b.count(); n > 0 {
			t.Error("delivered too early")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		key, content := b.only(t, "")
		if !strings.HasPrefix(key, "data/year=2000/month=01/day=01/lake-1-2000-01-01-23-59-30-") || !strings.HasSuffix(key, ".parquet") {
			t.Errorf("the key %s is not that of the oldest record's day", key)
		}
		if content != "one two " {
			t.Errorf("content %q", content)
		}
	})
}

func TestTheBufferIsDeliveredWhenItIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newService(t, 10, time.Hour)
		defer closeAll(t, s)
		putAll(t, s, "12345", "67890", "x")
		synctest.Wait()
		if _, content := b.only(t, "data/"); content != "12345 67890 " {
			t.Errorf("content %q", content)
		}
	})
}

func TestBadRecordsGoToTheErrorPrefix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newService(t, 1000, time.Hour)
		defer closeAll(t, s)
		putAll(t, s, "good", "bad one", "bad two")
		flush(t, s)
		if _, content := b.only(t, "data/"); content != "good " {
			t.Errorf("content %q", content)
		}
		_, content := b.only(t, "errors/format-conversion-failed/00/lake-1-")
		lines := strings.Split(strings.TrimSuffix(content, "\n"), "\n")
		if len(lines) != 2 {
			t.Fatalf("%d lines: %s", len(lines), content)
		}
		var line failedRecord
		if err := json.Unmarshal([]byte(lines[1]), &line); err != nil {
			t.Fatal(err)
		}
		if string(line.RawData) != "bad two" || line.LastErrorCode != "DataFormatConversion.ParseError" ||
			line.SequenceNumber != "3" || line.ArrivalTimestamp != time.Now().UnixMilli() || line.AttemptsMade != 1 {
			t.Errorf("%s", lines[1])
		}
	})
}

func TestOnlyBadRecordsMakeNoObject(t *testing.T) {
	s, b := newService(t, 1000, time.Hour)
	defer closeAll(t, s)
	putAll(t, s, "bad")
	flush(t, s)
	if key, _ := b.only(t, ""); !strings.HasPrefix(key, "errors/") {
		t.Error(key)
	}
}

func TestAFailedWriteIsTriedAgainUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newService(t, 4, time.Hour)
		defer closeAll(t, s)
		fault := errors.New("the disk is full")
		b.fail(fault)
		putAll(t, s, "good", "bad ")
		if err := s.FlushAll(t.Context()); !errors.Is(err, fault) {
			t.Errorf("flush: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if b.tries < 5 || b.count() != 0 {
			t.Errorf("%d attempts, %d objects", b.tries, b.count())
		}
		b.fail(nil)
		time.Sleep(lastRetry)
		synctest.Wait()
		if _, good := b.only(t, "data/"); good != "good " || b.count() != 2 {
			t.Errorf("%q among %d objects", good, b.count())
		}
		b.only(t, "errors/")
	})
}

func TestHalfADeliveryIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newService(t, 1000, time.Hour)
		defer closeAll(t, s)
		b.failing = "errors/"
		b.fail(errors.New("down"))
		putAll(t, s, "good", "bad")
		if err := s.FlushAll(t.Context()); err == nil {
			t.Error("it did not fail")
		}
		if b.only(t, "data/"); b.count() != 1 {
			t.Errorf("%v", b.objects)
		}
		b.fail(nil)
		time.Sleep(lastRetry)
		synctest.Wait()
		if b.only(t, "errors/"); b.count() != 2 {
			t.Errorf("%v", b.objects)
		}
	})
}

func TestPutWaitsWhileTooMuchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newService(t, 1, time.Hour)
		defer closeAll(t, s)
		b.fail(errors.New("down"))
		for range maxWaiting {
			putAll(t, s, "x")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := putRecords(ctx, s, []byte("y"))
		var refusal *protocol.Error
		if !errors.As(err, &refusal) || refusal.Status != http.StatusServiceUnavailable {
			t.Errorf("with no room: %v", err)
		}
		accepted := make(chan error)
		go func() { accepted <- putRecords(t.Context(), s, []byte("z")) }()
		synctest.Wait()
		b.fail(nil)
		if err := <-accepted; err != nil {
			t.Error(err)
		}
	})
}

func TestCloseDeliversWhatIsLeftAndAcceptsNoMore(t *testing.T) {
	s, b := newService(t, 1000, time.Hour)
	putAll(t, s, "last")
	closeAll(t, s)
	if _, content := b.only(t, "data/"); content != "last " {
		t.Error(content)
	}
	var refusal *protocol.Error
	if err := putRecords(t.Context(), s, []byte{1}); !errors.As(err, &refusal) {
		t.Error(err)
	}
}

func TestNoRecordIsLostOrDoubled(t *testing.T) {
	s, b := newService(t, 50, time.Millisecond)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				putAll(t, s, "12345678", "bad")
			}
		})
	}
	wg.Go(func() {
		for i := range 20 {
			if i%2 == 0 {
				b.fail(errors.New("down"))
			} else {
				b.fail(nil)
			}
			_ = s.FlushAll(t.Context()) // It fails half of the time.
		}
		b.fail(nil)
	})
	wg.Wait()
	closeAll(t, s)
	good, bad := 0, 0
	for key, content := range b.objects {
		if strings.HasPrefix(key, "data/") {
			good += strings.Count(content, "12345678 ")
		} else {
			bad += strings.Count(content, "\n")
		}
	}
	if good != 1600 || bad != 1600 {
		t.Errorf("%d good, %d bad", good, bad)
	}
}

func TestCreateNamesEveryFault(t *testing.T) {
	s := New((&bucket{}).put, zerolog.Nop())
	err := s.Create(Stream{Name: "a/b", Prefix: "!{timestamp:QQ}", ErrorPrefix: "e/"})
	for _, want := range []string{"name", "bucket", "BufferBytes", "BufferInterval", "conversion", "timestamp:QQ", "error-output-type"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in %v", want, err)
		}
	}
}

func TestExpand(t *testing.T) {
	at := time.Date(2024, 2, 3, 23, 5, 6, 0, time.FixedZone("", -3600))
	for prefix, want := range map[string]string{
		"y=!{timestamp:yyyy}/x":                 "y=2024/x",
		"!{timestamp:MM}-!{timestamp:dd}/":      "02-04/",
		"!{timestamp:HH}/!{timestamp:HH}/y/!{/": "",
		"raw/":                                  "", // AWS would put the hour after it
		"!{firehose:error-output-type}/":        "", // good records have no error
		"!{firehose:random-string}/":            "",
		"!{timestamp:yyyy":                      "",
	} {
		if got, err := expand(prefix, at, false); (err != nil) != (want == "") || got != want {
			t.Errorf("%q became %q, %v; want %q", prefix, got, err, want)
		}
	}
	if got, err := expand("!{firehose:error-output-type}/", at, true); err != nil || got != "format-conversion-failed/" {
		t.Error(got, err)
	}
}

// TestWhatIsRefused: records of which one is too large, and a stream that is not there.
func TestWhatIsRefused(t *testing.T) {
	s, _ := newService(t, 1000, time.Hour)
	defer closeAll(t, s)
	for code, err := range map[string]error{
		"InvalidArgumentException":  s.Add(ARN("lake"), [][]byte{{1}, make([]byte, MaxRecordBytes+1)}),
		"ResourceNotFoundException": s.Add(ARN("none"), [][]byte{{1}}),
	} {
		var refusal *protocol.Error
		if !errors.As(err, &refusal) || refusal.Code != code {
			t.Errorf("%s: %v", code, err)
		}
	}
	if !s.Has(ARN("lake")) || s.Has(ARN("none")) || s.Has("lake") {
		t.Error("Has")
	}
}
