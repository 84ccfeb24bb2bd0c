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
			return errChanged
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
	for _, f := range from.files {
		if err := t.examine(ctx, conn, f.path, f.path); err != nil {
			return err
		}
	}
	for _, p := range from.pins {
		if err := t.examine(ctx, conn, p.path, p.version.path); err != nil {
			return err
		}
	}
	if given == nil {
		return nil
	}
	return fmt.Errorf("table %s: %w", t.name, oneLine(given))
}

// examine reads all of a file, whose own path is the second one.
func (t *table) examine(ctx context.Context, conn *sql.Conn, path, own string) error {
	from := t.content(path)
	columns, err := describe(ctx, conn, from)
	if err == nil {
		if strange := t.strange(columns); strange != "" {
			return t.fault(own, strange)
		}
		var sum any
		err = conn.QueryRowContext(ctx, "SELECT max(hash(content)) FROM "+from+" AS content").Scan(&sum)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		problem := strings.ReplaceAll(strings.ReplaceAll(oneLine(err).Error(), path, "the file"), "'the file'", "the file")
		return t.fault(own, "cannot be read ("+problem+")")
	}
	return nil
}

// strange tells what columns of a file, or of all files, are not those of the
// table; "" is nothing. Columns may be missing, since the contract grows, and there
// may be more, of a newer version.
func (t *table) strange(columns []Column) string {
	common := false
	for _, declared := range t.columns {
		for _, c := range columns {
			if c.Name != declared.Name {
				continue
			}
			common = true
			if kindOf(c.Type) != kindOf(declared.Type) {
				return fmt.Sprintf("has a column %s of type %s, and the table's is %s", c.Name, c.Type, declared.Type)
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
	if kind, _, ok := strings.Cut(typ, "("); ok && !strings.HasSuffix(typ, "]") {
		return kind
	}
	return strings.TrimSuffix(typ, " WITH TIME ZONE")
}
