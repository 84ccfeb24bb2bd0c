package partials

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/parquet"
	"github.com/headcount-etl/headcount/shared/queue"
)

// newWriter is a Writer of a flow with some places, or one, at 0, 0.
func newWriter(t *testing.T, log *bytes.Buffer, list ...places.Place) (*Writer, *memory.Bucket, *testQueue) {
	t.Helper()
	window, err := counts.NewWindow(5 * time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	objects, reports := &memory.Bucket{}, &testQueue{}
	b := bucket.Bucket{API: objects, Name: "b"}
	if list == nil {
		list = []places.Place{{ID: "x", Name: "X", RadiusM: 100}}
	}
	fl, err := flow.Open(t.Context(), b, "v1", flow.Settings{Window: window.Duration(), Places: list})
	if err != nil {
		t.Fatal(err)
	}
	return &Writer{
		Bucket: b, Flow: fl, Name: "v1", ID: "w", Window: window,
		Finals: queue.Sender{API: reports, QueueURL: "finals"}, Metrics: metrics.New(log, "local", "aggregator", "v1"), Log: zerolog.New(log),
	}, objects, reports
}

func masked(person, ms int) string {
	return fmt.Sprintf(`{"person":"%032x","occurred_at_ms":%d,"latitude":0,"longitude":0,"gender":"female","age_band":"18-24"}`, person, ms)
}

// TestHoursAreBounded: events of many hours are written some at a time, and none is
// lost.
func TestHoursAreBounded(t *testing.T) {
	w, objects, reports := newWriter(t, &bytes.Buffer{})
	var mu sync.Mutex // partials are written eight at a time
	unreported, most := 0, 0
	objects.Before = func(string, string) error {
		mu.Lock()
		defer mu.Unlock()
		unreported++
		most = max(most, unreported)
		return nil
	}
	reports.fail = func() error {
		mu.Lock()
		defer mu.Unlock()
		unreported = 0
		return nil
	}
	var batch []queue.Message
	hours := 2*maxHours + 500
	for i := range hours {
		batch = append(batch, queue.Message{ID: fmt.Sprint(i), Body: masked(i, i*3_600_000)})
	}
	for i, err := range w.Handle(t.Context(), batch) {
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	if most == 0 || most > maxHours+1 {
		t.Errorf("%d partials are written at once", most)
	}
	if reports.left() != hours {
		t.Errorf("%d partials are reported, not %d", reports.left(), hours)
	}
}

// TestRowsAreBounded: the events of one message are near so many places that they go
// into several partials, and none is lost.
func TestRowsAreBounded(t *testing.T) {
	const near, people = 20, 110
	defer func(rows int) { maxRows = rows }(maxRows)
	maxRows = 2000
	var list []places.Place
	for i := range near {
		list = append(list, places.Place{ID: fmt.Sprintf("%04d", i), RadiusM: 100})
	}
	w, objects, reports := newWriter(t, &bytes.Buffer{}, list...)
	var body strings.Builder
	for i := range people {
		body.WriteString(masked(i, 0))
	}
	if errs := w.Handle(t.Context(), []queue.Message{{ID: "m", Body: body.String()}}); errs[0] != nil {
		t.Fatal(errs)
	}
	all := 0
	for _, key := range objects.Keys("partials/") {
		footer, err := parquet.ReadFooter(objects.Get(key))
		if err != nil || int(footer.Rows) > maxRows+near {
			t.Errorf("a partial has %d rows, %v", footer.Rows, err)
		}
		all += int(footer.Rows)
	}
	if all != near*people || reports.left() != 2 {
		t.Errorf("%d rows in %d partials", all, reports.left())
	}
}

// TestAPanicCostsItsEventOnly, which is counted as an internal error; nothing of it is
// in the log.
func TestAPanicCostsItsEventOnly(t *testing.T) {
	var log bytes.Buffer
	w, _, _ := newWriter(t, &log)
	w.Window = 0 // what panics
	var p pack.Writer
	p.Add(0, pack.Origin{MessageID: "origin"}, 7, []byte(masked(1, 0)+masked(2, 0)))
	packed := p.Close()[0]
	if errs := w.Handle(t.Context(), []queue.Message{{ID: "m", Body: packed.Body, Attributes: packed.Attributes()}}); errs[0] != nil {
		t.Errorf("got %v", errs)
	}
	if err := w.Metrics.Flush(time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"Panics":2`, `"EventsReceived":2`, `"message_id":"origin"`, `"EventsRejected":2`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in %s", want, log.String())
		}
	}
}

// TestOutagesAreNoFaultOfMessages: whatever S3 or the finals queue fails with, the
// messages may be tried again; what lies in a message may not.
func TestOutagesAreNoFaultOfMessages(t *testing.T) {
	unprocessable := func(err error) bool { return errors.As(err, new(*queue.UnprocessableError)) }
	for _, status := range []int{http.StatusForbidden, http.StatusServiceUnavailable, http.StatusInternalServerError, http.StatusBadRequest} {
		w, objects, _ := newWriter(t, &bytes.Buffer{})
		objects.Before = func(string, string) error { return memory.Status(status) }
		if errs := w.Handle(t.Context(), []queue.Message{{Body: masked(1, 0)}}); errs[0] == nil || unprocessable(errs[0]) {
			t.Errorf("S3 answers %d: %v", status, errs)
		}
		if errs := w.Handle(t.Context(), []queue.Message{{Body: masked(1, 0), Attributes: map[string]string{"keys": "k1@2026-01-01=aa"}}}); errs[0] == nil || unprocessable(errs[0]) {
			t.Errorf("S3 answers %d to a question for the keys: %v", status, errs)
		}
	}
	w, _, reports := newWriter(t, &bytes.Buffer{})
	reports.fail = func() error { return errors.New("denied") }
	if errs := w.Handle(t.Context(), []queue.Message{{Body: masked(1, 0)}}); errs[0] == nil || unprocessable(errs[0]) {
		t.Errorf("the finals queue fails: %v", errs)
	}
	for name, m := range map[string]queue.Message{
		"no JSON": {Body: "oops"}, "no pack": {Body: "oops", Attributes: map[string]string{"encoding": "headcount-pack-1"}},
		"no key ring": {Body: masked(1, 0), Attributes: map[string]string{"keys": "secret"}}, "beyond the calendar": {Body: masked(1, math.MaxInt64/2)},
		"beyond the calendar, with keys": {Body: masked(1, math.MaxInt64/2), Attributes: map[string]string{"keys": "k1@2026-01-01=aa"}},
	} {
		errs := w.Handle(t.Context(), []queue.Message{m})
		if !unprocessable(errs[0]) || strings.Contains(errs[0].Error(), "secret") {
			t.Errorf("%s: %v", name, errs)
		}
	}
}

// TestAPersonsMessageHasNoAge: what stands in it may be of any time, as in a
// replay. An event that is too old is counted as rejected.
func TestAPersonsMessageHasNoAge(t *testing.T) {
	var log bytes.Buffer
	w, _, reports := newWriter(t, &log)
	w.MaxAge = time.Hour
	var p pack.Writer
	p.Add(0, pack.Origin{MessageID: "m", ReceivedAt: time.Now().UnixMilli()}, 0, []byte(masked(1, 0)))
	packed := p.Close()[0]
	for want, m := range []queue.Message{
		{Body: packed.Body, Attributes: packed.Attributes()},
		{Body: "\n" + masked(1, 0), SentAt: time.Now()},
	} {
		if errs := w.Handle(t.Context(), []queue.Message{m}); errs[0] != nil {
			t.Fatal(errs)
		}
		if got := reports.left(); got != want {
			t.Errorf("%d partials after message %d", got, want)
		}
	}
	if err := w.Metrics.Flush(time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"EventsReceived":2`, `"EventsAggregated":1`, `"EventsRejected":1`, `"Category":"too_old"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s does not say %s", log.String(), want)
		}
	}
}

// TestAWrongKey: a pack of another key is dead, for good; its neighbours are done, and
// nothing of it is in a partial or in a metric of events.
func TestAWrongKey(t *testing.T) {
	var log bytes.Buffer
	w, objects, _ := newWriter(t, &log)
	of := func(person int, ring string, days ...int) queue.Message {
		var p pack.Writer
		for i, day := range days {
			p.Add(0, pack.Origin{MessageID: "m", ReceivedAt: time.Now().UnixMilli()}, i, []byte(masked(person, day*24*3_600_000)))
		}
		m := p.Close()[0]
		attributes := m.Attributes()
		attributes[pack.AttributeKeys] = ring
		return queue.Message{ID: fmt.Sprint(person), Body: m.Body, Attributes: attributes}
	}
	right, wrong := "k1@1970-01-01=aa", "strange@1970-01-01=bb"
	errs := w.Handle(t.Context(), []queue.Message{of(1, right, 3), of(2, wrong, 3), of(3, right+",k2@1970-01-06=cc", 3, 5), of(4, right, 3, 5), of(5, wrong, 4, 3), of(6, right, 4)})
	for i, dead := range []bool{false, true, false, true, true, false} {
		if is := errors.As(errs[i], new(*queue.DeadError)); is != dead || !dead && errs[i] != nil {
			t.Errorf("message %d: %v", i+1, errs[i])
		}
	}
	if text := fmt.Sprint(errs); strings.Contains(text, "strange") || strings.Contains(text, "bb") || !strings.Contains(text, "k1 of 1970-01-01") {
		t.Errorf("the errors quote the message, or do not name the flow's key: %s", text)
	}
	if n := len(objects.Keys("partials/")); n != 3 {
		t.Errorf("%d partials, want those of three hours", n)
	}
	if err := w.Metrics.Flush(time.Now()); err != nil || !strings.Contains(log.String(), `"EventsReceived":4,`) {
		t.Errorf("%v, counted %s", err, &log)
	}
}
