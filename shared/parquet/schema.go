// Package parquet writes and reads the Parquet files of the pipeline: columns
// described in Go go in, bytes come out, and the other way round. It is a thin
// layer over arrow's builders, file writer and reader.
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

// kinds holds what a Kind is called in Hive, and arrow's type.
var kinds = map[Kind]struct {
	hive  string
	arrow arrow.DataType
}{
	Int64:     {"bigint", arrow.PrimitiveTypes.Int64},
	Double:    {"double", arrow.PrimitiveTypes.Float64},
	Bool:      {"boolean", arrow.FixedWidthTypes.Boolean},
	String:    {"string", arrow.BinaryTypes.String},
	Timestamp: {"timestamp", &arrow.TimestampType{Unit: arrow.Millisecond}},
	Fixed16:   {"binary", &arrow.FixedSizeBinaryType{ByteWidth: 16}},
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
	arrow   *arrow.Schema
}

var nameRule = regexp.MustCompile(`^[a-z0-9_]+$`)

// MustSchema checks columns that stand in the code. It panics on a fault.
func MustSchema(columns []Column) *Schema {
	var fields []arrow.Field
	for i, c := range columns {
		kind, known := kinds[c.Kind]
		twice := slices.ContainsFunc(columns[:i], func(other Column) bool { return other.Name == c.Name })
		if !known || twice || !nameRule.MatchString(c.Name) {
			panic(fmt.Sprintf("parquet schema: column %d, %q, has no kind, a name that is there twice, or one that is not made of a-z, 0-9 and _", i, c.Name))
		}
		fields = append(fields, arrow.Field{Name: c.Name, Type: kind.arrow, Nullable: !c.Required})
	}
	return &Schema{slices.Clone(columns), arrow.NewSchema(fields, nil)}
}
