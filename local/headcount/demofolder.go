package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/preview/sql"
)

const (
	// demoMarker is the file by which a folder is known to be a demo's own: only
	// then may the next demo delete what is there.
	demoMarker = ".headcount-demo"
	markerText = "headcount demo made this folder and deletes what it has made here at its next start.\n" +
		"Delete this file to keep it; `headcount run` on this folder does so too.\n"
)

// demoMakes is all that a demo makes in its folder: nothing else is deleted.
var demoMakes = []string{"buckets", "logs", "mail", pipeline.KeysFile}

// freshDemo makes the folder as good as new: a demo shows its own run alone. A
// folder without the marker is refused where it holds something that a demo
// would write; else the demo makes it its own, beside whatever is there.
func freshDemo(dir string) error {
	if err := checkDemoFolder(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	unlock, err := pipeline.Lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	// Another process may have had the folder a moment ago.
	if err := checkDemoFolder(dir); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, demoMarker), []byte(markerText), 0o600); err != nil {
		return err
	}
	var errs []error
	for _, name := range demoMakes {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, name)))
	}
	return errors.Join(errs...)
}

// checkDemoFolder gives an error where a demo must not work in the folder.
func checkDemoFolder(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return usageError{fmt.Sprintf("--data %s is a file, want a folder", dir)}
	}
	if _, err := os.Lstat(filepath.Join(dir, demoMarker)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var others []string
	for _, name := range demoMakes {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			others = append(others, name)
		}
	}
	if len(others) == 0 {
		return nil
	}
	return usageError{fmt.Sprintf("--data %s holds %s and no %s, so that no demo made them, or something was added since: name another folder (make demo takes it from HEADCOUNT_DATA), or delete them yourself", dir, strings.Join(others, ", "), demoMarker)}
}

// checkOwn names what is wrong with a folder that a run or the stand-in shall write to.
func checkOwn(dir string) (m mistakes) {
	info, err := os.Stat(dir)
	m.where(err == nil && !info.IsDir(), "--data %s is a file, want a folder", dir)
	if err := checkForeign(dir); err != nil {
		m.where(true, "%s", err)
	}
	if err := sql.CheckFolder(dir); err != nil {
		m.where(true, "--data %s: %s", dir, err)
	}
	return m
}

// checkForeign gives an error where a folder holds files and nothing of ours: it is
// somebody's documents or code, among which no masking keys should lie.
func checkForeign(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil //nolint:nilerr // not there yet, or the caller's next step has the error
	}
	file := ""
	for _, e := range entries {
		if e.Name() == demoMarker || slices.Contains(demoMakes, e.Name()) {
			return nil
		}
		if !e.IsDir() && e.Name() != pipeline.LockFile {
			file = e.Name()
		}
	}
	if file == "" {
		return nil
	}
	return usageError{fmt.Sprintf("--data %s holds %s and nothing of headcount: name another folder, a new or an empty one", dir, file)}
}

// keepFolder makes a folder that somebody else than a demo works in safe from
// the next demo.
func keepFolder(dir string) error {
	err := os.Remove(filepath.Join(dir, demoMarker))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
