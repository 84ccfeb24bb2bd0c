// Package sql answers SQL questions about a data folder, by an embedded DuckDB.
//
// Three views stand for the folder's buckets, under the names and with the
// columns that the Glue tables have on AWS:
//
//	events      the lake, as it was received: personal data
//	headcounts  the aggregates, of all flows
//	quarantine  the rejected events, without their payload
//
// Views that the caller defines over them come beside them. Only questions are
// answered, and only about these. Each is answered from files that stay as they
// are meanwhile; a file that cannot be one of its table is named in the error, and
// the other tables still answer.
//
// Times are UTC, and the partition columns (year, month, day, flow) are strings
// with their leading zeros, as in Athena. Nothing is fetched from the network.
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
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/headcount-etl/headcount/shared/quarantine"
)

// The buckets of a data folder, each a folder of that name under BucketsFolder.
const (
	BucketsFolder    = "buckets"
	LakeBucket       = "headcount-lake"
	AggregatesBucket = "headcount-aggregates"
	QuarantineBucket = "headcount-quarantine"
)

// Schema says which columns the views have while there are no files that say so.
// The partition columns are added to them.
type Schema struct {
	Events, Headcounts []Column
	// Views are defined over the tables, in this order.
	Views []View
}

// EventsWithPath is events with one more column, $path, which holds the name of
// the file that a row is in. On AWS that is a hidden column of the table.
const EventsWithPath = `"events$path"`

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

// quarantineColumns are the columns of the quarantine, its category first.
func quarantineColumns() []Column {
	columns := []Column{{"category", "string"}}
	for _, c := range quarantine.Columns {
		columns = append(columns, Column(c))
	}
	return columns
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

	// live is the folder as it is now. Whoever asks it has the turn.
	live *Snapshot
	turn sync.Mutex

	mu      sync.Mutex // of what follows
	serial  int
	pins    map[file]*pin
	sound   map[file]bool // that can be files of their table
	imports map[string]*imported
	took    time.Duration // see ImportTook
}

// live is the schema of the folder as it is now.
const live = "main"

// idle is how many connections are kept. There are as many as questions are asked
// at a time, so that none waits for one that takes long.
const idle = 8

// Open opens the data folder, which must exist; its buckets need not. It fails
// where the schema has a type that Hive has not. Without a folder, "", there are
// no tables, only the schema's views. The caller closes the DB.
//
// Finals are replaced while people read, and DuckDB opens a file several times. So
// they are copied before they are read, to a folder for temporary files that Close
// removes. A statement whose other files were replaced meanwhile is run again.
//
// DuckDB itself opens no file but those below the folder's buckets and its own.
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
	d := &DB{db: sql.OpenDB(connector), tables: tables, over: schema.Views, scratch: scratch, pins: map[file]*pin{}, sound: map[file]bool{}, imports: map[string]*imported{}}
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

// begin makes the tables and views of the folder without rows, so that they can be
// listed; files are not looked at before they are asked for.
func (d *DB) begin(ctx context.Context) error {
	conn, err := d.conn(ctx, live)
	if err != nil {
		return err
	}
	d.live = newSnapshot(d, live, Listing{})
	for _, t := range d.tables {
		if err == nil {
			err = t.create(ctx, conn, nil)
		}
	}
	for _, v := range d.over {
		if err == nil {
			err = d.live.add(ctx, conn, v)
		}
		if err == nil && len(d.tables) > 0 {
			_, err = conn.ExecContext(ctx, "CREATE VIEW "+identifier(v.Name)+" AS "+v.SQL)
		}
		if err != nil {
			err = fmt.Errorf("view %s: %w", v.Name, oneLine(err))
		}
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
		return nil, errors.Join(fmt.Errorf("query: %w", oneLine(err)), conn.Close())
	}
	return conn, nil
}

// table finds a table of the folder; nil is none.
func (d *DB) table(name string) *table {
	for _, t := range d.tables {
		if t.name == name {
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
		return d.live.tablesOf(wanted)
	}
	for _, t := range d.tables {
		tables = append(tables, t.name)
	}
	return tables
}

// names are what may be asked.
func (d *DB) names() (names []string) {
	for _, t := range d.tables {
		names = append(names, t.name)
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
