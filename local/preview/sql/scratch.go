//go:build unix

package sql

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// scratchPrefix begins the names of our folders for temporary files.
const scratchPrefix = "headcount-sql-"

// scratch is a folder of our own for copies and for what DuckDB spills. It is
// locked as long as the process lives.
type scratch struct {
	dir  string
	lock *os.File
}

// newScratch makes a folder for temporary files. It removes the folders of processes
// that ended without remove, as by SIGKILL: what was spilled can be personal.
func newScratch() (s scratch, err error) {
	sweep(time.Now())
	if s.dir, err = os.MkdirTemp("", scratchPrefix); err == nil {
		s.lock, err = lock(s.dir)
	}
	if err != nil {
		return s, fmt.Errorf("folder for temporary files: %w", err)
	}
	if err := CheckFolder(s.dir); err != nil {
		return s, errors.Join(fmt.Errorf("folder for temporary files (TMPDIR): %w", err), s.remove())
	}
	return s, nil
}

func (s scratch) remove() error { return errors.Join(os.RemoveAll(s.dir), s.lock.Close()) }

// lock locks a folder until the file is closed, or the process ends. It fails while
// another one has it.
func lock(dir string) (*os.File, error) {
	f, err := os.Open(dir) // #nosec G304 -- a folder for temporary files
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // a file descriptor is small
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sweep removes the folders that nobody has locked. One that was made a moment ago
// may still be about to be.
func sweep(now time.Time) {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), scratchPrefix+"*")) // the pattern is a good one, but for TMPDIR's sake
	for _, dir := range dirs {
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() || now.Sub(info.ModTime()) < time.Minute {
			continue
		}
		if f, err := lock(dir); err == nil {
			_ = os.RemoveAll(dir) // somebody else's, if it cannot be removed
			_ = f.Close()
		}
	}
}
