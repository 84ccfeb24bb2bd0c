package finals

import (
	"reflect"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/queue"
)

// TestUncovered: the messages that it gives are all that Handle needs to bring
// every partial into a final, whatever had become of the messages before.
func TestUncovered(t *testing.T) {
	e := newEnv(t, "x", "y")
	b := bucket.Bucket{API: e.bucket, Name: "b"}
	want := func(want ...Message) {
		t.Helper()
		if got, err := Uncovered(t.Context(), b, "v1"); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, %v, want %v", got, err, want)
		}
	}
	want()
	next := noon.Time().Format("2006-01-02T") + "13"
	e.partial(noon, "a", 1, "x ann")
	e.done(e.handle(ask(noon, "a", 1)))
	want()
	// A known writer has written on, a new one has come, an hour has no final.
	e.partial(noon, "a", 2, "x bob")
	e.partial(noon, "a", 3, "y bob")
	e.partial(noon, "b", 1, "x cid")
	e.partial(noon+1, "b", 1, "y dan")
	// Another flow's partials are its own affair.
	e.bucket.Put("partials/flow=v10/hour=2026-05-10T12/a-1.parquet", e.bucket.Get(partialKey(noon, "a", 1)))
	want(Message{Flow: "v1", Hour: noon.String(), Writer: "a", N: 3}, Message{Flow: "v1", Hour: noon.String(), Writer: "b", N: 1}, Message{Flow: "v1", Hour: next, Writer: "b", N: 1})

	messages, err := Uncovered(t.Context(), b, "v1")
	if err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for _, m := range messages {
		bodies = append(bodies, m.Out(0).Body)
	}
	e.done(e.handle(bodies...))
	want()
	e.wantRows(noon, "x 3", "y 1")
	e.wantRows(noon+1, "y 1")
	// A version without totals has counted an hour.
	e.bucket.Delete(results.Totals.Key("v1", noon))
	want(Message{Flow: "v1", Hour: noon.String(), Rebuild: true})
	e.done(e.handle(Message{Flow: "v1", Hour: noon.String(), Rebuild: true}.Out(0).Body))
	want()
	if e.covered(results.Totals) == nil {
		t.Error("there are no totals")
	}
	// A partial is gone before another one that no final covers.
	e.partial(noon+1, "c", 2, "y eve")
	want(Message{Flow: "v1", Hour: next, Rebuild: true})
	e.done(e.handle(Message{Flow: "v1", Hour: next, Rebuild: true}.Out(0).Body))
	want()
	e.wantRows(noon+1, "y 2")
}

// TestUncoveredNamesWhatIsDamaged, and how to mend it; then it goes on.
func TestUncoveredNamesWhatIsDamaged(t *testing.T) {
	for name, spoil := range map[string]func(e *env){
		"headcounts":     func(e *env) { e.bucket.Put(finalKey(noon), []byte("x")) },
		"totals":         func(e *env) { e.bucket.Put(results.Totals.Key("v1", noon), []byte("x")) },
		"empty":          func(e *env) { e.bucket.Put(finalKey(noon), nil) },
		"a partial gone": func(e *env) { e.bucket.Delete(partialKey(noon, "a", 2)) },
	} {
		e := newEnv(t, "x")
		b := bucket.Bucket{API: e.bucket, Name: "b"}
		e.many("a", 1, 3)
		e.done(e.handle(ask(noon, "a", 3)))
		spoil(e)
		if got, err := Uncovered(t.Context(), b, "v1"); err == nil || !strings.Contains(err.Error(), "delete the files of this hour") || !strings.Contains(err.Error(), "/12.parquet") {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
		for _, table := range results.Tables {
			e.bucket.Delete(table.Key("v1", noon))
		}
		messages, err := Uncovered(t.Context(), b, "v1")
		if err != nil || len(messages) != 1 {
			t.Fatalf("%s: mended: %v, %v", name, messages, err)
		}
		e.done(e.another().Handle(t.Context(), queueOf(messages)))
		if messages, err := Uncovered(t.Context(), b, "v1"); err != nil || len(messages) > 0 {
			t.Errorf("%s: in the end: %v, %v", name, messages, err)
		}
	}
}

func queueOf(all []Message) []queue.Message {
	var bodies []string
	for _, m := range all {
		bodies = append(bodies, m.Out(0).Body)
	}
	return messages(bodies...)
}
