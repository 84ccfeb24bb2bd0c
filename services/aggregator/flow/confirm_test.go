package flow

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
)

// TestConfirm: one question a minute, an addition of another task is seen by the next,
// and without an answer for 3 minutes nothing goes on until there is one.
func TestConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory.Bucket{}
		f, err := open(t, m, time.Minute, list("a"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, m, time.Minute, list("a", "b")); err != nil {
			t.Fatal(err)
		}
		asked, down := 0, false
		m.Before = func(string, string) error {
			asked++
			if down {
				return memory.Status(http.StatusServiceUnavailable)
			}
			return nil
		}
		confirm := func(after time.Duration, calls, known int, fails bool) {
			t.Helper()
			time.Sleep(after)
			asked = 0
			err := f.Confirm(t.Context())
			if (err != nil) != fails || asked != calls || len(f.List().Places) != known {
				t.Errorf("%v, %d calls, want %d, %d places, want %d", err, asked, calls, len(f.List().Places), known)
			}
		}
		confirm(59*time.Second, 0, 1, false)
		confirm(time.Second, 2, 2, false) // HEAD, GET
		confirm(59*time.Second, 0, 2, false)
		confirm(time.Second, 1, 2, false)
		down = true
		confirm(2*time.Minute, 1, 2, false)
		confirm(time.Minute-time.Second, 1, 2, false)
		confirm(time.Second, 1, 2, true)
		confirm(time.Hour, 1, 2, true)
		down = false
		confirm(time.Second, 1, 2, false)
		m.Delete("flows/v1.json")
		confirm(time.Minute, 2, 2, false)
		confirm(2*time.Minute, 2, 2, true)
		m.Put("flows/v1.json", []byte(`{"flow":"v1","window_seconds":60,"places":[{"poi_id":"a","latitude":91,"radius_m":1}]}`))
		if _, err := open(t, m, time.Minute, list()); err == nil || !strings.Contains(err.Error(), "latitude") {
			t.Errorf("a place that is none: %v", err)
		}
	})
}

// TestTheOldestAnswerCounts: an answer that S3 was slow to give says what was then.
func TestTheOldestAnswerCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory.Bucket{}
		f, err := open(t, m, time.Minute, list("a"))
		if err != nil {
			t.Fatal(err)
		}
		m.Before = func(string, string) error {
			time.Sleep(4 * time.Minute)
			return nil
		}
		time.Sleep(time.Minute)
		if err := f.Confirm(t.Context()); err == nil || !strings.Contains(err.Error(), "slow") {
			t.Errorf("got %v", err)
		}
	})
}

// TestAnotherObject: somebody has replaced the flow's document by hand. A task that has
// counted by another one must not go on, whether it asks for places or for keys.
func TestAnotherObject(t *testing.T) {
	const place = `{"poi_id":"a","name":"The a","latitude":48.85,"longitude":2.35,"radius_m":200}`
	for doc, want := range map[string]string{
		`{"flow":"v1","window_seconds":300,"hotspots":{"level":15},"places":[` + place + `]}`:                                  "the window was 300 s, is 60 s",
		`{"flow":"v1","window_seconds":60,"hotspots":{"level":14},"places":[` + place + `]}`:                                   "of level 14, are of level 15",
		`{"flow":"v1","window_seconds":60,"places":[` + place + `]}`:                                                           "of level 0, are of level 15",
		`{"flow":"v1","window_seconds":60,"hotspots":{"level":15},"places":[` + strings.Replace(place, "200", "9", 1) + `]}`:   "the radius of place a was 9 m",
		`{"flow":"v1","window_seconds":60,"hotspots":{"level":15},"places":[` + strings.Replace(place, `"a"`, `"b"`, 1) + `]}`: "there was no place a",
	} {
		synctest.Test(t, func(t *testing.T) {
			m := &memory.Bucket{}
			f, err := openWith(t.Context(), m, Settings{Window: time.Minute, Places: list("a"), HotspotLevel: 15})
			if err != nil {
				t.Fatal(err)
			}
			m.Put("flows/v1.json", []byte(doc))
			time.Sleep(time.Minute)
			for name, err := range map[string]error{"places": f.Confirm(t.Context()), "keys": f.CheckKeys(t.Context(), "k1@2026-01-01=aa", []string{"2026-01-01"})} {
				if !errors.As(err, new(*ConflictError)) || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: got %v, want %q", name, err, want)
				}
			}
		})
	}
}
