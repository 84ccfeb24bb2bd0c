package event

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestParseInstantEqualsTime holds the parser against the standard library,
// which accepts more than the contract but agrees where both accept.
func TestParseInstantEqualsTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-6]\d:[0-6]\d(\.\d{0,10})?Z`).Draw(t, "s")
		_, ms, after, ok := parseInstant(s)
		want, err := time.Parse("2006-01-02T15:04:05Z", s)
		if tooFine := len(s) > len("2006-01-02T15:04:05.123456789Z"); ok != (err == nil && !tooFine) {
			t.Fatalf("%s: ok %v, time.Parse: %v", s, ok, err)
		}
		if ok && (ms != want.UnixMilli() || after != (want.Nanosecond()%1e6 != 0)) {
			t.Fatalf("%s: %d %v, want %d", s, ms, after, want.UnixMilli())
		}
	})
}

func TestAgeAt(t *testing.T) {
	for _, tt := range []struct {
		birth, day string
		want       int
	}{
		{"2000-02-29", "2018-02-28", 17},
		{"2000-02-29", "2018-03-01", 18},
		{"2000-02-29", "2020-02-29", 20},
		{"1999-12-31", "2000-01-01", 0},
		{"2000-01-01", "1999-12-31", -1},
		{"2000-05-05", "2001-05-05", 1},
	} {
		birth, ok1 := parseDate(tt.birth)
		day, ok2 := parseDate(tt.day)
		if got := ageAt(birth, day); !ok1 || !ok2 || got != tt.want {
			t.Errorf("age at %s of someone born on %s: %d, want %d", tt.day, tt.birth, got, tt.want)
		}
	}
}

func TestAgeBandOf(t *testing.T) {
	for age, want := range map[int]string{0: "0-17", 17: "0-17", 18: "18-24", 24: "18-24", 25: "25-34", 34: "25-34", 35: "35-44", 45: "45-54", 55: "55-64", 64: "55-64", 65: "65+", 120: "65+"} {
		if got := AgeBandOf(age).String(); got != want {
			t.Errorf("%d: %s, want %s", age, got, want)
		}
	}
}
