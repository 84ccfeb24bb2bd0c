package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// TestNothingUseful: where nothing of the input counts, the exit code is 2 and
// stderr names the reason, without a value of the input; the balance is printed
// all the same.
func TestNothingUseful(t *testing.T) {
	good := strings.SplitAfter(events, "\n")[0]
	swapped := strings.NewReplacer(`"latitude":48.8606`, `"latitude":2.3376`, `"longitude":2.3376`, `"longitude":48.8606`).Replace(good)
	var pretty, zipped bytes.Buffer
	if err := json.Indent(&pretty, []byte(good), "", "  "); err != nil {
		t.Fatal(err)
	}
	zip := gzip.NewWriter(&zipped)
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		input string
		says  []string
	}{
		"swapped coordinates": {strings.Repeat(swapped, 1200), []string{"0 of 1,200 valid events near any place", "latitude and longitude swapped"}},
		"an empty file":       {"", []string{"holds no events"}},
		"an empty gzip file":  {zipped.String(), []string{"holds no events"}},
		"white space":         {"\n \n", []string{"holds no events"}},
		"an array":            {"[" + strings.TrimSpace(good) + "]\n", []string{"all 1 events were rejected", "1  malformed_json", "first in line 1", "JSON array", "jq -c '.[]' FILE"}},
		"pretty-printed":      {pretty.String(), []string{"malformed_json", "first in line 1", "jq -c . FILE"}},
		"CSV":                 {"event_id,occurred_at\nx7e1ed93c,2026-03-01\n", []string{"2  malformed_json", "looks like CSV"}},
		"CSV with semicolons": {"event_id;occurred_at\nx7e1ed93c;2026-03-01\n", []string{"looks like CSV"}},
		"UTF-16":              {"\xff\xfe{\x00}\x00", []string{"UTF-16", "iconv"}},
		"all rejected": {
			strings.Replace(good, `"male"`, `"zqsecret"`, 1) + "\n" + strings.Replace(good, "true", "false", 1) + strings.Replace(good, `"u-1"`, "77", 1),
			[]string{
				"all 3 events were rejected", "1  invalid_value  user.gender        not one of female, male, other, undisclosed, first in line 1",
				"1  no_consent     consent.analytics  the user has not consented to analytics, first in line 3",
				"1  wrong_type     user.id            not a string, first in line 4",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
			code, out, stderr := headcount(t, tt.input, "run", "--events", "-", "--pois", pois, "--data", filepath.Join(t.TempDir(), "new"))
			if code != exitInput || !strings.HasPrefix(out, `{"published":`) {
				t.Errorf("exit %d, stdout %q", code, out)
			}
			for _, want := range tt.says {
				if !strings.Contains(stderr, want) {
					t.Errorf("it does not say %q:\n%s", want, stderr)
				}
			}
			if strings.Contains(stderr, "zqsecret") || strings.Contains(stderr, "7e1ed93c") {
				t.Errorf("it quotes a value:\n%s", stderr)
			}
		})
	}
}

// TestArrayOverLines: an array with an event on each line is counted, but for its
// brackets and commas, and the hint is there although the run is a good one.
func TestArrayOverLines(t *testing.T) {
	good := strings.SplitAfter(events, "\n")[0]
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
	code, _, stderr := headcount(t, "[\n"+strings.TrimSpace(good)+",\n"+good+"]\n", "run", "--events", "-", "--pois", pois, "--data", t.TempDir())
	for _, want := range []string{"2  kept the contract", "3  malformed_json", "JSON array", "2 near a place, so counted; 0 near none"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("it does not say %q:\n%s", want, stderr)
		}
	}
	if code != exitDone {
		t.Errorf("exit %d", code)
	}
}
