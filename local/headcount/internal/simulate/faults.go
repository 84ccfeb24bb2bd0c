package simulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"github.com/headcount-etl/headcount/shared/event"
)

// changes put values at dotted paths; remove takes the field away.
type changes map[string]any

type remove struct{}

// faults are the categories with their weights, and what brings them about, but for
// malformed_json. too_large is rare because each costs as much as eighty others.
// Missing are internal_error, which only a bug brings about, and too_old, which
// depends on a setting.
var faults = []struct {
	want   event.Category
	weight float64
	ways   []changes
}{
	{event.MalformedJSON, 25, nil},
	{event.TooLarge, 1, []changes{{"padding": strings.Repeat("x", event.MaxSize)}}},
	{event.UnknownSchemaVersion, 8, each("schema_version", 0, "schema_version", 2, "schema_version", 99)},
	// Nothing else is looked at in such an event, so it may lack anything.
	{event.NoConsent, 6, []changes{
		{"consent.analytics": false},
		{"consent.analytics": false, "user": remove{}},
		{"consent.analytics": false, "position.latitude": "?"},
	}},
	// The version is not among the missing: without it no one can say what is required.
	{event.MissingField, 20, each(
		"event_id", remove{}, "occurred_at", remove{}, "user", remove{}, "user.id", remove{}, "user.birth_date", remove{}, "user.gender", remove{},
		"position", remove{}, "position.latitude", remove{}, "position.longitude", remove{}, "consent", remove{}, "consent.analytics", remove{},
	)},
	{event.WrongType, 18, each(
		"event_id", 12345, "occurred_at", 1767225600, "user", "u-1", "user.id", 4711, "user.birth_date", 19900101, "user.gender", nil,
		"user.full_name", []string{"Ana", "Ng"}, "position", []float64{48.8606, 2.3376}, "position.latitude", "48.8606",
		"position.longitude", nil, "position.accuracy_m", "12", "device", "phone", "device.platform", true,
		"session.battery_pct", "80%", "consent.analytics", "true",
	)},
	{event.InvalidValue, 18, each(
		"event_id", "", "event_id", "not-a-uuid", "occurred_at", "2026-01-05 10:00:00", "occurred_at", "2026-01-05T10:00:00+01:00",
		"occurred_at", "2026-02-30T10:00:00Z", "user.id", "", "user.id", strings.Repeat("u", 129), "user.birth_date", "1990-02-30",
		"user.birth_date", "01/02/1990", "user.birth_date", "1742-06-15", "user.birth_date", "2998-06-15", "user.gender", "F",
		"user.gender", "Female", "user.full_name", strings.Repeat("é", 201), "user.phone", strings.Repeat("0", 33),
		"position.latitude", 90.5, "position.longitude", -181.25, "position.accuracy_m", -1, "device.platform", "windows",
		"session.battery_pct", 101,
	)},
	// In the future whenever this runs, and so is the birth, lest the age be the fault.
	{event.FutureTimestamp, 6, []changes{{"occurred_at": "2999-03-01T10:00:00Z", "user.birth_date": "2970-06-15"}}},
}

// each makes a change of each pair of path and value.
func each(pairs ...any) (all []changes) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, changes{pairs[i].(string): pairs[i+1]})
	}
	return all
}

// spoil turns a valid event into one that is rejected, and says why. The
// result is one event for the framing, has no newline, and is valid UTF-8, so
// that a message can carry it.
func spoil(rng *rand.Rand, line []byte) ([]byte, event.Category) {
	weights := make([]float64, len(faults))
	for i, f := range faults {
		weights[i] = f.weight
	}
	f := faults[weighted(rng, weights)]
	if f.ways == nil {
		return malform(rng, line), f.want
	}
	return alter(line, pick(rng, f.ways)), f.want
}

// alter makes changes to an event. The order of its fields changes too.
func alter(line []byte, all changes) []byte {
	var root map[string]any
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber() // keeps the digits as they are
	if err := d.Decode(&root); err != nil {
		panic(fmt.Errorf("simulate: decode an event of our own: %w", err))
	}
	for path, value := range all {
		group, name := root, path
		if before, after, ok := strings.Cut(path, "."); ok {
			name = after
			var there bool
			if group, there = root[before].(map[string]any); !there {
				group = map[string]any{}
				root[before] = group
			}
		}
		if _, ok := value.(remove); ok {
			delete(group, name)
		} else {
			group[name] = value
		}
	}
	out, err := json.Marshal(root)
	if err != nil { // Unreachable: the values stand in the table above.
		panic(fmt.Errorf("simulate: encode an event: %w", err))
	}
	return out
}

// slips are texts in an event, each with what somebody has made of it: first a key
// that is there twice.
var slips = []string{
	`{`, `{"schema_version":1,`, `"user":{`, `"user":{"id":"u-1",`, `"consent":`, `,"consent":`, `"consent":`, `?"consent":`, `{`, `event={`,
	`"user"`, `'user'`, `"gender":"`, `"gender":"` + "\t", `"latitude":`, `"latitude":NaN,"was":`,
}

// malform breaks the text of an event. Nothing may follow the object, as that
// would be a second event.
func malform(rng *rand.Rand, line []byte) []byte {
	text := string(line)
	switch i := rng.IntN(len(slips)/2 + 4); {
	case i < len(slips)/2:
		return []byte(strings.Replace(text, slips[2*i], slips[2*i+1], 1))
	case i == len(slips)/2:
		return []byte(pick(rng, []string{"[]", "42", `"hello"`, "null", "undefined", "[" + text + "]"}))
	}
	// Cut short, which is what happens most, but never within a character.
	end := 1 + rng.IntN(len(text)-1)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return []byte(text[:end])
}
