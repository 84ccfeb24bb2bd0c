// Package sql answers SQL questions about a data folder, by an embedded DuckDB.
//
// Three views stand for the folder's buckets, under the names and with the
// columns that the Glue tables have on AWS:
//
//	events      the lake, as it was received: personal data
//	headcounts  the aggregates, of all flows
//	quarantine  the rejected events, without their payload
//
// Views that the caller defines over them come beside them.
//
// Times are UTC, and the partition columns (year, month, day, flow) are strings
// with their leading zeros, as in Athena. Nothing is fetched from the network.
package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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

// Schema says which columns the views have while there are no files to tell.
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

// DB answers questions about one data folder. It is for one goroutine at a
// time.
type DB struct {
	db *sql.DB
	// empty are the views that had no files when they were last looked at.
	empty []view
	// over are the views that the caller defines.
	over    []View
	defined bool // whether they are there
}

// view is one of the three.
type view struct {
	name       string
	glob       string // where its files are
	reader     string // the table function that reads them, with %s for the glob
	columns    string // names and types, when there are no files
	partitions []string
}

// Open opens the data folder, which must exist; its buckets need not. It fails
// where the schema has a type that Hive has not. Without a folder, "", there are
// no views. The caller closes the DB.
func Open(ctx context.Context, dir string, schema Schema) (*DB, error) {
	views, err := viewsOf(dir, schema)
	if err != nil {
		return nil, err
	}
	connector, err := duckdb.NewConnector("?autoinstall_known_extensions=false&autoload_known_extensions=false",
		func(conn driver.ExecerContext) error {
			// A connection may outlive the context that Open was given.
			_, err := conn.ExecContext(context.WithoutCancel(ctx), `SET TimeZone = 'UTC'; SET parquet_metadata_cache = true`, nil)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("start DuckDB: %w", oneLine(err))
	}
	db := &DB{db: sql.OpenDB(connector), empty: views, over: schema.Views, defined: dir == ""}
	db.db.SetMaxOpenConns(1) // so that what a statement SETs holds for the next
	if err := db.refresh(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Close ends DuckDB.
func (d *DB) Close() error { return d.db.Close() }

// viewsOf describes the three views of a folder.
func viewsOf(dir string, schema Schema) ([]view, error) {
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
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	dir = filepath.ToSlash(dir)
	if strings.Contains(dir, "=") {
		// DuckDB would take name=value in the path for a partition, which hides
		// a column of the same name.
		return nil, fmt.Errorf("data folder %s: its path must not contain an equals sign", dir)
	}
	glob := func(bucket, files string) string {
		escaped := strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(dir)
		return quote(strings.Join([]string{escaped, BucketsFolder, bucket, files}, "/"))
	}
	const parquet = "read_parquet(%s, filename = '$path', union_by_name = true, hive_partitioning = true, hive_types_autocast = false)"
	// With its columns named, read_json leaves out the payload.
	const lines = "read_json(%s, format = 'newline_delimited', compression = 'gzip', columns = {'category': 'VARCHAR', " +
		"'field': 'VARCHAR', 'received_at': 'TIMESTAMP', 'message_id': 'VARCHAR', 'index': 'BIGINT', 'stage': 'VARCHAR'}, " +
		"filename = '$path', hive_partitioning = true, hive_types_autocast = false)"
	day := []string{"year", "month", "day"}
	views := []view{
		{name: "events", glob: glob(LakeBucket, "data/**/*.parquet"), reader: parquet, partitions: day},
		{
			name: "headcounts", glob: glob(AggregatesBucket, "headcounts/**/*.parquet"), reader: parquet,
			partitions: []string{"flow", "year", "month", "day"},
		},
		{name: "quarantine", glob: glob(QuarantineBucket, "quarantine/**/*.ndjson.gz"), reader: lines, partitions: day},
	}
	for i, columns := range [][]Column{schema.Events, schema.Headcounts, quarantineColumns()} {
		v := &views[i]
		for _, c := range columns {
			t, err := duckType(c.Type)
			if err != nil {
				return nil, fmt.Errorf("column %s of %s: %w", c.Name, v.name, err)
			}
			v.columns += fmt.Sprintf("NULL::%s AS %s, ", t, identifier(c.Name))
		}
		for _, p := range v.partitions {
			v.columns += fmt.Sprintf("NULL::VARCHAR AS %s, ", p)
		}
	}
	return views, nil
}

// refresh defines the views whose files were not there before, and what stands
// on them.
func (d *DB) refresh(ctx context.Context) error {
	var empty []view
	before := len(d.empty)
	for _, v := range d.empty {
		var files int
		if err := d.db.QueryRowContext(ctx, "SELECT count(*) FROM glob("+v.glob+")").Scan(&files); err != nil {
			return fmt.Errorf("list the files of %s: %w", v.name, oneLine(err))
		}
		body := fmt.Sprintf(`SELECT %s NULL::VARCHAR AS "$path" WHERE false`, v.columns)
		if files == 0 { // which the readers call an error
			empty = append(empty, v)
		} else {
			// By themselves the partitions come in alphabetical order.
			p := strings.Join(v.partitions, ", ")
			body = fmt.Sprintf(`SELECT * EXCLUDE (%s, "$path"), %s, "$path" FROM %s`, p, p, fmt.Sprintf(v.reader, v.glob))
		}
		withPath := identifier(v.name + "$path")
		for _, statement := range []string{
			"CREATE OR REPLACE VIEW " + withPath + " AS " + body,
			"CREATE OR REPLACE VIEW " + v.name + ` AS SELECT * EXCLUDE ("$path") FROM ` + withPath,
		} {
			if _, err := d.db.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("read the files of %s: %w", v.name, oneLine(err))
			}
		}
	}
	d.empty = empty
	if len(empty) == before && d.defined {
		return nil
	}
	d.defined = true
	for _, v := range d.over {
		if _, err := d.db.ExecContext(ctx, "CREATE OR REPLACE VIEW "+identifier(v.Name)+" AS "+v.SQL); err != nil {
			return fmt.Errorf("view %s: %w", v.Name, oneLine(err))
		}
	}
	return nil
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
