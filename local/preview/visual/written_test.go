package visual

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

func TestWritten(t *testing.T) {
	at := time.Date(2024, 3, 5, 14, 7, 9, 120e6, time.UTC)
	for _, c := range []struct {
		v    any
		f    Format
		want string
	}{
		{"x", Format{}, "x"},
		{true, Format{Type: "text"}, "true"},
		{int64(1234567), plainNumber, "1,234,567"},
		{int64(1234567), Format{Type: "text"}, "1234567"},
		{1e300, Format{Type: "text", Decimals: -1}, "1" + strings.Repeat("0", 300)},
		{1e-300, plainNumber, "0." + strings.Repeat("0", 299) + "1"},
		{int64(123), plainNumber, "123"},
		{1234.567, plainNumber, "1,234.57"},
		{1234.567, Format{Type: "number", Decimals: 0}, "1235"},
		{int64(5), Format{Type: "number", Decimals: 1}, "5.0"},
		{0.256, Format{Type: "percent", Decimals: 1}, "25.6%"},
		{int64(1), Format{Type: "percent", Decimals: -1}, "100%"},
		{2.5e6, Format{Type: "number", Prefix: "€", Decimals: 2, Scale: "AUTO"}, "€2.50M"},
		{2.5, Format{Type: "number", Decimals: 0, Prefix: "≈SEK\u00a0", Suffix: "!"}, "≈SEK\u00a03!"},
		{int64(1500), Format{Type: "number", Decimals: -1, Scale: "THOUSANDS"}, "1.5K"},
		{int64(999), Format{Type: "number", Decimals: -1, Scale: "AUTO"}, "999"},
		{int64(999), Format{Type: "number", Decimals: -1, Scale: "NONE"}, "999"},
		{at, Format{Grain: "YEAR"}, "2024"},
		{at, Format{Grain: "QUARTER"}, "Q1 2024"},
		{at, Format{Grain: "MONTH"}, "Mar 2024"},
		{at, Format{Grain: "DAY"}, "Mar 5, 2024"},
		{at, Format{Grain: "MILLISECOND"}, "Mar 5, 2024 14:07:09.120"},
		{at, Format{}, "Mar 5, 2024 14:07:09"},
		{at, Format{Pattern: "yyyy-MM-dd'T'HH:mm:ss[Z]"}, "2024-03-05T14:07:09Z"},
		{at, Format{Pattern: "YYYY-MM-DD"}, "2024-03-05"},
		{at, Format{Pattern: "MMMM D, YY h:mm A"}, "March 5, 24 2:07 PM"},
		{at, Format{Pattern: "EEEE E dddd ddd M/d hh a"}, "Tuesday Tue Tuesday Tue 3/5 02 pm"},
		{at, Format{Pattern: "'open EEEEEEE MMMMMMMM SSSSSSSSSSSSS"}, "'open EEEEEEE MMMMMMMM 120000000"},
		{at, Format{Pattern: "Do w DDD dd"}, "Do w DDD dd"},
		{at.Truncate(time.Minute), Format{}, "Mar 5, 2024 14:07"},
		{at.Truncate(24 * time.Hour), Format{}, "Mar 5, 2024"},
		{time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Format{Pattern: "h H Q"}, "12 0 1"},
		{time.Date(2024, 12, 1, 12, 0, 0, 0, time.UTC), Format{Pattern: "h Q"}, "12 4"},
	} {
		if got := written(c.v, c.f); got != c.want {
			t.Errorf("%v by %+v: %q, want %q", c.v, c.f, got, c.want)
		}
	}
}

// TestFormat writes the values of testdata/format.json by their formats.
func TestFormat(t *testing.T) {
	text, err := os.ReadFile("testdata/format.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Want string
		Value      json.RawMessage
		Format     Format
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		var (
			whole int64
			at    time.Time
			v     any
		)
		switch {
		case c.Format.Type == "date" && json.Unmarshal(c.Value, &at) == nil:
			v = at
		case string(c.Value) != "null" && json.Unmarshal(c.Value, &whole) == nil:
			v = whole
		default:
			if err := json.Unmarshal(c.Value, &v); err != nil {
				t.Fatal(err)
			}
		}
		if got := written(v, c.Format); got != c.Want {
			t.Errorf("%s: %q, want %q", c.Name, got, c.Want)
		}
	}
}

func FuzzInstant(f *testing.F) {
	f.Add("yyyy-MM-dd'T'HH:mm", int64(0))
	f.Add("['", int64(1e9))
	f.Fuzz(func(_ *testing.T, pattern string, seconds int64) {
		instant(time.Unix(seconds, 0).UTC(), Format{Pattern: pattern})
	})
}
