package finals

import (
	"reflect"
	"testing"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/results"
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
	// A final that cannot be read is no final without partials.
	e.bucket.Put(finalKey(noon), []byte("x"))
	if got, err := Uncovered(t.Context(), b, "v1"); err == nil {
		t.Errorf("got %v of a final that is corrupted", got)
	}
}
