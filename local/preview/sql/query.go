package sql

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
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
	if _, err := writer(format); err != nil {
		return err
	}
	r, err := d.ask(ctx, query)
	if err != nil {
		return err
	}
	return errors.Join(r.write(w, format), r.close())
}

// Write writes rows that come from elsewhere, such as from Athena: values as text,
// nil for a null, of columns whose types are SQL's.
func Write(w io.Writer, format string, columns []Column, rows [][]*string) error {
	a := &answer{values: make([]any, len(columns))}
	for _, c := range columns {
		a.names, a.types = append(a.names, c.Name), append(a.types, strings.ToUpper(c.Type))
	}
	a.each = func(do func() error) error {
		for _, row := range rows {
			for i, text := range row {
				a.values[i] = valueOf(text, a.types[i])
			}
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	}
	return a.write(w, format)
}

// valueOf gives a value that is text as one that is written as its type is.
func valueOf(text *string, typ string) any {
	switch {
	case text == nil:
		return nil
	case typ == "BOOLEAN":
		return *text == "true"
	case !isNumber(typ):
		return *text
	}
	if f, err := strconv.ParseFloat(*text, 64); err == nil && !finite(f) {
		return f
	}
	return json.Number(*text)
}

// answer is rows to be written.
type answer struct {
	names  []string
	types  []string // as SQL writes them
	values []any
	// each calls do once for each row, whose values are in values then.
	each func(do func() error) error
}

func writer(format string) (func(*bufio.Writer, *answer) error, error) {
	switch format {
	case FormatTable:
		return writeTable, nil
	case FormatJSON:
		return writeJSON, nil
	case FormatCSV:
		return writeCSV, nil
	}
	return nil, mistake("format %q is unknown: use %s, %s or %s", format, FormatTable, FormatJSON, FormatCSV)
}

func (a *answer) write(w io.Writer, format string) error {
	write, err := writer(format)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	if err = write(out, a); err == nil {
		err = out.Flush()
	}
	return err
}

// result is what a statement gave, read row by row.
type result struct {
	answer
	conn    *sql.Conn
	rows    *sql.Rows
	targets []any // pointers to the values
}

func newResult(conn *sql.Conn, rows *sql.Rows) (*result, error) {
	columns, err := rows.ColumnTypes()
	if err != nil {
		return nil, fmt.Errorf("query: %w", oneLine(err))
	}
	r := &result{answer: answer{values: make([]any, len(columns))}, conn: conn, rows: rows, targets: make([]any, len(columns))}
	r.each = r.scan
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

func (r *result) scan(do func() error) error {
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

func writeJSON(w *bufio.Writer, r *answer) error {
	keys := make([][]byte, len(r.names))
	for i, name := range unique(r.names, func(a, b string) bool { return a == b }) {
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

// unique numbers the names that come again, as DuckDB does: an object cannot have a
// member twice, nor a view two columns that are the same but for capitals.
func unique(names []string, same func(a, b string) bool) []string {
	var out []string
	for _, name := range names {
		candidate := name
		for n := 1; slices.ContainsFunc(out, func(o string) bool { return same(o, candidate) }); n++ {
			candidate = fmt.Sprintf("%s_%d", name, n)
		}
		out = append(out, candidate)
	}
	return out
}

func writeCSV(w *bufio.Writer, r *answer) error {
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
