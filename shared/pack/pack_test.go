package pack

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/queue"
)

func message(p *Pack) *queue.Message {
	return &queue.Message{ID: "hop", Body: p.Body, Attributes: p.Attributes()}
}

func opened(t interface{ Fatal(args ...any) }, m *queue.Message) []Record {
	records, err := Open(m)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(records)
}

// TestRoundTrip: whatever is added comes out, in order, and each pack knows its
// sources.
func TestRoundTrip(t *testing.T) {
	var w Writer
	rapid.Check(t, func(t *rapid.T) {
		var want []Record
		sources := rapid.IntRange(0, 20).Draw(t, "sources")
		var of []int
		for source := range sources {
			o := Origin{
				MessageID: rapid.StringN(0, 40, -1).Draw(t, "id"), ReceivedAt: rapid.Int64().Draw(t, "at"),
				Replay: rapid.Bool().Draw(t, "replay"), Consent: rapid.SampledFrom([]event.ConsentState{0, 1, 2}).Draw(t, "consent"),
			}
			for index := range rapid.IntRange(0, 5).Draw(t, "events") {
				payload := rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "payload")
				if rapid.IntRange(0, 9).Draw(t, "big") == 0 {
					payload = slices.Repeat(append(payload, 1), 9000)
				}
				w.Add(source, o, index, payload)
				want = append(want, Record{o, index, string(payload)})
				of = append(of, source)
			}
		}
		var got []Record
		for _, p := range w.Close() {
			records := opened(t, message(&p))
			if len(p.Body) > 1<<20-1000 {
				t.Fatalf("a body of %d bytes", len(p.Body))
			}
			if p.First != of[len(got)] || p.Last != of[len(got)+len(records)-1] {
				t.Fatalf("sources %d to %d, want %d to %d", p.First, p.Last, of[len(got)], of[len(got)+len(records)-1])
			}
			got = append(got, records...)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %d records, want %d", len(got), len(want))
		}
	})
}

func TestOpenPlain(t *testing.T) {
	sent := time.UnixMilli(1000)
	tests := []struct {
		name       string
		attributes map[string]string
		want       Origin
	}{
		{"fresh", nil, Origin{MessageID: "m", ReceivedAt: 1000}},
		{"consent", map[string]string{"consent": "analytics"}, Origin{MessageID: "m", ReceivedAt: 1000, Consent: event.ConsentAnalytics}},
		{"no consent", map[string]string{"consent": "none"}, Origin{MessageID: "m", ReceivedAt: 1000, Consent: event.ConsentNone}},
		{"replay", map[string]string{"replay": "true", "received_at": "77"}, Origin{MessageID: "m", ReceivedAt: 77, Replay: true}},
		{"received_at is a replay's", map[string]string{"received_at": "77"}, Origin{MessageID: "m", ReceivedAt: 1000}},
		{"replay without arrival", map[string]string{"replay": "true", "received_at": "x"}, Origin{MessageID: "m", ReceivedAt: 1000, Replay: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := opened(t, &queue.Message{ID: "m", Body: "{}{}", SentAt: sent, Attributes: tt.attributes})
			if !slices.Equal(got, []Record{{tt.want, 0, "{}{}"}}) {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	var w Writer
	w.Add(0, Origin{MessageID: "m"}, 0, []byte("{}"))
	good := w.Close()[0]
	for name, m := range map[string]*queue.Message{
		"encoding":    {Body: good.Body, Attributes: map[string]string{"encoding": "gzip", "count": "1"}},
		"base64":      {Body: "!" + good.Body, Attributes: good.Attributes()},
		"zstd":        {Body: "AAAA", Attributes: good.Attributes()},
		"no count":    {Body: good.Body, Attributes: map[string]string{"encoding": Encoding}},
		"wrong count": {Body: good.Body, Attributes: map[string]string{"encoding": Encoding, "count": "2"}},
	} {
		if _, err := Open(m); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// bomb is a pack of one group with records of these bytes, compressed as well as
// can be.
func bomb(records int, payload string) *queue.Message {
	raw := []byte("\x01m\x00\x00")
	raw = binary.AppendUvarint(raw, uint64(records))            //nolint:gosec // a test's
	member := append([]byte{0, byte(len(payload))}, payload...) //nolint:gosec // short
	raw = append(raw, bytes.Repeat(member, records)...)
	z, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	return &queue.Message{
		Body:       base64.StdEncoding.EncodeToString(z.EncodeAll(raw, nil)),
		Attributes: map[string]string{AttributeEncoding: Encoding, AttributeCount: strconv.Itoa(records)},
	}
}

// TestBombs: packs of a few hundred bytes that hold millions of events are refused
// before they take memory.
func TestBombs(t *testing.T) {
	for name, tt := range map[string]struct {
		m      *queue.Message
		events int // 0 where the pack is refused
	}{
		"empty records":             {bomb(event.MaxEvents, ""), event.MaxEvents},
		"one empty record too many": {bomb(event.MaxEvents+1, ""), 0},
		"a million records of 0":    {bomb(1_000_000, "0"), 0},
		"ten million records of 0":  {bomb(10_000_000, "0"), 0},
		"3.9 MB":                    {bomb(event.MaxEvents, strings.Repeat("x", 120)), event.MaxEvents},
		"30 MB":                     {bomb(240_000, strings.Repeat("x", 120)), 0},
		"more records than bytes":   {&queue.Message{Body: base64.StdEncoding.EncodeToString(encoder().EncodeAll([]byte("\x01m\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), nil)), Attributes: map[string]string{AttributeEncoding: Encoding}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			records, err := Open(tt.m)
			n := 0
			if err == nil {
				for range records {
					n++
				}
			}
			runtime.ReadMemStats(&after)
			if n != tt.events || (err == nil) != (tt.events > 0) {
				t.Errorf("%d events, %v", n, err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 4*maxDecoded {
				t.Errorf("a body of %d bytes took %d", len(tt.m.Body), took)
			}
		})
	}
}

// FuzzReadGroups: damaged bytes give an error or records, never a panic.
func FuzzReadGroups(f *testing.F) {
	var w Writer
	w.Add(0, Origin{MessageID: "m", ReceivedAt: 5}, 3, []byte("{}"))
	w.group()
	f.Add(string(w.raw))
	f.Add("\x01m\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
	f.Fuzz(func(t *testing.T, raw string) {
		size := 0
		readGroups(raw, func(r Record) bool {
			size += len(r.Payload)
			return true
		})
		if size > len(raw) {
			t.Errorf("%d bytes of events from %d", size, len(raw))
		}
	})
}

func benchmarkEvents() [][]byte {
	var events [][]byte
	for i := range 100 {
		events = append(events, []byte(`{"schema_version":1,"event_id":"`+strings.Repeat(string(rune('a'+i%6)), 8)+`-9487-478d-889f-b12f48b14a6a","occurred_at":"2026-03-01T05:01:57.872Z","user":{"id":"u-`+strings.Repeat(string(rune('a'+i%26)), 9)+`","full_name":"Kauã Cardoso","email":"kaua@example.org","birth_date":"1988-01-10","gender":"male"},"position":{"latitude":40.73074263,"longitude":-74.06378388},"consent":{"analytics":true}}`))
	}
	return events
}

func BenchmarkWriter(b *testing.B) {
	events := benchmarkEvents()
	var w Writer
	for b.Loop() {
		for i, e := range events {
			w.Add(i, Origin{MessageID: "7e1ed93c-9487-478d-889f-b12f48b14a6a", ReceivedAt: 1}, i, e)
		}
		w.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}

func BenchmarkOpen(b *testing.B) {
	events := benchmarkEvents()
	var w Writer
	for i, e := range events {
		w.Add(i, Origin{MessageID: "7e1ed93c-9487-478d-889f-b12f48b14a6a", ReceivedAt: 1}, i, e)
	}
	m := message(&w.Close()[0])
	for b.Loop() {
		opened(b, m)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}

// TestPacksFitTheirQueue packs what cannot be compressed: every pack must stay
// below what the queues accept, with 8 KiB to spare for attributes.
func TestPacksFitTheirQueue(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	var w Writer
	largest := 0
	for i := range 3000 {
		payload := make([]byte, 1+i*i%event.MaxSize)
		_, _ = random.Read(payload)
		w.Add(i, Origin{MessageID: fmt.Sprint(i)}, 0, payload)
	}
	for _, p := range w.Close() {
		largest = max(largest, len(p.Body))
	}
	if limit := queue.MaxMessageBytes - 8<<10; largest > limit || largest < limit/2 {
		t.Errorf("the largest pack has %d bytes, want at most %d, and not much less", largest, limit)
	}
}
