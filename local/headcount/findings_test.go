package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
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
	var zipped bytes.Buffer
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
		"all rejected": {
			strings.Replace(good, `"male"`, `"zqsecret"`, 1) + "\n" + strings.Replace(good, "true", "false", 1) + strings.Replace(good, `"u-1"`, "77", 1),
			[]string{
				"0 of 3 events are valid", "docs/event.schema.json", "1  invalid_value  user.gender        not one of female, male, other, undisclosed, first in line 1",
				"1  no_consent     consent.analytics  the user has not consented to analytics, first in line 3",
				"1  wrong_type     user.id            not a string, first in line 4",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
			code, out, stderr := headcount(t, tt.input, "run", "--events", "-", "--pois", pois, "--data", filepath.Join(t.TempDir(), "new"))
			if code != exitInput || !strings.HasPrefix(out, `{"flow":"v1","published":`) {
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

// TestNoLinesOfEvents: an input whose form shows that no line can be an event is
// refused before anything is made or published.
func TestNoLinesOfEvents(t *testing.T) {
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
	dir := filepath.Join(t.TempDir(), "new")
	input := "[" + strings.Repeat(strings.TrimSpace(strings.SplitAfter(events, "\n")[0])+",", 20_000) + "{}]\n"
	code, out, stderr := headcount(t, input, "run", "--events", "-", "--pois", pois, "--data", dir)
	if code != exitInput || out != "" || !strings.Contains(stderr, "--events -: it begins with a JSON array") || !strings.Contains(stderr, "jq -c '.[]' FILE") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit %d, %q, %q", code, out, stderr)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the data folder is made: %v", err)
	}
}

// TestTruncatedGzip: what could be read is counted, and the error says that the
// rest is not.
func TestTruncatedGzip(t *testing.T) {
	good := strings.SplitAfter(events, "\n")[0]
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, err := zip.Write([]byte(strings.Repeat(good, 3)))
	if err = errors.Join(err, zip.Flush()); err != nil { // and no Close: the end is missing
		t.Fatal(err)
	}
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
	file := write(t, zipped.String())
	code, out, stderr := headcount(t, "", "run", "--events", file, "--pois", pois, "--data", filepath.Join(t.TempDir(), "new"))
	if code != exitInput || !strings.HasPrefix(out, `{"flow":"v1","published":3,`) {
		t.Errorf("exit %d, stdout %q", code, out)
	}
	want := "headcount: --events " + file + ": it ends in the middle of its gzip data, in line 4: the balance has the 3 events before that, and not the rest\n"
	if !strings.HasSuffix(stderr, want) {
		t.Errorf("got %s\nwant at the end %s", stderr, want)
	}
}
