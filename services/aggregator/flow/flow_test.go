package flow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

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
	return openWith(t.Context(), m, Settings{Window: window, Places: ps})
}

func openWith(ctx context.Context, m *memory.Bucket, s Settings) (*Flow, error) {
	return Open(ctx, bucket.Bucket{API: m, Name: "b"}, "v1", s)
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
	if !errors.As(err, &conflict) || len(conflict.Faults) != 4 {
		t.Fatalf("got %v", err)
	}
	for i, want := range []string{"window was 5m0s, is 1m0s", "radius of place a was 200 m, is 300 m", "place b was", "place c was"} {
		if !strings.Contains(conflict.Faults[i], want) {
			t.Errorf("%q does not say %q", conflict.Faults[i], want)
		}
		if strings.Contains(err.Error(), conflict.Faults[i]) != (i < 2) {
			t.Errorf("%q, want the first two in it", err)
		}
	}
	if !strings.Contains(err.Error(), "; and 2 more. ") || !strings.Contains(err.Error(), "new flow") {
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
	if err != nil || interrupted != 3 || len(f.List().Places) != 2 || f.doc.Keys[0].value.ID != "x3" {
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

// TestAnAdditionCountsLater: from the first window on that starts 20 minutes or more
// from S3's now, which is another than the task's; places of a new flow count always.
func TestAnAdditionCountsLater(t *testing.T) {
	for window, want := range map[time.Duration]string{ // the bubble's time begins at midnight
		5 * time.Minute: "2000-01-01T03:25:00Z", time.Hour: "2000-01-01T04:00:00Z", 24 * time.Hour: "2000-01-02T00:00:00Z", time.Second: "2000-01-01T03:22:01Z",
	} {
		synctest.Test(t, func(t *testing.T) {
			m := &memory.Bucket{Ahead: 3 * time.Hour}
			if _, err := open(t, m, window, list("a", "b")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2*time.Minute + time.Second)
			f, err := open(t, m, window, list("c", "b"))
			if err != nil {
				t.Fatal(err)
			}
			if doc := string(m.Get("flows/v1.json")); strings.Count(doc, `"from"`) != 1 || !strings.Contains(doc, `"from":"`+want+`"`) {
				t.Errorf("%s: %s does not say %s", window, doc, want)
			}
			from, err := time.Parse(time.RFC3339, want)
			if err != nil {
				t.Fatal(err)
			}
			for start, near := range map[int64]int{from.UnixMilli(): 3, from.Add(-window).UnixMilli(): 2, 0: 2, -1e15: 2} {
				if got := f.List().Near(48.85, 2.35, start, []int32{7}); len(got) != 1+near || got[0] != 7 {
					t.Errorf("%s: near the window at %d are %v, want %d places", window, start, got, near)
				}
			}
			if ids := f.Unlisted(); fmt.Sprint(ids) != "[a]" {
				t.Errorf("%s: the flow has %v besides", window, ids)
			}
			if notes := f.Notes(); len(notes) != 2 || !strings.Contains(notes[0], "the list lacks: 1, the first is a") || !strings.Contains(notes[1], ": 1, the first is c") || !strings.Contains(notes[1], want) {
				t.Errorf("%s: the flow says %q", window, notes)
			}
			before := string(m.Get("flows/v1.json"))
			time.Sleep(48 * time.Hour)
			for _, again := range [][]places.Place{list("a", "b"), list("a", "b", "c"), list("c")} { // rolled back, and forward
				if _, err := open(t, m, window, again); err != nil || string(m.Get("flows/v1.json")) != before {
					t.Errorf("%s: %v, the document is %s", window, err, m.Get("flows/v1.json"))
				}
			}
		})
	}
}

// TestFromIsComputedAnew at each try: what another task's write took does not count as
// notice.
func TestFromIsComputedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory.Bucket{}
		if _, err := open(t, m, time.Minute, list("a")); err != nil {
			t.Fatal(err)
		}
		slow := true
		m.Before = func(verb, _ string) error {
			if verb == "put" && slow {
				slow = false
				time.Sleep(time.Hour)
				return memory.Status(http.StatusConflict)
			}
			return nil
		}
		if _, err := open(t, m, time.Minute, list("a", "b")); err != nil || !strings.Contains(string(m.Get("flows/v1.json")), `"from":"2000-01-01T01:20:00Z"`) {
			t.Errorf("%v, %s", err, m.Get("flows/v1.json"))
		}
	})
}

// TestAWriteIsNotLate: what is sent for longer than the notice allows is given up.
func TestAWriteIsNotLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory.Bucket{}
		if _, err := open(t, m, time.Minute, list("a")); err != nil {
			t.Fatal(err)
		}
		api := putWaits{m}
		begun := time.Now()
		_, err := Open(t.Context(), bucket.Bucket{API: api, Name: "b"}, "v1", Settings{Window: time.Minute, Places: list("b")})
		if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took+confirmWithin+ahead >= notice {
			t.Errorf("%v after %s", err, took)
		}
	})
}

func TestHotspots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory.Bucket{}
		s := Settings{Window: time.Minute, Places: list("a")}
		is := func(given, level int, from int64, besides bool) {
			t.Helper()
			s.HotspotLevel = given
			f, err := openWith(t.Context(), m, s)
			if err != nil {
				t.Fatal(err)
			}
			if l, at := f.Hotspots(); l != level || at != from {
				t.Errorf("level %d from %d on, want %d from %d on", l, at, level, from)
			}
			notes := strings.Join(f.Notes(), "; ")
			if strings.Contains(notes, "keeps its hot spots, of level 15") != besides || strings.Contains(notes, "counts no hot spots before 2000") != (from != always && !besides) {
				t.Errorf("the flow says %q", notes)
			}
		}
		is(0, 0, always, false)
		if doc := string(m.Get("flows/v1.json")); !strings.Contains(doc, `"hotspots":{"level":0}`) {
			t.Errorf("off is %s", doc)
		}
		later := time.Now().Add(notice).UnixMilli()
		is(15, 15, later, false) // switched on
		time.Sleep(time.Hour)
		is(0, 15, later, true) // rolled back
		is(15, 15, later, false)
		s.HotspotLevel = 14
		var conflict *ConflictError
		if _, err := openWith(t.Context(), m, s); !errors.As(err, &conflict) || !strings.Contains(err.Error(), "of level 15, are of level 14") {
			t.Errorf("got %v", err)
		}
		m.Delete("flows/v1.json")
		is(13, 13, always, false) // a new flow
		m.Put("flows/v1.json", []byte(`{"flow":"v1","window_seconds":60,"places":[{"poi_id":"a","name":"The a","latitude":48.85,"longitude":2.35,"radius_m":200}],"keys":[]}`))
		is(0, 0, always, false) // of the version before
		is(15, 15, time.Now().Add(notice).UnixMilli(), false)
	})
}

// TestWhatALaterVersionSays is kept, of the document, of a place and of a key.
func TestWhatALaterVersionSays(t *testing.T) {
	m := &memory.Bucket{}
	m.Put("flows/v1.json", []byte(`{
 "flow": "v1", "window_seconds": 60, "colour": {"of": ["the", 1e3]},
 "places": [{"poi_id": "a", "name": "The a", "latitude": 48.85, "longitude": 2.35, "radius_m": 200, "until": "2030-01-01T00:00:00Z"}],
 "keys": [{"id": "k1", "from": "2026-01-01", "fingerprint": "aa", "kind": "new"}]
}`))
	f, err := open(t, m, time.Minute, list("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.CheckKeys(t.Context(), "k1@2026-01-01=aa,k2@2999-01-01=bb", []string{"2026-02-01"}); err != nil {
		t.Fatal(err)
	}
	doc := string(m.Get("flows/v1.json"))
	for _, want := range []string{`"colour":{"of":["the",1e3]}`, `"radius_m":200,"until":"2030-01-01T00:00:00Z"`, `"kind":"new"`, `"poi_id":"b"`, `"id":"k2"`, `"last_day"`} {
		if strings.Count(doc, want) != 1 {
			t.Errorf("%s has not %s once", doc, want)
		}
	}
	if _, err := open(t, m, time.Minute, list("a", "b")); err != nil || string(m.Get("flows/v1.json")) != doc {
		t.Errorf("reading it changed it: %v, %s", err, m.Get("flows/v1.json"))
	}
}

// TestTheLargestList makes a document that can be written and read, whatever JSON makes
// of its names; and no addition makes it larger.
func TestTheLargestList(t *testing.T) {
	most := make([]places.Place, places.MaxPlaces)
	for i := range most {
		id := fmt.Sprintf("%06d", i)
		most[i] = places.Place{ID: id, Name: strings.Repeat("\x01", places.MaxText/places.MaxPlaces-len(id)), Latitude: -1.0 / 3, Longitude: -100.0 / 3, RadiusM: 1e7 / 3.0}
	}
	doc := newDocument("v1", Settings{Window: time.Minute})
	if changed, faults := doc.add(Settings{Window: time.Minute, Places: most}, time.Now()); !changed || len(faults) > 0 {
		t.Fatal(faults)
	}
	data, err := doc.encode()
	if err != nil || len(data) > bucket.MaxSize-1<<20 { // the rest is for keys
		t.Errorf("%d bytes, %v", len(data), err)
	}
	for name, one := range map[string]places.Place{"a place": {ID: "x"}, "a name": {ID: "000000", Name: strings.Repeat("x", 1000)}} {
		if name == "a name" {
			doc.Places = doc.Places[1:]
		}
		_, faults := doc.add(Settings{Window: time.Minute, Places: []places.Place{one}}, time.Now())
		if len(faults) != 1 || !strings.Contains(faults[0], "share") {
			t.Errorf("%s more: %q", name, faults)
		}
	}
}

// putWaits never answers to a PUT.
type putWaits struct{ *memory.Bucket }

func (putWaits) PutObject(ctx context.Context, _ *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
