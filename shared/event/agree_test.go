package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// What the validator says and a schema cannot: see neutral.
//
//   - consent.analytics false is no_consent, whatever else is wrong;
//   - the age on the day of the event;
//   - the distance from the arrival, MAX_AGE, the size, and what JSON's parsers leave
//     open (names twice, invalid UTF-8, half surrogate pairs): no event here has any;
//   - numbers are doubles, so the schema is given the nearest double.

// publishedSchema is docs/event.schema.json (see TestJSONSchemaIsCurrent), compiled by
// a library of others.
func publishedSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	text, err := jsonSchema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("event.json", doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("event.json")
}

// doubles gives a JSON value with the nearest double for each number.
func doubles(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, ok := parseFloat(v.String()); ok {
			return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
		}
	case map[string]any:
		for name := range v {
			v[name] = doubles(v[name])
		}
	case []any:
		for i := range v {
			v[i] = doubles(v[i])
		}
	}
	return v
}

// tree is an event that is not written yet: members are trees or JSON text.
type tree map[string]any

func (e tree) clone() tree {
	c := maps.Clone(e)
	for name, v := range c {
		if group, ok := v.(tree); ok {
			c[name] = group.clone()
		}
	}
	return c
}

// set replaces the field of that path, or removes it where v is nil; a group that
// was replaced stays.
func (e tree) set(path string, v any) {
	if group, rest, ok := strings.Cut(path, "."); ok {
		if inner, ok := e[group].(tree); ok {
			inner.set(rest, v)
		}
		return
	}
	if e[path] = v; v == nil {
		delete(e, path)
	}
}

func (e tree) text() string {
	text, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func quoted(s string) json.RawMessage {
	text, _ := json.Marshal(s) // a string
	return text
}

// validText draws a valid value of a field.
func validText(t *rapid.T, f *Field) json.RawMessage {
	switch {
	case f.Path == "consent.analytics":
		return json.RawMessage("true")
	case f.Is != nil:
		return json.RawMessage(rapid.SampledFrom([]string{"1", "1.0", "1e0", "10e-1", "0.1E+1"}).Draw(t, f.Path))
	case f.Type == Number:
		lo, hi := -math.MaxFloat64, math.MaxFloat64
		if f.Min != nil {
			lo = *f.Min
		}
		if f.Max != nil {
			hi = *f.Max
		}
		return json.RawMessage(strconv.FormatFloat(rapid.Float64Range(lo, hi).Draw(t, f.Path), 'g', -1, 64))
	case f.Format == "uuid":
		return quoted(rapid.StringMatching(patterns["uuid"]).Draw(t, f.Path))
	case f.Format != "":
		return quoted(rapid.StringMatching(patterns[f.Format]).Draw(t, f.Path))
	case f.Enum != nil:
		return quoted(rapid.SampledFrom(f.Enum).Draw(t, f.Path))
	default:
		return quoted(rapid.StringN(max(f.MinLen, 1), f.MaxLen, -1).Draw(t, f.Path))
	}
}

// oddText draws a value that may be wrong for the field, in one of many ways.
func oddText(t *rapid.T, f *Field) any {
	draw := func(of ...string) string { return rapid.SampledFrom(of).Draw(t, "odd "+f.Path) }
	number := func(lo, hi int, form string) string {
		return fmt.Sprintf(form, rapid.IntRange(lo, hi).Draw(t, "part"))
	}
	day := func() string {
		return draw(number(0, 9999, "%04d"), number(1990, 2030, "%d"), "2000", "1900", "0000", "0004", "99", "12026") + draw("-", "-", "-", "-", "/", "") +
			draw(number(0, 13, "%02d"), "02", "02", number(0, 13, "%d")) + "-" + draw(number(0, 32, "%02d"), "28", "29", "30", "31", number(0, 32, "%d"))
	}
	// Half of the time what is near to the field's own form.
	kinds := []int{0, 1, 2, 4, 5, 6, 7, 8, 9}
	own := map[string]int{"date": 5, "instant": 6, "uuid": 7}[f.Format]
	switch {
	case f.Type == Number || f.Type == Integer:
		own = 2
	case f.Enum != nil:
		own = 8
	case f.MaxLen > 0:
		own = 4
	}
	if own > 0 {
		for range len(kinds) {
			kinds = append(kinds, own)
		}
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind of "+f.Path) {
	case 0:
		return nil // not there
	case 1:
		return json.RawMessage(draw("null", "true", "false", "{}", "[]", "[1]", `{"id":"x"}`, `""`, `"1"`, `"true"`, `"null"`, `[null]`))
	case 2:
		return json.RawMessage(draw("0", "-0", "1", "-1", "2", "1.0", "1.00", "1e0", "1E0", "10e-1", "0.1e1", "100e-2", "1.5", "1e-1", "2.0", "-1.0",
			"99999999999999999999", "9007199254740993", "1.00000000000000000001", "1e18", "1e19", "1e308", "1.7976931348623157e308", "1.7976931348623158e308",
			"1.7976931348623159e308", "1e309", "-1e309", "5e-324", "1e-330", "-1e-330", "90", "90.0", "9e1", "90.00000000000001", "90.000000000000001", "-90.00000000000002",
			"180", "180.00000000000003", "-180.1", "100", "100.00000000000001", "-0.0", "-5e-324"))
	case 4: // of a length about the limit, in characters of one to four bytes
		n := max(0, draw0(t, f.MinLen, f.MaxLen)+rapid.IntRange(-1, 1).Draw(t, "off"))
		s := strings.Repeat(draw("a", "é", "€", "😀", "\u0301", "\x00"), n)
		if rapid.Bool().Draw(t, "escaped") {
			return json.RawMessage(strconv.QuoteToASCII(strings.ToValidUTF8(strings.Map(func(r rune) rune {
				if r > 0xffff || r == 0 {
					return 'x'
				}
				return r
			}, s), "")))
		}
		return quoted(s)
	case 5:
		return quoted(day())
	case 6:
		return quoted(day() + draw("T", "T", "T", "t", " ", "") + number(0, 25, "%02d") + draw(":", "") + number(0, 61, "%02d") + ":" + number(0, 61, "%02d") +
			draw("", ".", ",5", "."+number(0, 9, "%d"), "."+number(0, 999999999, "%09d"), "."+number(0, 999999999, "%010d"), ".٣") + draw("Z", "Z", "Z", "z", "+00:00", "", "Z\n", "ZZ"))
	case 7:
		id := rapid.StringMatching(patterns["uuid"]).Draw(t, "uuid")
		at := rapid.IntRange(0, len(id)-1).Draw(t, "at")
		return quoted(draw(id, strings.ToUpper(id), "{"+id+"}", "urn:uuid:"+id, id+"\n", " "+id, strings.ReplaceAll(id, "-", ""), id[1:],
			id[:at]+draw("g", "-", "0", "٣", "é")+id[at+1:]))
	case 8:
		return quoted(draw("female", "Female", "male ", "other", "undisclosed", "", "ios", "android", "web", "WEB", "null"))
	default: // members that nobody knows
		return tree{"id": json.RawMessage(`"x"`), "extra": json.RawMessage(draw("null", "1", `{"a":[{}]}`)), "analytics": json.RawMessage("true")}
	}
}

func draw0(t *rapid.T, of ...int) int { return rapid.SampledFrom(of).Draw(t, "length") }

// neutral gives the validator's fault of an event, after what no schema can say was
// mended in it.
func neutral(d *Decoder, e tree) Fault {
	for {
		d.Reset(e.text())
		d.Next()
		switch f := d.Check(Arrival{At: math.MaxInt64 / 2}); {
		case f.Category == NoConsent:
			e.set("consent.analytics", json.RawMessage("true"))
		case f == Fault{InvalidValue, "user.birth_date"} && isDay(d.values[rowBirthDate].text()):
			e.set("user.birth_date", quoted(d.values[rowOf("occurred_at")].text()[:10]))
		default:
			return f
		}
	}
}

func isDay(s string) bool {
	_, ok := parseDate(s)
	return ok
}

// TestSchemaAndValidatorAgree: on valid events, and on each field changed in many
// ways, by itself and together.
func TestSchemaAndValidatorAgree(t *testing.T) {
	schema := publishedSchema(t)
	verdicts := map[Category]int{}
	d := NewDecoder()
	agree := func(t *rapid.T, e tree) {
		fault := neutral(d, e)
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(e.text()))
		if err != nil {
			t.Fatal(err)
		}
		verdicts[fault.Category]++
		if err := schema.Validate(doubles(v)); (err == nil) != (fault == Fault{}) {
			t.Fatalf("the validator says %v, the schema %v: %s", fault, err, e.text())
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		valid := tree{}
		for row := range fields {
			f := &fields[row]
			switch {
			case !f.Required && rapid.Bool().Draw(t, "without "+f.Path):
			case f.Type == Group:
				valid.set(f.Path, tree{})
			default:
				valid.set(f.Path, validText(t, f))
			}
		}
		valid.set("extra", json.RawMessage(`{"schema_version":2}`))
		valid.set("user.Gender", json.RawMessage("7"))
		if agree(t, valid); neutral(d, valid) != (Fault{}) {
			t.Fatalf("not valid: %s", valid.text())
		}
		all := valid.clone()
		for row := range fields {
			f := &fields[row]
			one, odd := valid.clone(), oddText(t, f)
			one.set(f.Path, odd)
			agree(t, one)
			if rapid.IntRange(0, 9).Draw(t, "also in all") == 0 {
				all.set(f.Path, odd)
			}
		}
		agree(t, all)
	})
	for _, c := range []Category{"", UnknownSchemaVersion, MissingField, WrongType, InvalidValue} {
		if verdicts[c] == 0 {
			t.Errorf("no event was %q: %v", c, verdicts)
		}
	}
	if verdicts[MalformedJSON]+verdicts[TooLarge]+verdicts[FutureTimestamp] > 0 {
		t.Errorf("of these a schema says nothing: %v", verdicts)
	}
	t.Log(verdicts)
}
