package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
)

// quarantined is a line of the quarantine.
type quarantined struct {
	Category  event.Category
	Field     string
	MessageID string `json:"message_id"`
	Index     int
	Stage     string
	Payload   []byte // base64 in the line
}

// quarantineOf reads all lines of a data folder's quarantine.
func quarantineOf(t testing.TB, dir string) (lines []quarantined) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "buckets/headcount-quarantine/quarantine/*/*/*/*/*.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		zip, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		for dec := json.NewDecoder(zip); ; {
			var line quarantined
			if err := dec.Decode(&line); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// TestConsentDecidesWhatIsKept: the quarantine keeps an event's payload only
// where the event or its message says yes and neither says no; a message that
// says no is not in the lake either; a replay leaves nothing.
func TestConsentDecidesWhatIsKept(t *testing.T) {
	t.Parallel()
	// The keys are what the event itself says, by which of its faults is looked at.
	events := map[string]func(id string) string{
		"yes":        func(id string) string { return personal(id, `"female"`, `"x"`) },
		"no":         func(id string) string { return personal(id, `"analytics":true`, `"analytics":false`) },
		"nothing":    func(id string) string { return personal(id, `,"consent":{"analytics":true}`, "") },
		"null":       func(id string) string { return personal(id, `"analytics":true`, `"analytics":null`) },
		"wrong type": func(id string) string { return personal(id, `"analytics":true`, `"analytics":"true"`) },
		"unreadable": func(id string) string { return personal(id)[:300] },
		"yes and no": func(id string) string { return personal(id, `"analytics":true`, `"analytics":true,"analytics":false`) },
		"no, but of another version": func(id string) string {
			return personal(id, `"analytics":true`, `"analytics":false`, `"schema_version":1`, `"schema_version":7`)
		},
	}
	kept := map[string]bool{
		"yes/analytics": true, "yes/": true, "nothing/analytics": true, "null/analytics": true, "wrong type/analytics": true,
		"unreadable/analytics": true,
	}
	dir := t.TempDir()
	p, _, stop := start(t, dir, options{pois: samplePlacesWithRadius(t), window: 5 * time.Minute, minPeople: 1, perMessage: 1})
	var want []string
	var gone, notInLake []needle
	lines, published := 0, int64(0)
	for own, make := range events {
		for _, message := range []string{"analytics", "none", ""} {
			for _, replay := range []bool{false, true} {
				id := fmt.Sprintf("zqcase%03dx", published)
				published++
				attributes := map[string]string{}
				if message != "" {
					attributes[pack.AttributeConsent] = message
				}
				if replay {
					attributes[pack.AttributeReplay], attributes[pack.AttributeReceivedAt] = "true", "1780228805000"
				}
				publishAs(t, p.Flows[0].Resources, make(id), attributes)
				if !replay && own != "no" {
					lines++
				}
				if !replay && kept[own+"/"+message] {
					want = append(want, make(id))
				} else {
					gone = append(gone, text(fmt.Sprintf("event %q, message %q, replay %v", own, message, replay), id))
				}
				if message == "none" {
					notInLake = append(notInLake, gone[len(gone)-1])
				}
			}
		}
	}
	if err := p.Settle(t.Context(), published); err != nil {
		t.Fatal(err)
	}
	stop()

	var got []string
	all := quarantineOf(t, dir)
	for _, line := range all {
		if len(line.Payload) > 0 {
			got = append(got, string(line.Payload))
		}
		if line.MessageID == "" || line.Category == "" || line.Stage != "validator" {
			t.Errorf("a line says too little: %+v", line)
		}
	}
	if len(all) != lines {
		t.Errorf("%d lines, want %d", len(all), lines)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("payloads are kept:\n%q\nwant\n%q", got, want)
	}
	lake := 0
	newOpener(t).files(filepath.Join(dir, "buckets"), func(name string, content []byte) {
		needles := gone
		if strings.HasPrefix(name, "headcount-lake/") {
			lake++
			needles = notInLake
		}
		if names := found(content, needles); names != nil {
			t.Errorf("%s holds %v", name, names)
		}
	})
	if lake == 0 {
		t.Error("nothing is in the lake")
	}
}
