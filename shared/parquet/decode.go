package parquet

import (
	"bytes"
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

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
	if c, ok := r.columns[col].(*array.Timestamp); ok {
		return int64(c.Value(row))
	}
	return r.columns[col].(*array.Int64).Value(row)
}

// Fixed16 gives a value of a column of kind Fixed16.
func (r *Rows) Fixed16(col, row int) [16]byte {
	return [16]byte(r.columns[col].(*array.FixedSizeBinary).Value(row))
}

// Text gives a value of a column of kind String.
func (r *Rows) Text(col, row int) string { return r.columns[col].(*array.String).Value(row) }

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

// read reads all columns. They are read one by one, since a panic of arrow's own
// goroutines would end the process.
func (s *Schema) read(r *file.Reader) (*Rows, error) {
	arrows, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	have, err := arrows.Schema()
	if err != nil {
		return nil, err
	}
	if have.NumFields() != len(s.columns) {
		return nil, fmt.Errorf("the file has %d columns, not %d", have.NumFields(), len(s.columns))
	}
	for i, got := range have.Fields() {
		got.Metadata = arrow.Metadata{}
		if want := s.arrow.Field(i); !got.Equal(want) {
			return nil, fmt.Errorf("column %d is %v, not %v", i, got, want)
		}
	}
	rows := &Rows{make([]arrow.Array, len(s.columns))}
	for i, c := range s.columns {
		if r.NumRows() == 0 {
			rows.columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, s.arrow.Field(i).Type, 0)
			continue
		}
		column, err := arrows.GetColumn(context.Background(), i)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		chunked, err := column.NextBatch(r.NumRows())
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		if chunked.Len() != int(r.NumRows()) {
			return nil, fmt.Errorf("column %q has %d rows of %d", c.Name, chunked.Len(), r.NumRows())
		}
		if rows.columns[i], err = array.Concatenate(chunked.Chunks(), memory.DefaultAllocator); err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
	}
	return rows, nil
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
