package flow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/services/aggregator/places"
)

// document is the object as it stands in the bucket. What a later version says in it
// besides is written again as it was.
type document struct {
	Flow          string        `json:"flow"`
	WindowSeconds int64         `json:"window_seconds"`
	Hotspots      *hotspots     `json:"hotspots,omitempty"`
	Places        []kept[place] `json:"places"`
	Keys          []kept[Key]   `json:"keys"` // by first day
	// LastDay is the last day, as YYYY-MM-DD in UTC, that was counted under the keys.
	LastDay string `json:"last_day,omitempty"`

	more map[string]json.RawMessage
}

// hotspots are the cells in which people are counted wherever they are.
type hotspots struct {
	Level int       `json:"level"`         // of S2; 0 is off
	From  time.Time `json:"from,omitzero"` // as of a place
}

func (h *hotspots) level() int {
	if h == nil {
		return 0
	}
	return h.Level
}

type place struct {
	ID        string  `json:"poi_id"`
	Name      string  `json:"name"`
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	RadiusM   float64 `json:"radius_m"`
	// From is the start of the first window that counts the place; every one does
	// where it is zero.
	From time.Time `json:"from,omitzero"`
}

func (p place) place() places.Place {
	return places.Place{ID: p.ID, Name: p.Name, Latitude: p.Latitude, Longitude: p.Longitude, RadiusM: p.RadiusM}
}

func placeOf(p places.Place, from time.Time) kept[place] {
	return kept[place]{value: place{p.ID, p.Name, p.Latitude, p.Longitude, p.RadiusM, from}}
}

// kept is a value with the JSON that it was read from, by which it is written again.
type kept[T any] struct {
	value T
	raw   json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (k *kept[T]) UnmarshalJSON(data []byte) error {
	k.raw = bytes.Clone(data)
	return json.Unmarshal(data, &k.value)
}

// MarshalJSON implements json.Marshaler.
func (k kept[T]) MarshalJSON() ([]byte, error) {
	if k.raw != nil {
		return k.raw, nil
	}
	return json.Marshal(k.value)
}

// always is before every window.
const always = math.MinInt64

// ms gives a document's instant in ms since the Unix epoch.
func ms(from time.Time) int64 {
	if from.IsZero() {
		return always
	}
	return from.UnixMilli()
}

// decode reads the document of a flow.
func decode(data []byte, name string) (doc document, err error) {
	if err = json.Unmarshal(data, &doc); err == nil {
		err = json.Unmarshal(data, &doc.more)
	}
	if err == nil && doc.Flow != name {
		err = fmt.Errorf("it names flow %q", doc.Flow)
	}
	slices.SortFunc(doc.Keys, func(a, b kept[Key]) int { return strings.Compare(a.value.From, b.value.From) })
	for _, field := range []string{"flow", "window_seconds", "hotspots", "places", "keys", "last_day"} {
		delete(doc.more, field)
	}
	return doc, err
}

// encode gives the document's JSON, in the order of the names of its fields.
func (d *document) encode() ([]byte, error) {
	type fields document // without this method
	data, err := json.Marshal((*fields)(d))
	if err != nil || len(d.more) == 0 {
		return data, err
	}
	all := maps.Clone(d.more)
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// newDocument is that of a new flow: all windows of what it begins with count.
func newDocument(name string, s Settings) document {
	doc := document{
		Flow: name, WindowSeconds: int64(s.Window / time.Second), Hotspots: &hotspots{Level: s.HotspotLevel},
		Places: make([]kept[place], 0, len(s.Places)), Keys: []kept[Key]{},
	}
	for _, p := range s.Places {
		doc.Places = append(doc.Places, placeOf(p, time.Time{}))
	}
	return doc
}

// add adds what is new in a task's settings, and names the differences in what is not.
// An addition counts from the first window on that all tasks know of in time.
func (d *document) add(s Settings, now time.Time) (changed bool, faults []string) {
	window := time.Duration(d.WindowSeconds) * time.Second
	if window != s.Window {
		return false, append([]string{fmt.Sprintf("the window was %s, is %s", window, s.Window)}, d.compare(s.Places, func(places.Place) {})...)
	}
	from := now.Add(notice + window - 1).Truncate(window).UTC() // windows begin at midnight, and so does Go's time
	had := len(d.Places)
	faults = d.compare(s.Places, func(p places.Place) { d.Places = append(d.Places, placeOf(p, from)) })
	changed = len(d.Places) > had
	if changed {
		text := 0
		for i := range d.Places {
			text += len(d.Places[i].value.ID) + len(d.Places[i].value.Name)
		}
		if err := places.Bounds(len(d.Places), text); err != nil {
			faults = append(faults, fmt.Sprintf("with the %d places that it keeps, %v", had, err))
		}
	}
	switch h := d.Hotspots; {
	case s.HotspotLevel == 0 || h.level() == s.HotspotLevel:
	case h.level() != 0:
		faults = append(faults, fmt.Sprintf("the hot spots were of level %d, are of level %d", h.Level, s.HotspotLevel))
	default:
		d.Hotspots, changed = &hotspots{s.HotspotLevel, from}, true
	}
	if d.LastDay == "" && len(d.Keys) > 0 { // made before days were noted
		d.LastDay, changed = dayOf(now.Add(ahead)), true
	}
	return changed, faults
}

// goesOn names what is not as in the document that it follows, whose places are list.
func (d *document) goesOn(from document, list []places.Place) (faults []string) {
	if d.WindowSeconds != from.WindowSeconds {
		faults = append(faults, fmt.Sprintf("the window was %d s, is %d s", d.WindowSeconds, from.WindowSeconds))
	}
	if was, is := d.Hotspots.level(), from.Hotspots.level(); is != 0 && was != is {
		faults = append(faults, fmt.Sprintf("the hot spots were of level %d, are of level %d", was, is))
	}
	missing := func(p places.Place) { faults = append(faults, fmt.Sprintf("there was no place %s", p.ID)) }
	different := d.compare(list, missing)
	return append(faults, different...)
}

// compare has the places that are new added, and names the differences in those that
// are not.
func (d *document) compare(list []places.Place, add func(places.Place)) (faults []string) {
	old := make(map[string]places.Place, len(d.Places))
	for i := range d.Places {
		p := d.Places[i].value.place()
		old[p.ID] = p
	}
	for _, now := range list {
		had, found := old[now.ID]
		switch {
		case !found:
			add(now)
		case had.RadiusM != now.RadiusM:
			faults = append(faults, fmt.Sprintf("the radius of place %s was %g m, is %g m", now.ID, had.RadiusM, now.RadiusM))
		case had != now:
			faults = append(faults, fmt.Sprintf("place %s was %q at %g, %g, is %q at %g, %g", now.ID, had.Name, had.Latitude, had.Longitude, now.Name, now.Latitude, now.Longitude))
		}
	}
	return faults
}
