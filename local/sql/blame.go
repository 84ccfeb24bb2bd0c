package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
)

// verify looks, after a statement, whether the files that it has read where they
// are have stayed the same, and if it failed, whether one of them is the reason.
func (s *Snapshot) verify(ctx context.Context, conn *sql.Conn, read []string, failed error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range read {
		if changed(s.sources[name].files) {
			return ErrChanged
		}
	}
	if failed == nil || ctx.Err() != nil || !aboutFiles(failed) {
		return failed
	}
	for _, name := range read {
		if err := s.blame(ctx, conn, s.db.table(name), s.sources[name], nil); err != nil {
			return err
		}
	}
	return failed
}

// aboutFiles tells whether an error of DuckDB can come from a file's content. Most
// come from the statement.
func aboutFiles(err error) bool {
	var from *duckdb.Error
	if !errors.As(err, &from) {
		return false
	}
	switch from.Type {
	case duckdb.ErrorTypeParser, duckdb.ErrorTypeSyntax, duckdb.ErrorTypeBinder, duckdb.ErrorTypeCatalog, duckdb.ErrorTypeConversion,
		duckdb.ErrorTypeOutOfRange, duckdb.ErrorTypeDivideByZero, duckdb.ErrorTypeMismatchType, duckdb.ErrorTypeInterrupt, duckdb.ErrorTypeOutOfMemory:
		return false
	}
	return true
}

// blame looks for the file that cannot be read by itself, or is not of the table,
// and names it. Without one the error is the one that is given.
func (s *Snapshot) blame(ctx context.Context, conn *sql.Conn, t *table, from *source, given error) error {
	for _, c := range from.copies() {
		if err := t.examine(ctx, conn, c); err != nil {
			return err
		}
	}
	if given == nil {
		return nil
	}
	return fmt.Errorf("table %s: %w", t.name, oneLine(given))
}

// examine reads all of a file.
func (t *table) examine(ctx context.Context, conn *sql.Conn, c contents) error {
	problem := ""
	columns, err := t.columnsOf(ctx, conn, c.path)
	if err == nil {
		problem = t.strange(columns[c.path])
	}
	if err == nil && problem == "" {
		var sum any
		err = conn.QueryRowContext(ctx, "SELECT max(hash(content)) FROM "+t.read(c.path)+" AS content").Scan(&sum)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		text := strings.ReplaceAll(strings.ReplaceAll(oneLine(err).Error(), "'"+c.path+"'", "the file"), c.path, "the file")
		problem = "cannot be read (" + text + ")"
	}
	if problem != "" {
		return t.fault(c.of.path, problem)
	}
	return nil
}

// check looks at the columns of files that nobody has looked at yet, and names the
// first that cannot be the table's: DuckDB would unite them with those of the
// others.
func (d *DB) check(ctx context.Context, conn *sql.Conn, t *table, all []contents) error {
	var unknown []contents
	d.mu.Lock()
	for _, c := range all {
		if !d.sound[c.of] {
			unknown = append(unknown, c)
		}
	}
	d.mu.Unlock()
	if len(unknown) == 0 {
		return nil
	}
	paths := make([]string, len(unknown))
	for i, c := range unknown {
		paths[i] = c.path
	}
	columns, err := t.columnsOf(ctx, conn, paths...)
	if err != nil {
		return err
	}
	for _, c := range unknown {
		if strange := t.strange(columns[c.path]); strange != "" {
			return t.fault(c.of.path, strange)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range unknown {
		d.sound[c.of] = true
	}
	return nil
}

// nested is the type of a column that has others in it.
const nested = "a structure"

// columnsOf gives the columns of Parquet files, by path, with DuckDB's types. Lines
// of JSON have those that they are asked for.
func (t *table) columnsOf(ctx context.Context, conn *sql.Conn, paths ...string) (columns map[string][]Column, err error) {
	if t.suffix != parquetSuffix {
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
	last, open := "", []int(nil) // open counts the nodes that are still to come, level by level
	for rows.Next() {
		var path string
		var c Column
		var children int
		if err := rows.Scan(&path, &c.Name, &c.Type, &children); err != nil {
			return nil, err
		}
		if path != last {
			last, open = path, []int{children}
			continue
		}
		if children > 0 {
			c.Type = nested
		}
		if len(open) == 1 {
			columns[path] = append(columns[path], c)
		}
		open[len(open)-1]--
		if children > 0 {
			open = append(open, children)
		}
		for len(open) > 1 && open[len(open)-1] == 0 {
			open = open[:len(open)-1]
		}
	}
	return columns, rows.Err()
}

// strange tells why a Parquet file with these columns cannot be one of the table;
// "" is nothing. Columns may be missing, since the contract grows, and there may be
// more, of a newer version.
func (t *table) strange(columns []Column) string {
	if t.suffix != parquetSuffix {
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
		return nested
	}
	return strings.TrimSuffix(typ, " WITH TIME ZONE")
}
