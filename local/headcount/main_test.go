package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/simulate"
	"github.com/headcount-etl/headcount/local/headcount/sample"
)

// headcount runs a command as a person would, and gives what it printed.
func headcount(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = execute(t.Context(), streams{strings.NewReader(stdin), &out, &err}, args)
	return code, out.String(), err.String()
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const events = `{"schema_version":1,"event_id":"7e1ed93c-9487-478d-889f-b12f48b14a6a","occurred_at":"2026-03-01T05:01:57Z","user":{"id":"u-1","birth_date":"1988-01-10","gender":"male"},"position":{"latitude":48.8606,"longitude":2.3376},"consent":{"analytics":true}}
{"schema_version":1,"event_id":"7e1ed93c-9487-478d-889f-b12f48b14a6a","occurred_at":"2026-03-01T05:02:57Z","user":{"id":"u-2","birth_date":"1988-01-10","gender":"female"},"position":{"latitude":48.8606,"longitude":2.3376},"consent":{"analytics":false}}
nonsense ` + "\xff" + `
{"schema_version":1,"user":{}}
`

// TestRunAndQuery is a first session: simulate is not needed for it.
func TestRunAndQuery(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
	for range 2 { // the same file twice gives the same headcounts
		code, out, stderr := headcount(t, events, "run", "--events", "-", "--pois", pois, "--data", dir)
		if code != 0 {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		lines := strings.Split(strings.TrimSpace(out), "\n")
		var got map[string]any
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
			t.Fatal(err)
		}
		delete(got, "seconds")
		delete(got, "events_per_second")
		want := map[string]any{
			"flow": "v1", "published": 4., "valid": 1., "aggregated": 1., "lake": 2., "unconverted": 1., "cells": 1.,
			"rejected": map[string]any{"malformed_json": 1., "missing_field": 1., "no_consent": 1.},
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
		if !strings.Contains(stderr, "the balance closes") {
			t.Errorf("stderr: %s", stderr)
		}
	}
	code, out, stderr := headcount(t, "", "query", "--data", dir, "--format", "csv", "SELECT poi_id, gender, age_band, people FROM headcounts")
	if want := "poi_id,gender,age_band,people\nlouvre,male,35-44,1\n"; code != 0 || out != want {
		t.Errorf("exit %d, got %q, want %q; %s", code, out, want, stderr)
	}
	for _, text := range []string{"-- busiest\nSELECT count(*) AS n FROM headcounts", "--busiest\n/* places */ FROM headcounts SELECT count(*) AS n -- all", "-- a\n-- b\n\nSELECT count(*) AS n FROM headcounts;\n"} {
		if code, out, stderr := headcount(t, "", "query", "--data", dir, "--format", "csv", text); code != 0 || out != "n\n1\n" {
			t.Errorf("%s: exit %d, got %q; %s", text, code, out, stderr)
		}
	}
	for days, want := range map[string]string{"1": "n\n0\n", "0": "n\n1\n"} { // the event is long past
		if code, out, stderr = headcount(t, "", "query", "--data", dir, "--days", days, "--format", "csv", "SELECT count(*) AS n FROM published_headcounts"); code != 0 || out != want || strings.Contains(stderr, "--days 0 shows all") != (days == "1") {
			t.Errorf("%s days: exit %d, got %q, want %q; %s", days, code, out, want, stderr)
		}
	}
	code, out, _ = headcount(t, "", "query", "--data", dir, "--format", "csv", "SELECT category, count(*) FROM quarantine GROUP BY 1 ORDER BY 1")
	if want := "category,count_star()\nmalformed_json,2\nmissing_field,2\n"; code != 0 || out != want {
		t.Errorf("exit %d, got %q, want %q", code, out, want)
	}
	// The flow keeps its places, and says from when on it has others.
	other := write(t, "poi_id,name,latitude,longitude\norsay,Orsay,48.86,2.3266\n")
	code, _, stderr = headcount(t, events, "run", "--events", "-", "--pois", other, "--data", dir)
	if code != 0 || strings.Count(stderr, "headcount: flow v1 was there before") != 1 || !strings.Contains(stderr, "the first is louvre") || !strings.Contains(stderr, "the first is orsay") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	// A place elsewhere needs another flow.
	moved := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.9,2.3376\n")
	code, _, stderr = headcount(t, events, "run", "--events", "-", "--pois", moved, "--data", dir)
	if code != exitInput || !strings.Contains(stderr, "place louvre was") || !strings.Contains(stderr, "another flow (--flow)") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit %d: %s", code, stderr)
	}
	near := write(t, "poi_id,name,latitude,longitude\norsay,Orsay,48.86,2.3266\nlouvre,Louvre,48.8606,2.3376\n")
	if code, _, stderr = headcount(t, events, "run", "--events", "-", "--pois", near, "--data", dir, "--flow", "v2"); code != 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// TestMistakes: each is answered by one line that says how to mend it.
func TestMistakes(t *testing.T) {
	file := write(t, events)
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
	bad := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,98.8606,2.3376\nlouvre,,48,x\n")
	dir := t.TempDir()
	fill(t, dir, "buckets/empty")
	held := t.TempDir()
	equals := filepath.Join(t.TempDir(), "a=b")
	if err := os.Mkdir(equals, 0o750); err != nil {
		t.Fatal(err)
	}
	run := func(more ...string) []string {
		return append([]string{"run", "--events", file, "--pois", pois, "--data", dir}, more...)
	}
	for name, tt := range map[string]struct {
		args []string
		want []string
	}{
		"no such command":    {[]string{"rnu"}, []string{`unexpected argument rnu, did you mean "run"?`, "headcount --help"}},
		"help on no command": {[]string{"help", "previw"}, []string{`did you mean "preview"?`}},
		"a number with unit": {run("--radius", "200m"), []string{"--radius: expected a float"}},
		"an instant":         {[]string{"simulate", "--start", "yesterday"}, []string{"yesterday", "--start 2026-01-12T07:00:00Z"}},
		"a number in words":  {run("--min-people", "two"), []string{`"two"`, "want it as in --min-people 1"}},
		"SQL without quotes": {[]string{"query", "--data", dir, "SELECT", "1"}, []string{"2 arguments", "put the SQL in quotes"}},
		"no flag":            {run("more"), []string{"unexpected argument more"}},
		"no data":            {[]string{"query", "--data", held, "SELECT 1"}, []string{"--data " + held, "no data of headcount", "demo"}},
		"no such flag":       {run("--radios", "5"), []string{"--radios", `did you mean "--radius"?`, "headcount run --help"}},
		"flags missing":      {[]string{"run", "--data", dir}, []string{"missing flags: --events=FILE, --pois=FILE"}},
		"values":             {run("--window", "7m", "--radius", "-1", "--min-people", "0", "--per-message", "0"), []string{"--window 7m", "divide a day", "--radius -1", "--min-people 0", "--per-message 0"}},
		"days":               {[]string{"query", "--data", dir, "--days", "-1", "SELECT 1"}, []string{"--days: expected", "-1"}},
		"no duration":        {run("--window", "5"), []string{"--window", "missing unit in duration"}},
		"flow":               {run("--flow", "V 1"), []string{"--flow", "a-z"}},
		"no events file":     {[]string{"run", "--events", "nowhere", "--pois", pois, "--data", dir}, []string{"--events nowhere", "no such file"}},
		"events is a folder": {[]string{"run", "--events", dir, "--pois", pois, "--data", dir}, []string{"is a folder"}},
		"places":             {[]string{"run", "--events", file, "--pois", bad, "--data", dir}, []string{"--pois", "line 2", "latitude", "line 3", "longitude"}},
		"data is a file":     {[]string{"run", "--events", file, "--pois", pois, "--data", file}, []string{"--data", "is a file"}},
		"data with =":        {[]string{"run", "--events", file, "--pois", pois, "--data", "a=b"}, []string{"--data a=b"}},
		"data with \\":       {run("--data", `a\b`), []string{`--data a\b`, "a backslash"}},
		"demo with =":        {[]string{"demo", "--data", "a=b"}, []string{"--data a=b", "an equals sign"}},
		"cloud with =":       {[]string{"cloud", "--data", "a=b", "--listen", "127.0.0.1:0"}, []string{"--data a=b", "an equals sign"}},
		"query with =":       {[]string{"query", "--data", equals, "SELECT 1"}, []string{"--data " + equals, "an equals sign"}},
		"preview with =":     {[]string{"preview", "--definition", file, "--data", equals, "--listen", "127.0.0.1:0"}, []string{"--data " + equals, "an equals sign"}},
		"no such function":   {[]string{"query", "--data", dir, "SELECT nothing(1)"}, []string{"nothing"}},
		"two questions":      {[]string{"query", "--data", dir, "SELECT 1; SELECT 2"}, []string{"several SQL statements"}},
		"no SQL at all":      {[]string{"query", "--data", dir, "SELEC 1"}, []string{"syntax error"}},
		"no SQL":             {[]string{"query", "--data", dir}, []string{"the SQL is missing"}},
		"wrong SQL":          {[]string{"query", "--data", dir, "SELECT nothing"}, []string{"nothing"}},
		"no data folder":     {[]string{"query", "--data", filepath.Join(dir, "none"), "SELECT 1"}, []string{"none"}},
		"only a comment":     {[]string{"query", "--data", dir, "-- SELECT 1"}, []string{"no SQL statement"}},
		"no question":        {[]string{"query", "--data", dir, "CREATE TABLE t (a INT)"}, []string{"only questions"}},
		"another file":       {[]string{"query", "--data", dir, "FROM '" + file + "'"}, []string{"no table"}},
		"format":             {[]string{"query", "--data", dir, "--format", "xml", "SELECT 1"}, []string{"xml", "table", "json", "csv"}},
		"people":             {[]string{"simulate", "--people", "-1", "--faults", "2"}, []string{"headcount: --people is -1", "; --faults is 2"}},
		"listen":             {[]string{"cloud", "--data", held, "--listen", "0.0.0.0:0"}, []string{"0.0.0.0", "127.0.0.1"}},
		"no definition":      {[]string{"preview", "--definition", "nowhere.json", "--data", dir}, []string{"nowhere.json", "no such file"}},
		"nothing to show":    {[]string{"preview", "--definition", file}, []string{"--data data", "no such file"}},
		"no data set":        {[]string{"preview", "--definition", file, "--dataset", "x"}, []string{"--dataset", "<key>=<value>"}},
		"a file of rows":     {[]string{"preview", "--definition", file, "--dataset", "x=" + file}, []string{"--dataset", "SELECT * FROM '" + file + "'"}},
		"preview for all":    {[]string{"preview", "--definition", file, "--data", dir, "--listen", "0.0.0.0:0"}, []string{"0.0.0.0", "127.0.0.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, stderr := headcount(t, "", tt.args...)
			if code != exitInput || out != "" || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit %d, stdout %q, stderr %q: want %d and one line", code, out, stderr, exitInput)
			}
			for _, want := range tt.want {
				if !strings.Contains(strings.ToLower(stderr), strings.ToLower(want)) {
					t.Errorf("%q does not say %q", stderr, want)
				}
			}
		})
	}
}

// TestRadiusOnce: a bad radius is one fault, not one of each place.
func TestRadiusOnce(t *testing.T) {
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\norsay,Orsay,x,2.3266\n")
	code, _, stderr := headcount(t, events, "run", "--events", "-", "--pois", pois, "--data", t.TempDir(), "--radius", "-5")
	if code != exitInput || strings.Count(stderr, "-5") != 1 || !strings.Contains(stderr, `"x" is not a number`) {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// TestHelp: every command has examples, on stdout, that the parser accepts.
func TestHelp(t *testing.T) {
	code, none, all := headcount(t, "")
	if code != exitInput || none != "" {
		t.Errorf("without a command: exit %d, %s", code, none)
	}
	for _, args := range [][]string{{"--help"}, {"-h"}, {"help"}} {
		if code, out, _ := headcount(t, "", args...); code != 0 || out != all {
			t.Errorf("%v: exit %d, %s", args, code, out)
		}
	}
	for _, name := range []string{"run", "demo", "query", "preview", "simulate", "publish", "smoke", "cloud", "cost"} {
		if !strings.Contains(all, "\n  "+name+" ") {
			t.Errorf("the help does not name %s: %s", name, all)
		}
		code, out, _ := headcount(t, "", name, "-h")
		if code2, again, _ := headcount(t, "", "help", name); code != 0 || code2 != 0 || again != out {
			t.Errorf("exit %d, %d: %s", code, code2, again)
		}
		if !strings.Contains(out, "    headcount "+name) {
			t.Errorf("no example of %s: %s", name, out)
		}
		for _, line := range strings.Split(out, "\n") {
			for _, example := range strings.Split(strings.TrimPrefix(line, "    "), " | ") {
				if !strings.HasPrefix(line, "    ") || !strings.HasPrefix(example, "headcount ") {
					continue
				}
				if _, err := parse(streams{}, words(strings.TrimPrefix(example, "headcount "))); err != nil {
					t.Errorf("%s: %v", example, err)
				}
			}
		}
	}
	if _, out, _ := headcount(t, "", "query", "-h"); !strings.Contains(out, "(92)") {
		t.Error(out)
	}
	for _, args := range []string{"version", "--version"} {
		if code, out, _ := headcount(t, "", args); code != 0 || !strings.HasPrefix(out, "headcount of ") || !strings.HasSuffix(out, ", "+runtime.Version()+"\n") {
			t.Errorf("exit %d: %s", code, out)
		}
	}
}

// words splits an example as a shell does, without what goes into a file.
func words(line string) (all []string) {
	line, _, _ = strings.Cut(line, " > ")
	var word strings.Builder
	quoted, begun := false, false
	for _, c := range line + " " {
		switch {
		case c == '"':
			quoted, begun = !quoted, true
		case c != ' ' || quoted:
			begun = true
			word.WriteRune(c)
		case begun:
			all, begun = append(all, word.String()), false
			word.Reset()
		}
	}
	return all
}

func TestVersion(t *testing.T) {
	for want, settings := range map[string][]debug.BuildSetting{
		"headcount of an unknown commit, go1.26.0":        nil,
		"headcount of commit 4c40, go1.26.0":              {{Key: "vcs.revision", Value: "4c40"}, {Key: "vcs.modified", Value: "false"}},
		"headcount of commit 4c40 with changes, go1.26.0": {{Key: "vcs.revision", Value: "4c40"}, {Key: "vcs.modified", Value: "true"}},
	} {
		if got := version(&debug.BuildInfo{GoVersion: "go1.26.0", Settings: settings}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestFlagsAnywhere: flags may stand after the argument too, but not after --.
func TestFlagsAnywhere(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, "buckets/empty")
	for _, args := range [][]string{
		{"query", "SELECT 1 AS n", "--data", dir, "--format", "csv"},
		{"query", "--format", "csv", "SELECT 1 AS n", "--data", dir},
		{"query", "--format", "csv", "--data", dir, "--", "SELECT 1 AS n"},
	} {
		if code, out, stderr := headcount(t, "", args...); code != 0 || out != "n\n1\n" {
			t.Errorf("%v: exit %d, %q, %s", args, code, out, stderr)
		}
	}
	if code, _, stderr := headcount(t, "", "query", "--data", dir, "--", "SELECT 1", "--format"); code != exitInput || !strings.Contains(stderr, "2 arguments") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

func TestSimulateIsRepeatable(t *testing.T) {
	args := []string{"simulate", "--people", "20", "--minutes", "3", "--seed", "5"}
	_, first, _ := headcount(t, "", args...)
	_, again, _ := headcount(t, "", args...)
	_, other, _ := headcount(t, "", append(slices.Clone(args[:6]), "6")...)
	if first == "" || first != again || first == other {
		t.Errorf("%d bytes, the same again: %v, the same with another seed: %v", len(first), first == again, first == other)
	}
}

// BenchmarkRun puts simulated events through the whole pipeline, the stand-in
// included.
func BenchmarkRun(b *testing.B) {
	city, err := simulate.New(simulate.Config{People: 2000, Minutes: 30, Seed: 1, Start: time.Now().UTC().Add(-time.Hour).Truncate(time.Hour), FaultShare: simulate.DefaultFaultShare, NoConsentShare: simulate.DefaultNoConsentShare})
	if err != nil {
		b.Fatal(err)
	}
	var input strings.Builder
	for sent := range city.Events(b.Context()) {
		input.Write(sent.Line)
		input.WriteByte('\n')
	}
	pois := filepath.Join(b.TempDir(), "places.csv")
	if err := os.WriteFile(pois, []byte(sample.Places), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, perMessage := range []string{"1", "100"} {
		b.Run("per-message-"+perMessage, func(b *testing.B) {
			rate := 0.
			for b.Loop() {
				var out, stderr bytes.Buffer
				if code := execute(b.Context(), streams{strings.NewReader(input.String()), &out, &stderr},
					[]string{"run", "--events", "-", "--pois", pois, "--data", b.TempDir(), "--per-message", perMessage}); code != 0 {
					b.Fatal(stderr.String())
				}
				var balance struct {
					Rate float64 `json:"events_per_second"`
				}
				if err := json.Unmarshal(out.Bytes(), &balance); err != nil {
					b.Fatal(err)
				}
				rate += balance.Rate
			}
			b.ReportMetric(rate/float64(b.N), "events/s")
		})
	}
}
