package flow

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/services/aggregator/places"
)

func list(ids ...string) (all []places.Place) {
	for _, id := range ids {
		all = append(all, places.Place{ID: id, Name: "The " + id, Latitude: 48.85, Longitude: 2.35, RadiusM: 200})
	}
	return all
}

func open(t *testing.T, m *memory.Bucket, window time.Duration, ps []places.Place) (*Flow, error) {
	t.Helper()
	return Open(t.Context(), bucket.Bucket{API: m, Name: "b"}, "v1", window, ps)
}

func TestOpen(t *testing.T) {
	m := &memory.Bucket{}
	if _, err := open(t, m, 5*time.Minute, list("b", "a")); err != nil {
		t.Fatal(err)
	}
	first := string(m.Get("flows/v1.json"))
	if _, err := open(t, m, 5*time.Minute, list("a", "b")); err != nil {
		t.Fatal(err)
	}
	if again := string(m.Get("flows/v1.json")); again != first {
		t.Errorf("opening it again changed it to %s", again)
	}
	f, err := open(t, m, 5*time.Minute, list("b", "c", "a"))
	if err != nil {
		t.Fatal(err)
	}
	for row, id := range []string{"a", "b", "c"} {
		if got, ok := f.List().Row(id); !ok || int(got) != row || f.List().Places[row].ID != id {
			t.Errorf("place %s is number %d, want %d", id, got, row)
		}
	}
}

func TestOpenNamesEveryDifference(t *testing.T) {
	m := &memory.Bucket{}
	if _, err := open(t, m, 5*time.Minute, list("a", "b", "c", "d")); err != nil {
		t.Fatal(err)
	}
	before := string(m.Get("flows/v1.json"))
	other := list("a", "b", "c", "new")
	other[0].RadiusM = 300
	other[1].Latitude = 48
	other[2].Name = "Another"
	_, err := open(t, m, time.Minute, other)
	var conflict *ConflictError
	if !errors.As(err, &conflict) || len(conflict.Faults) != 5 {
		t.Fatalf("got %v", err)
	}
	for i, want := range []string{"window was 5m0s, is 1m0s", "radius of place a was 200 m, is 300 m", "place b was", "place c was", "place d is missing"} {
		if !strings.Contains(conflict.Faults[i], want) {
			t.Errorf("%q does not say %q", conflict.Faults[i], want)
		}
		if strings.Contains(err.Error(), conflict.Faults[i]) != (i < 2) {
			t.Errorf("%q, want the first two in it", err)
		}
	}
	if !strings.Contains(err.Error(), "; and 3 more. ") || !strings.Contains(err.Error(), "new flow") {
		t.Errorf("got %q", err)
	}
	if string(m.Get("flows/v1.json")) != before {
		t.Error("the document was changed all the same")
	}
}

// TestOpenAtOnce: many tasks add a place of their own; no addition is lost.
func TestOpenAtOnce(t *testing.T) {
	m := &memory.Bucket{}
	base := list("a")
	if _, err := open(t, m, time.Minute, base); err != nil {
		t.Fatal(err)
	}
	var puts sync.Mutex
	interrupted := 0
	m.Before = func(verb, _ string) error {
		puts.Lock()
		defer puts.Unlock()
		if verb == "put" && interrupted < 3 { // someone else is faster
			interrupted++
			m.Put("flows/v1.json", []byte(fmt.Sprintf(`{"flow":"v1","window_seconds":60,"places":[{"poi_id":"a","name":"The a","latitude":48.85,"longitude":2.35,"radius_m":200}],"keys":[{"id":"x%d","from":"2026-01-0%d"}]}`, interrupted, interrupted)))
		}
		return nil
	}
	f, err := open(t, m, time.Minute, list("a", "b"))
	if err != nil || interrupted != 3 || len(f.doc.Places) != 2 || f.doc.Keys[0].ID != "x3" {
		t.Errorf("%v, %d interruptions, %+v", err, interrupted, f.doc)
	}
}

func TestOpenPassesErrorsOn(t *testing.T) {
	m := &memory.Bucket{Before: func(string, string) error { return memory.Status(http.StatusForbidden) }}
	if _, err := open(t, m, time.Minute, list("a")); err == nil || !strings.Contains(err.Error(), "get s3://b/flows/v1.json") {
		t.Errorf("got %v", err)
	}
	m = &memory.Bucket{}
	m.Put("flows/v1.json", []byte("{"))
	if _, err := open(t, m, time.Minute, list("a")); err == nil || !strings.Contains(err.Error(), "not the document") {
		t.Errorf("got %v", err)
	}
}

func TestRefreshSeesNewPlaces(t *testing.T) {
	m := &memory.Bucket{}
	old, err := open(t, m, time.Minute, list("a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, m, time.Minute, list("a", "b")); err != nil {
		t.Fatal(err)
	}
	if _, known := old.List().Row("b"); known {
		t.Fatal("known before Refresh")
	}
	if err := old.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if row, known := old.List().Row("b"); !known || row != 1 {
		t.Errorf("row %d, known %v", row, known)
	}
}

func TestCheckKeys(t *testing.T) {
	now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
	later := now.AddDate(0, 0, 30)
	type step struct {
		ring string
		now  time.Time
		want string // in the error; empty for none
	}
	tests := map[string][]step{
		"the same":                {{"k1@2026-01-01=aa", now, ""}, {"k1@2026-01-01=aa", later, ""}},
		"a later key":             {{"k1@2026-01-01=aa", now, ""}, {"k1@2026-01-01=aa,k2@2026-05-11=bb", now, ""}, {"k1@2026-01-01=aa,k2@2026-05-11=bb", later, ""}},
		"the old ring until":      {{"k1@2026-01-01=aa,k2@2026-05-12=bb", now, ""}, {"k1@2026-01-01=aa", now, ""}, {"k1@2026-01-01=aa", later, "key k2 of 2026-05-12 is missing"}},
		"a later key is replaced": {{"k1@2026-01-01=aa,k2@2026-06-01=bb", now, ""}, {"k1@2026-01-01=aa,k2@2026-06-01=cc", now, ""}, {"k1@2026-01-01=aa,k2@2026-06-01=bb", later, "was another one"}},
		"a key for today":         {{"k1@2026-01-01=aa", now, ""}, {"k1@2026-01-01=aa,k2@2026-05-10=bb", now, "not later than today"}},
		"another key":             {{"k1@2026-01-01=aa", now, ""}, {"k1@2026-01-01=cc", now, "was another one"}},
		"a past key is gone":      {{"k1@2026-01-01=aa,k2@2026-02-01=bb", now, ""}, {"k2@2026-02-01=bb", now, "key k1 of 2026-01-01 is missing"}},
		"minutes to midnight":     {{"k1@2026-01-01=aa", now, ""}, {"k1@2026-01-01=aa,k2@2026-05-11=bb", time.Date(2026, 5, 10, 23, 56, 0, 0, time.UTC), "not later"}},
		"no description":          {{"nonsense", now, "does not describe"}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			m := &memory.Bucket{}
			f, err := open(t, m, time.Minute, list("a"))
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range steps {
				err := f.CheckKeys(t.Context(), s.ring, s.now)
				if (err == nil) != (s.want == "") || err != nil && !strings.Contains(err.Error(), s.want) {
					t.Fatalf("%s at %s: %v, want %q", s.ring, s.now, err, s.want)
				}
			}
		})
	}
}
