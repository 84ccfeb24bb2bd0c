package sql

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// table is a Table in a folder that is there.
type table struct {
	Table
	root    string   // its absolute path
	columns []Column // with DuckDB's types
}

const (
	parquetSuffix = ".parquet"
	parquetReader = "read_parquet(%s, filename = '$path', union_by_name = true, hive_partitioning = true, hive_types_autocast = false)"
)

// tables finds the tables of a folder; there are none without a folder.
func tables(dir string, schema Schema) (all []*table, err error) {
	if dir == "" {
		return nil, nil
	}
	switch info, err := os.Stat(dir); {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("data folder %s does not exist", dir)
	case err != nil:
		return nil, fmt.Errorf("data folder: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("data folder %s is a file", dir)
	}
	if err := CheckFolder(dir); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	for _, described := range schema.Tables {
		t := &table{Table: described, root: filepath.Join(dir, filepath.FromSlash(described.Root))}
		if t.Reader == "" {
			t.Suffix, t.Reader = parquetSuffix, parquetReader
		}
		for _, c := range described.Columns {
			t.columns = append(t.columns, Column{c.Name, duckType(c.Type)})
		}
		all = append(all, t)
	}
	return all, nil
}

// CheckFolder refuses a folder whose whole path DuckDB would read in another way:
// name=value is a partition, which hides a column of that name, and a backslash is a
// separator. The folder need not be there.
func CheckFolder(dir string) error {
	path, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for char, name := range map[string]string{"=": "an equals sign", `\`: "a backslash"} {
		if strings.Contains(path, char) {
			return fmt.Errorf("the path %s contains %s: rename the folder, or reach it by a symbolic link", path, name)
		}
	}
	return nil
}

// spellings are the paths by which DuckDB knows a folder when it asks whether it may
// be read: as it is written, as a pattern, and where it leads to by symbolic links.
// The folder need not be there yet.
func spellings(dir string) []string {
	paths, missing := []string{dir, unpatterned(dir)}, ""
	for there := dir; there != filepath.Dir(there); there = filepath.Dir(there) {
		if target, err := filepath.EvalSymlinks(there); err == nil {
			return append(paths, filepath.Join(target, missing))
		}
		missing = filepath.Join(filepath.Base(there), missing)
	}
	return paths
}

// file is one version of a file. A file that replaces it under the same path has
// another identity: a rename brings an inode of its own.
type file struct {
	path    string
	size    int64 // bytes
	changed int64 // nanoseconds since the Unix epoch
	inode   uint64
}

// versionOf gives what is known of a file.
func versionOf(path string, info fs.FileInfo) file {
	f := file{path: path, size: info.Size(), changed: info.ModTime().UnixNano()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		f.inode = stat.Ino
	}
	return f
}

// list gives the files of the table in the order of their paths. It names what
// cannot be a file of it.
func (t *table) list() Files { return t.listIn(os.DirFS(t.root)) }

func (t *table) listIn(folder fs.FS) Files {
	var files []file
	err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		full := filepath.Join(t.root, filepath.FromSlash(name))
		var info fs.FileInfo
		if err == nil {
			if d.Type()&fs.ModeSymlink == 0 && (d.IsDir() || !strings.HasSuffix(name, t.Suffix)) {
				return nil
			}
			info, err = fs.Stat(folder, name) // of what a link leads to
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // not there yet, or gone again
		case err != nil:
			return fmt.Errorf("table %s: %s cannot be read (%w): make it readable, or move it out of the data folder", t.Name, full, cause(err))
		case info.IsDir() && d.Type()&fs.ModeSymlink != 0:
			return t.fault(full, "is a symbolic link to a folder, which is not followed")
		case !strings.HasSuffix(name, t.Suffix):
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			return t.fault(full, "is a symbolic link, which is not followed")
		case !t.fits(name):
			return t.fault(full, fmt.Sprintf("is not in a folder %s=…", strings.Join(t.Folders, "=…/")))
		case info.Size() == 0:
			return t.fault(full, "is empty")
		}
		files = append(files, versionOf(full, info))
		return nil
	})
	if err != nil {
		return Files{err: err}
	}
	return Files{files: files}
}

// fits reports whether a name below the root is in the table's folders.
func (t *table) fits(name string) bool {
	ok, err := path.Match(strings.Join(append(slices.Clone(t.Folders), "*"), "=*/"), name)
	return ok && err == nil
}

// fault is the error of a file that cannot be one of the table's.
func (t *table) fault(path, problem string) error {
	return fmt.Errorf("table %s: %s %s: move it out of the data folder", t.Name, path, problem)
}

// cause leaves out the path, which the caller names.
func cause(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// changed reports whether one of the files that are read where they are is no longer
// what it was.
func changed(read []contents) bool {
	return slices.ContainsFunc(read, func(c contents) bool {
		if c.path != c.of.path {
			return false
		}
		info, err := os.Stat(c.path)
		return err != nil || versionOf(c.path, info) != c.of
	})
}

// Listing is the files of a data folder at one time, by table.
type Listing map[string]Files

// Files are those of one table, or what is wrong with them.
type Files struct {
	files []file
	err   error
}

// OK reports whether all of them can be files of the table.
func (f Files) OK() bool { return f.err == nil }

// Version is equal for equal files, and for equal faults.
func (f Files) Version() string { return fmt.Sprint(f.files, f.err) }

// List looks at the files of some tables. It may be called at any time.
func (d *DB) List(tables []string) Listing {
	l := Listing{}
	for _, name := range tables {
		l[name] = d.table(name).list()
	}
	return l
}
