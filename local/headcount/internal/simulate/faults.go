package simulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/headcount-etl/headcount/shared/event"
)

// faultKinds are the categories of faults with their weights. too_large is rare
// because each costs as much as eighty others. internal_error is missing: only
// a bug brings it about.
var faultKinds = []struct {
	want   event.Category
	weight float64
}{
	{event.MalformedJSON, 25},
	{event.TooLarge, 1},
	{event.UnknownSchemaVersion, 8},
	{event.NoConsent, 6},
	{event.MissingField, 20},
	{event.WrongType, 18},
	{event.InvalidValue, 18},
	{event.FutureTimestamp, 6},
	{event.TooOld, 6},
}

// remove, as the value of a change, takes the field away.
type remove struct{}

// change puts a value at a dotted path.
type change struct {
	path  string
	value any
}

// missing takes required fields away, with and without their group. The
// version is not among them: without it no one can say what is required.
var missing = []change{
	{"event_id", remove{}},
	{"occurred_at", remove{}},
	{"user", remove{}},
	{"user.id", remove{}},
	{"user.birth_date", remove{}},
	{"user.gender", remove{}},
	{"position", remove{}},
	{"position.latitude", remove{}},
	{"position.longitude", remove{}},
	{"consent", remove{}},
	{"consent.analytics", remove{}},
}

var wrongType = []change{
	{"event_id", 12345},
	{"occurred_at", 1767225600},
	{"user", "u-1"},
	{"user.id", 4711},
	{"user.birth_date", 19900101},
	{"user.gender", nil},
	{"user.full_name", []string{"Ana", "Ng"}},
	{"position", []float64{48.8606, 2.3376}},
	{"position.latitude", "48.8606"},
	{"position.longitude", nil},
	{"position.accuracy_m", "12"},
	{"device", "phone"},
	{"device.platform", true},
	{"session.battery_pct", "80%"},
	{"consent.analytics", "true"},
}

var invalidValue = []change{
	{"event_id", ""},
	{"event_id", "not-a-uuid"},
	{"occurred_at", "2026-01-05 10:00:00"},
	{"occurred_at", "2026-01-05T10:00:00+01:00"},
	{"occurred_at", "2026-02-30T10:00:00Z"},
	{"user.id", ""},
	{"user.id", strings.Repeat("u", 129)},
	{"user.birth_date", "1990-02-30"},
	{"user.birth_date", "01/02/1990"},
	{"user.birth_date", "1742-06-15"},
	{"user.birth_date", "2998-06-15"},
	{"user.gender", "F"},
	{"user.gender", "Female"},
	{"user.full_name", strings.Repeat("é", 201)},
	{"user.phone", strings.Repeat("0", 33)},
	{"position.latitude", 90.5},
	{"position.longitude", -181.25},
	{"position.accuracy_m", -1},
	{"device.platform", "windows"},
	{"session.battery_pct", 101},
}

// spoil turns a valid event into one that is rejected, and says why. The
// result is one event for the framing, has no newline, and is valid UTF-8, so
// that a message can carry it.
func spoil(rng *rand.Rand, line []byte, at time.Time, tooOld bool) ([]byte, event.Category) {
	kinds := faultKinds
	if !tooOld {
		kinds = kinds[:len(kinds)-1]
	}
	weights := make([]float64, len(kinds))
	for i, kind := range kinds {
		weights[i] = kind.weight
	}
	want := kinds[weighted(rng, weights)].want
	switch want {
	case event.MalformedJSON:
		line = malform(rng, line)
	case event.TooLarge:
		line = alter(line, change{"padding", strings.Repeat("x", event.MaxSize+rng.IntN(4<<10))})
	case event.UnknownSchemaVersion:
		line = alter(line, change{"schema_version", pick(rng, []int{0, 2, 99})})
	case event.NoConsent:
		// Nothing else is looked at in such an event, so it may lack anything.
		line = alter(line, change{"consent.analytics", false}, pick(rng, []change{
			{"consent.analytics", false}, {"user", remove{}}, {"position.latitude", "?"},
		}))
	case event.MissingField:
		line = alter(line, pick(rng, missing))
	case event.WrongType:
		line = alter(line, pick(rng, wrongType))
	case event.InvalidValue:
		line = alter(line, pick(rng, invalidValue))
	case event.FutureTimestamp:
		line = postpone(line, at)
	case event.TooOld:
		line = alter(line, change{"occurred_at", at.AddDate(-3, 0, 0).Format(time.RFC3339)})
	}
	return line, want
}

// postpone moves the event, and the birth with it lest the age be the fault, to
// the year 2999, which lies in the future whenever this runs.
func postpone(line []byte, at time.Time) []byte {
	var e event.Event
	if err := json.Unmarshal(line, &e); err != nil {
		panic(fmt.Errorf("simulate: decode an event of our own: %w", err))
	}
	born, err := strconv.Atoi(e.User.BirthDate[:4])
	if err != nil {
		panic(fmt.Errorf("simulate: a birth date of our own: %w", err))
	}
	years := 2999 - at.Year()
	return alter(line,
		change{"occurred_at", at.AddDate(years, 0, 0).Format(time.RFC3339)},
		change{"user.birth_date", strconv.Itoa(born+years) + e.User.BirthDate[4:]},
	)
}

// alter makes changes to an event. The order of its fields changes too.
func alter(line []byte, changes ...change) []byte {
	var root map[string]any
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber() // keeps the digits as they are
	if err := d.Decode(&root); err != nil {
		panic(fmt.Errorf("simulate: decode an event of our own: %w", err))
	}
	for _, c := range changes {
		group, name := root, c.path
		if before, after, ok := strings.Cut(c.path, "."); ok {
			name = after
			var there bool
			if group, there = root[before].(map[string]any); !there {
				group = map[string]any{}
				root[before] = group
			}
		}
		if _, ok := c.value.(remove); ok {
			delete(group, name)
		} else {
			group[name] = c.value
		}
	}
	out, err := json.Marshal(root)
	if err != nil { // Unreachable: the values stand in the tables above.
		panic(fmt.Errorf("simulate: encode an event: %w", err))
	}
	return out
}

// malform breaks the text of an event. Nothing may follow the object, as that
// would be a second event.
func malform(rng *rand.Rand, line []byte) []byte {
	text := string(line)
	body := text[:len(text)-1] // all but the last brace
	switch rng.IntN(12) {
	case 0:
		return []byte(`{"schema_version":1,` + text[1:]) // the same key twice
	case 1:
		return []byte(strings.Replace(text, `"user":{`, `"user":{"id":"u-1",`, 1))
	case 2:
		return []byte(body + ",}")
	case 3:
		return []byte(body + "?}")
	case 4:
		return []byte("event=" + text)
	case 5:
		return []byte(strings.ReplaceAll(text, `"`, `'`))
	case 6:
		return []byte(strings.Replace(text, `"gender":"`, `"gender":"`+"\t", 1))
	case 7:
		return []byte(strings.Replace(text, `"latitude":`, `"latitude":NaN,"was":`, 1))
	case 8:
		return []byte(pick(rng, []string{"[]", "42", `"hello"`, "null", "undefined", "[" + text + "]"}))
	default:
		// Cut short, which is what happens most, but never within a character.
		end := 1 + rng.IntN(len(text)-1)
		for !utf8.RuneStart(text[end]) {
			end--
		}
		return []byte(text[:end])
	}
}
