package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
)

// fill writes files below a folder, each with its own name as its text.
func fill(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// in lists what is in a folder, but for the lock.
func in(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != pipeline.LockFile {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestFreshDemo: a demo deletes what an earlier one has made, and nothing else.
func TestFreshDemo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "demo")
	if err := freshDemo(dir); err != nil {
		t.Fatal(err)
	}
	marked := []string{demoMarker}
	if got := in(t, dir); !slices.Equal(got, marked) {
		t.Errorf("a new folder holds %v", got)
	}
	// A run makes all that a demo makes. What is somebody's own stays.
	fill(t, dir, "places.csv", "notes.txt")
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
	if code, _, stderr := headcount(t, events, "run", "--events", "-", "--pois", pois, "--data", dir); code != exitDone {
		t.Fatal(stderr)
	}
	if slices.Contains(in(t, dir), demoMarker) {
		t.Error("a run in a demo's folder is not safe from the next demo")
	}
	if err := freshDemo(dir); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), demoMarker) {
		t.Errorf("a folder with a run: %v", err)
	}
	if !slices.Contains(in(t, dir), "buckets") {
		t.Error("the run was deleted")
	}
	fill(t, dir, demoMarker)
	if err := freshDemo(dir); err != nil {
		t.Fatal(err)
	}
	if got := in(t, dir); !slices.Equal(got, append(marked, "notes.txt", "places.csv")) {
		t.Errorf("an earlier demo's folder holds %v", got)
	}
}

// TestForeignFolders: a demo deletes nothing where it has not made all there is.
func TestForeignFolders(t *testing.T) {
	for name, files := range map[string][]string{
		"a run": {"buckets/headcount-lake/data/x.parquet", "masking-keys.json", "logs/validator.log"}, "a project": {"main.go", "buckets/x"}, "logs": {"logs/x"},
	} {
		dir := t.TempDir()
		fill(t, dir, files...)
		before := in(t, dir)
		code, out, stderr := headcount(t, "", "demo", "--data", dir)
		if code != exitInput || out != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--data "+dir) {
			t.Errorf("%s: exit %d, %q, %q", name, code, out, stderr)
		}
		for _, made := range demoMakes {
			if strings.Contains(strings.ReplaceAll(stderr, dir, ""), made) != slices.Contains(before, made) {
				t.Errorf("%s: %q, want all that is in the way: %v", name, stderr, before)
			}
		}
		if got := in(t, dir); !slices.Equal(got, before) {
			t.Errorf("%s: it holds %v, want %v", name, got, before)
		}
	}
	if code, _, stderr := headcount(t, "", "demo", "--data", write(t, "x")); code != exitInput || !strings.Contains(stderr, "is a file") {
		t.Errorf("a file: exit %d, %q", code, stderr)
	}
	// What is no demo's business stays, in a folder that becomes a demo's.
	other := t.TempDir()
	fill(t, other, "notes.txt", "photos/1.jpg")
	for range 2 {
		if err := freshDemo(other); err != nil {
			t.Fatal(err)
		}
		if got := in(t, other); !slices.Equal(got, []string{demoMarker, "notes.txt", "photos"}) {
			t.Errorf("it holds %v", got)
		}
		fill(t, other, "buckets/x")
	}
	// One that is at work is not disturbed.
	dir := t.TempDir()
	if err := freshDemo(dir); err != nil {
		t.Fatal(err)
	}
	fill(t, dir, "buckets/x")
	unlock, err := pipeline.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if err := freshDemo(dir); err == nil || !strings.Contains(err.Error(), "in use") || !slices.Contains(in(t, dir), "buckets") {
		t.Errorf("a folder in use: %v; it holds %v", err, in(t, dir))
	}
}

// TestForeignFolder: masking keys do not get among somebody's files.
func TestForeignFolder(t *testing.T) {
	for name, tt := range map[string]struct {
		files []string
		bad   bool
	}{
		"new":                {nil, false},
		"ours":               {[]string{"buckets/a", "notes.txt"}, false},
		"of a demo":          {[]string{demoMarker, "notes.txt"}, false},
		"folders beside it":  {[]string{"one/buckets/a"}, false},
		"only the lock":      {[]string{pipeline.LockFile}, false},
		"somebody's":         {[]string{"README.md", "docs/a.md"}, true},
		"somebody's, hidden": {[]string{".profile"}, true},
	} {
		dir := t.TempDir()
		fill(t, dir, tt.files...)
		if err := checkForeign(dir); (err != nil) != tt.bad || tt.bad && !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := checkForeign(filepath.Join(t.TempDir(), "missing")); err != nil {
		t.Error(err)
	}
}
