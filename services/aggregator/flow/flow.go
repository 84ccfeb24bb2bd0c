// Package flow keeps what must not vary within a flow, because counts made
// under one setting and counts made under another must not be added up: the
// window, the places with their radii, and the masking keys of past days. It
// stands in the object flows/<flow>.json of the aggregates bucket, created once
// and changed by compare-and-swap.
package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/places"
)

// document is the object as it stands in the bucket.
type document struct {
	Flow          string  `json:"flow"`
	WindowSeconds int64   `json:"window_seconds"`
	Places        []place `json:"places"`
	Keys          []Key   `json:"keys"`
}

type place struct {
	ID        string  `json:"poi_id"`
	Name      string  `json:"name"`
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	RadiusM   float64 `json:"radius_m"`
}

// Key describes a masking key without giving it away.
type Key struct {
	ID          string `json:"id"`
	From        string `json:"from"` // first day, YYYY-MM-DD in UTC
	Fingerprint string `json:"fingerprint"`
}

// Flow is one flow's document, and what this process knows of it. It is safe
// for concurrent use.
type Flow struct {
	bucket bucket.Bucket
	key    string
	name   string

	mu      sync.Mutex
	doc     document
	list    *List
	allowed map[string]bool // days and descriptions of key rings that were found right
}

// List is the places of a flow at one time. It does not change: when the flow
// gets a place, it gets another List.
type List struct {
	// Places are sorted by ID. A place's number is its index.
	Places []places.Place
}

// Row gives the number of a place.
func (l *List) Row(poiID string) (int32, bool) {
	row, found := slices.BinarySearchFunc(l.Places, poiID, func(p places.Place, id string) int { return strings.Compare(p.ID, id) })
	return int32(row), found //nolint:gosec // counts.New bounds the number of places
}

// ConflictError says that settings are not those that the flow was made with.
type ConflictError struct {
	Flow   string
	Faults []string
}

// maxFaults bounds how many differences are spelled out.
const maxFaults = 2

// Differences names the first differences and the number of the others.
func (e *ConflictError) Differences() string {
	faults, more := e.Faults, ""
	if len(faults) > maxFaults {
		more = fmt.Sprintf("; and %d more", len(faults)-maxFaults)
		faults = faults[:maxFaults]
	}
	return fmt.Sprintf("flow %s was made with other settings: %s%s", e.Flow, strings.Join(faults, "; "), more)
}

func (e *ConflictError) Error() string {
	return e.Differences() + ". Give it the old ones, or start a new flow (FLOW)"
}

// ObjectKey is where a flow's document stands in the aggregates bucket.
func ObjectKey(name string) string { return "flows/" + name + ".json" }

// Open reads the flow's document, creates it if there is none, and adds places
// that are new. A *ConflictError has every other difference.
func Open(ctx context.Context, b bucket.Bucket, name string, window time.Duration, list []places.Place) (*Flow, error) {
	f := &Flow{bucket: b, key: ObjectKey(name), name: name, allowed: map[string]bool{}}
	err := f.update(ctx, func(doc *document) ([]string, bool) {
		if doc.Flow == "" {
			*doc = document{Flow: name, WindowSeconds: int64(window / time.Second), Keys: []Key{}}
		}
		var faults []string
		if had := time.Duration(doc.WindowSeconds) * time.Second; had != window {
			faults = append(faults, fmt.Sprintf("the window was %s, is %s", had, window))
		}
		before := len(doc.Places)
		return append(faults, doc.addPlaces(list)...), len(doc.Places) > before
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// addPlaces adds the places that are new and names the differences in those
// that are not.
func (d *document) addPlaces(list []places.Place) (faults []string) {
	old := make(map[string]place, len(d.Places))
	for _, p := range d.Places {
		old[p.ID] = p
	}
	for _, p := range list {
		now := place(p)
		had, found := old[p.ID]
		switch {
		case !found:
			d.Places = append(d.Places, now)
		case had.RadiusM != now.RadiusM:
			faults = append(faults, fmt.Sprintf("the radius of place %s was %g m, is %g m", p.ID, had.RadiusM, now.RadiusM))
		case had != now:
			faults = append(faults, fmt.Sprintf("place %s was %q at %g, %g, is %q at %g, %g", p.ID, had.Name, had.Latitude, had.Longitude, now.Name, now.Latitude, now.Longitude))
		}
		delete(old, p.ID)
	}
	if len(old) > 0 {
		for _, p := range d.Places {
			if _, missing := old[p.ID]; missing {
				faults = append(faults, fmt.Sprintf("place %s is missing", p.ID))
			}
		}
	}
	return faults
}

// update lets change work on the document until its outcome is written: change
// gives the faults it finds, and whether it has changed anything.
func (f *Flow) update(ctx context.Context, change func(*document) (faults []string, changed bool)) error {
	for {
		doc, etag, err := f.read(ctx)
		if err != nil {
			return err
		}
		faults, changed := change(&doc)
		if len(faults) > 0 {
			return &ConflictError{f.name, faults}
		}
		if changed || etag == "" {
			err = f.write(ctx, &doc, etag)
		}
		if errors.Is(err, bucket.ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		f.keep(doc)
		return nil
	}
}

func (f *Flow) read(ctx context.Context) (doc document, etag string, err error) {
	data, info, err := f.bucket.Get(ctx, f.key)
	if errors.Is(err, bucket.ErrNotFound) {
		return document{}, "", nil
	}
	if err != nil {
		return doc, "", err
	}
	if err = json.Unmarshal(data, &doc); err == nil && doc.Flow != f.name {
		err = fmt.Errorf("it names flow %q", doc.Flow)
	}
	if err != nil {
		return doc, "", fmt.Errorf("s3://%s/%s is not the document of flow %s: %w", f.bucket.Name, f.key, f.name, err)
	}
	return doc, info.ETag, nil
}

func (f *Flow) write(ctx context.Context, doc *document, etag string) error {
	data, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		return err
	}
	if etag == "" {
		_, err = f.bucket.Create(ctx, f.key, data)
	} else {
		_, err = f.bucket.Replace(ctx, f.key, etag, data)
	}
	return err
}

// keep makes doc what this process knows.
func (f *Flow) keep(doc document) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.doc = doc
	if f.list != nil && len(f.list.Places) == len(doc.Places) {
		return // places are only ever added
	}
	list := &List{make([]places.Place, len(doc.Places))}
	for i, p := range doc.Places {
		list.Places[i] = places.Place(p)
	}
	slices.SortFunc(list.Places, func(a, b places.Place) int { return strings.Compare(a.ID, b.ID) })
	f.list = list
}

// Refresh reads the document again: another task may have added places.
func (f *Flow) Refresh(ctx context.Context) error {
	doc, etag, err := f.read(ctx)
	if err != nil {
		return err
	}
	if etag == "" {
		return fmt.Errorf("s3://%s/%s is gone", f.bucket.Name, f.key)
	}
	f.keep(doc)
	return nil
}

// List gives all places of the flow, as far as this process knows.
func (f *Flow) List() *List {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.list
}

// CheckKeys compares a masker's key ring, as its Fingerprints describe it, with
// the keys that the flow's past days were masked with; a *ConflictError says
// that a person of a past day would get a second pseudonym, and so be counted
// twice. A new key must start after today. now bounds the past.
func (f *Flow) CheckKeys(ctx context.Context, description string, now time.Time) error {
	// An event may lie five minutes ahead of its arrival.
	today := now.Add(5 * time.Minute).UTC().Format(time.DateOnly)
	memo := today + " " + description // what is right today may lack a key tomorrow
	f.mu.Lock()
	known := f.allowed[memo]
	f.mu.Unlock()
	if known {
		return nil
	}
	ring, err := parseKeys(description)
	if err != nil {
		return err
	}
	err = f.update(ctx, func(doc *document) ([]string, bool) {
		return doc.setKeys(ring, today)
	})
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.allowed[memo] = true
	f.mu.Unlock()
	return nil
}

// setKeys accepts a ring, and names what in it would change days that are
// counted already. A key whose first day is still to come may be replaced until
// then. It cannot be withdrawn, as a ring without it may be that of a task that
// does not know of it yet.
func (d *document) setKeys(ring []Key, today string) (faults []string, changed bool) {
	past := func(k Key) bool { return k.From <= today }
	fresh := len(d.Keys) == 0
	for _, k := range ring {
		i := slices.IndexFunc(d.Keys, func(had Key) bool { return had.From == k.From })
		switch {
		case i >= 0 && d.Keys[i].Fingerprint == k.Fingerprint:
		case i >= 0 && past(k):
			faults = append(faults, fmt.Sprintf("the masking key from %s on was another one", k.From))
		case i >= 0:
			d.Keys[i], changed = k, true
		case past(k) && !fresh:
			faults = append(faults, fmt.Sprintf("masking key %s is new, but its first day, %s, is not later than today, %s", k.ID, k.From, today))
		default:
			d.Keys, changed = append(d.Keys, k), true
		}
	}
	for _, had := range d.Keys {
		inRing := slices.ContainsFunc(ring, func(k Key) bool { return k.From == had.From })
		if !inRing && past(had) {
			faults = append(faults, fmt.Sprintf("masking key %s of %s is missing", had.ID, had.From))
		}
	}
	slices.SortFunc(d.Keys, func(a, b Key) int { return strings.Compare(a.From, b.From) })
	return faults, changed
}

// ErrNoRing says that a description of a key ring is none. It does not quote it: it is
// the text of a message, whoever sent it.
var ErrNoRing = errors.New("the attribute keys does not describe a key ring")

// parseKeys reads "id@from=fingerprint,…".
func parseKeys(description string) ([]Key, error) {
	var ring []Key
	for part := range strings.SplitSeq(description, ",") {
		id, rest, ok1 := strings.Cut(part, "@")
		from, fingerprint, ok2 := strings.Cut(rest, "=")
		if _, err := time.Parse(time.DateOnly, from); !ok1 || !ok2 || err != nil {
			return nil, ErrNoRing
		}
		ring = append(ring, Key{id, from, fingerprint})
	}
	return ring, nil
}
