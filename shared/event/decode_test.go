package event

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

const valid = `{"schema_version":1,"event_id":"7e1ed93c-9487-478d-889f-b12f48b14a6a","occurred_at":"2026-03-01T05:01:57.872Z",` +
	`"user":{"id":"u-1","full_name":"Kauã Cardoso","email":"kaua@example.org","phone":"+299 96 63 21","birth_date":"1988-01-10","gender":"male"},` +
	`"position":{"latitude":40.73074263,"longitude":-74.06378388,"accuracy_m":10.4,"speed_mps":2.12},` +
	`"device":{"id":"217cec79d6a36219","platform":"android","os_version":"23","app_version":"5.0.7","model":"Pixel","ip_address":"203.0.113.159"},` +
	`"consent":{"analytics":true},"session":{"id":"3b743e57","screen":"map","battery_pct":87,"network":"4g"}}`

var received = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC).UnixMilli()

// with replaces one part of the valid event; the part must be there.
func with(t testing.TB, old, replacement string) string {
	t.Helper()
	if !strings.Contains(valid, old) {
		t.Fatalf("the valid event does not hold %s", old)
	}
	return strings.Replace(valid, old, replacement, 1)
}

func check(body string, a Arrival) []Fault {
	d := NewDecoder()
	d.Reset(body)
	var faults []Fault
	for d.Next() {
		faults = append(faults, d.Check(a))
	}
	return faults
}

func TestCheck(t *testing.T) {
	id := func(id string) string { return with(t, `"id":"u-1"`, `"id":`+id) }
	at := func(at string) string { return with(t, `2026-03-01T05:01:57.872Z`, at) }
	lat := func(lat string) string { return with(t, `40.73074263`, lat) }
	birth := func(day string) string { return with(t, `"1988-01-10"`, day) }
	tests := []struct {
		name, body string
		want       Fault
	}{
		{"valid", valid, Fault{}},
		{"unknown field", with(t, `"user":{`, `"x":[{"a":[]},{}],"user":{"y":null,`), Fault{}},
		{"wrong case is unknown", with(t, `"gender"`, `"Gender"`), Fault{MissingField, "user.gender"}},
		{"escaped name", with(t, `"gender"`, `"\u0067ender"`), Fault{}},
		{"escaped id", id(`"\u00fc\ud83d\ude00"`), Fault{}},
		{"optional null", with(t, `"accuracy_m":10.4`, `"accuracy_m":null`), Fault{}},
		{"optional group null", with(t, `"session":{"id":"3b743e57","screen":"map","battery_pct":87,"network":"4g"}`, `"session":null`), Fault{}},
		{"no newline needed inside", strings.ReplaceAll(valid, ",", ",\r\n\t "), Fault{}},

		{"duplicate", with(t, `"gender":"male"`, `"gender":"male","gender":"male"`), Fault{Category: MalformedJSON}},
		{"duplicate group", with(t, `"consent":`, `"user":{},"consent":`), Fault{Category: MalformedJSON}},
		{"duplicate by escape", with(t, `"gender":"male"`, `"gender":"male","\u0067ender":"male"`), Fault{Category: MalformedJSON}},
		{"duplicate unknown", with(t, `"user":{`, `"x":{"a":1,"a":2},"user":{`), Fault{Category: MalformedJSON}},
		{"invalid UTF-8", id("\"\xff\""), Fault{Category: MalformedJSON}},
		{"overlong UTF-8", id("\"\xc0\xaf\""), Fault{Category: MalformedJSON}},
		{"lone surrogate", id(`"\ud800"`), Fault{Category: MalformedJSON}},
		{"swapped surrogates", id(`"\udc00\ud800"`), Fault{Category: MalformedJSON}},
		{"invalid UTF-8 in an unknown field", with(t, `"user":{`, "\"x\":\"\xe2\x82\",\"user\":{"), Fault{Category: MalformedJSON}},
		{"trailing comma", with(t, `"gender":"male"`, `"gender":"male",`), Fault{Category: MalformedJSON}},
		{"array", `[` + valid + `]`, Fault{Category: MalformedJSON}},
		{"byte order mark", "\ufeff" + valid, Fault{Category: MalformedJSON}},
		{"truncated", valid[:len(valid)-1], Fault{Category: MalformedJSON}},
		{"malformed goes before no_consent", with(t, `"analytics":true`, `"analytics":false,`), Fault{Category: MalformedJSON}},

		{"largest", id(`"u-1","x":"` + strings.Repeat("x", MaxSize-len(valid)-len(`,"x":""`)) + `"`), Fault{}},
		{"too large", id(`"u-1","x":"` + strings.Repeat("x", MaxSize-len(valid)-len(`,"x":""`)+1) + `"`), Fault{Category: TooLarge}},

		{"version 2", with(t, `"schema_version":1`, `"schema_version":2`), Fault{UnknownSchemaVersion, "schema_version"}},
		{"version beyond int64", with(t, `"schema_version":1`, `"schema_version":99999999999999999999`), Fault{UnknownSchemaVersion, "schema_version"}},
		{"version as text", with(t, `"schema_version":1`, `"schema_version":"1"`), Fault{WrongType, "schema_version"}},
		{"version with a fraction", with(t, `"schema_version":1`, `"schema_version":1.5`), Fault{WrongType, "schema_version"}},
		{"version as 1.0", with(t, `"schema_version":1`, `"schema_version":1.0`), Fault{}},
		{"version as 10e-1", with(t, `"schema_version":1`, `"schema_version":10e-1`), Fault{}},
		{"version 2.0", with(t, `"schema_version":1`, `"schema_version":2.0`), Fault{UnknownSchemaVersion, "schema_version"}},
		{"version beyond a double", with(t, `"schema_version":1`, `"schema_version":1e999`), Fault{UnknownSchemaVersion, "schema_version"}},
		{"no version", with(t, `"schema_version":1,`, ``), Fault{MissingField, "schema_version"}},
		{"version goes before consent", strings.Replace(with(t, `true`, `false`), `"schema_version":1`, `"schema_version":0`, 1), Fault{UnknownSchemaVersion, "schema_version"}},

		{"no consent", with(t, `true`, `false`), Fault{NoConsent, "consent.analytics"}},
		{"consent goes before fields", strings.Replace(with(t, `true`, `false`), `"gender":"male"`, `"gender":7`, 1), Fault{NoConsent, "consent.analytics"}},
		{"consent missing", with(t, `"analytics":true`, ``), Fault{MissingField, "consent.analytics"}},
		{"consent null", with(t, `{"analytics":true}`, `null`), Fault{WrongType, "consent"}},
		{"consent text", with(t, `true`, `"true"`), Fault{WrongType, "consent.analytics"}},

		{"field order decides, not the text's", strings.Replace(with(t, `"gender":"male"`, `"gender":"x"`), `"u-1"`, `null`, 1), Fault{WrongType, "user.id"}},
		{"user missing", `{"schema_version":1,"event_id":"7e1ed93c-9487-478d-889f-b12f48b14a6a","occurred_at":"2026-03-01T05:01:57Z"}`, Fault{MissingField, "user.id"}},
		{"user as text", with(t, `"user":{`, `"user":"u-1","x":{`), Fault{WrongType, "user"}},
		{"user as array", with(t, `"user":{`, `"user":[],"x":{`), Fault{WrongType, "user"}},
		{"device as number", with(t, `"device":{`, `"device":1,"x":{`), Fault{WrongType, "device"}},
		{"event id", with(t, `7e1ed93c-9487`, `7e1ed93c99487`), Fault{InvalidValue, "event_id"}},
		{"id empty", id(`""`), Fault{InvalidValue, "user.id"}},
		{"id null", id(`null`), Fault{WrongType, "user.id"}},
		{"id object", id(`{}`), Fault{WrongType, "user.id"}},
		{"id longest", id(`"` + strings.Repeat("é", 128) + `"`), Fault{}},
		{"id too long", id(`"` + strings.Repeat("é", 129) + `"`), Fault{InvalidValue, "user.id"}},
		{"gender", with(t, `"male"`, `"Male"`), Fault{InvalidValue, "user.gender"}},
		{"platform", with(t, `"android"`, `"symbian"`), Fault{InvalidValue, "device.platform"}},
		{"phone", with(t, `+299 96 63 21`, strings.Repeat("1", 33)), Fault{InvalidValue, "user.phone"}},
		{"latitude text", lat(`"40"`), Fault{WrongType, "position.latitude"}},
		{"latitude 90", lat(`90`), Fault{}},
		{"latitude over 90", lat(`90.00000000000002`), Fault{InvalidValue, "position.latitude"}},
		{"latitude infinite", lat(`1e999`), Fault{InvalidValue, "position.latitude"}},
		{"accuracy", with(t, `10.4`, `-0.1`), Fault{InvalidValue, "position.accuracy_m"}},
		{"battery", with(t, `"battery_pct":87`, `"battery_pct":100.5`), Fault{InvalidValue, "session.battery_pct"}},

		{"second", at(`2026-03-01T05:01:57Z`), Fault{}},
		{"nanosecond", at(`2026-03-01T05:01:57.123456789Z`), Fault{}},
		{"ten digits", at(`2026-03-01T05:01:57.1234567890Z`), Fault{InvalidValue, "occurred_at"}},
		{"no digit", at(`2026-03-01T05:01:57.Z`), Fault{InvalidValue, "occurred_at"}},
		{"offset", at(`2026-03-01T05:01:57+00:00`), Fault{InvalidValue, "occurred_at"}},
		{"small z", at(`2026-03-01T05:01:57z`), Fault{InvalidValue, "occurred_at"}},
		{"leap second", at(`2026-03-01T05:01:60Z`), Fault{InvalidValue, "occurred_at"}},
		{"no such day", at(`2026-02-29T05:01:57Z`), Fault{InvalidValue, "occurred_at"}},
		{"number", with(t, `"2026-03-01T05:01:57.872Z"`, `1772341317`), Fault{WrongType, "occurred_at"}},
		{"five minutes ahead", at(`2026-03-01T06:05:00.000Z`), Fault{}},
		{"a nanosecond more", at(`2026-03-01T06:05:00.000000001Z`), Fault{FutureTimestamp, "occurred_at"}},
		{"a millisecond more", at(`2026-03-01T06:05:00.001Z`), Fault{FutureTimestamp, "occurred_at"}},
		{"a day old", at(`2026-02-28T06:00:00Z`), Fault{}},
		{"older", at(`2026-02-28T05:59:59.999999999Z`), Fault{TooOld, "occurred_at"}},
		{"fields go before the future", strings.Replace(at(`2027-03-01T06:05:01Z`), `true`, `1`, 1), Fault{WrongType, "consent.analytics"}},

		{"born today", birth(`"2026-03-01"`), Fault{}},
		{"born tomorrow", birth(`"2026-03-02"`), Fault{InvalidValue, "user.birth_date"}},
		{"120 years", birth(`"1905-03-02"`), Fault{}},
		{"121 years", birth(`"1905-03-01"`), Fault{InvalidValue, "user.birth_date"}},
		{"no such birthday", birth(`"1900-02-29"`), Fault{InvalidValue, "user.birth_date"}},
		{"birth date as number", birth(`19880110`), Fault{WrongType, "user.birth_date"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := check(tt.body, Arrival{At: received, MaxAge: 24 * time.Hour})
			if !slices.Equal(got, []Fault{tt.want}) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestFraming(t *testing.T) {
	tests := []struct {
		name, body string
		want       []string
	}{
		{"empty", "", nil},
		{"blank lines", " \r\n\n\t", nil},
		{"lines", "{}\n{}\r\n{}", []string{"{}", "{}", "{}"}},
		{"no newline", `{}{} {"a":"}"}`, []string{"{}", "{}", `{"a":"}"}`}},
		{"over lines", "{\"a\":\n1}\n{}", []string{"{\"a\":\n1}", "{}"}},
		{"no objects", "1 \"a\" [2]\nnull", []string{"1", `"a"`, "[2]", "null"}},
		{"fault ends at the newline", "{\"a\" 1}{}\n{}", []string{`{"a" 1}{}`, "{}"}},
		{"fault on the second line", "{\"a\":\n!\n{}", []string{`{"a":`, "!", "{}"}},
		{"fault at the end", `{} {"a"`, []string{"{}", `{"a"`}},
		{"duplicates leave the neighbour alone", `{"a":1,"a":2}{}`, []string{`{"a":1,"a":2}`, "{}"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := NewDecoder()
			d.Reset(tt.body)
			var got []string
			for d.Next() {
				got = append(got, d.Raw())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if Count(tt.body) != len(tt.want) {
				t.Errorf("Count = %d, want %d", Count(tt.body), len(tt.want))
			}
		})
	}
}

// TestEventEqualsEncodingJSON checks that what the decoder reads from valid
// events is what the standard library reads.
func TestEventEqualsEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string, n int) string {
			return rapid.StringN(1, n, -1).Draw(t, name)
		}
		optional := func(name string, lo, hi float64) *float64 {
			return rapid.Ptr(rapid.Float64Range(lo, hi), true).Draw(t, name)
		}
		want := Event{
			SchemaVersion: 1, EventID: "7e1ed93c-9487-478d-889f-b12f48b14a6a", OccurredAt: "2026-03-01T05:01:57Z",
			User: User{
				ID: text("id", 128), BirthDate: "2000-02-29", Gender: rapid.SampledFrom(Genders[:]).Draw(t, "gender"),
				FullName: text("name", 200), Email: text("email", 254), Phone: text("phone", 32),
			},
			Position: Position{
				Latitude: rapid.Float64Range(-90, 90).Draw(t, "lat"), Longitude: rapid.Float64Range(-180, 180).Draw(t, "lon"),
				AccuracyM: optional("accuracy", 0, 1e9), HeadingD: optional("heading", -1e300, 1e300),
			},
			Session: Session{Screen: text("screen", 128), BatteryPct: optional("battery", 0, 100)},
			Consent: Consent{Analytics: true},
		}
		body, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var reread Event // encoding/json replaces what is not UTF-8
		if err := json.Unmarshal(body, &reread); err != nil {
			t.Fatal(err)
		}
		d := NewDecoder()
		d.Reset(string(body))
		if !d.Next() {
			t.Fatal("no event")
		}
		if fault := d.Check(Arrival{At: received}); fault != (Fault{}) {
			t.Fatalf("%v in %s", fault, body)
		}
		got, _ := json.Marshal(d.Event())
		if again, _ := json.Marshal(reread); string(got) != string(again) {
			t.Errorf("got %s\nwant %s", got, again)
		}
		if d.Next() {
			t.Errorf("a second event: %q", d.Raw())
		}
	})
}

// FuzzNext holds the framing and the grammar against Go's json/v2.
func FuzzNext(f *testing.F) {
	for _, seed := range []string{
		valid, valid + "\n" + valid, `{"a":1,"a":2}{}`, "{\"a\":\"\\ud800\"}\n[1,2", `{"\u0061":1,"a":2}`, "{\"\xff\":1}", "-0 1e5 0.1 tru {", `{"a":[{},[],{"b":{}}]}`,
		strings.Repeat("[", 300) + strings.Repeat("]", 300), `{"` + strings.Repeat(`a":1,"`, 20) + `":1}`, "\"\n\"", `{"a":"\x"}`, `{} , {}`, "01 -", "\ufeff{}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		d := NewDecoder()
		d.Reset(body)
		rest := body
		for d.Next() {
			rest = strings.TrimLeft(rest, " \t\r\n")
			want, isObject := oracle(rest)
			if depth(d.Raw()) >= maxDepth {
				return // json/v2 allows more
			}
			if d.Raw() != want || d.IsObject() != isObject {
				t.Fatalf("got %q (object: %v), want %q (%v)", d.Raw(), d.IsObject(), want, isObject)
			}
			d.Check(Arrival{At: received})
			rest = rest[len(want):]
		}
		if strings.Trim(rest, " \t\r\n") != "" {
			t.Fatalf("%q was left", rest)
		}
	})
}

// oracle gives the first event of a body as json/v2 sees it.
func oracle(body string) (span string, isObject bool) {
	lenient := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	dec := jsontext.NewDecoder(strings.NewReader(body), lenient...)
	v, err := dec.ReadValue()
	if err != nil {
		if i := strings.IndexByte(body, '\n'); i >= 0 {
			return body[:i], false
		}
		return body, false
	}
	return string(v), v.Kind() == '{' && v.IsValid()
}

func depth(s string) (deepest int) {
	open := 0
	for _, c := range s {
		switch c {
		case '{', '[':
			open++
			deepest = max(deepest, open)
		case '}', ']':
			open--
		}
	}
	return deepest
}

// TestGrammarCases runs the decoder over the cases in testdata/grammar.txt:
// y must be accepted as JSON, n must be refused.
func TestGrammarCases(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "grammar.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\n")
		verdict, member, ok := strings.Cut(line, " ")
		if !ok || verdict != "y" && verdict != "n" {
			t.Fatalf("testdata/grammar.txt: %q is no case", line)
		}
		body := fmt.Sprintf(`{"x":%s}`, member)
		d := NewDecoder()
		d.Reset(body)
		if !d.Next() || d.IsObject() != (verdict == "y") || verdict == "y" && d.Raw() != body {
			t.Errorf("%s: object: %v, want %s", body, d.IsObject(), verdict)
		}
	}
}

// TestNothingOfAnEventIsLeft: a value is of the event that the decoder stands on.
func TestNothingOfAnEventIsLeft(t *testing.T) {
	d := NewDecoder()
	d.Reset(`{"user":"x","session":null} {"user":{}}`)
	for d.Next() {
	}
	for row, f := range Fields() {
		want := Absent
		if f.Path == "user" {
			want = Object
		}
		if kind, text := d.Value(row); kind != want || text != "" {
			t.Errorf("%s: %v %q", f.Path, kind, text)
		}
	}
}

func TestManyNames(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"x":{`)
	for i := range 5000 {
		fmt.Fprintf(&b, `"n%d":{"n%d":0},`, i, i)
	}
	for _, tt := range []struct {
		last string
		want bool
	}{{"n5000", true}, {"n17", false}, {"n4999", false}} {
		d := NewDecoder()
		d.Reset(b.String() + `"` + tt.last + `":1}}`)
		if !d.Next() || d.IsObject() != tt.want {
			t.Errorf("%s: object: %v, want %v", tt.last, d.IsObject(), tt.want)
		}
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	d := NewDecoder()
	if n := testing.AllocsPerRun(100, func() {
		d.Reset(valid)
		for d.Next() {
			d.Check(Arrival{At: received})
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	d := NewDecoder()
	b.SetBytes(int64(len(valid)))
	for b.Loop() {
		d.Reset(valid)
		for d.Next() {
			if d.Check(Arrival{At: received}) != (Fault{}) {
				b.Fatal("not valid")
			}
		}
	}
}
