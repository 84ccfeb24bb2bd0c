package parquet

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	pq "github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// batch is the number of rows that are read at a time.
const batch = 4096

// Footer is what a file says about itself: the number of its rows and the
// metadata that was given to Encode.
type Footer struct {
	Rows     int64
	Metadata map[string]string
}

// ReadFooter reads the footer of a file and nothing else of it. data is the
// whole file. A file that is truncated or corrupted, or that was not written by
// this package, is an error.
func ReadFooter(data []byte) (Footer, error) {
	_, footer, err := open(data)
	if err != nil {
		return Footer{}, fmt.Errorf("parquet footer: %w", err)
	}
	return footer, nil
}

// Rows are the rows of a file, column by column. Its methods take the index of a
// column in the schema and a row, and panic where they do not fit the column's kind.
type Rows struct {
	columns []arrow.Array
}

// Len is the number of rows.
func (r *Rows) Len() int { return r.columns[0].Len() }

// Int64 gives a value of a column of kind Int64 or Timestamp.
func (r *Rows) Int64(col, row int) int64 {
	return r.columns[col].(*array.Int64).Value(row)
}

// Fixed16 gives a value of a column of kind Fixed16.
func (r *Rows) Fixed16(col, row int) [16]byte {
	return [16]byte(r.columns[col].(*array.FixedSizeBinary).Value(row))
}

// Text gives a value of a column of kind String.
func (r *Rows) Text(col, row int) string { return r.columns[col].(*array.Binary).ValueString(row) }

// Decode reads a whole file, which must have exactly the columns of the schema.
// A file that is truncated or corrupted, was not written by this package, or
// has other columns, is an error.
func Decode(data []byte, s *Schema) (rows *Rows, footer Footer, err error) {
	// Behind the checksum a panic means a file that was sealed wrong.
	defer func() {
		if r := recover(); r != nil {
			rows, footer, err = nil, Footer{}, fmt.Errorf("parquet decode: %v", r)
		}
	}()
	r, footer, err := open(data)
	if err == nil {
		rows, err = s.read(r)
	}
	if err != nil {
		return nil, Footer{}, fmt.Errorf("parquet decode: %w", err)
	}
	return rows, footer, nil
}

// read reads all columns.
func (s *Schema) read(r *file.Reader) (*Rows, error) {
	if err := s.fits(r.MetaData().Schema); err != nil {
		return nil, err
	}
	t := NewTable(s)
	for group := range r.NumRowGroups() {
		rg := r.RowGroup(group)
		for i, c := range s.columns {
			column, err := rg.Column(i)
			if err == nil {
				err = t.readColumn(column, i, rg.NumRows())
			}
			if err != nil {
				return nil, fmt.Errorf("row group %d: column %q: %w", group, c.Name, err)
			}
		}
	}
	return &Rows{t.rows.NewRecord().Columns()}, nil
}

// fits reports the first column in which a file's schema differs.
func (s *Schema) fits(other *schema.Schema) error {
	if other.NumColumns() != len(s.columns) {
		return fmt.Errorf("the file has %d columns, not %d", other.NumColumns(), len(s.columns))
	}
	for i := range s.columns {
		want, got := s.parquet.Column(i), other.Column(i)
		if got.Path() != want.Path() {
			return fmt.Errorf("column %d is %q, not %q", i, got.Path(), want.Path())
		}
		// Arrow gives a type without a length one of -1 or of 0.
		if got.PhysicalType() != want.PhysicalType() || max(got.TypeLength(), 0) != max(want.TypeLength(), 0) ||
			got.MaxDefinitionLevel() != want.MaxDefinitionLevel() || got.MaxRepetitionLevel() != 0 ||
			!want.LogicalType().Equals(got.LogicalType()) {
			return fmt.Errorf("column %q is of another type: %s", want.Path(), got.SchemaNode())
		}
	}
	return nil
}

func (t *Table) readColumn(r file.ColumnChunkReader, col int, rows int64) error {
	switch r := r.(type) {
	case *file.Int64ColumnChunkReader:
		return readValues(t, r, r.ReadBatch, col, rows, t.AppendInt64)
	case *file.Float64ColumnChunkReader:
		return readValues(t, r, r.ReadBatch, col, rows, t.AppendDouble)
	case *file.BooleanColumnChunkReader:
		return readValues(t, r, r.ReadBatch, col, rows, t.AppendBool)
	case *file.FixedLenByteArrayColumnChunkReader:
		return readValues(t, r, r.ReadBatch, col, rows, func(col int, v pq.FixedLenByteArray) {
			t.AppendFixed16(col, [16]byte(v))
		})
	case *file.ByteArrayColumnChunkReader:
		return readValues(t, r, r.ReadBatch, col, rows, func(col int, v pq.ByteArray) {
			t.rows.Field(col).(*array.BinaryBuilder).Append(v)
		})
	default:
		return fmt.Errorf("arrow reads it as %T", r)
	}
}

// readValues appends a column chunk's rows to the table.
func readValues[T any](
	t *Table, r file.ColumnChunkReader,
	read func(int64, []T, []int16, []int16) (int64, int, error),
	col int, rows int64, put func(col int, v T),
) error {
	size := min(rows, batch)
	values := make([]T, size)
	full := t.schema.parquet.Column(col).MaxDefinitionLevel()
	var levels []int16
	if full > 0 {
		levels = make([]int16, size)
	}
	for rows > 0 {
		got, present, err := read(min(rows, batch), values, levels, nil)
		if err = errors.Join(err, r.Err()); err != nil {
			return err
		}
		if got == 0 {
			return fmt.Errorf("%d rows are missing", rows)
		}
		rows -= got
		next := 0
		for i := range got {
			if full > 0 && levels[i] != full {
				t.AppendNull(col)
				continue
			}
			put(col, values[:present][next])
			next++
		}
	}
	return nil
}

// open checks a file and reads its footer.
func open(data []byte) (r *file.Reader, footer Footer, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, footer, err = nil, Footer{}, fmt.Errorf("%v", p)
		}
	}()
	if err := verify(data); err != nil {
		return nil, Footer{}, err
	}
	if r, err = file.NewParquetReader(bytes.NewReader(data)); err != nil {
		return nil, Footer{}, err
	}
	footer = Footer{Rows: r.NumRows(), Metadata: map[string]string{}}
	for _, kv := range r.MetaData().KeyValueMetadata() {
		if kv.GetKey() != checksumKey {
			footer.Metadata[kv.GetKey()] = kv.GetValue()
		}
	}
	return r, footer, nil
}
