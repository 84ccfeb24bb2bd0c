// Package parquet writes and reads the Parquet files of the pipeline: columns
// described in Go go in, bytes come out, and the other way round. It is a thin
// layer over arrow's low-level file writer and reader.
//
// It covers what the pipeline needs and no more: six kinds of values, neither
// structures nor repeated fields. The same description of the
// columns gives the types of the Glue table over the files (see [Kind.Hive]), so
// that the two cannot drift apart.
//
// The bytes are a function of the input: the same rows and metadata give the
// same file.
package parquet

import (
	"errors"
	"fmt"
	"regexp"

	pq "github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// Kind is the type of a column's values.
type Kind uint8

// The kinds of columns, with the type that Hive, Glue and Athena give them.
const (
	Int64     Kind = iota + 1 // bigint
	Double                    // double
	Bool                      // boolean
	String                    // string, UTF-8
	Timestamp                 // timestamp: milliseconds since the Unix epoch, UTC, without a zone
	Fixed16                   // binary, always 16 bytes
)

// kinds holds what a Kind is called in Hive and how Parquet stores it.
var kinds = map[Kind]struct {
	hive     string
	physical pq.Type
	logical  schema.LogicalType
	length   int
}{
	Int64:     {"bigint", pq.Types.Int64, schema.NoLogicalType{}, -1},
	Double:    {"double", pq.Types.Double, schema.NoLogicalType{}, -1},
	Bool:      {"boolean", pq.Types.Boolean, schema.NoLogicalType{}, -1},
	String:    {"string", pq.Types.ByteArray, schema.StringLogicalType{}, -1},
	Timestamp: {"timestamp", pq.Types.Int64, schema.NewTimestampLogicalType(false, schema.TimeUnitMillis), -1},
	Fixed16:   {"binary", pq.Types.FixedLenByteArray, schema.NoLogicalType{}, 16},
}

// Hive gives the name of the type in Hive, Glue and Athena, "" for a Kind that
// does not exist.
func (k Kind) Hive() string { return kinds[k].hive }

// Column describes one column.
type Column struct {
	// Name consists of lower-case letters, digits and underscores, as Hive
	// lowers all others.
	Name string
	Kind Kind
	// Required says that the column has no nulls.
	Required bool
	// Dictionary stores each distinct value once per row group. It pays for
	// values that recur, and costs for those that do not.
	Dictionary bool
}

// Schema is a list of columns that was found to be sound. It does not change,
// and may be used by several goroutines.
type Schema struct {
	columns []Column
	root    *schema.GroupNode
	arrow   *schema.Schema
}

var nameRule = regexp.MustCompile(`^[a-z0-9_]+$`)

// NewSchema checks the columns. All faults are reported, joined.
func NewSchema(columns []Column) (*Schema, error) {
	if len(columns) == 0 {
		return nil, errors.New("parquet schema: no columns")
	}
	s := &Schema{columns: append([]Column(nil), columns...)}
	var faults []error
	var nodes schema.FieldList
	seen := map[string]bool{}
	for i, c := range columns {
		node, err := c.node()
		switch {
		case !nameRule.MatchString(c.Name):
			err = fmt.Errorf("column %d: the name %q is not made of a-z, 0-9 and _", i, c.Name)
		case seen[c.Name]:
			err = fmt.Errorf("column %q is there twice", c.Name)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("parquet schema: %w", err))
		}
		seen[c.Name] = true
		nodes = append(nodes, node)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	root, err := schema.NewGroupNode("schema", pq.Repetitions.Required, nodes, -1)
	if err != nil {
		return nil, fmt.Errorf("parquet schema: %w", err)
	}
	s.root, s.arrow = root, schema.NewSchema(root)
	return s, nil
}

// MustSchema is NewSchema for tables of columns that stand in the code. It
// panics on a fault.
func MustSchema(columns []Column) *Schema {
	s, err := NewSchema(columns)
	if err != nil {
		panic(err)
	}
	return s
}

func (c Column) node() (schema.Node, error) {
	k, ok := kinds[c.Kind]
	if !ok {
		return nil, fmt.Errorf("column %q has no kind", c.Name)
	}
	repetition := pq.Repetitions.Optional
	if c.Required {
		repetition = pq.Repetitions.Required
	}
	node, err := schema.NewPrimitiveNodeLogical(c.Name, repetition, k.logical, k.physical, k.length, -1)
	if err != nil {
		return nil, fmt.Errorf("column %q: %w", c.Name, err)
	}
	return node, nil
}
