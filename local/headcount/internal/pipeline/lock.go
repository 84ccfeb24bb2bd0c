//go:build unix

package pipeline

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// LockFile is the file that is locked, below the folder. It may be there without
// a lock on it.
const LockFile = ".lock"

// Lock keeps a second process out of a data folder, because the stand-in's
// conditional writes hold within one process only. The lock ends with the
// process at the latest.
func Lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, LockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // a file descriptor is small
		_ = f.Close()
		return nil, fmt.Errorf("%s is in use by another headcount: stop that one, or choose another folder with --data", dir)
	}
	return func() { _ = f.Close() }, nil
}
