package sql

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The formats of Query.
const (
	// FormatTable aligns the columns for the eye: numbers to the right, NULL
	// for what is null, and the number of rows at the end. It holds all rows in
	// memory.
	FormatTable = "table"
	// FormatJSON is one array with an object for each row, in the order of the
	// columns. Decimals and huge integers are numbers, instants RFC 3339 in
	// UTC, structs objects.
	FormatJSON = "json"
	// FormatCSV has a header and the quoting of RFC 4180; lines end in a
	// newline. A null is nothing between its commas, an empty string is "".
	FormatCSV = "csv"
)

// Query answers one question and writes its rows to w in one of the formats. What
// DuckDB has to say against it is returned as an error of one line, and so is what
// is wrong with the files. It sees the files that are in the folder now.
func (d *DB) Query(ctx context.Context, w io.Writer, format, query string) error {
	var write func(*bufio.Writer, *result) error
	switch format {
	case FormatTable:
		write = writeTable
	case FormatJSON:
		write = writeJSON
	case FormatCSV:
		write = writeCSV
	default:
		return mistake("format %q is unknown: use %s, %s or %s", format, FormatTable, FormatJSON, FormatCSV)
	}
	r, err := d.ask(ctx, query)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	if err = write(out, r); err == nil {
		err = out.Flush()
	}
	return errors.Join(err, r.close())
}

// result is what a statement gave, read row by row.
type result struct {
	conn    *sql.Conn
	rows    *sql.Rows
	names   []string
	types   []string // as DuckDB writes them
	values  []any
	targets []any // pointers to the values
}

func newResult(conn *sql.Conn, rows *sql.Rows) (*result, error) {
	columns, err := rows.ColumnTypes()
	if err != nil {
		return nil, fmt.Errorf("query: %w", oneLine(err))
	}
	r := &result{conn: conn, rows: rows, values: make([]any, len(columns)), targets: make([]any, len(columns))}
	for i, c := range columns {
		r.names = append(r.names, c.Name())
		r.types = append(r.types, c.DatabaseTypeName())
		r.targets[i] = &r.values[i]
	}
	return r, nil
}

// close gives the connection back.
func (r *result) close() error { return errors.Join(r.rows.Close(), r.conn.Close()) }

// all gives all rows, and closes the result.
func (r *result) all() (rows [][]any, err error) {
	defer func() { err = errors.Join(err, r.close()) }()
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

// each calls do once for each row, whose values are in r.values then.
func (r *result) each(do func() error) error {
	for r.rows.Next() {
		if err := r.rows.Scan(r.targets...); err != nil {
			return fmt.Errorf("query: %w", oneLine(err))
		}
		if err := do(); err != nil {
			return err
		}
	}
	if err := r.rows.Err(); err != nil {
		return fmt.Errorf("query: %w", oneLine(err))
	}
	return nil
}

func writeJSON(w *bufio.Writer, r *result) error {
	keys := make([][]byte, len(r.names))
	for i, name := range unique(r.names) {
		keys[i] = append(appendJSON(nil, name, ""), ':')
	}
	open, line := "[", []byte(nil)
	err := r.each(func() error {
		line = append(append(line[:0], open...), "\n{"...)
		open = ","
		for i, v := range r.values {
			if i > 0 {
				line = append(line, ',')
			}
			line = appendJSON(append(line, keys[i]...), v, r.types[i])
		}
		_, err := w.Write(append(line, '}'))
		return err
	})
	if err != nil {
		return err
	}
	if open == "[" {
		_, err = w.WriteString("[]\n")
	} else {
		_, err = w.WriteString("\n]\n")
	}
	return err
}

// unique numbers the names that come again, as an object cannot have a member
// twice.
func unique(names []string) []string {
	var out []string
	for _, name := range names {
		candidate := name
		for n := 1; slices.Contains(out, candidate); n++ {
			candidate = fmt.Sprintf("%s_%d", name, n)
		}
		out = append(out, candidate)
	}
	return out
}

func writeCSV(w *bufio.Writer, r *result) error {
	var line []byte
	end := func() error {
		_, err := w.Write(append(line, '\n'))
		line = line[:0]
		return err
	}
	for i, name := range r.names {
		if i > 0 {
			line = append(line, ',')
		}
		line = appendField(line, name)
	}
	if err := end(); err != nil {
		return err
	}
	return r.each(func() error {
		for i, v := range r.values {
			if i > 0 {
				line = append(line, ',')
			}
			if v != nil {
				line = appendField(line, text(v, r.types[i]))
			}
		}
		return end()
	})
}

// appendField quotes a field of CSV where RFC 4180 asks for it, or where it
// would be taken for a null or for blank.
func appendField(line []byte, field string) []byte {
	if field != "" && !strings.ContainsAny(field, ",\"\r\n") && strings.TrimSpace(field) == field {
		return append(line, field...)
	}
	return append(append(append(line, '"'), strings.ReplaceAll(field, `"`, `""`)...), '"')
}
