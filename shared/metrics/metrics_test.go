package metrics

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	if len(Table) != int(allNames) {
		t.Fatalf("Table has %d rows, the constants name %d", len(Table), allNames)
	}
	if len(Table) > 100 {
		t.Errorf("%d metrics: a document may hold 100", len(Table))
	}
	seen := map[string]bool{}
	for i, m := range Table {
		if !regexp.MustCompile(`^[A-Z][A-Za-z]+$`).MatchString(m.Name) || seen[m.Name] {
			t.Errorf("row %d: name %q is empty, odd or not the only one", i, m.Name)
		}
		seen[m.Name] = true
		if m.Unit == "" || m.Statistic == "" || len(m.Services) == 0 || m.Help == "" {
			t.Errorf("%s: unit, statistic, services or help is missing", m.Name)
		}
		want := perFlow
		if i >= int(names) {
			want = perCategory
			if m.Statistic != Sum {
				t.Errorf("%s: AddBy only sums", m.Name)
			}
		}
		if !slices.Equal(m.Dimensions, want) {
			t.Errorf("%s: dimensions %v, want %v", m.Name, m.Dimensions, want)
		}
	}
	if EventsRejected.String() != "EventsRejected" || EventAge.String() != "EventAge" {
		t.Error("the constants do not name their rows")
	}
}

// document is the part of an EMF document that the specification fixes.
type document struct {
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
	members map[string]any
}

// read checks the lines against the rules of the specification and gives the
// values that CloudWatch would extract, keyed by name or name/category.
func read(t *testing.T, r io.Reader) map[string]float64 {
	t.Helper()
	got := map[string]float64{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var doc document
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		if err := errors.Join(decoder.Decode(&doc), json.Unmarshal(lines.Bytes(), &doc.members)); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		if decoder.More() {
			t.Errorf("something after the root object: %s", lines.Bytes())
		}
		if doc.AWS.Timestamp != 1_700_000_000_123 || len(doc.AWS.CloudWatchMetrics) != 1 {
			t.Fatalf("bad metadata: %s", lines.Bytes())
		}
		d := doc.AWS.CloudWatchMetrics[0]
		if d.Namespace != "Headcount" || len(d.Dimensions) != 1 || len(d.Metrics) == 0 || len(d.Metrics) > 100 {
			t.Fatalf("bad directive: %s", lines.Bytes())
		}
		suffix := ""
		for _, name := range d.Dimensions[0] {
			value, ok := doc.members[name].(string)
			if !ok || value == "" {
				t.Errorf("dimension %s has no string in the root: %s", name, lines.Bytes())
			}
			if name == "Category" {
				suffix = "/" + value
			}
		}
		for _, m := range d.Metrics {
			value, ok := doc.members[m.Name].(float64)
			if !ok || m.Unit == "" {
				t.Errorf("metric %s has no number in the root, or no unit: %s", m.Name, lines.Bytes())
			}
			got[m.Name+suffix] += value
		}
		if len(doc.members) != 1+len(d.Dimensions[0])+len(d.Metrics) {
			t.Errorf("members that nothing refers to: %s", lines.Bytes())
		}
	}
	return got
}

func TestFlush(t *testing.T) {
	var out bytes.Buffer
	s := New(&out, "dev", "validator", "v1")
	now := time.UnixMilli(1_700_000_000_123)

	if err := s.Flush(now); err != nil || out.Len() != 0 {
		t.Fatalf("an empty flush gave %q, %v", out.String(), err)
	}
	s.Add(EventsReceived, 3)
	s.Add(EventsReceived, 4)
	s.Add(MessageAge, 20)
	s.Add(MessageAge, 10)
	s.AddBy(EventsRejected, "too_large", 2)
	s.AddBy(EventsRejected, "too_old", 1)
	s.AddBy(AlertsSent, "too_old", 1)
	if err := s.Flush(now); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != 3 {
		t.Errorf("%d lines, want one for each set of dimensions: 3", n)
	}
	got := read(t, &out)
	want := map[string]float64{
		"EventsReceived": 7, "MessageAge": 20,
		"EventsRejected/too_large": 2, "EventsRejected/too_old": 1, "AlertsSent/too_old": 1,
	}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s = %v, want %v", name, got[name], n)
		}
	}
	if err := s.Flush(now); err != nil || out.Len() != 0 {
		t.Errorf("what had been written came again: %q, %v", out.String(), err)
	}
}

func TestConcurrentUse(t *testing.T) {
	var out bytes.Buffer
	s := New(&out, "dev", "masker", "v1")
	now := time.UnixMilli(1_700_000_000_123)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 1000 {
				s.Add(EventsMasked, 1)
				s.Add(MessageAge, int64(i))
				s.AddBy(EventsRejected, "internal_error", 1)
				if i%100 == 0 {
					if err := s.Flush(now); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := s.Flush(now); err != nil {
		t.Fatal(err)
	}
	got := read(t, &out)
	if got["EventsMasked"] != 4000 || got["EventsRejected/internal_error"] != 4000 {
		t.Errorf("lost counts: %v", got)
	}
}

func TestNilSet(t *testing.T) {
	var s *Set
	s.Add(EventsValid, 1)
	s.AddBy(EventsRejected, "too_old", 1)
	if err := s.Flush(time.Now()); err != nil {
		t.Error(err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestFlushReportsTheWriter(t *testing.T) {
	s := New(brokenWriter{}, "dev", "masker", "v1")
	s.Add(Panics, 1)
	if err := s.Flush(time.Now()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkAdd(b *testing.B) {
	s := New(io.Discard, "dev", "validator", "v1")
	b.Run("Add", func(b *testing.B) {
		for b.Loop() {
			s.Add(EventsReceived, 1)
		}
	})
	b.Run("AddBy", func(b *testing.B) {
		for b.Loop() {
			s.AddBy(EventsRejected, "missing_field", 1)
		}
	})
}
