// Package parquet writes and reads the Parquet files of the pipeline: columns
// described in Go go in, bytes come out, and the other way round. It is a thin
// layer over arrow's low-level file writer and reader.
//
// It covers what the pipeline needs and no more: seven kinds of values,
// structures of any depth, no repeated fields. The same description of the
// columns gives the types of the Glue table over the files (see [Kind.Hive]), so
// that the two cannot drift apart.
//
// The bytes are a function of the input: the same rows, codec and metadata
// give the same file.
package parquet

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	pq "github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// Kind is the type of a column's values.
type Kind uint8

// The kinds of columns, with the type that Hive, Glue and Athena give them.
const (
	Int32     Kind = iota + 1 // int
	Int64                     // bigint
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
	Int32:     {"int", pq.Types.Int32, schema.NoLogicalType{}, -1},
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

// Column describes one leaf column.
type Column struct {
	// Path is the column's name. Dots separate the structures that it stands
	// in: "user.birth_date" is the field birth_date of the structure user.
	// Names consist of lower-case letters, digits and underscores, as Hive
	// lowers all others.
	Path string
	Kind Kind
	// Required says that the column has no nulls.
	Required bool
	// Dictionary stores each distinct value once per row group. It pays for
	// values that recur, and costs for those that do not.
	Dictionary bool
}

// group is one structure: the columns first up to, not including, last, and
// the number of path elements down to it.
type group struct{ first, last, depth int }

// Schema is a list of columns that was found to be sound. It does not change,
// and may be used by several goroutines.
type Schema struct {
	columns []Column
	groups  []group
	root    *schema.GroupNode
	arrow   *schema.Schema
}

var nameRule = regexp.MustCompile(`^[a-z0-9_]+$`)

// NewSchema checks the columns. The fields of a structure must follow one
// another. All faults are reported, joined.
func NewSchema(columns []Column) (*Schema, error) {
	if len(columns) == 0 {
		return nil, errors.New("parquet schema: no columns")
	}
	s := &Schema{columns: append([]Column(nil), columns...)}
	paths := make([][]string, len(columns))
	var faults []error
	for i, c := range columns {
		paths[i] = strings.Split(c.Path, ".")
		for _, name := range paths[i] {
			if !nameRule.MatchString(name) {
				faults = append(faults, fmt.Errorf("parquet schema: column %d: the name %q is not made of a-z, 0-9 and _", i, c.Path))
				break
			}
		}
		if c.Kind.Hive() == "" {
			faults = append(faults, fmt.Errorf("parquet schema: column %q has no kind", c.Path))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}

	fields, err := s.fields(paths, 0, 0, len(columns))
	if err != nil {
		return nil, err
	}
	if s.root, err = schema.NewGroupNode("schema", pq.Repetitions.Required, fields, -1); err != nil {
		return nil, fmt.Errorf("parquet schema: %w", err)
	}
	s.arrow = schema.NewSchema(s.root)
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

// fields builds the nodes of the columns first to last, which agree in the
// first depth elements of their paths.
func (s *Schema) fields(paths [][]string, depth, first, last int) (schema.FieldList, error) {
	var nodes schema.FieldList
	seen := map[string]bool{}
	for i := first; i < last; {
		name := paths[i][depth]
		if seen[name] {
			return nil, fmt.Errorf("parquet schema: %q is there twice, or its fields do not follow one another", s.columns[i].Path)
		}
		seen[name] = true

		if len(paths[i]) == depth+1 {
			node, err := s.leaf(name, s.columns[i])
			if err != nil {
				return nil, err
			}
			nodes = append(nodes, node)
			i++
			continue
		}

		end := i
		for end < last && len(paths[end]) > depth+1 && paths[end][depth] == name {
			end++
		}
		s.groups = append(s.groups, group{first: i, last: end, depth: depth + 1})
		inner, err := s.fields(paths, depth+1, i, end)
		if err != nil {
			return nil, err
		}
		node, err := schema.NewGroupNode(name, pq.Repetitions.Optional, inner, -1)
		if err != nil {
			return nil, fmt.Errorf("parquet schema: structure %q: %w", name, err)
		}
		nodes = append(nodes, node)
		i = end
	}
	return nodes, nil
}

func (s *Schema) leaf(name string, c Column) (schema.Node, error) {
	repetition := pq.Repetitions.Optional
	if c.Required {
		repetition = pq.Repetitions.Required
	}
	k := kinds[c.Kind]
	node, err := schema.NewPrimitiveNodeLogical(name, repetition, k.logical, k.physical, k.length, -1)
	if err != nil {
		return nil, fmt.Errorf("parquet schema: column %q: %w", c.Path, err)
	}
	return node, nil
}

// Columns gives the columns in the order in which they were listed.
func (s *Schema) Columns() []Column { return append([]Column(nil), s.columns...) }
