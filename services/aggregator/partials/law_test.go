package partials

import (
	"bytes"
	"encoding/json"
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
	"github.com/headcount-etl/headcount/services/aggregator/finals"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/parquet/parquettest"
	"github.com/headcount-etl/headcount/shared/queue"
)

// chaos is what one run of the law is made of, and what goes wrong in it.
type chaos struct {
	seed                            uint64
	events, tasks, batch, minPeople int
	failBefore, failAfter, conflict float64
	latency, life, refresh, unrest  time.Duration
}

// TestLaw: in whatever order, batches and number of copies masked events come to
// whatever number of tasks, and whatever fails or dies meanwhile, the finals
// show in the end who was there.
func TestLaw(t *testing.T) {
	warmUp(t)
	seconds := func(from, to int) *rapid.Generator[time.Duration] {
		return rapid.Map(rapid.IntRange(from, to), func(n int) time.Duration { return time.Duration(n) * time.Second })
	}
	rapid.Check(t, func(rt *rapid.T) {
		c := chaos{
			seed:       rapid.Uint64().Draw(rt, "seed"),
			events:     rapid.IntRange(0, 60).Draw(rt, "events"),
			tasks:      rapid.IntRange(1, 3).Draw(rt, "tasks"),
			batch:      rapid.IntRange(1, 10).Draw(rt, "batch"),
			minPeople:  rapid.IntRange(1, 3).Draw(rt, "min people"),
			failBefore: rapid.Float64Range(0, 0.2).Draw(rt, "fail before"),
			failAfter:  rapid.Float64Range(0, 0.2).Draw(rt, "fail after"),
			conflict:   rapid.Float64Range(0, 0.3).Draw(rt, "conflict"),
			latency:    seconds(1, 4).Draw(rt, "latency"),
			life:       seconds(10, 120).Draw(rt, "life"),
			refresh:    seconds(0, 30).Draw(rt, "refresh"),
			unrest:     seconds(0, 120).Draw(rt, "unrest"),
		}
		var err error
		synctest.Test(t, func(*testing.T) { err = c.run() })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// warmUp makes the codecs' lasting channels outside of a synctest bubble, where
// each run would find those of another.
func warmUp(t *testing.T) {
	t.Helper()
	w := &world{chaos: chaos{seed: 1, events: 9}}
	if err := w.prepare(); err != nil {
		t.Fatal(err)
	}
	set, err := counts.New(0, w.window, len(w.list))
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Add(0, 0, event.Female, 0, event.Person{}); err != nil {
		t.Fatal(err)
	}
	data, err := results.EncodePartial(set, w.list)
	if err != nil {
		t.Fatal(err)
	}
	if err := results.DecodePartialInto(data, set, lookup(w.list)); err != nil {
		t.Fatal(err)
	}
	for _, m := range w.masked.receive(9, func() bool { return false }) {
		if _, err := pack.Open(&m); err != nil {
			t.Fatal(err)
		}
	}
}

func lookup(list []places.Place) func(id string) (int32, bool) {
	return func(id string) (int32, bool) {
		i := slices.IndexFunc(list, func(p places.Place) bool { return p.ID == id })
		return int32(i), i >= 0
	}
}

// testPlaces has two places where a position is near both, and another one.
var testPlaces = []places.Place{
	{ID: "a", Name: "A", Latitude: 48.85, Longitude: 2.35, RadiusM: 200},
	{ID: "b", Name: "B", Latitude: 48.8505, Longitude: 2.35, RadiusM: 200},
	{ID: "c", Name: "C", Latitude: -33.9, Longitude: 151.2, RadiusM: 50},
}

var testNoon = time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)

// prepare fills the masked queue.
func (w *world) prepare() (err error) {
	w.list = testPlaces
	if w.window, err = counts.NewWindow(5 * time.Minute); err != nil {
		return err
	}
	w.random = rand.New(rand.NewPCG(w.seed, 0))
	w.bucket, w.masked, w.finals = &memory.Bucket{}, &testQueue{}, &testQueue{}
	w.reported, w.finish = map[string]int{}, map[string][][]byte{}

	var all []event.Masked
	for _, m := range w.people() {
		for range 1 + w.random.IntN(3) {
			all = append(all, m)
		}
	}
	w.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for n := 0; len(all) > 0; n++ {
		size := 1 + w.random.IntN(min(len(all), 8))
		m := packed(fmt.Sprint("m", n), all[:size]...)
		all = all[size:]
		w.masked.put(m, time.Duration(w.random.IntN(int(w.unrest)+1)))
	}
	return nil
}

// people gives who was where, when. It depends on the seed alone.
func (w *world) people() []event.Masked {
	random := rand.New(rand.NewPCG(w.seed, 1))
	all := make([]event.Masked, w.events)
	for i := range all {
		m := event.Masked{Latitude: 48.85, Longitude: 2.35, OccurredAt: testNoon.UnixMilli() + random.Int64N(3*3600_000)}
		m.Person[3] = byte(random.IntN(6))
		m.Gender, m.AgeBand = event.Gender(random.IntN(2)), event.AgeBand(random.IntN(2))
		switch random.IntN(4) {
		case 0:
			m.Latitude = 10 // near nothing
		case 1:
			m.Latitude, m.Longitude = -33.9, 151.2
		}
		all[i] = m
	}
	return all
}

// packed is a message as the masker sends it.
func packed(id string, events ...event.Masked) queue.Message {
	var w pack.Writer
	for i := range events {
		w.Add(0, pack.Origin{MessageID: "in-" + id, ReceivedAt: time.Now().UnixMilli()}, i, event.AppendMasked(nil, &events[i]))
	}
	p := w.Close()[0]
	return queue.Message{ID: id, Body: p.Body, Attributes: p.Attributes(), SentAt: time.Now()}
}

func parse(body string) (m finals.Message) {
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		panic(err)
	}
	return m
}

func (c chaos) run() error {
	w := &world{chaos: c}
	if err := w.prepare(); err != nil {
		return err
	}
	if err := w.run(c.tasks); err != nil {
		return err
	}
	for _, check := range []func() error{w.checkPartials, w.checkVersions, w.checkRows} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkPartials: a writer's numbers have no gap, and what was
// reported to the finals queue is covered.
func (w *world) checkPartials() error {
	all, err := partialsOf(w.bucket)
	if err != nil {
		return err
	}
	for final, list := range all {
		var footer results.Footer
		if data := w.bucket.Get(final); data != nil {
			if footer, err = results.ReadFooter(data); err != nil {
				return err
			}
		}
		covers := footer.Covers
		numbers := map[string][]int{}
		for _, p := range list {
			numbers[p.Writer] = append(numbers[p.Writer], p.N)
		}
		for writer, ns := range numbers {
			slices.Sort(ns)
			for i, n := range ns {
				if n != i+1 {
					return fmt.Errorf("writer %s has written the partials %v of %s", writer, ns, final)
				}
			}
			if reported := w.reported[list[0].Hour.String()+" "+writer]; reported > len(ns) || covers[writer] > len(ns) || covers[writer] < reported {
				return fmt.Errorf("%s covers %d partials of writer %s, who has reported %d of %d", final, covers[writer], writer, reported, len(ns))
			}
		}
	}
	return nil
}

// checkVersions: each version of a final is what it says it is, the union of the
// partials that it covers, and covers no less than the one before.
func (w *world) checkVersions() error {
	for key, versions := range w.finish {
		before := map[string]int{}
		for _, data := range versions {
			footer, err := results.ReadFooter(data)
			if err != nil {
				return err
			}
			set, err := counts.New(footer.Hour, w.window, len(w.list))
			if err != nil {
				return err
			}
			for writer, last := range footer.Covers {
				for n := 1; n <= last; n++ {
					partial := w.bucket.Get(results.PartialKey("v1", footer.Hour, writer, n))
					if err := results.DecodePartialInto(partial, set, lookup(w.list)); err != nil {
						return err
					}
				}
			}
			want, err := results.EncodeFinal(results.Headcounts, set, w.list, w.minPeople, footer.Covers, "v1")
			if err != nil {
				return err
			}
			if !bytes.Equal(data, want) {
				return fmt.Errorf("a version of %s that covers %v has other rows", key, footer.Covers)
			}
			for writer, n := range before {
				if footer.Covers[writer] < n {
					return fmt.Errorf("a version of %s covers %v, the one before %v", key, footer.Covers, before)
				}
			}
			before = footer.Covers
		}
	}
	return nil
}

// checkRows compares the finals with a count made here, the plain way.
func (w *world) checkRows() error {
	people := map[string]map[event.Person]bool{}
	for _, m := range w.people() {
		for _, p := range w.list {
			if places.Distance(m.Latitude, m.Longitude, p.Latitude, p.Longitude) > p.RadiusM {
				continue
			}
			cell := fmt.Sprint(m.OccurredAt-m.OccurredAt%300_000, " ", p.ID, " ", m.Gender, " ", m.AgeBand)
			if people[cell] == nil {
				people[cell] = map[event.Person]bool{}
			}
			people[cell][m.Person] = true
		}
	}
	var want []string
	for cell, persons := range people {
		if len(persons) < w.minPeople {
			want = append(want, cell+" suppressed")
		} else {
			want = append(want, fmt.Sprint(cell, " ", len(persons)))
		}
	}
	sort.Strings(want)
	got, err := finalRows(w.bucket)
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("the finals say\n%s\nbut there were\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return nil
}

// finalRows gives the rows of all finals in a bucket.
func finalRows(m *memory.Bucket) (rows []string, err error) {
	for _, key := range m.Keys("headcounts/") {
		table, err := parquettest.Rows(m.Get(key))
		if err != nil {
			return nil, err
		}
		for _, row := range table {
			people := row["people"]
			if row["suppressed"] == true {
				people = "suppressed"
			}
			rows = append(rows, fmt.Sprint(row["window_start"], " ", row["poi_id"], " ", row["gender"], " ", row["age_band"], " ", people))
		}
	}
	sort.Strings(rows)
	return rows, nil
}
