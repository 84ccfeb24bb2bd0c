// Package sql answers SQL questions about a folder of data files, by an embedded
// DuckDB. The caller describes the tables, and views over them: under the names and
// with the columns that Glue's tables have on AWS, say.
//
// Only questions are answered, and only about these. Each is answered from files
// that stay as they are meanwhile; a file that cannot be one of its table is named
// in the error, and the other tables still answer.
//
// Times are UTC, and the partition columns (year, month, …) are strings with their
// leading zeros, as in Athena. Nothing is fetched from the network.
package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/duckdb/duckdb-go/v2"
)

// Schema describes the tables of a folder, and the views over them in their order.
type Schema struct {
	Tables []Table
	Views  []View
}

// Table is a relation whose rows are in files. Beside it there is one more relation,
// WithPath, in which the column $path holds the name of the file that a row is in;
// on AWS that is a hidden column of the table.
type Table struct {
	Name string
	// Root is the folder, relative to the data folder and with slashes, below which
	// its files are, each in folders name=value of the names in Folders.
	Root    string
	Folders []string
	// Columns have Hive's types. They stand for the columns of the files while there
	// are none. The partitions, a part of Folders, come after them, as text.
	Columns    []Column
	Partitions []string
	// Replaced is set where a file is replaced by a newer one while people read.
	// Its files are copied before they are read: DuckDB opens a file more than
	// once, and would mix two versions. Files that are never replaced are read
	// where they are.
	Replaced bool
	// Reader is the table function of DuckDB that reads its files, with %s for the
	// list of their paths, and Suffix is how their names end. Without a reader they
	// are Parquet. It has to give the file's name as the column $path.
	Reader, Suffix string
}

// WithPath is the relation, quoted for SQL, of a table with its column $path.
func WithPath(table string) string { return identifier(table + "$path") }

// View is a named query.
type View struct {
	Name, SQL string
	// Imported is set for a view of a Snapshot whose rows are read once for each
	// version of its tables' files, and kept.
	Imported bool
}

// Column is a column of a table: its name, and its type as Hive and Glue write
// it, such as bigint or struct<id:string>.
type Column struct {
	Name, Type string
}

// DB answers questions about one data folder. It may be asked from several
// goroutines.
type DB struct {
	db      *sql.DB
	tables  []*table
	over    []View
	scratch scratch
	// ended is over when the DB is being closed; background is what runs until
	// then.
	ended      context.Context
	stop       context.CancelFunc
	background sync.WaitGroup

	sound sync.Map     // the files that can be files of their table
	took  atomic.Int64 // see ImportTook, in ns

	mu      sync.Mutex // of what follows
	serial  int
	pins    map[file]*pin
	imports map[string]*imported
	last    *Snapshot // that a question was answered from: its copies are there for the next one
}

// shared is the schema of what the snapshots share: the imports.
const shared = "main"

// idle is how many connections are kept. There are as many as questions are asked
// at a time, so that none waits for one that takes long.
const idle = 8

// Open opens the data folder, which must exist; the folders of its tables need not. It fails
// where the schema has a type that DuckDB has not. Without a folder, "", there are
// no tables, only the schema's views. The caller closes the DB.
//
// Finals are replaced while people read, and DuckDB opens a file several times. So
// they are copied before they are read, to a folder for temporary files that Close
// removes. A statement whose other files were replaced meanwhile is run again.
//
// DuckDB itself opens no file but those below the tables' folders and its own.
func Open(ctx context.Context, dir string, schema Schema) (*DB, error) {
	return open(ctx, dir, schema, true)
}

// OpenTrusting is Open for views whose SQL may read any file (Snapshot.Add). What is
// asked still reads only tables and views.
func OpenTrusting(ctx context.Context, dir string, schema Schema) (*DB, error) {
	return open(ctx, dir, schema, false)
}

func open(ctx context.Context, dir string, schema Schema, confined bool) (*DB, error) {
	tables, err := tables(dir, schema)
	if err != nil {
		return nil, err
	}
	scratch, err := newScratch()
	if err != nil {
		return nil, err
	}
	options := url.Values{"autoinstall_known_extensions": {"false"}, "autoload_known_extensions": {"false"}, "temp_directory": {filepath.Join(scratch.dir, "spilled")}}
	connector, err := duckdb.NewConnector("?"+options.Encode(), nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start DuckDB: %w", oneLine(err)), scratch.remove())
	}
	d := &DB{db: sql.OpenDB(connector), tables: tables, over: schema.Views, scratch: scratch, pins: map[file]*pin{}, imports: map[string]*imported{}}
	d.ended, d.stop = context.WithCancel(context.WithoutCancel(ctx))
	d.db.SetMaxIdleConns(idle)
	if err = d.configure(ctx, confined); err == nil {
		err = d.begin(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// configure sets what holds for all connections, for good. Where DuckDB is confined,
// it opens no file outside of the folders that the tables are in, and of its own.
func (d *DB) configure(ctx context.Context, confined bool) error {
	settings := []string{"SET GLOBAL TimeZone = 'UTC'", "SET GLOBAL parquet_metadata_cache = true"}
	if confined {
		allowed := spellings(d.scratch.dir)
		for _, t := range d.tables {
			allowed = append(allowed, spellings(t.root)...)
		}
		for i, path := range allowed {
			allowed[i] = quote(path)
		}
		settings = append(settings, "SET GLOBAL allowed_directories = ["+strings.Join(allowed, ", ")+"]", "SET GLOBAL enable_external_access = false")
	}
	for _, setting := range append(settings, "SET GLOBAL lock_configuration = true") {
		if _, err := d.db.ExecContext(ctx, setting); err != nil {
			return fmt.Errorf("start DuckDB: %w", oneLine(err))
		}
	}
	return nil
}

// begin makes the tables and views of the folder without rows, which shows that they
// can be, and finds DuckDB's names of the tables' types; files are not looked at before
// they are asked for.
func (d *DB) begin(ctx context.Context) (err error) {
	if d.last, err = d.Snapshot(ctx, Listing{}); err != nil {
		return err
	}
	conn, err := d.conn(ctx, d.last.schema)
	if err != nil {
		return err
	}
	for _, t := range d.tables {
		var all []Column
		if all, err = describe(ctx, conn, "FROM "+t.Name); err != nil {
			break
		}
		t.columns = all[:len(t.columns)]
	}
	return errors.Join(err, conn.Close())
}

// Close ends DuckDB. Nobody may ask any more.
func (d *DB) Close() error {
	d.stop()
	d.background.Wait()
	return errors.Join(d.db.Close(), d.scratch.remove())
}

// conn gives a connection, in which names are those of the schema. The caller
// closes it.
func (d *DB) conn(ctx context.Context, schema string) (*sql.Conn, error) {
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("query: %w", oneLine(err))
	}
	if _, err := conn.ExecContext(ctx, "USE "+identifier(schema)); err != nil {
		return nil, errors.Join(fmt.Errorf("query: %w", oneLine(err)), giveUp(ctx, conn))
	}
	return conn, nil
}

// table finds a table of the folder; nil is none.
func (d *DB) table(name string) *table {
	for _, t := range d.tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Tables gives the tables that stand behind some tables or views, or all without
// any.
func (d *DB) Tables(names ...string) (tables []string) {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[strings.ToLower(name)] = true
	}
	if len(names) > 0 {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.last.tablesOf(wanted)
	}
	for _, t := range d.tables {
		tables = append(tables, t.Name)
	}
	return tables
}

// names are what may be asked.
func (d *DB) names() (names []string) {
	for _, t := range d.tables {
		names = append(names, t.Name)
	}
	for _, v := range d.over {
		names = append(names, strings.ToLower(v.Name))
	}
	return names
}

// quote makes a string literal of SQL.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// identifier makes a quoted name of SQL.
func identifier(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// oneLine shortens an error of DuckDB to one line: without the excerpt of the
// statement that it draws an arrow under.
func oneLine(err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n\nLINE ")
	return duckError{strings.Join(strings.Fields(text), " "), err}
}

type duckError struct {
	text string
	err  error
}

func (e duckError) Error() string { return e.text }
func (e duckError) Unwrap() error { return e.err }
