// Package lake turns the records that Firehose is given into the Parquet
// objects of the lake, as Firehose's record format conversion does with the
// OpenX JSON SerDe and the table `events`
// (https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html).
//
// A record holds one JSON object or several. Fields that the table does not name
// are dropped. A string column takes the text of any value; a number column also
// a string that holds a number; a boolean column also "true" and "false"; a
// structure only an object. One object that does not fit sends its whole record
// to the error prefix. How Firehose treats values of the wrong type is not
// documented to the letter: what matters here is that no record is lost, and
// which ones it is sure to refuse.
package lake

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/headcount-etl/headcount/local/standin/firehose"
	"github.com/headcount-etl/headcount/shared/event"
)

// table is the contract as columns of Parquet.
type table struct {
	schema     *arrow.Schema
	properties *parquet.WriterProperties
	fields     []event.Field
	// columns has for each field its column, and for a member of a group its
	// place in the group's column.
	columns []column
}

// column is where a field stands: group is -1 outside of groups.
type column struct{ group, at int }

var lakeTable = sync.OnceValue(func() table {
	t := table{fields: event.Fields()}
	options := []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDictionaryDefault(false)}
	types := map[event.Type]arrow.DataType{
		event.Integer: arrow.PrimitiveTypes.Int32, event.Number: arrow.PrimitiveTypes.Float64,
		event.Boolean: arrow.FixedWidthTypes.Boolean, event.String: arrow.BinaryTypes.String,
	}
	var top []arrow.Field
	var members []arrow.Field // of the group that top ends with
	for _, f := range t.fields {
		group, name, inside := strings.Cut(f.Path, ".")
		switch {
		case f.Type == event.Group:
			members = nil
			t.columns = append(t.columns, column{-1, len(top)})
			top = append(top, arrow.Field{Name: group, Nullable: true})
		case inside:
			t.columns = append(t.columns, column{len(top) - 1, len(members)})
			members = append(members, arrow.Field{Name: name, Type: types[f.Type], Nullable: true})
			top[len(top)-1].Type = arrow.StructOf(members...)
		default:
			t.columns = append(t.columns, column{-1, len(top)})
			top = append(top, arrow.Field{Name: f.Path, Type: types[f.Type], Nullable: true})
		}
		if f.Enum != nil || f.Is != nil { // its values recur
			options = append(options, parquet.WithDictionaryFor(f.Path, true))
		}
	}
	t.schema, t.properties = arrow.NewSchema(top, nil), parquet.NewWriterProperties(options...)
	return t
})

// cell is one value of an object, kept until all of its record is known to fit.
type cell struct {
	null   bool
	number float64
	text   string
	truth  bool
}

// Convert is a firehose.Convert: it gives one Parquet object, compressed with
// Snappy as Firehose does, of all records that fit, and names the others.
func Convert(records [][]byte) (object []byte, bad []firehose.Bad, err error) {
	t := lakeTable()
	rows := array.NewRecordBuilder(memory.DefaultAllocator, t.schema)
	defer rows.Release()
	d := event.NewDecoder()
	var cells []cell // of one record, row by row
	for i, record := range records {
		var fault string
		cells = cells[:0]
		d.Reset(string(record))
		for d.Next() {
			if fault == "" {
				cells, fault = t.read(d, cells)
			}
		}
		if fault != "" {
			bad = append(bad, firehose.Bad{Index: i, Code: "DataFormatConversion.ParseError", Message: fault})
			continue
		}
		t.append(rows, cells)
	}
	record := rows.NewRecord()
	defer record.Release()
	if record.NumRows() == 0 {
		return nil, bad, nil
	}
	object, err = t.encode(record)
	return object, bad, err
}

func (t *table) encode(record arrow.Record) ([]byte, error) {
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(t.schema, &out, t.properties, pqarrow.DefaultWriterProps())
	if err != nil {
		return nil, fmt.Errorf("the lake's object: %w", err)
	}
	if err := errors.Join(w.Write(record), w.Close()); err != nil {
		return nil, fmt.Errorf("the lake's object: %w", err)
	}
	return out.Bytes(), nil
}

// read appends a cell for each field of the object that d stands on, or reports
// what does not fit, naming a field but never a value.
func (t *table) read(d *event.Decoder, cells []cell) (all []cell, fault string) {
	if !d.IsObject() {
		return cells, "the record holds something that is not a JSON object"
	}
	for i := range t.fields {
		f := &t.fields[i]
		kind, text := d.Value(i)
		if f.Type == event.Group {
			if kind != event.Object && kind != event.Null && kind != event.Absent {
				return cells, fmt.Sprintf("field %s is not an object", f.Path)
			}
			cells = append(cells, cell{null: kind != event.Object})
			continue
		}
		c, ok := coerce(f.Type, kind, text)
		if !ok {
			return cells, fmt.Sprintf("field %s does not fit its column", f.Path)
		}
		cells = append(cells, c)
	}
	return cells, ""
}

// coerce turns a JSON value into a column's.
func coerce(to event.Type, kind event.Kind, text string) (c cell, ok bool) {
	if kind == event.Absent || kind == event.Null {
		return cell{null: true}, true
	}
	scalar := kind == event.Num || kind == event.Text
	switch to {
	case event.String:
		return cell{text: text}, true
	case event.Integer:
		n, err := strconv.ParseInt(text, 10, 32)
		return cell{number: float64(n)}, scalar && err == nil
	case event.Number:
		n, err := strconv.ParseFloat(text, 64)
		return cell{number: n}, scalar && err == nil
	default:
		return cell{truth: text == "true"}, (text == "true" || text == "false") && kind != event.Array
	}
}

// append adds the rows of one record.
func (t *table) append(rows *array.RecordBuilder, cells []cell) {
	for i := range cells {
		v, field := &cells[i], i%len(t.fields)
		at := t.columns[field]
		var b array.Builder
		if at.group < 0 {
			b = rows.Field(at.at)
		} else {
			group := rows.Field(at.group).(*array.StructBuilder)
			if b = group.FieldBuilder(at.at); group.IsNull(group.Len() - 1) {
				continue // a structure that is null gives its members a null
			}
		}
		if v.null {
			b.AppendNull()
			continue
		}
		switch b := b.(type) {
		case *array.StructBuilder:
			b.Append(true)
		case *array.Int32Builder:
			b.Append(int32(v.number)) //nolint:gosec // parsed with 32 bits
		case *array.Float64Builder:
			b.Append(v.number)
		case *array.BooleanBuilder:
			b.Append(v.truth)
		case *array.StringBuilder:
			b.Append(v.text)
		}
	}
}
