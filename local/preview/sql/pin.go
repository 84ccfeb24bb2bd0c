package sql

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ErrChanged says that files were replaced or removed while they were read. What
// was read is of no use, and reading again is.
var ErrChanged = errors.New("files of the data folder changed while they were read: try again")

// pin is a private copy of one version of a file, which nobody changes.
type pin struct {
	version file
	root    string // the folder that it has for itself
	path    string // below it, in folders as the table's
	uses    int    // of snapshots
}

// pin copies a file of a table, or gives the copy that there is. The copy is of
// the version that is there now, whole, as the file is opened once. The caller
// gives the pin back by unpin.
func (d *DB) pin(t *table, f file) (*pin, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.pins[f]; p != nil {
		p.uses++
		return p, nil
	}
	in, err := os.Open(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrChanged
	}
	var info os.FileInfo
	if err == nil {
		defer in.Close() //nolint:errcheck // only read from
		info, err = in.Stat()
	}
	if err != nil {
		return nil, t.fault(f.path, fmt.Sprintf("cannot be read (%s)", cause(err)))
	}
	f = versionOf(f.path, info)
	if p := d.pins[f]; p != nil {
		p.uses++
		return p, nil
	}
	below, err := filepath.Rel(t.root, f.path)
	if err != nil {
		return nil, err
	}
	d.serial++
	root := filepath.Join(d.scratch.dir, fmt.Sprint(d.serial))
	p := &pin{version: f, root: root, path: filepath.Join(root, below), uses: 1}
	if err := copyTo(p.path, in, f.size); err != nil {
		return nil, errors.Join(fmt.Errorf("copy to the folder for temporary files: %w", err), os.RemoveAll(root))
	}
	d.pins[f] = p
	return p, nil
}

// copyTo writes a new file of that size, in bytes.
func copyTo(path string, from io.Reader, size int64) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // #nosec G304 -- in our own folder
	if err != nil {
		return err
	}
	n, err := io.Copy(out, from)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	if n != size {
		return ErrChanged
	}
	return nil
}

// unpin removes the copies that nobody uses any more.
func (d *DB) unpin(pins []*pin) (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range pins {
		if p.uses--; p.uses == 0 {
			delete(d.pins, p.version)
			d.sound.Delete(p.version)
			err = errors.Join(err, os.RemoveAll(p.root))
		}
	}
	return err
}
