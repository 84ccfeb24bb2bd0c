package parquet

import "fmt"

// Table holds rows, column by column. Rows are appended value by value: one
// call of an Append method for every column. Every method takes the index of
// the column in the schema and must fit the column's kind; Encode reports a
// column whose values do not fit or whose length differs from the others'.
//
// A Table may be used by one goroutine at a time.
type Table struct {
	schema  *Schema
	columns []columnValues
}

// columnValues has one slot for every row, nulls included, in the slice that
// belongs to the column's kind.
type columnValues struct {
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

// Rows is the number of rows: the length of the first column.
func (t *Table) Rows() int { return t.columns[0].len(t.schema.columns[0].Kind) }

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

// Int64s gives a column of kind Int64 or Timestamp, a slot for every row, 0
// where it is null.
func (t *Table) Int64s(col int) []int64 { return t.columns[col].int64s }

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

// len is the number of slots of the slice that belongs to the kind.
func (c *columnValues) len(kind Kind) int {
	switch kind {
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
	return len(c.int64s) + len(c.doubles) + len(c.bools) + len(c.fixed) + len(c.ends)
}

// check reports columns of differing lengths, values of the wrong kind and
// nulls in required columns.
func (t *Table) check() error {
	rows := t.Rows()
	for i := range t.columns {
		c, described := &t.columns[i], t.schema.columns[i]
		switch {
		case c.slots() != c.len(described.Kind):
			return fmt.Errorf("column %q was given values that are no %s", described.Name, described.Kind.Hive())
		case c.slots() != rows:
			return fmt.Errorf("column %q has %d rows, the first column has %d", described.Name, c.slots(), rows)
		case c.null != nil && described.Required:
			return fmt.Errorf("column %q is required and has a null", described.Name)
		}
	}
	return nil
}
