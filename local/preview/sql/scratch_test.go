//go:build unix

package sql

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestFoldersOfTheDeadAreRemoved: of the folders for temporary files, those stay that
// a process has in use, that were made a moment ago, or that are not ours.
func TestFoldersOfTheDeadAreRemoved(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	inUse, err := newScratch()
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	for name, age := range map[string]time.Time{scratchPrefix + "dead": long, scratchPrefix + "new": time.Now(), "other": long} {
		if err := os.MkdirAll(filepath.Join(tmp, name, "spilled"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(tmp, name), age, age); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(inUse.dir, long, long); err != nil {
		t.Fatal(err)
	}
	sweep(time.Now())
	for dir, stays := range map[string]bool{inUse.dir: true, filepath.Join(tmp, scratchPrefix+"dead"): false, filepath.Join(tmp, scratchPrefix+"new"): true, filepath.Join(tmp, "other"): true} {
		if _, err := os.Stat(dir); (err == nil) != stays {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if err := inUse.remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(inUse.dir); err == nil {
		t.Error("it is still there")
	}
}
