package keys

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/services/masker/mask"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const name = "headcount/dev/masking-keys"

func (m *manager) keeper(now time.Time) keeper {
	return keeper{secret{m, name, "eu-west-1"}, "dev", now}
}

// do runs a command and looks for keys in what it says.
func (m *manager) do(t *testing.T, now time.Time, o Options) (string, error) {
	t.Helper()
	text, err := m.keeper(now).do(t.Context(), o)
	for _, k := range m.keys(t) {
		if said := fmt.Sprint(text, err); strings.Contains(said, k.Key) {
			t.Errorf("%+v shows a key:\n%s", o, said)
		}
	}
	if labels := m.left(); labels != nil {
		t.Errorf("%+v leaves the labels %v", o, labels)
	}
	if err != nil && (text != "" || strings.Contains(err.Error(), "\n")) {
		t.Errorf("%+v: %q and %q", o, text, err)
	}
	return text, err
}

// keys are those of the current version, as far as they can be read.
func (m *manager) keys(t *testing.T) (keys []key) {
	t.Helper()
	if _, err := mask.ParseRing(m.value()); err == nil {
		if err := json.Unmarshal([]byte(m.value()), &keys); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

func says(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("does not say %q:\n%s", w, text)
		}
	}
}

// first does what an up does.
func (m *manager) first(t *testing.T) (string, error) {
	t.Helper()
	id, err := First(t.Context(), m, name, "eu-west-1", noon)
	for _, k := range m.keys(t) {
		if err != nil && strings.Contains(err.Error(), k.Key) {
			t.Errorf("%v shows a key", err)
		}
	}
	return id, err
}

func TestFirst(t *testing.T) {
	m := &manager{exists: true}
	id, err := m.first(t)
	if err != nil || id != firstVersion || m.labels[current] != id {
		t.Fatalf("%q, %v, labels %v", id, err, m.labels)
	}
	made := m.value()
	r, err := mask.ParseRing(made)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := m.first(t); err != nil || again != id || m.value() != made {
		t.Errorf("the second time: %q, %v", again, err)
	}
	_, fingerprint, _ := strings.Cut(r.Fingerprints(), "=")
	text, err := m.do(t, noon, Options{})
	if err != nil {
		t.Fatal(err)
	}
	says(t, text, name+":\n", "k1", "from 2026-11-24", "fingerprint "+fingerprint+"\n")
	if _, err := m.do(t, noon, Options{Rotate: true}); err != nil {
		t.Fatal(err)
	}
	if rotated, err := m.first(t); err != nil || rotated == id || rotated != m.labels[current] {
		t.Errorf("after a rotation: %q, %v, labels %v", rotated, err, m.labels)
	}
}

// TestFirstAtOnce: another one makes the value between our look and our call.
func TestFirstAtOnce(t *testing.T) {
	m := &manager{exists: true}
	var theirs string
	m.before = func(call string) error {
		if call != "put" {
			return nil
		}
		m.before = nil
		if _, err := m.first(t); err != nil {
			t.Errorf("the other one: %v", err)
		}
		theirs = m.value()
		return nil
	}
	if id, err := m.first(t); err != nil || id != firstVersion || m.value() != theirs || theirs == "" {
		t.Errorf("%q, %v", id, err)
	}
}

// TestFirstFails: whatever call fails before or after its effect, nothing but "not
// found" counts as none, and the next up makes what is missing.
func TestFirstFails(t *testing.T) {
	down := errors.New("down")
	for _, call := range []string{"get", "put"} {
		for _, when := range []string{"before", "after"} {
			m := &manager{exists: true}
			m.failAt(when, call, down)
			// A get that finds none has no effect, after which it could fail.
			if _, err := m.first(t); (call != "get" || when != "after") && (!errors.Is(err, down) || !strings.Contains(err.Error(), name)) {
				t.Errorf("%s %s: got %v", when, call, err)
			}
			if call == "get" && when == "before" && len(m.values) > 0 {
				t.Error("a key was made without knowing that there is none")
			}
			had := m.value()
			m.before, m.after = nil, nil
			if id, err := m.first(t); err != nil || id != firstVersion || had != "" && m.value() != had {
				t.Errorf("%s %s, then again: %q, %v", when, call, id, err)
			}
		}
	}
}

func TestFirstRefuses(t *testing.T) {
	m := &manager{exists: true}
	m.set("hunter2")
	if _, err := m.first(t); err == nil || !strings.Contains(err.Error(), "secret "+name+": it holds no key ring") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("no ring: %v", err)
	}
	// Somebody has taken the label away: a new first key would count people twice.
	m = &manager{exists: true, values: map[string]string{firstVersion: firstRing(noon)}, labels: map[string]string{"mine": firstVersion}}
	if _, err := m.first(t); err == nil || !strings.Contains(err.Error(), "none of its versions has the label AWSCURRENT") || len(m.values) != 1 {
		t.Errorf("no label: %v", err)
	}
	m = &manager{exists: true, deleted: true}
	if _, err := m.first(t); err == nil || !strings.Contains(err.Error(), "restore-secret --region eu-west-1") {
		t.Errorf("deleted: %v", err)
	}
}

func TestRotate(t *testing.T) {
	m := &manager{}
	m.set(firstRing(noon.AddDate(0, -1, 0)))
	before := m.keys(t)
	old := m.labels[current]
	text, err := m.do(t, noon, Options{Rotate: true})
	if err != nil {
		t.Fatal(err)
	}
	says(t, text, "added key k2", "k1 ", "from 2026-10-24", "k2 ", "from 2026-11-25", "pulumi up --stack dev gives", "before 2026-11-25 00:00 UTC, in 12 h 0 min",
		"--region eu-west-1 --secret-id "+name+" --version-stage AWSCURRENT --move-to-version-id "+old+" --remove-from-version-id "+m.labels[current]+"\n")
	after := m.keys(t)
	if len(after) != 2 || after[0] != before[0] || after[1].Key == before[0].Key || m.labels["AWSPREVIOUS"] != old {
		t.Errorf("%d keys, labels %v", len(after), m.labels)
	}
	if text, err = m.do(t, noon, Options{Rotate: true, Day: "2027-01-01"}); err != nil {
		t.Fatal(err)
	}
	says(t, text, "added key k3", "from 2027-01-01")
}

// TestRotateFindsAFreeID: a ring may have been written by hand.
func TestRotateFindsAFreeID(t *testing.T) {
	m := &manager{}
	m.set(encode([]key{{"k3", "2026-02-01", newKey(), ""}, {"old", "2026-01-01", newKey(), ""}}))
	if _, err := m.do(t, noon, Options{Rotate: true}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, k := range m.keys(t) {
		ids = append(ids, k.ID)
	}
	if !slices.Equal(ids, []string{"old", "k3", "k4"}) {
		t.Errorf("got %v", ids)
	}
}

func TestRefused(t *testing.T) {
	rotate := func(day string) Options { return Options{Rotate: true, Day: day} }
	ring := encode([]key{{"k1", "2026-01-01", newKey(), ""}, {"k2", "2026-12-10", newKey(), ""}})
	leaky := strings.Replace(ring, `"k2"`, `"k1"`, 1)
	for name, c := range map[string]struct {
		ring string // none if empty
		o    Options
		want []string
	}{
		"no day":             {ring, rotate("1.12.2026"), []string{`"1.12.2026" is not a day as YYYY-MM-DD`}},
		"no such day":        {ring, rotate("2026-11-31"), []string{`"2026-11-31" is not a day`}},
		"today":              {ring, rotate("2026-11-24"), []string{"2026-11-24 is too early", "today in UTC"}},
		"the past":           {ring, rotate("2025-01-01"), []string{"2025-01-01 is too early"}},
		"a day that is had":  {ring, rotate("2026-12-10"), []string{"2026-12-10 is too early", "key k2 starts on 2026-12-10"}},
		"before the latest":  {ring, rotate("2026-12-01"), []string{"2026-12-01 is too early", "key k2 starts on 2026-12-10"}},
		"tomorrow likewise":  {ring, rotate(""), []string{"2026-11-25 is too early", "key k2 starts on 2026-12-10"}},
		"rotate no JSON":     {"hunter2", rotate(""), []string{"not a JSON list"}},
		"list no JSON":       {"hunter2", Options{}, []string{"not a JSON list"}},
		"rotate with faults": {leaky, rotate(""), []string{"keys 0 and 1 have the same id"}},
		"list with faults":   {leaky, Options{}, []string{"keys 0 and 1 have the same id"}},
		"rotate nothing":     {"", rotate(""), []string{"there is none: `pulumi up --stack dev` makes the first one"}},
		"list nothing":       {"", Options{}, []string{"there is none: `pulumi up --stack dev` makes the first one"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &manager{}
			if c.ring != "" {
				m.set(c.ring)
			}
			m.before = func(call string) error {
				if call != "get" {
					t.Errorf("%s was called", call)
				}
				return nil
			}
			_, err := m.do(t, noon, c.o)
			if err == nil {
				t.Fatal("no error")
			}
			says(t, err.Error(), c.want...)
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q quotes the secret", err)
			}
		})
	}
}

// TestTodayBeginsEarly: an event may lie five minutes ahead, so the aggregator
// regards tomorrow as begun.
func TestTodayBeginsEarly(t *testing.T) {
	late := time.Date(2026, 11, 24, 23, 56, 0, 0, time.UTC)
	m := &manager{}
	m.set(firstRing(noon.AddDate(0, 0, -1)))
	if _, err := m.do(t, late, Options{Rotate: true, Day: "2026-11-25"}); err == nil || !strings.Contains(err.Error(), "too early") {
		t.Errorf("got %v", err)
	}
	text, err := m.do(t, late, Options{Rotate: true})
	if err != nil {
		t.Fatal(err)
	}
	says(t, text, "from 2026-11-26", "in 24 h 4 min")
}

func TestDeletedSecret(t *testing.T) {
	m := &manager{exists: true, deleted: true}
	for _, o := range []Options{{}, {Rotate: true}} {
		_, err := m.do(t, noon, o)
		if err == nil {
			t.Fatalf("%+v: no error", o)
		}
		says(t, err.Error(), "secret "+name+" is scheduled for deletion", "restore-secret --region eu-west-1 --secret-id "+name+"`")
	}
}

// TestLaw: whatever is done, and whenever, every earlier key stays as it was,
// the masker reads the ring, each day that has begun keeps its key, and the
// aggregators of a flow that was there from the start accept every ring.
func TestLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, now := &manager{exists: true}, noon
		s3 := &memory.Bucket{}
		f, err := flow.Open(t.Context(), bucket.Bucket{API: s3, Name: "b"}, "v1", flow.Settings{
			Window: time.Minute, Places: []places.Place{{ID: "a", Latitude: 1, Longitude: 2, RadiusM: 3}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := First(t.Context(), m, name, "eu-west-1", now); err != nil {
			t.Fatal(err)
		}
		days := []string{""}
		for d := -3; d < 12; d++ {
			days = append(days, noon.AddDate(0, 0, d).Format(time.DateOnly))
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 48*60).Draw(t, "minutes")) * time.Minute)
			before := decode(t, m.value())
			o := Options{Rotate: rapid.Bool().Draw(t, "rotate")}
			if o.Rotate {
				o.Day = rapid.SampledFrom(days).Draw(t, "day")
			}
			_, err := m.keeper(now).do(t.Context(), o)
			after := decode(t, m.value())
			if want := len(before); err == nil && o.Rotate {
				want++
				if len(after) != want {
					t.Fatalf("%d keys, want %d", len(after), want)
				}
			} else if len(after) != want {
				t.Fatalf("%+v: %d keys, had %d", o, len(after), want)
			}
			for i := range before {
				if after[i] != before[i] {
					t.Fatalf("%+v: key %d was %+v, is %+v", o, i, before[i], after[i])
				}
			}
			for d := -5; d <= 0; d++ {
				if day := now.AddDate(0, 0, d).Format(time.DateOnly); keyOf(before, day) != keyOf(after, day) {
					t.Fatalf("%+v: the key of %s is another one at %s", o, day, now)
				}
			}
			r, err := mask.ParseRing(m.value())
			if err != nil {
				t.Fatal(err)
			}
			s3.Ahead = time.Until(now)
			counted := []string{now.Format(time.DateOnly), now.AddDate(0, 0, -3).Format(time.DateOnly)}
			if err := f.CheckKeys(t.Context(), r.Fingerprints(), counted); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func decode(t *rapid.T, value string) (keys []key) {
	if err := json.Unmarshal([]byte(value), &keys); err != nil {
		t.Fatal(err)
	}
	return keys
}

// keyOf is the rule of docs/privacy.md: each key is good from its first day
// until the next one's; the earliest also covers all days before.
func keyOf(keys []key, day string) key {
	good := keys[0]
	for _, k := range keys {
		if k.From <= day {
			good = k
		}
	}
	return good
}
