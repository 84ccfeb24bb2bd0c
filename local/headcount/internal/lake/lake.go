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
	"fmt"
	"strconv"
	"sync"

	"github.com/headcount-etl/headcount/local/standin/firehose"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/parquet"
)

// table maps the contract's fields to the columns of the Parquet schema.
type table struct {
	schema  *parquet.Schema
	columns []parquet.Column
	fields  []event.Field
}

var lakeTable = sync.OnceValue(func() table {
	t := table{fields: event.Fields()}
	for _, f := range t.fields {
		c := parquet.Column{Path: f.Path, Dictionary: f.Enum != nil || f.Is != nil}
		switch f.Type {
		case event.Group:
			continue
		case event.Integer:
			c.Kind = parquet.Int32
		case event.Number:
			c.Kind = parquet.Double
		case event.Boolean:
			c.Kind = parquet.Bool
		case event.String:
			c.Kind = parquet.String
		}
		t.columns = append(t.columns, c)
	}
	t.schema = parquet.MustSchema(t.columns)
	return t
})

// Schema is the schema of the lake's Parquet objects.
func Schema() *parquet.Schema { return lakeTable().schema }

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
	out := parquet.NewTable(t.schema)
	d := event.NewDecoder()
	var cells []cell // of one record, row by row
	for i, record := range records {
		var fault string
		events := 0
		cells = cells[:0]
		d.Reset(string(record))
		for d.Next() {
			events++
			if fault == "" {
				cells, fault = t.read(d, cells)
			}
		}
		if fault != "" {
			bad = append(bad, firehose.Bad{Index: i, Code: "DataFormatConversion.ParseError", Message: fault, Events: events})
			continue
		}
		t.append(out, cells)
	}
	if out.Rows() == 0 {
		return nil, bad, nil
	}
	object, err = out.Encode(parquet.Snappy, nil)
	return object, bad, err
}

// read appends the cells of the object that d stands on, or tells what does not
// fit, naming a field but never a value.
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

func (t *table) append(out *parquet.Table, cells []cell) {
	for i := range cells {
		v, col := &cells[i], i%len(t.columns)
		switch kind := t.columns[col].Kind; {
		case v.null:
			out.AppendNull(col)
		case kind == parquet.Int32:
			out.AppendInt32(col, int32(v.number)) //nolint:gosec // parsed with 32 bits
		case kind == parquet.Double:
			out.AppendDouble(col, v.number)
		case kind == parquet.Bool:
			out.AppendBool(col, v.truth)
		default:
			out.AppendString(col, v.text)
		}
	}
}
