package worker

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/service"
)

// TestAsItCame: what is sent on is the event byte for byte, fields that the
// contract does not know included, and nothing of its neighbours.
func TestAsItCame(t *testing.T) {
	const first = `{ "x":[1, {"é":"\u00e9"}], "schema_version":1,"event_id":"7e1ed93c-9487-478d-889f-b12f48b14a6a","occurred_at":"2026-03-01T05:01:57Z",` +
		`"user":{"id":"u-1","birth_date":"1988-01-10","gender":"male"},"position":{"latitude":1.50,"longitude":-0},"consent":{"analytics":true}}`
	d := event.NewDecoder()
	d.Reset("oops\n" + first + `{"second":1}`)
	var sent []string
	for d.Next() {
		if d.Check(event.Arrival{At: time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC).UnixMilli()}) == (event.Fault{}) {
			sent = append(sent, string(asItCame([]byte("kept "), d)))
		}
	}
	if len(sent) != 1 || sent[0] != "kept "+first {
		t.Errorf("sent %q", sent)
	}
}

func TestRunNamesEveryFault(t *testing.T) {
	env := map[string]string{"OUTPUT_QUEUE_URL": "valid", "MAX_AGE": "-1h", "STOP_TIMEOUT": "soon", "LOG_LEVEL": "loud", "FLOW": "V 1"}
	p := service.NewProcess("validator", func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}, io.Discard)
	err := Run(t.Context(), p, nil)
	var bad *service.SettingsError
	if !errors.As(err, &bad) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"INPUT_QUEUE_URL is missing", `OUTPUT_QUEUE_URL is "valid"`, "QUARANTINE_BUCKET is missing", "MAX_AGE", "STOP_TIMEOUT", "LOG_LEVEL", "FLOW"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}
