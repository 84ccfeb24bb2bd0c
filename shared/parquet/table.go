package parquet

import "fmt"

// Table holds rows, column by column. Rows are appended value by value: one
// call of an Append method for every column. Every method takes the index of
// the column in the schema and must fit the column's kind; Encode reports a
// column whose values do not fit or whose length differs from the others'.
//
// A structure all of whose fields are null in a row is null itself.
//
// A Table may be used by one goroutine at a time.
type Table struct {
	schema  *Schema
	columns []columnValues
}

// columnValues has one slot for every row, nulls included, in the slice that
// belongs to the column's kind.
type columnValues struct {
	int32s  []int32
	int64s  []int64
	doubles []float64
	bools   []bool
	fixed   [][16]byte
	// text holds all strings one after another; row i's begins where row i-1's
	// ends, and ends at ends[i].
	text []byte
	ends []int
	// null is nil as long as the column has no nulls.
	null []bool
}

// NewTable gives an empty table.
func NewTable(s *Schema) *Table {
	return &Table{schema: s, columns: make([]columnValues, len(s.columns))}
}

// Schema gives the description of the table's columns.
func (t *Table) Schema() *Schema { return t.schema }

// Reset empties the table and keeps its memory for the next rows.
func (t *Table) Reset() {
	for i := range t.columns {
		c := &t.columns[i]
		*c = columnValues{
			int32s: c.int32s[:0], int64s: c.int64s[:0], doubles: c.doubles[:0], bools: c.bools[:0],
			fixed: c.fixed[:0], text: c.text[:0], ends: c.ends[:0],
		}
	}
}

// Rows is the number of rows: the length of the first column.
func (t *Table) Rows() int { return t.columns[0].len(t.schema.columns[0].Kind) }

// AppendInt32 appends to a column of kind Int32.
func (t *Table) AppendInt32(col int, v int32) {
	c := &t.columns[col]
	c.int32s = append(c.int32s, v)
	c.valid()
}

// AppendInt64 appends to a column of kind Int64 or Timestamp.
func (t *Table) AppendInt64(col int, v int64) {
	c := &t.columns[col]
	c.int64s = append(c.int64s, v)
	c.valid()
}

// AppendDouble appends to a column of kind Double.
func (t *Table) AppendDouble(col int, v float64) {
	c := &t.columns[col]
	c.doubles = append(c.doubles, v)
	c.valid()
}

// AppendBool appends to a column of kind Bool.
func (t *Table) AppendBool(col int, v bool) {
	c := &t.columns[col]
	c.bools = append(c.bools, v)
	c.valid()
}

// AppendFixed16 appends to a column of kind Fixed16.
func (t *Table) AppendFixed16(col int, v [16]byte) {
	c := &t.columns[col]
	c.fixed = append(c.fixed, v)
	c.valid()
}

// AppendString appends to a column of kind String. The text should be valid
// UTF-8; it is not checked.
func (t *Table) AppendString(col int, v string) {
	c := &t.columns[col]
	c.text = append(c.text, v...)
	c.ends = append(c.ends, len(c.text))
	c.valid()
}

// AppendBytes is AppendString for text that is held in bytes, which are copied.
func (t *Table) AppendBytes(col int, v []byte) {
	c := &t.columns[col]
	c.text = append(c.text, v...)
	c.ends = append(c.ends, len(c.text))
	c.valid()
}

// AppendNull appends a null to a column that is not required.
func (t *Table) AppendNull(col int) {
	c := &t.columns[col]
	kind := t.schema.columns[col].Kind
	if c.null == nil {
		c.null = make([]bool, c.len(kind), c.len(kind)+64)
	}
	switch kind {
	case Int32:
		c.int32s = append(c.int32s, 0)
	case Int64, Timestamp:
		c.int64s = append(c.int64s, 0)
	case Double:
		c.doubles = append(c.doubles, 0)
	case Bool:
		c.bools = append(c.bools, false)
	case Fixed16:
		c.fixed = append(c.fixed, [16]byte{})
	case String:
		c.ends = append(c.ends, len(c.text))
	}
	c.null = append(c.null, true)
}

func (c *columnValues) valid() {
	if c.null != nil {
		c.null = append(c.null, false)
	}
}

// Int32s gives a column of kind Int32, a slot for every row, 0 where it is null.
func (t *Table) Int32s(col int) []int32 { return t.columns[col].int32s }

// Int64s gives a column of kind Int64 or Timestamp, a slot for every row, 0
// where it is null.
func (t *Table) Int64s(col int) []int64 { return t.columns[col].int64s }

// Doubles gives a column of kind Double, a slot for every row, 0 where it is
// null.
func (t *Table) Doubles(col int) []float64 { return t.columns[col].doubles }

// Bools gives a column of kind Bool, a slot for every row, false where it is
// null.
func (t *Table) Bools(col int) []bool { return t.columns[col].bools }

// Fixed16s gives a column of kind Fixed16, a slot for every row, zeros where it
// is null.
func (t *Table) Fixed16s(col int) [][16]byte { return t.columns[col].fixed }

// Text gives the value of a column of kind String in a row, empty where it is
// null. It is good until the table changes.
func (t *Table) Text(col, row int) []byte {
	c := &t.columns[col]
	start := 0
	if row > 0 {
		start = c.ends[row-1]
	}
	return c.text[start:c.ends[row]:c.ends[row]]
}

// IsNull says whether a column is null in a row.
func (t *Table) IsNull(col, row int) bool {
	null := t.columns[col].null
	return null != nil && null[row]
}

// len is the number of slots of the slice that belongs to the kind.
func (c *columnValues) len(kind Kind) int {
	switch kind {
	case Int32:
		return len(c.int32s)
	case Int64, Timestamp:
		return len(c.int64s)
	case Double:
		return len(c.doubles)
	case Bool:
		return len(c.bools)
	case Fixed16:
		return len(c.fixed)
	default:
		return len(c.ends)
	}
}

// slots is the number of slots of all slices together: more than len where a
// value of another kind was appended.
func (c *columnValues) slots() int {
	return len(c.int32s) + len(c.int64s) + len(c.doubles) + len(c.bools) + len(c.fixed) + len(c.ends)
}

// check reports columns of differing lengths, values of the wrong kind and
// nulls in required columns.
func (t *Table) check() error {
	rows := t.Rows()
	for i := range t.columns {
		c, described := &t.columns[i], t.schema.columns[i]
		switch {
		case c.slots() != c.len(described.Kind):
			return fmt.Errorf("column %q was given values that are no %s", described.Path, described.Kind.Hive())
		case c.slots() != rows:
			return fmt.Errorf("column %q has %d rows, the first column has %d", described.Path, c.slots(), rows)
		case c.null != nil && described.Required:
			return fmt.Errorf("column %q is required and has a null", described.Path)
		}
	}
	return nil
}
