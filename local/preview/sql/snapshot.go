package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/duckdb/duckdb-go/v2"
)

// Snapshot is the tables of a folder as their files were at one time, and the
// views over them: whatever becomes of the files, all its answers agree. That time
// is when they were listed and, for the content of files that may be replaced, when
// their table was first asked for. It may be asked from several goroutines. The
// caller closes it.
type Snapshot struct {
	db     *DB
	schema string // of DuckDB, in which its tables and views are
	uses   int    // by being open, and by imports that are being read; with db.mu

	mu      sync.Mutex
	listing Listing
	views   map[string]*relation // by name
	sources map[string]*source   // by the name of the table
}

// relation is a view over the tables.
type relation struct {
	View
	names    map[string]bool // that its text reads
	tables   []string        // that it reads, by itself or by other views
	defined  bool
	imported *imported // for one whose rows are kept
}

// source is what a table is read from.
type source struct {
	read []contents
	pins []*pin // those that are copies
}

// contents is where the contents of a version of a file can be read: where it is, or
// in a copy.
type contents struct {
	path string
	of   file
}

// Snapshot is the folder as it was when it was listed, with the schema's views.
// Nothing is read before it is asked for. A table that was not listed has no rows.
func (d *DB) Snapshot(ctx context.Context, listing Listing) (*Snapshot, error) {
	d.mu.Lock()
	d.serial++
	schema := fmt.Sprintf("snapshot_%d", d.serial)
	d.mu.Unlock()
	conn, err := d.conn(ctx, shared)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{db: d, schema: schema, uses: 1, listing: listing, views: map[string]*relation{}, sources: map[string]*source{}}
	for _, statement := range []string{"CREATE SCHEMA ", "USE "} {
		if err == nil {
			_, err = conn.ExecContext(ctx, statement+identifier(schema))
		}
	}
	if err != nil {
		err = fmt.Errorf("start a snapshot: %w", oneLine(err))
	}
	for _, t := range d.tables {
		if err == nil {
			if err = t.create(ctx, conn, nil); err != nil {
				err = fmt.Errorf("table %s: %w", t.Name, oneLine(err))
			}
		}
	}
	for _, v := range d.over {
		if err == nil {
			err = s.add(ctx, conn, v)
		}
		if err == nil && len(d.tables) > 0 {
			err = v.create(ctx, conn, v.SQL)
		}
	}
	if err = errors.Join(err, giveUp(ctx, conn)); err != nil {
		return nil, errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// Add adds a view. Its SQL is trusted: it may read other files than the folder's.
func (s *Snapshot) Add(ctx context.Context, v View) error {
	conn, err := s.db.conn(ctx, s.schema)
	if err != nil {
		return err
	}
	return errors.Join(s.add(ctx, conn, v), giveUp(ctx, conn))
}

func (s *Snapshot) add(ctx context.Context, conn *sql.Conn, v View) error {
	q, err := parse(ctx, conn, v.SQL)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &relation{View: v, names: q.tables, tables: s.tablesOf(q.tables)}
	if v.Imported {
		r.imported = s.db.importOf(v, s.versions(r.tables))
	}
	s.views[strings.ToLower(v.Name)] = r
	return nil
}

// NoFiles reports whether no table behind a view has a file.
func (s *Snapshot) NoFiles(view string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tablesOf(map[string]bool{strings.ToLower(view): true}) {
		if files := s.listing[t]; len(files.files) > 0 || files.err != nil {
			return false
		}
	}
	return true
}

// tablesOf gives the tables that stand behind names of tables and views.
func (s *Snapshot) tablesOf(names map[string]bool) (tables []string) {
	for _, t := range s.db.tables {
		reads := names[t.Name] || names[t.Name+"$path"]
		for name := range names {
			reads = reads || s.views[name] != nil && slices.Contains(s.views[name].tables, t.Name)
		}
		if reads {
			tables = append(tables, t.Name)
		}
	}
	return tables
}

// versions is the state of some tables' files.
func (s *Snapshot) versions(tables []string) string {
	var out strings.Builder
	for _, t := range tables {
		out.WriteString(s.listing[t].Version())
	}
	return out.String()
}

// Close forgets the snapshot, and the copies and imports that no other one uses. It
// does not wait for an import that is being read: the snapshot goes when that has
// ended.
func (s *Snapshot) Close(ctx context.Context) error { return s.leave(ctx) }

// leave ends a use of the snapshot, and the snapshot with the last one.
func (s *Snapshot) leave(ctx context.Context) error {
	s.db.mu.Lock()
	s.uses--
	last := s.uses == 0
	s.db.mu.Unlock()
	if !last {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	conn, err := s.db.conn(ctx, shared)
	if err != nil {
		return err
	}
	if _, bad := conn.ExecContext(ctx, "DROP SCHEMA IF EXISTS "+identifier(s.schema)+" CASCADE"); bad != nil {
		err = fmt.Errorf("end a snapshot: %w", oneLine(bad))
	}
	for _, source := range s.sources {
		err = errors.Join(err, s.db.unpin(source.pins))
	}
	for _, r := range s.views {
		err = errors.Join(err, s.db.release(ctx, conn, r.imported))
	}
	return errors.Join(err, conn.Close())
}

// need defines the tables and views of these names, as far as they are the
// snapshot's, and gives the tables whose files a statement reads by them.
func (s *Snapshot) need(ctx context.Context, conn *sql.Conn, names map[string]bool) (read []string, err error) {
	for name := range names {
		if base, _ := strings.CutSuffix(name, "$path"); s.db.table(base) != nil {
			if err := s.define(ctx, conn, base); err != nil {
				return nil, err
			}
			read = append(read, base)
			continue
		}
		if r := s.views[name]; r != nil {
			if err := s.defineView(ctx, conn, r); err != nil {
				return nil, err
			}
			if r.imported == nil {
				read = append(read, r.tables...)
			}
		}
	}
	return read, nil
}

// defineView makes a view, and what it stands on.
func (s *Snapshot) defineView(ctx context.Context, conn *sql.Conn, r *relation) error {
	text := r.SQL
	if r.imported != nil {
		if r.defined {
			return nil
		}
		if err := s.await(ctx, r); err != nil {
			return err
		}
		text = "FROM " + shared + "." + identifier(r.imported.table)
	} else if _, err := s.need(ctx, conn, r.names); err != nil {
		return err
	}
	if r.defined {
		return nil
	}
	if err := r.create(ctx, conn, text); err != nil {
		return err
	}
	r.defined = true
	return nil
}

func (v View) create(ctx context.Context, conn *sql.Conn, text string) error {
	if _, err := conn.ExecContext(ctx, "CREATE OR REPLACE VIEW "+identifier(v.Name)+" AS "+text); err != nil {
		return fmt.Errorf("view %s: %w", v.Name, oneLine(err))
	}
	return nil
}

// define makes a table's views over its files, of which those that may be
// replaced are copied.
func (s *Snapshot) define(ctx context.Context, conn *sql.Conn, name string) error {
	t, listed := s.db.table(name), s.listing[name]
	if listed.err != nil || s.sources[name] != nil {
		return listed.err
	}
	next := &source{}
	for _, f := range listed.files {
		c := contents{f.path, f}
		if t.Replaced {
			p, err := s.db.pin(t, f)
			if err != nil {
				return errors.Join(err, s.db.unpin(next.pins))
			}
			next.pins = append(next.pins, p)
			c = contents{p.path, p.version}
		}
		next.read = append(next.read, c)
	}
	err := s.db.check(ctx, conn, t, next.read)
	if err == nil {
		err = t.create(ctx, conn, paths(next.read))
	}
	switch {
	case err == nil:
	case changed(next.read):
		return ErrChanged
	case errors.As(err, new(*duckdb.Error)):
		err = t.blame(ctx, conn, next.read, err)
		fallthrough
	default:
		return errors.Join(err, s.db.unpin(next.pins))
	}
	s.sources[name] = next
	return nil
}

// create makes the views of a table over the files, in the schema of conn.
func (t *table) create(ctx context.Context, conn *sql.Conn, paths []string) error {
	body := t.nothing()
	if len(paths) > 0 { // which the readers call an error
		// By themselves the partitions come in alphabetical order.
		p := strings.Join(t.Partitions, ", ")
		body = fmt.Sprintf(`SELECT * EXCLUDE (%s, "$path"), %s, "$path" FROM %s`, p, p, t.read(paths...))
	}
	for _, statement := range []string{
		"CREATE OR REPLACE VIEW " + identifier(t.Name+"$path") + " AS " + body,
		"CREATE OR REPLACE VIEW " + t.Name + ` AS SELECT * EXCLUDE ("$path") FROM ` + identifier(t.Name+"$path"),
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// nothing is the table without rows.
func (t *table) nothing() string {
	text := "SELECT "
	for _, c := range t.columns {
		text += fmt.Sprintf("NULL::%s AS %s, ", c.Type, identifier(c.Name))
	}
	for _, p := range t.Partitions {
		text += fmt.Sprintf("NULL::VARCHAR AS %s, ", p)
	}
	return text + `NULL::VARCHAR AS "$path" WHERE false`
}

// read is the table function over some files.
func (t *table) read(paths ...string) string { return fmt.Sprintf(t.Reader, list(paths)) }

// list is a list of paths in SQL, whose characters are no patterns.
func list(paths []string) string {
	quoted := make([]string, len(paths))
	for i, path := range paths {
		quoted[i] = quote(unpatterned(path))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// unpatterned is a path as a pattern that fits no other one.
func unpatterned(path string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path)
}

func paths(read []contents) []string {
	all := make([]string, len(read))
	for i, c := range read {
		all[i] = c.path
	}
	return all
}
