package main

import (
	"strings"
	"testing"
)

// TestNotes: an answer without rows says why, where the question or the folder
// shows it.
func TestNotes(t *testing.T) {
	dir := t.TempDir()
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
	if code, _, stderr := headcount(t, events, "run", "--events", "-", "--pois", pois, "--data", dir); code != exitDone {
		t.Fatal(stderr)
	}
	for sql, want := range map[string]string{
		"SELECT poi_id FROM headcounts WHERE day = 1":                        "no row has day = 1: write two digits, as in day = '01'",
		"SELECT poi_id FROM headcounts WHERE year = '2026' AND month='3'":    "no row has month='3'",
		"SELECT poi_id FROM headcounts WHERE day = '01' AND month = '12'":    "",
		"SELECT poi_id FROM published_headcounts WHERE month = '01' LIMIT 1": "--days 0 shows all days",
	} {
		code, _, stderr := headcount(t, "", "query", "--data", dir, sql)
		if code != exitDone || want == "" && stderr != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %q, want %q", sql, code, stderr, want)
		}
	}
	for folder, want := range map[string]string{dir: "--days 0 shows all", t.TempDir(): "the folder holds no data of headcount"} {
		if got := ownViews(folder)["events"].Narrow; !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
