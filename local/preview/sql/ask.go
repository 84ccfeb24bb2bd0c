package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// Ask answers one question: nil, bool, int64, *big.Int where an integer is longer,
// float64, string or time.Time in UTC; anything else as text. It sees the files
// that are in the folder now.
func (d *DB) Ask(ctx context.Context, query string) (rows [][]any, err error) {
	r, err := d.ask(ctx, query)
	if err != nil {
		return nil, err
	}
	return r.all()
}

// attempts is how often a question is asked again whose files were replaced while
// they were read. Files that are replaced often are copied, so that once is rare.
const attempts = 10

// ask answers one question, in which only the folder's tables may be read.
func (d *DB) ask(ctx context.Context, text string) (*result, error) {
	for n := 1; ; n++ {
		s, err := d.Snapshot(ctx, Listing{})
		if err != nil {
			return nil, err
		}
		r, err := s.ask(ctx, text, true)
		d.mu.Lock()
		s, d.last = d.last, s
		d.mu.Unlock()
		if bad := s.Close(context.WithoutCancel(ctx)); bad != nil && err == nil {
			return nil, errors.Join(bad, r.close())
		}
		if !errors.Is(err, ErrChanged) || n == attempts {
			return r, err
		}
	}
}

// ask answers one question. Where it is about the folder as it is now, the tables that
// it reads are listed, and it may read nothing else.
func (s *Snapshot) ask(ctx context.Context, text string, now bool) (*result, error) {
	conn, err := s.db.conn(ctx, s.schema)
	if err != nil {
		return nil, err
	}
	q, err := parse(ctx, conn, text)
	if err == nil && now {
		if err = q.check(s.db.names()); err == nil {
			s.listing = s.db.List(s.tablesOf(q.tables))
		}
	}
	var r *result
	if err == nil {
		r, err = s.answer(ctx, conn, q)
	}
	if err != nil {
		return nil, errors.Join(err, giveUp(ctx, conn))
	}
	return r, nil
}

// giveUp closes a connection for now. Where a question was interrupted DuckDB may go on
// with it, and whoever asked next by that connection would wait: so nobody does.
func giveUp(ctx context.Context, conn *sql.Conn) error {
	if ctx.Err() == nil {
		return conn.Close()
	}
	if err := conn.Raw(func(any) error { return driver.ErrBadConn }); !errors.Is(err, driver.ErrBadConn) {
		return err
	}
	return nil
}

// answer runs a statement that was parsed. The rows are all there when it
// returns; closing them gives conn back.
func (s *Snapshot) answer(ctx context.Context, conn *sql.Conn, q *question) (*result, error) {
	s.mu.Lock()
	read, err := s.need(ctx, conn, q.tables)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	// The driver gives the rows when all of them are computed.
	rows, err := conn.QueryContext(ctx, q.text)
	if err != nil {
		return nil, s.verify(ctx, conn, read, asked(err))
	}
	if err := s.verify(ctx, conn, read, nil); err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	r, err := newResult(conn, rows)
	if err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	return r, nil
}

// Ask answers a question as DB.Ask does, by the snapshot's tables and views.
func (s *Snapshot) Ask(ctx context.Context, query string) ([][]any, error) {
	r, err := s.ask(ctx, query, false)
	if err != nil {
		return nil, err
	}
	return r.all()
}

// ViewColumn is a column of a table or a view. Its type is DuckDB's.
type ViewColumn struct {
	Column
	// SQL is the column's name in SQL. Of two names that differ only in capitals
	// DuckDB numbers the second, so that it is not Name.
	SQL string
}

// Columns gives the columns of a table or view. Of a view that is imported nothing is
// read for it.
func (s *Snapshot) Columns(ctx context.Context, name string) (all []ViewColumn, err error) {
	s.mu.Lock()
	r := s.views[strings.ToLower(name)]
	s.mu.Unlock()
	question := "FROM " + identifier(name)
	if r != nil {
		question = r.SQL
	}
	isImport := r != nil && r.imported != nil
	if isImport {
		if known := r.imported.columns.Load(); known != nil {
			return *known, nil
		}
	}
	begun := time.Now()
	conn, err := s.db.conn(ctx, s.schema)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, giveUp(ctx, conn)) }()
	if _, err := s.prepare(ctx, conn, question); err != nil {
		return nil, err
	}
	columns, err := describe(ctx, conn, question)
	if err != nil {
		return nil, fmt.Errorf("query: %w", oneLine(err))
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	for i, written := range unique(names, strings.EqualFold) {
		all = append(all, ViewColumn{columns[i], written})
	}
	if isImport {
		r.imported.columns.Store(&all)
		s.db.took.Store(max(s.db.took.Load(), int64(time.Since(begun))))
	}
	return all, nil
}

// describe gives the columns of a question.
func describe(ctx context.Context, conn *sql.Conn, question string) (columns []Column, err error) {
	rows, err := conn.QueryContext(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+question+")") // #nosec G202 -- a quoted name, or a view of the program
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c Column
		if err := rows.Scan(&c.Name, &c.Type); err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return columns, rows.Err()
}

// plain gives a value of the driver as one of the few types that Ask promises.
func plain(v any, typ string) any {
	switch v := v.(type) {
	case nil, bool, string:
		return v
	case *big.Int:
		return whole(v)
	case duckdb.Decimal:
		return v.Float64()
	case time.Time:
		return v.UTC()
	}
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return r.Int()
	case r.CanUint():
		return whole(new(big.Int).SetUint64(r.Uint()))
	case r.CanFloat():
		return r.Float()
	}
	return text(v, typ)
}

func whole(v *big.Int) any {
	if v.IsInt64() {
		return v.Int64()
	}
	return v
}
