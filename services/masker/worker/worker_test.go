package worker

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/services/masker/mask"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/service"
)

const key = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="

func run(t *testing.T, env map[string]string) error {
	t.Helper()
	return Run(t.Context(), service.NewProcess("masker", func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}, io.Discard), nil)
}

// TestRunNamesEveryFault, and never a key.
func TestRunNamesEveryFault(t *testing.T) {
	for name, tt := range map[string]struct {
		keys string
		want string
	}{
		"missing":  {"", "MASKING_KEYS is missing"},
		"no ring":  {key, "MASKING_KEYS is no key ring"},
		"two days": {`[{"id":"a","from":"2026-01-01","key":"` + key + `"},{"id":"b","from":"2026-01-01","key":"` + key + `"}]`, "start on the same day"},
	} {
		env := map[string]string{}
		if tt.keys != "" {
			env["MASKING_KEYS"] = tt.keys
		}
		err := run(t, env)
		var bad *service.SettingsError
		if !errors.As(err, &bad) {
			t.Fatalf("%s: got %v", name, err)
		}
		for _, want := range []string{tt.want, "INPUT_QUEUE_URL is missing", "OUTPUT_QUEUE_URL is missing", "QUARANTINE_BUCKET is missing"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, err, want)
			}
		}
		if strings.Contains(err.Error(), key[:12]) || strings.Count(err.Error(), "MASKING_KEYS") != 1 {
			t.Errorf("%s: %q gives the key away, or names it twice", name, err)
		}
	}
}

func TestTransform(t *testing.T) {
	ring, err := mask.ParseRing(`[{"id":"a","from":"2026-01-01","key":"` + key + `"}]`)
	if err != nil {
		t.Fatal(err)
	}
	d := event.NewDecoder()
	d.Reset(`{"schema_version":1,"event_id":"7e1ed93c-9487-478d-889f-b12f48b14a6a","occurred_at":"2026-03-01T05:01:57.5Z",` +
		`"user":{"id":"u-1","birth_date":"1988-03-02","gender":"undisclosed"},"position":{"latitude":1.5,"longitude":-2},"consent":{"analytics":true}}`)
	if !d.Next() || d.Check(event.Arrival{At: 1 << 50}) != (event.Fault{}) {
		t.Fatal("not valid")
	}
	masked, err := event.DecodeMasked(string(transform(mask.NewMasker(ring, "v1"))(nil, d)), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := masked[0]
	got.Person = event.Person{}
	band, _ := event.ParseAgeBand("35-44") // 37 until the next day
	if want := (event.Masked{OccurredAt: 1772341317500, Latitude: 1.5, Longitude: -2, Gender: event.Undisclosed, AgeBand: band}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
