package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/shared/event"
)

func secret(b byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(b), KeySize)))
}

func ring(t testing.TB, days ...string) *Ring {
	t.Helper()
	var parts []string
	for i, day := range days {
		parts = append(parts, fmt.Sprintf(`{"id":"k%d","from":%q,"key":%q}`, i, day, secret(byte('a'+i))))
	}
	r, err := ParseRing("[" + strings.Join(parts, ",") + "]")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const marker = "MARKER"

// personal is an event in which every field that could name a person holds the
// marker.
func personal(id, at string) string {
	return fmt.Sprintf(`{"schema_version":1,"event_id":"7e1ed93c-9487-478d-889f-b12f48b14a6a","occurred_at":%q,
"user":{"id":%q,"birth_date":"1988-01-10","gender":"other","full_name":%[3]q,"email":%[3]q,"phone":%[3]q},
"position":{"latitude":40.73074263,"longitude":-74.06378388},"device":{"id":%[3]q,"model":%[3]q,"ip_address":%[3]q},
"session":{"id":%[3]q,"screen":%[3]q},"consent":{"analytics":true}}`, at, id, marker)
}

func decoded(t testing.TB, body string) *event.Decoder {
	t.Helper()
	d := event.NewDecoder()
	d.Reset(body)
	if !d.Next() {
		t.Fatal("no event")
	}
	if fault := d.Check(event.Arrival{At: 1 << 50}); fault != (event.Fault{}) {
		t.Fatal(fault)
	}
	return d
}

// TestMaskFollowsTheFormula computes the pseudonym by hand.
func TestMaskFollowsTheFormula(t *testing.T) {
	r := ring(t, "2026-01-01", "2026-06-01")
	for at, keyByte := range map[string]string{
		"2019-05-05T00:00:00Z": "a", // before the first key's first day
		"2026-05-31T23:59:59Z": "a", "2026-06-01T00:00:00Z": "b", "2030-01-01T12:00:00Z": "b",
	} {
		got := NewMasker(r, "v1").Mask(decoded(t, personal("u-ü", at)))
		mac := hmac.New(sha256.New, []byte(strings.Repeat(keyByte, KeySize)))
		mac.Write([]byte(at[:10] + "\x00u-ü"))
		if want := mac.Sum(nil)[:16]; string(got.Person[:]) != string(want) {
			t.Errorf("%s: person %x, want %x", at, got.Person, want)
		}
		if got.Gender != event.Other || got.Latitude != 40.73074263 || got.Longitude != -74.06378388 {
			t.Errorf("%s: %+v", at, got)
		}
	}
}

// TestPseudonym: the same user on the same day is the same person, whatever came
// between; another user, day or key is another person.
func TestPseudonym(t *testing.T) {
	m, other := NewMasker(ring(t, "2026-01-01"), "v1"), NewMasker(ring(t, "2026-01-01", "2026-01-02"), "v1")
	id := rapid.StringN(1, 128, -1)
	day := rapid.StringMatching(`20[0-9][0-9]-0[1-9]-1[0-9]`)
	rapid.Check(t, func(t *rapid.T) {
		u1, d1 := id.Draw(t, "u1"), day.Draw(t, "d1")
		u2, d2 := id.Draw(t, "u2"), day.Draw(t, "d2")
		p1, p2 := m.person(d1, u1), m.person(d2, u2)
		if (p1 == p2) != (u1 == u2 && d1 == d2) {
			t.Fatalf("%x %x", p1, p2)
		}
		if m.person(d1, u1) != p1 {
			t.Fatal("not the same again")
		}
		if same := other.person(d1, u1) == p1; same != (d1 < "2026-01-02") {
			t.Fatalf("same under the second key: %v", same)
		}
	})
}

// TestNothingPersonalLeaves plants a marker wherever a person could be named.
func TestNothingPersonalLeaves(t *testing.T) {
	r := ring(t, "2026-01-01")
	got := NewMasker(r, "v1").Mask(decoded(t, personal(marker, "2026-05-31T23:59:59Z")))
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{string(event.AppendMasked(nil, &got)), string(text), r.Fingerprints()} {
		if strings.Contains(out, marker) || strings.Contains(out, "1988") || strings.Contains(out, strings.Repeat("a", 8)) {
			t.Errorf("%q holds what it must not", out)
		}
	}
}

func TestFingerprints(t *testing.T) {
	got := ring(t, "2026-06-01", "2026-01-01").Fingerprints()
	mac := hmac.New(sha256.New, []byte(strings.Repeat("b", KeySize)))
	mac.Write([]byte("headcount fingerprint"))
	if want := fmt.Sprintf("k1@2026-01-01=%x,k0@2026-06-01=", mac.Sum(nil)[:8]); !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s…", got, want)
	}
}

// TestScope: a key of the scope flow gives a person one pseudonym in a flow, and another
// one in each other flow; one without gives the same in all, as it did before there were
// scopes. No two of them have the same fingerprint.
func TestScope(t *testing.T) {
	const text = `[{"id":"k1","from":"2026-01-01","key":%q%s}]`
	persons, fingerprints := map[event.Person]bool{}, map[string]bool{}
	for _, scope := range []string{"", `,"scope":"flow"`} {
		r, err := ParseRing(fmt.Sprintf(text, secret('a'), scope))
		if err != nil {
			t.Fatal(err)
		}
		fingerprints[r.Fingerprints()] = true
		for _, flow := range []string{"v1", "v2", "v1"} {
			persons[NewMasker(r, flow).person("2026-05-31", "u-1")] = true
		}
	}
	if len(persons) != 3 || len(fingerprints) != 2 {
		t.Errorf("%d pseudonyms and %d fingerprints", len(persons), len(fingerprints))
	}
	mac := hmac.New(sha256.New, []byte(strings.Repeat("a", KeySize)))
	mac.Write([]byte("2026-05-31\x00u-1"))
	if want := event.Person(mac.Sum(nil)[:16]); !persons[want] {
		t.Error("a key without a scope gives another pseudonym than before")
	}
	if _, err := ParseRing(fmt.Sprintf(text, secret('a'), `,"scope":"stack"`)); err == nil || !strings.Contains(err.Error(), "key 0: scope") {
		t.Errorf("got %v", err)
	}
}

func TestParseRingNamesEveryFault(t *testing.T) {
	k := func(id, from, key string) string { return fmt.Sprintf(`{"id":%q,"from":%q,"key":%q}`, id, from, key) }
	tests := map[string]struct {
		text string
		want []string
	}{
		"no JSON":  {secret('x'), []string{"not a JSON list"}},
		"unknown":  {`[{"id":"k","from":"2026-01-01","secret":"` + secret('x') + `"}]`, []string{"not a JSON list"}},
		"trailing": {"[]" + secret('x'), []string{"not a JSON list"}},
		"empty":    {"[]", []string{"empty"}},
		"all": {
			"[" + k("", "2026-13-01", "c2hvcnQ=") + "," + k("a", "2026-01-01", secret('x')) + "," + k("a", "2026-01-01", secret('y')+"!") + "]",
			[]string{"key 0: id", "key 0: from", "key 0: key", "key 2: key", "keys 1 and 2 have the same id", "keys 1 and 2 start"},
		},
	}
	for name, tt := range tests {
		_, err := ParseRing(tt.text)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, err, want)
			}
		}
		if strings.Contains(err.Error(), secret('x')[:8]) || strings.Contains(err.Error(), "c2hv") {
			t.Errorf("%s: %q gives a key away", name, err)
		}
	}
}

func BenchmarkMask(b *testing.B) {
	m := NewMasker(ring(b, "2026-01-01"), "v1")
	d := decoded(b, personal("u-4661927f222a92655499c4fda884a14d", "2026-05-31T23:59:59Z"))
	b.ReportAllocs()
	for b.Loop() {
		m.Mask(d)
	}
}
