// Package parquettest reads Parquet files for tests, with arrow's high-level
// reader: what it finds is what other readers find.
package parquettest

import (
	"bytes"
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// Arrow makes its decoder when it is first used: here, rather than in a bubble of
// synctest, as other bubbles may not use it then.
func init() {
	codec, err := compress.GetCodec(compress.Codecs.Zstd)
	if err != nil {
		panic(err)
	}
	codec.Decode(nil, codec.Encode(nil, []byte("x")))
}

// Rows gives the rows of a file: the values by the names of their columns, nil
// for a null, a timestamp as an int64 in the file's own unit.
func Rows(data []byte) ([]map[string]any, error) {
	table, err := pqarrow.ReadTable(context.Background(), bytes.NewReader(data), nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	defer table.Release()
	rows := make([]map[string]any, table.NumRows())
	for i := range rows {
		rows[i] = map[string]any{}
	}
	for c := range int(table.NumCols()) {
		row := 0
		for _, chunk := range table.Column(c).Data().Chunks() {
			for i := range chunk.Len() {
				if rows[row][table.Column(c).Name()], err = value(chunk, i); err != nil {
					return nil, err
				}
				row++
			}
		}
	}
	return rows, nil
}

func value(values arrow.Array, i int) (any, error) {
	if values.IsNull(i) {
		return nil, nil //nolint:nilnil // a null
	}
	switch values := values.(type) {
	case *array.Int64:
		return values.Value(i), nil
	case *array.Timestamp:
		return int64(values.Value(i)), nil
	case *array.Float64:
		return values.Value(i), nil
	case *array.Boolean:
		return values.Value(i), nil
	case *array.String:
		return values.Value(i), nil
	default:
		return nil, fmt.Errorf("parquet: a column of type %s is not known here", values.DataType())
	}
}
