package results

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
)

func TestKeys(t *testing.T) {
	if got, want := PartialKey("v1", testHour, "3f2a-77", 12), "partials/flow=v1/hour=2026-11-23T13/3f2a-77-12.parquet"; got != want {
		t.Errorf("partial: %q, want %q", got, want)
	}
	if got, want := Headcounts.Key("v1", testHour), "headcounts/flow=v1/year=2026/month=11/day=23/13.parquet"; got != want {
		t.Errorf("final: %q, want %q", got, want)
	}
}

func TestPartialKeyRoundTrip(t *testing.T) {
	name := rapid.StringMatching(`[A-Za-z0-9_.=-]{1,20}`)
	rapid.Check(t, func(r *rapid.T) {
		want := PartialName{
			Flow:   name.Draw(r, "flow"),
			Hour:   counts.Hour(rapid.Int64Range(-100_000, 10_000_000).Draw(r, "hour")),
			Writer: name.Draw(r, "writer"),
			N:      rapid.IntRange(1, 1<<31).Draw(r, "n"),
		}
		key := PartialKey(want.Flow, want.Hour, want.Writer, want.N)
		if got, err := ParsePartialKey(key); err != nil || got != want {
			r.Fatalf("%q: got %+v, error %v", key, got, err)
		}
		if !strings.HasPrefix(key, PartialPrefix(want.Flow, want.Hour)) {
			r.Fatalf("%q does not begin with its prefix", key)
		}
	})
}

func TestParsePartialKeyFaults(t *testing.T) {
	good := "partials/flow=v1/hour=2026-11-23T13/w-1.parquet"
	if _, err := ParsePartialKey(good); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{
		"", "partials", good + "/x", "x" + good,
		strings.Replace(good, "flow=v1", "flow=", 1),
		strings.Replace(good, "flow=", "", 1),
		strings.Replace(good, "hour=", "", 1),
		strings.Replace(good, "T13", "T24", 1),
		strings.Replace(good, "w-1", "-1", 1),
		strings.Replace(good, "w-1", "w1", 1),
		strings.Replace(good, "w-1", "w-0", 1),
		strings.Replace(good, "w-1", "w-01", 1),
		strings.Replace(good, "w-1", "w-+1", 1),
		strings.Replace(good, "w-1", "w-x", 1),
		strings.Replace(good, ".parquet", "", 1),
		strings.Replace(good, ".parquet", ".json", 1),
	} {
		if name, err := ParsePartialKey(key); err == nil {
			t.Errorf("%q was read as %+v", key, name)
		}
	}
}
