package finals

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/parquet/parquettest"
	"github.com/headcount-etl/headcount/shared/queue"
)

// noon is 2026-05-10T12.
var noon = counts.HourOf(time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC).UnixMilli())

const window = counts.Window(300_000)

// env is a Finals with a bucket and a queue.
type env struct {
	t      *testing.T
	f      *Finals
	bucket *memory.Bucket
	queue  *sentQueue
	log    *bytes.Buffer

	mu     sync.Mutex
	before func(call, key string) error // call is "get partials", "put headcounts", …
	calls  map[string]int
}

// sentQueue remembers what is sent to it.
type sentQueue struct {
	mu   sync.Mutex
	fail error
	sent []string // delay and body
}

func (q *sentQueue) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		q.sent = append(q.sent, fmt.Sprint(time.Duration(e.DelaySeconds)*time.Second, " ", *e.MessageBody))
		out.Successful = append(out.Successful, sqstypes.SendMessageBatchResultEntry{Id: e.Id})
	}
	return out, q.fail
}

func newEnv(t *testing.T, placeIDs ...string) *env {
	t.Helper()
	e := &env{t: t, bucket: &memory.Bucket{}, queue: &sentQueue{}, log: &bytes.Buffer{}}
	e.bucket.Before = func(verb, key string) error {
		e.mu.Lock()
		defer e.mu.Unlock()
		top, _, _ := strings.Cut(key, "/")
		if e.calls != nil {
			e.calls[verb+" "+top]++
		}
		if e.before == nil {
			return nil
		}
		before := e.before
		e.mu.Unlock()
		defer e.mu.Lock()
		return before(verb+" "+top, key)
	}
	e.f = &Finals{
		Bucket: bucket.Bucket{API: e.bucket, Name: "b"}, Flow: e.open(placeIDs...), Name: "v1", Window: window, MinPeople: 1,
		Queue:   queue.Sender{API: e.queue, QueueURL: "finals"},
		Metrics: metrics.New(e.log, "local", "aggregator", "v1"), Log: zerolog.New(e.log),
	}
	return e
}

// warmUp makes the codecs' lasting channels outside of a synctest bubble.
func warmUp(t *testing.T) {
	t.Helper()
	e := newEnv(t, "x")
	e.partial(noon, "a", 1, "x ann")
	e.done(e.handle(ask(noon, "a", 1)))
}

// open is a task that knows these places.
func (e *env) open(placeIDs ...string) *flow.Flow {
	e.t.Helper()
	fl, err := flow.Open(e.t.Context(), bucket.Bucket{API: e.bucket, Name: "b"}, "v1", flow.Settings{Window: window.Duration(), Places: placesOf(placeIDs)})
	if err != nil {
		e.t.Fatal(err)
	}
	return fl
}

// another is a task beside e.f, which has read nothing so far.
func (e *env) another() *Finals {
	return &Finals{
		Bucket: e.f.Bucket, Flow: e.f.Flow, Name: "v1", Window: window, MinPeople: e.f.MinPeople, Refresh: e.f.Refresh,
		Queue: e.f.Queue, Metrics: e.f.Metrics, Log: e.f.Log,
	}
}

func placesOf(ids []string) (all []places.Place) {
	for _, id := range slices.Sorted(slices.Values(ids)) {
		all = append(all, places.Place{ID: id, Name: "The " + id, RadiusM: 1})
	}
	return all
}

// partial writes a partial; its rows are "place person" in the hour's first
// window.
func (e *env) partial(hour counts.Hour, writer string, n int, rows ...string) {
	e.t.Helper()
	var ids []string
	for _, row := range rows {
		if id, _, _ := strings.Cut(row, " "); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	list := placesOf(ids)
	set, err := counts.New(hour, window, len(list))
	if err != nil {
		e.t.Fatal(err)
	}
	for _, row := range rows {
		id, name, _ := strings.Cut(row, " ")
		var person event.Person
		copy(person[:], name)
		i := slices.IndexFunc(list, func(p places.Place) bool { return p.ID == id })
		if err := set.Add(0, int32(i), event.Female, 0, person); err != nil { //nolint:gosec // a few
			e.t.Fatal(err)
		}
	}
	data, err := results.EncodePartial(set, list)
	if err != nil {
		e.t.Fatal(err)
	}
	e.bucket.Put(partialKey(hour, writer, n), data)
}

func partialKey(hour counts.Hour, writer string, n int) string {
	return results.PartialKey("v1", hour, writer, n)
}

func finalKey(hour counts.Hour) string { return results.Headcounts.Key("v1", hour) }

// ask is the body of a finals message.
func ask(hour counts.Hour, writer string, n int) string {
	return Message{Flow: "v1", Hour: hour.String(), Writer: writer, N: n}.Out(0).Body
}

func messages(bodies ...string) (batch []queue.Message) {
	for i, body := range bodies {
		batch = append(batch, queue.Message{ID: fmt.Sprint("m", i), Body: body})
	}
	return batch
}

func (e *env) handle(bodies ...string) []error {
	return e.f.Handle(e.t.Context(), messages(bodies...))
}

func (e *env) done(errs []error) {
	e.t.Helper()
	for i, err := range errs {
		if err != nil {
			e.t.Errorf("message %d: %v", i, err)
		}
	}
}

// count counts the calls from now on.
func (e *env) count() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls = map[string]int{}
	return e.calls
}

// once does something before the next call of a kind.
func (e *env) once(call string, do func()) {
	e.before = func(c, _ string) error {
		if c == call {
			e.before = nil
			do()
		}
		return nil
	}
}

// wantRows compares the final's rows, in short: "place people".
func (e *env) wantRows(hour counts.Hour, want ...string) {
	e.t.Helper()
	table, err := parquettest.Rows(e.bucket.Get(finalKey(hour)))
	if err != nil {
		e.t.Fatal(err)
	}
	var got []string
	for _, row := range table {
		people := row["people"]
		if row["suppressed"] == true {
			people = "suppressed"
		}
		got = append(got, fmt.Sprint(row["poi_id"], " ", people))
	}
	if !slices.Equal(got, want) {
		e.t.Errorf("rows %q, want %q", got, want)
	}
}

func (e *env) wantCovers(hour counts.Hour, want map[string]int) {
	e.t.Helper()
	if got, err := results.ReadFooter(e.bucket.Get(finalKey(hour))); !maps.Equal(got.Covers, want) || err != nil {
		e.t.Errorf("covers %v, %v, want %v", got.Covers, err, want)
	}
}

// wantSent compares what was sent since it was asked last, in any order.
func (e *env) wantSent(want ...string) {
	e.t.Helper()
	e.queue.mu.Lock()
	defer e.queue.mu.Unlock()
	slices.Sort(e.queue.sent)
	slices.Sort(want)
	if !slices.Equal(e.queue.sent, want) {
		e.t.Errorf("sent %q, want %q", e.queue.sent, want)
	}
	e.queue.sent = nil
}

// wantMetrics compares what was counted since it was asked last.
func (e *env) wantMetrics(want map[string]int64) {
	e.t.Helper()
	if got := e.counted(); !maps.Equal(got, want) {
		e.t.Errorf("metrics %v, want %v", got, want)
	}
}

// counted gives what was counted since it was asked last.
func (e *env) counted() map[string]int64 {
	e.t.Helper()
	var line bytes.Buffer
	before := e.log.Len()
	if err := e.f.Metrics.Flush(time.Now()); err != nil {
		e.t.Fatal(err)
	}
	line.Write(e.log.Bytes()[before:])
	got := map[string]int64{}
	document := map[string]any{}
	if line.Len() > 0 {
		if err := json.Unmarshal(line.Bytes(), &document); err != nil {
			e.t.Fatal(err)
		}
	}
	for name, value := range document {
		if n, ok := value.(float64); ok {
			got[name] = int64(n)
		}
	}
	return got
}
