// Package parquet writes and reads the Parquet files of the pipeline: columns
// described in Go go in, bytes come out, and the other way round. It is a thin
// layer over arrow's builders and its low-level file writer, with a reader of its own.
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
	"fmt"
	"regexp"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
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

// kinds holds what a Kind is called in Hive, how it is held in memory, and how Parquet
// stores it.
var kinds = map[Kind]struct {
	hive     string
	arrow    arrow.DataType
	physical pq.Type
	logical  schema.LogicalType
	length   int
}{
	Int64:     {"bigint", arrow.PrimitiveTypes.Int64, pq.Types.Int64, schema.NoLogicalType{}, -1},
	Double:    {"double", arrow.PrimitiveTypes.Float64, pq.Types.Double, schema.NoLogicalType{}, -1},
	Bool:      {"boolean", arrow.FixedWidthTypes.Boolean, pq.Types.Boolean, schema.NoLogicalType{}, -1},
	String:    {"string", arrow.BinaryTypes.Binary, pq.Types.ByteArray, schema.StringLogicalType{}, -1},
	Timestamp: {"timestamp", arrow.PrimitiveTypes.Int64, pq.Types.Int64, schema.NewTimestampLogicalType(false, schema.TimeUnitMillis), -1},
	Fixed16:   {"binary", &arrow.FixedSizeBinaryType{ByteWidth: 16}, pq.Types.FixedLenByteArray, schema.NoLogicalType{}, 16},
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
	// Dictionary stores each distinct string once per row group. It pays for
	// values that recur, and costs for those that do not.
	Dictionary bool
}

// Schema is a list of columns that was found to be sound. It does not change,
// and may be used by several goroutines.
type Schema struct {
	columns  []Column
	arrow    *arrow.Schema
	root     *schema.GroupNode
	elements []any // the columns as a footer has them
}

var nameRule = regexp.MustCompile(`^[a-z0-9_]+$`)

// MustSchema checks columns that stand in the code. It panics on a fault.
func MustSchema(columns []Column) *Schema {
	var fields []arrow.Field
	var nodes schema.FieldList
	for i, c := range columns {
		kind, known := kinds[c.Kind]
		twice := slices.ContainsFunc(columns[:i], func(other Column) bool { return other.Name == c.Name })
		if !known || twice || !nameRule.MatchString(c.Name) || c.Dictionary && c.Kind != String {
			panic(fmt.Sprintf("parquet schema: column %d, %q, has no kind, a name that is there twice, one that is not made of a-z, 0-9 and _, or a dictionary and is no string", i, c.Name))
		}
		repetition := pq.Repetitions.Optional
		if c.Required {
			repetition = pq.Repetitions.Required
		}
		fields = append(fields, arrow.Field{Name: c.Name, Type: kind.arrow, Nullable: !c.Required})
		nodes = append(nodes, schema.Must(schema.NewPrimitiveNodeLogical(c.Name, repetition, kind.logical, kind.physical, kind.length, -1)))
	}
	root := schema.Must(schema.NewGroupNode("schema", pq.Repetitions.Required, nodes, -1)).(*schema.GroupNode)
	s := &Schema{slices.Clone(columns), arrow.NewSchema(fields, nil), root, nil}
	data, err := NewTable(s).Encode(nil)
	if err != nil {
		panic(err)
	}
	file, _, err := open(data)
	if err != nil {
		panic(err)
	}
	s.elements = field[[]any](file, 2)
	return s
}
