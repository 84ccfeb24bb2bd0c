package flow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
)

func TestCheckKeys(t *testing.T) {
	const k1, k2 = "k1@2026-01-01=aa", "k1@2026-01-01=aa,k2@2026-05-11=bb"
	type step struct {
		ring, days string
		wrong      string // the day that is wrong; empty for none
	}
	tests := map[string][]step{
		"the same":                     {{k1, "2026-05-10", ""}, {k1, "2026-05-10 2026-05-11 2025-01-01", ""}},
		"a later key":                  {{k1, "2026-05-10", ""}, {k2, "2026-05-10", ""}, {k2, "2026-05-11", ""}},
		"a late pack of the old ring":  {{k2, "2026-05-12", ""}, {k1, "2026-05-10", ""}, {k1, "2026-05-10 2026-05-11", "2026-05-11"}, {k2, "2026-05-10 2026-05-11", ""}},
		"a late pack of a past day":    {{k1, "2026-05-10", ""}, {k2, "2026-05-12", ""}, {k2, "2026-03-01 2024-02-29", ""}},
		"a key for a counted day":      {{k1, "2026-05-11", ""}, {k2, "2026-05-11", "2026-05-11"}, {k2, "2026-05-10", ""}, {k1, "2026-05-12", ""}},
		"a key that was announced":     {{k2, "2026-05-10", ""}, {k1, "2026-05-10", ""}, {k1, "2026-05-11", "2026-05-11"}, {k2, "2026-05-11", ""}},
		"an announced key is replaced": {{k2, "2026-05-10", ""}, {"k1@2026-01-01=aa,k2@2026-05-11=cc", "2026-05-11", ""}, {k2, "2026-05-11", "2026-05-11"}},
		"another key":                  {{k1, "2026-05-10", ""}, {"k1@2026-01-01=cc", "2026-05-10", "2026-05-10"}, {"k1@2026-01-01=cc", "2026-05-12", "2026-05-12"}, {k1, "2026-05-12", ""}},
		"one that does not go on":      {{k1, "2026-05-10", ""}, {"kx@2026-05-12=cc", "2026-05-12", "2026-05-12"}, {"kx@2026-05-12=cc,k1@2026-05-14=aa", "2026-05-14", ""}, {k2, "2026-05-14", "2026-05-14"}},
		"a past key is gone":           {{k2, "2026-05-11", ""}, {"k2@2026-05-11=bb", "2026-05-12", ""}, {"k2@2026-05-11=bb", "2026-05-10", "2026-05-10"}},
		"before the first key":         {{"k1@2026-05-20=aa", "2026-05-10", ""}, {"k0@2026-05-15=cc,k1@2026-05-20=aa", "2026-05-10", "2026-05-10"}, {"k0@2026-05-15=cc,k1@2026-05-20=aa", "2026-05-21", ""}, {"k1@2026-05-20=aa", "2026-05-16", ""}},
		"before the first key, twice":  {{"k1@2026-05-20=aa", "2026-05-10", ""}, {"k1@2026-05-01=aa,k0@2026-05-15=cc,k3@2026-05-20=aa", "2026-05-10", ""}, {"k1@2026-05-20=aa", "2026-05-10", ""}},
		"a wrong pack announces none":  {{k1, "2026-05-10", ""}, {"k1@2026-01-01=cc,k2@2026-05-11=dd", "2026-05-10", "2026-05-10"}, {k1, "2026-05-11", ""}},
		"a day that is yet to come":    {{k1, "2026-05-10 9999-12-31", ""}, {k2, "2026-05-11", ""}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			m := &memory.Bucket{Ahead: time.Until(time.Date(2026, 5, 14, 12, 0, 0, 0, time.UTC))}
			for range 2 { // a task that knows all, and one that begins anew each time
				f, err := open(t, m, time.Minute, list("a"))
				if err != nil {
					t.Fatal(err)
				}
				for i, s := range steps {
					if m.Get("again") != nil {
						if f, err = open(t, m, time.Minute, list("a")); err != nil {
							t.Fatal(err)
						}
					}
					err := f.CheckKeys(t.Context(), s.ring, strings.Fields(s.days))
					var wrong *WrongKeyError
					if (err != nil) != (s.wrong != "") || err != nil && (!errors.As(err, &wrong) || wrong.Day != s.wrong) {
						t.Fatalf("%d: %s for %s: %v, want %q", i, s.ring, s.days, err, s.wrong)
					}
				}
				m.Delete("flows/v1.json")
				m.Put("again", []byte{1})
			}
		})
	}
}

func TestNoRing(t *testing.T) {
	f, err := open(t, &memory.Bucket{}, time.Minute, list("a"))
	if err != nil {
		t.Fatal(err)
	}
	for _, ring := range []string{"nonsense", "", "k@=a", "k@2026-01-01", "k@2026-01-01=a,", "k@2026-01-01=a,j@2026-01-01=b"} {
		if err := f.CheckKeys(t.Context(), ring, nil); !errors.Is(err, ErrNoRing) {
			t.Errorf("%s: %v", ring, err)
		}
	}
}

// TestKeysOfAnOldDocument: what the version before has written says nothing of days;
// all that have begun count as counted.
func TestKeysOfAnOldDocument(t *testing.T) {
	now := time.Now().UTC()
	today, tomorrow, later := now.Format(time.DateOnly), now.AddDate(0, 0, 1).Format(time.DateOnly), now.AddDate(0, 0, 9).Format(time.DateOnly)
	m := &memory.Bucket{Ahead: time.Until(now.Truncate(24 * time.Hour).Add(12 * time.Hour))}
	m.Put("flows/v1.json", []byte(`{"flow":"v1","window_seconds":60,"places":[{"poi_id":"a","name":"The a","latitude":48.85,"longitude":2.35,"radius_m":200}],
		"keys":[{"id":"k1","from":"2026-01-01","fingerprint":"aa"},{"id":"k2","from":"`+later+`","fingerprint":"bb"}]}`))
	f, err := open(t, m, time.Minute, list("a"))
	if err != nil {
		t.Fatal(err)
	}
	var wrong *WrongKeyError
	if err := f.CheckKeys(t.Context(), "k1@2026-01-01=aa,kx@"+today+"=cc", []string{today}); !errors.As(err, &wrong) {
		t.Errorf("another key for today: %v", err)
	}
	if err := f.CheckKeys(t.Context(), "k1@2026-01-01=aa,kx@"+tomorrow+"=cc,k2@"+later+"=bb", []string{today, tomorrow}); err != nil {
		t.Errorf("another key for tomorrow: %v", err)
	}
}

// masker is what packs are made with in the law below.
type masker struct{ ring []Key }

func (m masker) String() string {
	var parts []string
	for _, k := range m.ring {
		parts = append(parts, k.ID+"@"+k.From+"="+k.Fingerprint)
	}
	return strings.Join(parts, ",")
}

type masked struct {
	ring  masker
	days  []string
	right bool
}

// TestLawKeys: keys are rotated, each before its first day; packs, among them such of a
// wrong key, are processed late, twice, in any order, by any of several tasks. Each right
// one is accepted, and no wrong one, and no day has two keys.
func TestLawKeys(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &memory.Bucket{}
		now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
		day := func(n int) string { return dayOf(now.Add(ahead).AddDate(0, 0, n)) }
		var tasks []*Flow
		for range 3 {
			f, err := openWith(context.Background(), m, Settings{Window: time.Minute, Places: list("a")})
			if err != nil {
				rt.Fatal(err)
			}
			tasks = append(tasks, f)
		}
		m.Before = func(verb, _ string) error {
			if verb == "put" && rapid.IntRange(0, 4).Draw(rt, "conflict") == 0 {
				return memory.Status(http.StatusConflict)
			}
			return nil
		}
		n := 1
		right := masker{[]Key{{"k1", "2026-01-01", "f1"}}}
		past := []masker{right} // rings before
		keys := map[string]string{}
		queued := []masked{{right, []string{day(0)}, true}}
		process := func(i int) {
			p := queued[i]
			if len(keys) > 0 && rapid.IntRange(0, 3).Draw(rt, "once") > 0 {
				queued = slices.Delete(queued, i, i+1)
			}
			m.Ahead = time.Until(now)
			err := rapid.SampledFrom(tasks).Draw(rt, "task").CheckKeys(context.Background(), p.ring.String(), p.days)
			if p.right != (err == nil) || err != nil && !errors.As(err, new(*WrongKeyError)) {
				rt.Fatalf("%s: %s for %v, right %t: %v; %s", now, p.ring, p.days, p.right, err, m.Get("flows/v1.json"))
			}
			for _, d := range p.days {
				k := keyOf(p.ring.ring, d).Fingerprint
				if err == nil && keys[d] != "" && keys[d] != k {
					rt.Fatalf("%s has the keys %s and %s", d, keys[d], k)
				} else if err == nil {
					keys[d] = k
				}
			}
		}
		process(0)
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 36*60).Draw(rt, "minutes")) * time.Minute)
			var days []string
			for range rapid.IntRange(1, 3).Draw(rt, "days") {
				days = append(days, day(-rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5, 30, 200}).Draw(rt, "ago")))
			}
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0: // a rotation
				n++
				from := max(day(rapid.IntRange(1, 5).Draw(rt, "in")), dayAfter(right.ring[len(right.ring)-1].From))
				past = append(past, right)
				right = masker{append(slices.Clone(right.ring), Key{fmt.Sprint("k", n), from, fmt.Sprint("f", n)})}
			case 1: // by a masker that has not been given the last keys: of days before them
				old := rapid.SampledFrom(past).Draw(rt, "ring")
				if slices.ContainsFunc(days, func(d string) bool { return keyOf(old.ring, d) != keyOf(right.ring, d) }) {
					continue
				}
				queued = append(queued, masked{old, days, true})
			case 2: // by a masker with a key of elsewhere
				wrong := masker{[]Key{{"k1", day(rapid.IntRange(-200, 5).Draw(rt, "from")), "x"}}}
				if rapid.Bool().Draw(rt, "two") {
					wrong.ring = append(wrong.ring, Key{"k2", dayAfter(wrong.ring[0].From), "y"})
				}
				queued = append(queued, masked{wrong, days, false})
			default:
				queued = append(queued, masked{right, days, true})
			}
			for len(queued) > 0 && rapid.Bool().Draw(rt, "process") {
				process(rapid.IntRange(0, len(queued)-1).Draw(rt, "which"))
			}
		}
		for len(queued) > 0 {
			process(rapid.IntRange(0, len(queued)-1).Draw(rt, "which"))
		}
	})
}

func dayAfter(day string) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return dayOf(at.AddDate(0, 0, 1))
}
