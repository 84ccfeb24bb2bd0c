package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Key describes a masking key without giving it away.
type Key struct {
	ID          string `json:"id"`
	From        string `json:"from"` // first day, YYYY-MM-DD in UTC
	Fingerprint string `json:"fingerprint"`
}

const (
	// ahead is how far a timestamp may lie ahead of its arrival.
	ahead = 5 * time.Minute
	// maxRings bounds how many descriptions of key rings are remembered.
	maxRings = 100
)

// WrongKeyError says that a key ring has another key for a day than the flow: its
// pseudonyms of that day are others, and whoever has two would be counted twice.
type WrongKeyError struct {
	Flow, Day string
	Key       Key // the flow's
}

func (e *WrongKeyError) Error() string {
	return fmt.Sprintf("it was masked with another key for %s than flow %s has, which is %s of %s: see Keys in docs/operations.md", e.Day, e.Flow, e.Key.ID, e.Key.From)
}

// ErrNoRing says that a description of a key ring is none. It does not quote it: it is
// the text of a message, whoever sent it.
var ErrNoRing = errors.New("the attribute keys does not describe a key ring")

// CheckKeys compares a masker's key ring, as its Fingerprints describe it, with the
// flow's, for some days as YYYY-MM-DD in UTC, in any order. A *WrongKeyError says that
// they have not the same key for one of them. A key that is new becomes the flow's if
// no day that it would be good for has been counted, and the ring goes on from the
// flow's: it has the same key for the last day that was. It does not matter when the days
// were masked, or in which order they are asked for.
func (f *Flow) CheckKeys(ctx context.Context, description string, days []string) error {
	ring, err := f.ring(description)
	if err != nil {
		return err
	}
	f.mu.Lock()
	known := f.doc
	f.mu.Unlock()
	// What was right stays so, whatever other tasks have added since.
	if changed, err := known.accept(ring, days, time.Time{}); err == nil && !changed {
		return nil
	}
	return f.update(ctx, func(doc *document, now time.Time) (bool, error) {
		if doc.Flow == "" {
			return false, f.gone()
		}
		return doc.accept(ring, days, now)
	})
}

// accept compares the key rings for some days, and makes the ring's new keys and the
// days the flow's if they agree on all of them. Keys of days that were counted do not
// change. A key whose first day is still to come may be replaced until then. It cannot
// be withdrawn, as a ring without it may be that of a masker that does not know of it
// yet.
func (d *document) accept(ring []Key, days []string, now time.Time) (changed bool, err error) {
	keys, last := slices.Clone(d.Keys), d.LastDay
	if last == "" && len(keys) > 0 { // written by a version that noted no days
		last = dayOf(now.Add(ahead))
	}
	// The earliest key is good for all days before it too.
	counted := func(k Key) bool { return len(d.Keys) > 0 && (k.From <= last || k.From <= d.Keys[0].value.From) }
	if len(keys) > 0 && keyOf(values(keys), last).Fingerprint != keyOf(ring, last).Fingerprint {
		counted = func(Key) bool { return true } // it does not go on from the flow's, so it adds nothing
	}
	for _, k := range ring {
		i := slices.IndexFunc(keys, func(had kept[Key]) bool { return had.value.From == k.From })
		switch {
		case counted(k) || i >= 0 && keys[i].value.Fingerprint == k.Fingerprint:
			continue
		case i >= 0:
			keys[i] = kept[Key]{value: k}
		default:
			keys = append(keys, kept[Key]{value: k})
		}
		changed = true
	}
	slices.SortFunc(keys, func(a, b kept[Key]) int { return strings.Compare(a.value.From, b.value.From) })
	flows := values(keys)
	for _, day := range days {
		k := keyOf(flows, day)
		if k.Fingerprint != keyOf(ring, day).Fingerprint {
			return false, &WrongKeyError{d.Flow, day, k}
		}
		// A day that nobody can have lived yet, by whatever mistake, must not bind the
		// keys of all days before it.
		if now.IsZero() || day <= dayOf(now.AddDate(0, 0, 1)) {
			last = max(last, day)
		}
	}
	changed = changed || last != d.LastDay
	d.Keys, d.LastDay = keys, last
	return changed, nil
}

func values(keys []kept[Key]) []Key {
	all := make([]Key, len(keys))
	for i := range keys {
		all[i] = keys[i].value
	}
	return all
}

// keyOf gives the key of a ring, sorted by first day, that is good for a day: each is
// until the next one's first day, and the earliest for all days before it too.
func keyOf(ring []Key, day string) Key {
	good := ring[0]
	for _, k := range ring {
		if k.From <= day {
			good = k
		}
	}
	return good
}

func dayOf(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// ring reads "id@from=fingerprint,…", and remembers the last ones.
func (f *Flow) ring(description string) ([]Key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ring := f.rings[description]; ring != nil {
		return ring, nil
	}
	var ring []Key
	for part := range strings.SplitSeq(description, ",") {
		id, rest, ok1 := strings.Cut(part, "@")
		from, fingerprint, ok2 := strings.Cut(rest, "=")
		if _, err := time.Parse(time.DateOnly, from); !ok1 || !ok2 || err != nil {
			return nil, ErrNoRing
		}
		if slices.ContainsFunc(ring, func(k Key) bool { return k.From == from }) {
			return nil, ErrNoRing
		}
		ring = append(ring, Key{id, from, fingerprint})
	}
	slices.SortFunc(ring, func(a, b Key) int { return strings.Compare(a.From, b.From) })
	if len(f.rings) >= maxRings {
		clear(f.rings)
	}
	f.rings[description] = ring
	return ring, nil
}
