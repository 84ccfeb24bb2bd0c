package sql

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// Ask runs one SQL statement and gives its rows: nil, bool, int64, *big.Int where
// an integer is longer, float64, string or time.Time in UTC; anything else as
// text. Files that have come into the folder since Open are seen.
func (d *DB) Ask(ctx context.Context, query string) (rows [][]any, err error) {
	r, err := d.ask(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.rows.Close()) }()
	err = r.each(func() error {
		row := make([]any, len(r.values))
		for i, v := range r.values {
			row[i] = plain(v, r.types[i])
		}
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// ask runs one SQL statement.
func (d *DB) ask(ctx context.Context, query string) (*result, error) {
	if err := d.checkSingle(ctx, query); err != nil {
		return nil, err
	}
	if err := d.refresh(ctx); err != nil {
		return nil, err
	}
	rows, err := d.db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("query: %w", oneLine(err))
	}
	r, err := newResult(rows)
	if err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	return r, nil
}

// Define makes a view of a query, or replaces it.
func (d *DB) Define(ctx context.Context, v View) error {
	if err := d.checkSingle(ctx, v.SQL); err != nil {
		return err
	}
	if _, err := d.db.ExecContext(ctx, "CREATE OR REPLACE VIEW "+identifier(v.Name)+" AS "+v.SQL); err != nil {
		return fmt.Errorf("query: %w", oneLine(err))
	}
	return nil
}

// Import makes a table of a query's rows, or replaces it.
func (d *DB) Import(ctx context.Context, v View) error {
	if err := d.refresh(ctx); err != nil {
		return err
	}
	if _, err := d.db.ExecContext(ctx, "CREATE OR REPLACE TABLE "+identifier(v.Name)+" AS "+v.SQL); err != nil {
		return fmt.Errorf("import: %w", oneLine(err))
	}
	return nil
}

// Describe gives the columns of a table or view; their types are DuckDB's.
func (d *DB) Describe(ctx context.Context, name string) ([]Column, error) {
	rows, err := d.Ask(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+identifier(name)+")")
	if err != nil {
		return nil, err
	}
	columns := make([]Column, len(rows))
	for i, row := range rows {
		columns[i] = Column{fmt.Sprint(row[0]), fmt.Sprint(row[1])}
	}
	return columns, nil
}

// plain gives a value of the driver as one of the few types that Ask promises.
func plain(v any, typ string) any {
	switch v := v.(type) {
	case nil, bool, int64, float64, string:
		return v
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint64:
		return whole(new(big.Int).SetUint64(v))
	case *big.Int:
		return whole(v)
	case float32:
		return float64(v)
	case duckdb.Decimal:
		return v.Float64()
	case time.Time:
		return v.UTC()
	default:
		return text(v, typ)
	}
}

func whole(v *big.Int) any {
	if v.IsInt64() {
		return v.Int64()
	}
	return v
}
