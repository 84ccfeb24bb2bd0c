package partials

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
)

// TestLawOfAdditions: places are added while tasks run that were not told of them, are
// rolled back, and added again; some tasks do not reach the flow's document any more, and
// S3's clock is another. No task stops, and each place counts who was there from its
// first window on: nobody less, nobody before.
func TestLawOfAdditions(t *testing.T) {
	warmUp(t)
	rapid.Check(t, func(rt *rapid.T) {
		minutes := func(from, to int, what string) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(rt, what)) * time.Minute
		}
		c := chaos{
			seed: rapid.Uint64().Draw(rt, "seed"), events: 50, tasks: rapid.IntRange(2, 3).Draw(rt, "tasks"), batch: 5, minPeople: 1,
			failBefore: rapid.Float64Range(0, 0.2).Draw(rt, "fail before"),
			failAfter:  rapid.Float64Range(0, 0.2).Draw(rt, "fail after"),
			conflict:   rapid.Float64Range(0, 0.3).Draw(rt, "conflict"),
			latency:    5 * time.Second,
			life:       minutes(1, 40, "life"),
			refresh:    time.Duration(rapid.IntRange(30, 120).Draw(rt, "refresh")) * time.Second,
			unrest:     60 * time.Minute,
		}
		added, skew := minutes(0, 25, "added"), minutes(-600, 600, "clock")
		var err error
		synctest.Test(t, func(*testing.T) { err = c.runAdditions(added, skew) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// arrival is an event, and when it comes.
type arrival struct {
	event.Masked
	after time.Duration
}

func (c chaos) runAdditions(added, skew time.Duration) (err error) {
	w := &world{chaos: c, list: testPlaces, blind: 0.3, reported: map[string]int{}, finish: map[string][][]byte{}}
	w.random = rand.New(rand.NewPCG(c.seed, 0))
	w.bucket, w.masked, w.finals = &memory.Bucket{Ahead: skew}, &testQueue{}, &testQueue{}
	if w.window, err = counts.NewWindow(5 * time.Minute); err != nil {
		return err
	}
	// The clocks of SQS, by which events are judged, and of S3 are AWS's; those of the
	// tasks are theirs.
	begun := time.Now()
	aws := begun.Add(skew)
	w.pois = func() []places.Place {
		lists := [][]places.Place{testPlaces[1:2], testPlaces[:2], testPlaces[1:], testPlaces}
		if time.Since(begun) < added {
			lists = lists[:1]
		}
		return lists[w.upTo(len(lists))]
	}
	all := w.arrivals(aws)
	for i, a := range all {
		for n := range 1 + w.upTo(2) { // and the second a little later
			w.masked.put(packed(fmt.Sprint("m", i, "-", n), a.Masked), a.after+time.Duration(n)*3*time.Minute)
		}
	}
	if err := errors.Join(w.run(c.tasks), w.stopped, w.checkPartials(), w.checkVersions()); err != nil {
		return err
	}
	want, err := w.whoWasThere(all)
	if err != nil {
		return err
	}
	got, err := finalRows(w.bucket)
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("the finals say\n%s\nbut there were\n%s\nby %s", strings.Join(got, "\n"), strings.Join(want, "\n"), w.bucket.Get(flow.ObjectKey("v1")))
	}
	return err
}

// arrivals gives who was where, when, and when it is known: up to 5 minutes before, or
// up to two hours after.
func (w *world) arrivals(now time.Time) []arrival {
	random := rand.New(rand.NewPCG(w.seed, 1))
	all := make([]arrival, w.events)
	for i := range all {
		a := arrival{after: time.Duration(random.Int64N(int64(w.unrest)))}
		at := now.Add(a.after).Add(5 * time.Minute)
		if random.IntN(2) == 0 {
			at = at.Add(-time.Duration(random.Int64N(int64(2 * time.Hour))))
		}
		a.OccurredAt, a.Latitude, a.Longitude = at.UnixMilli(), 48.85, 2.35
		a.Person[3] = byte(i)
		if random.IntN(3) == 0 {
			a.Latitude, a.Longitude = -33.9, 151.2
		}
		all[i] = a
	}
	return all
}

// whoWasThere counts the plain way, by what the flow's document says of its places.
func (w *world) whoWasThere(all []arrival) (rows []string, err error) {
	var doc struct {
		Places []struct {
			ID   string    `json:"poi_id"`
			From time.Time `json:"from"`
		} `json:"places"`
	}
	if err := json.Unmarshal(w.bucket.Get(flow.ObjectKey("v1")), &doc); err != nil {
		return nil, err
	}
	people := map[string]int{}
	for _, p := range doc.Places {
		place, _ := lookup(w.list)(p.ID)
		at := w.list[place]
		for _, a := range all {
			start := w.window.Start(a.OccurredAt)
			if places.Distance(a.Latitude, a.Longitude, at.Latitude, at.Longitude) <= at.RadiusM && (p.From.IsZero() || start >= p.From.UnixMilli()) {
				people[fmt.Sprint(start, " ", p.ID, " ", a.Gender, " ", a.AgeBand)]++
			}
		}
	}
	for cell, n := range people {
		rows = append(rows, fmt.Sprint(cell, " ", n))
	}
	sort.Strings(rows)
	return rows, nil
}
