package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
)

// verify looks, after a statement, whether the files that it has read where they
// are have stayed the same, and if it failed, whether one of them is the reason.
func (s *Snapshot) verify(ctx context.Context, conn *sql.Conn, read []string, failed error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range read {
		if changed(s.sources[name].read) {
			return ErrChanged
		}
	}
	if failed == nil || ctx.Err() != nil {
		return failed
	}
	for _, name := range read {
		t := s.db.table(name)
		for _, c := range suspects(failed, s.sources[name].read) {
			if err := t.examine(ctx, conn, c); err != nil {
				return err
			}
		}
	}
	return failed
}

// suspects are the files from whose content an error of DuckDB can come: those that
// it names. Only what its decoders throw (Invalid) names none, and may be of any.
func suspects(err error, read []contents) (all []contents) {
	var from *duckdb.Error
	if !errors.As(err, &from) {
		return nil
	}
	for _, c := range read {
		if from.Type == duckdb.ErrorTypeInvalid || strings.Contains(from.Msg, c.path) {
			all = append(all, c)
		}
	}
	return all
}

// blame looks for the file whose head cannot be read by itself, or is not of the
// table, and names it. Without one the error is the one that is given.
func (t *table) blame(ctx context.Context, conn *sql.Conn, read []contents, given error) error {
	for _, c := range read {
		if err := t.examineHead(ctx, conn, c); err != nil {
			return err
		}
	}
	return fmt.Errorf("table %s: %w", t.Name, oneLine(given))
}

// examine reads all of a file.
func (t *table) examine(ctx context.Context, conn *sql.Conn, c contents) error {
	if err := t.examineHead(ctx, conn, c); err != nil {
		return err
	}
	var sum any
	return t.unreadable(ctx, c, conn.QueryRowContext(ctx, "SELECT max(hash(content)) FROM "+t.read(c.path)+" AS content").Scan(&sum))
}

// examineHead reads what a file says of its columns.
func (t *table) examineHead(ctx context.Context, conn *sql.Conn, c contents) error {
	columns, err := t.columnsOf(ctx, conn, c.path)
	if err != nil {
		return t.unreadable(ctx, c, err)
	}
	if problem := t.strange(columns[c.path]); problem != "" {
		return t.fault(c.of.path, problem)
	}
	return nil
}

// unreadable is the error of a file that DuckDB has failed to read, if it has.
func (t *table) unreadable(ctx context.Context, c contents, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		return nil
	}
	text := strings.ReplaceAll(strings.ReplaceAll(oneLine(err).Error(), "'"+c.path+"'", "the file"), c.path, "the file")
	return t.fault(c.of.path, "cannot be read ("+text+")")
}

// check looks at the columns of files that nobody has looked at yet, and names the
// first that cannot be the table's: DuckDB would unite them with those of the
// others.
func (d *DB) check(ctx context.Context, conn *sql.Conn, t *table, all []contents) error {
	unknown := slices.DeleteFunc(slices.Clone(all), func(c contents) bool {
		_, known := d.sound.Load(c.of)
		return known
	})
	if len(unknown) == 0 {
		return nil
	}
	columns, err := t.columnsOf(ctx, conn, paths(unknown)...)
	if err != nil {
		return err
	}
	for _, c := range unknown {
		if strange := t.strange(columns[c.path]); strange != "" {
			return t.fault(c.of.path, strange)
		}
	}
	for _, c := range unknown {
		d.sound.Store(c.of, true)
	}
	return nil
}

// structure is the type of a column that has others in it.
const structure = "a structure"

// columnsOf gives the columns of Parquet files, by path, with DuckDB's types. Lines
// of JSON have those that they are asked for.
func (t *table) columnsOf(ctx context.Context, conn *sql.Conn, paths ...string) (columns map[string][]Column, err error) {
	if t.Suffix != parquetSuffix {
		return nil, nil
	}
	// A row is a node of the schema's tree, each before those below it.
	rows, err := conn.QueryContext(ctx, "SELECT file_name, name, coalesce(duckdb_type, ''), coalesce(num_children, 0) FROM parquet_schema("+
		list(paths)+") ORDER BY file_name, column_id") // #nosec G202 -- quoted paths
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns = map[string][]Column{}
	last, below := "", 0 // how many nodes are still to come below a column
	for rows.Next() {
		var path string
		var c Column
		var children int
		if err := rows.Scan(&path, &c.Name, &c.Type, &children); err != nil {
			return nil, err
		}
		switch {
		case path != last: // the root
			last = path
			continue
		case below > 0:
			below += children - 1
			continue
		case children > 0:
			c.Type, below = structure, children
		}
		columns[path] = append(columns[path], c)
	}
	return columns, rows.Err()
}

// strange reports why a Parquet file with these columns cannot be one of the table;
// "" is nothing. Columns may be missing, since the contract grows, and there may be
// more, of a newer version.
func (t *table) strange(columns []Column) string {
	if t.Suffix != parquetSuffix {
		return ""
	}
	common := false
	for _, declared := range t.columns {
		for _, c := range columns {
			if c.Name != declared.Name {
				continue
			}
			common = true
			if want := kindOf(declared.Type); kindOf(c.Type) != want {
				return fmt.Sprintf("has a column %s of type %s, where the table has %s", c.Name, c.Type, want)
			}
		}
	}
	if !common {
		return "has no column of the table"
	}
	return ""
}

// kindOf is a type without what may differ: the members of a structure, and
// whether an instant is known to be in UTC.
func kindOf(typ string) string {
	if strings.HasPrefix(typ, "STRUCT(") || strings.HasPrefix(typ, "MAP(") || strings.HasSuffix(typ, "[]") {
		return structure
	}
	return strings.TrimSuffix(typ, " WITH TIME ZONE")
}
