// Package flow keeps what must not vary within a flow, because counts made
// under one setting and counts made under another must not be added up: the
// window, the places with their radii, the level of the hot spots, and the masking
// keys of the days that were counted. It stands in the object flows/<flow>.json of
// the aggregates bucket, created once and changed by compare-and-swap. The object,
// and not a task's settings, is what the task counts by.
//
// A place that is added to a flow counts from the first window on that starts 20
// minutes or more after it was added. Until then every task knows of it: one that
// could not compare what it knows with the object for 3 minutes counts nothing until
// it can, and no event comes more than 5 minutes before it occurs. So each window is
// counted by all tasks alike, whatever their settings and whenever they start.
package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/places"
)

const (
	// notice is how long before the first window that counts it an addition is made.
	notice = 20 * time.Minute
	// writeWithin bounds what lies between the reading of S3's clock, of which notice
	// counts, and the write.
	writeWithin = 2 * time.Minute
	// confirmEvery is how old what a task knows may be before it asks again, and
	// confirmWithin how old before it counts nothing by it. writeWithin,
	// confirmWithin, and the 5 minutes of a timestamp that lies ahead are together
	// less than notice.
	confirmEvery, confirmWithin = time.Minute, 3 * time.Minute
)

// Settings are those of a task for its flow.
type Settings struct {
	// Window is the length of the windows, in whole seconds.
	Window time.Duration
	// Places are those to be counted. The flow may have more.
	Places []places.Place
	// HotspotLevel is the S2 level of the cells in which people are counted wherever
	// they are; 0 is off.
	HotspotLevel int
}

// Flow is one flow's document, and what this process knows of it. It is safe
// for concurrent use.
type Flow struct {
	bucket bucket.Bucket
	key    string
	name   string
	given  Settings

	mu        sync.Mutex
	doc       document
	etag      string
	confirmed time.Time // when doc was the object at the latest; by this process's clock
	list      *List
	rings     map[string][]Key // parsed descriptions of key rings
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

// Open reads the flow's document, creates it if there is none, and adds what is new:
// places, and hot spots where there were none. What the flow has besides stays (see
// Flow.Notes). A *ConflictError has every other difference.
func Open(ctx context.Context, b bucket.Bucket, name string, s Settings) (*Flow, error) {
	f := &Flow{bucket: b, key: ObjectKey(name), name: name, given: s, rings: map[string][]Key{}}
	err := f.update(ctx, func(doc *document, now time.Time) (bool, error) {
		if doc.Flow == "" {
			*doc = newDocument(name, s)
			return true, nil
		}
		changed, faults := doc.add(s, now)
		if len(faults) > 0 {
			return false, &ConflictError{name, faults}
		}
		return changed, nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Dry gives a bucket of which Open only reads: it says what Open would say, and writes
// nothing.
func Dry(b bucket.Bucket) bucket.Bucket { return bucket.Bucket{API: dry{b.API}, Name: b.Name} }

type dry struct{ bucket.API }

func (dry) PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return &s3.PutObjectOutput{}, nil
}

// update lets change work on the document until its outcome is written. now is S3's
// clock, to the second.
func (f *Flow) update(ctx context.Context, change func(doc *document, now time.Time) (changed bool, err error)) error {
	for {
		begun := time.Now()
		doc, info, err := f.read(ctx)
		if err != nil {
			return err
		}
		changed, err := change(&doc, info.Date)
		if err != nil {
			return err
		}
		if changed {
			info.ETag, err = f.write(ctx, &doc, info.ETag)
		}
		if errors.Is(err, bucket.ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		return f.keep(doc, info.ETag, begun)
	}
}

// read gives the document, an empty one without ETag where there is none.
func (f *Flow) read(ctx context.Context) (doc document, info bucket.Info, err error) {
	data, info, err := f.bucket.Get(ctx, f.key)
	if errors.Is(err, bucket.ErrNotFound) {
		return document{}, bucket.Info{}, nil
	}
	if err != nil {
		return doc, info, err
	}
	if doc, err = decode(data, f.name); err != nil {
		return doc, info, fmt.Errorf("s3://%s/%s is not the document of flow %s: %w", f.bucket.Name, f.key, f.name, err)
	}
	return doc, info, nil
}

func (f *Flow) write(ctx context.Context, doc *document, etag string) (newETag string, err error) {
	data, err := doc.encode()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	if etag == "" {
		return f.bucket.Create(ctx, f.key, data)
	}
	return f.bucket.Replace(ctx, f.key, etag, data)
}

// keep makes doc what this process knows, of which it is certain that it was the
// object at the time at, or later. A *ConflictError says that it is another one than
// this process has counted by: somebody has replaced it by hand.
func (f *Flow) keep(doc document, etag string, at time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.list != nil {
		if faults := doc.goesOn(f.doc, f.list.Places); len(faults) > 0 {
			return &ConflictError{f.name, faults}
		}
	}
	if f.list == nil || len(f.list.Places) != len(doc.Places) { // places are only ever added
		list, err := newList(doc.Places)
		if err != nil {
			return fmt.Errorf("s3://%s/%s: %w", f.bucket.Name, f.key, err)
		}
		f.list = list
	}
	doc.Places, doc.more = nil, nil // they would be there twice
	f.doc, f.etag = doc, etag
	if at.After(f.confirmed) {
		f.confirmed = at
	}
	return nil
}

// Refresh reads the document again: another task may have added places.
func (f *Flow) Refresh(ctx context.Context) error {
	begun := time.Now()
	doc, info, err := f.read(ctx)
	if err != nil {
		return err
	}
	if info.ETag == "" {
		return f.gone()
	}
	return f.keep(doc, info.ETag, begun)
}

func (f *Flow) gone() error {
	return fmt.Errorf("s3://%s/%s is gone: put its last version back (docs/operations.md)", f.bucket.Name, f.key)
}

// Confirm makes sure that List is the flow's list of not more than 3 minutes ago. It
// asks S3 where it has not done so for a minute, and gives an error where that was in
// vain for 3: nothing may be counted then. A *ConflictError says that nothing ever may.
func (f *Flow) Confirm(ctx context.Context) error {
	etag, confirmed := f.known()
	begun := time.Now()
	if begun.Sub(confirmed) < confirmEvery {
		return nil
	}
	info, err := f.bucket.Head(ctx, f.key)
	switch {
	case err == nil && info.ETag == etag:
		f.mu.Lock()
		f.confirmed = begun
		f.mu.Unlock()
	case err == nil || errors.Is(err, bucket.ErrNotFound):
		err = f.Refresh(ctx)
	}
	if errors.As(err, new(*ConflictError)) {
		return err
	}
	if _, confirmed = f.known(); time.Since(confirmed) < confirmWithin {
		return nil // another task's addition counts from a later window on
	}
	if err == nil {
		err = errors.New("S3 was slow to answer")
	}
	return fmt.Errorf("which places flow %s has could not be confirmed for %s: %w", f.name, time.Since(confirmed).Round(time.Second), err)
}

func (f *Flow) known() (etag string, confirmed time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.etag, f.confirmed
}

// List gives all places of the flow, as far as this process knows.
func (f *Flow) List() *List {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.list
}

// Hotspots gives the S2 level at which the flow counts people in cells, 0 for none, and
// the start of the first window that it does so for, in ms since the Unix epoch.
func (f *Flow) Hotspots() (level int, from int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h := f.doc.Hotspots; h.level() != 0 {
		return h.Level, ms(h.From)
	}
	return 0, always
}

// Unlisted gives the places that the flow has and the settings do not name, in order.
func (f *Flow) Unlisted() (ids []string) {
	listed := f.listed()
	for _, p := range f.List().Places {
		if !listed[p.ID] {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

func (f *Flow) listed() map[string]bool {
	listed := make(map[string]bool, len(f.given.Places))
	for _, p := range f.given.Places {
		listed[p.ID] = true
	}
	return listed
}

// Notes says in which ways the flow counts otherwise than a new one with the same
// settings would: a sentence each, of what the flow does.
func (f *Flow) Notes() (notes []string) {
	if ids := f.Unlisted(); len(ids) > 0 {
		notes = append(notes, fmt.Sprintf("it keeps places that the list lacks: %d, the first is %s", len(ids), ids[0]))
	}
	list, listed := f.List(), f.listed()
	n, first, until := 0, "", int64(always)
	for i, p := range list.Places {
		if from := list.from[i]; from != always && listed[p.ID] {
			if n++; n == 1 {
				first = p.ID
			}
			until = max(until, from)
		}
	}
	if n > 0 {
		notes = append(notes, fmt.Sprintf("for some windows before %s it lacks places that were added to it: %d, the first is %s", time.UnixMilli(until).UTC().Format(time.RFC3339), n, first))
	}
	switch level, from := f.Hotspots(); {
	case level != 0 && f.given.HotspotLevel == 0:
		notes = append(notes, fmt.Sprintf("it keeps its hot spots, of level %d", level))
	case level != 0 && from != always:
		notes = append(notes, fmt.Sprintf("it counts no hot spots before %s, as they were switched on later", time.UnixMilli(from).UTC().Format(time.RFC3339)))
	}
	return notes
}

// List is the places of a flow at one time. It does not change: when the flow
// gets a place, it gets another List.
type List struct {
	// Places are sorted by ID. A place's number is its index.
	Places []places.Place

	index *places.Index
	from  []int64 // by place: the start of the first window that counts it, in ms
	late  bool    // some place does not count every window
}

// newList gives an error where a place is not sound.
func newList(all []kept[place]) (*List, error) {
	sorted := make([]place, len(all))
	for i := range all {
		sorted[i] = all[i].value
	}
	slices.SortFunc(sorted, func(a, b place) int { return strings.Compare(a.ID, b.ID) })
	l := &List{Places: make([]places.Place, len(all)), from: make([]int64, len(all))}
	for i, p := range sorted {
		l.Places[i], l.from[i] = p.place(), ms(p.From)
		l.late = l.late || l.from[i] != always
	}
	var err error
	l.index, err = places.New(l.Places)
	return l, err
}

// Row gives the number of a place.
func (l *List) Row(poiID string) (int32, bool) {
	row, found := slices.BinarySearchFunc(l.Places, poiID, func(p places.Place, id string) int { return strings.Compare(p.ID, id) })
	return int32(row), found //nolint:gosec // counts.New bounds the number of places
}

// Near appends to into the numbers of the places that are near a position, in degrees,
// and count the window with that start, in ms since the Unix epoch; in no particular
// order.
func (l *List) Near(lat, lon float64, windowStart int64, into []int32) []int32 {
	before := len(into)
	into = l.index.Near(lat, lon, into)
	if !l.late {
		return into
	}
	counted := into[:before]
	for _, place := range into[before:] {
		if windowStart >= l.from[place] {
			counted = append(counted, place)
		}
	}
	return counted
}
