// Package query turns what a visual shows into one SQL query: its fields, the
// calculated fields behind them, the filters whose scope it is in, parameters,
// sorts and limits, in QuickSight's order of evaluation
// (https://docs.aws.amazon.com/quicksight/latest/user/order-of-evaluation-quicksight.html).
package query

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// Source is a data set that can be asked.
type Source struct {
	Identifier string
	// Table is what stands after FROM: a quoted name of a table or a view.
	Table   string
	Columns []Column
}

// Column is a column of a Source.
type Column struct {
	Name string
	Type dialect.Type
	// SQL is the column's name in the Table where it is another one: DuckDB has no
	// two that differ only in capitals. Empty is Name.
	SQL string
}

// State is what the reader of a page has chosen.
type State struct {
	// Parameters are the values of parameters by name, in place of their
	// defaults: texts, numbers as texts, instants as RFC 3339. No values: unset,
	// which is everything.
	Parameters map[string][]string `json:"parameters,omitempty"`
	// Filters are the choices of filter controls, by the filter's id.
	Filters map[string]Choice `json:"filters,omitempty"`
}

// Choice is what a filter control was set to, in place of the filter's own
// configuration. The members that do not apply to the filter's kind are empty.
type Choice struct {
	// All switches the filter off.
	All bool `json:"all,omitempty"`
	// Values are the chosen categories or, for an equality, one number.
	Values []string `json:"values,omitempty"`
	// From and To bound a range, both included: RFC 3339 instants, dates, or
	// numbers; empty is unbounded.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Relative is a choice of a relative date filter: the last Number Grains.
	Relative *Relative `json:"relative,omitempty"`
}

// Relative is a period that ends now.
type Relative struct {
	Type   types.RelativeDateType `json:"type"` // LAST, THIS, PREVIOUS, NOW, NEXT
	Number int                    `json:"number,omitempty"`
	Grain  types.TimeGranularity  `json:"grain"`
}

// Field is a column of a visual's result.
type Field struct {
	// ID is the field's id in the visual, and names the column of the result.
	ID string
	// DataSet and Column name what the field shows: a column of the data set, or
	// a calculated field.
	DataSet, Column string
	// Expression is that of a CalculatedMeasureField, in place of Column.
	Expression string
	// Grain cuts instants off; empty leaves them as they are.
	Grain types.TimeGranularity
	// Aggregation is what a measure does with its rows: SUM, AVERAGE, MIN, MAX,
	// COUNT, DISTINCT_COUNT, VAR, VARP, STDEV, STDEVP, MEDIAN, PERCENTILE. Empty
	// for a dimension, and for a calculated field that aggregates by itself.
	Aggregation string
	// Percentile is that of PERCENTILE, 0 to 100.
	Percentile float64
}

// Sort orders the result by one of its fields, or by another column.
type Sort struct {
	FieldID    string // of a dimension or a measure; empty for By
	By         *Field // a measure that is not shown
	Descending bool
}

// Limit keeps the first values of a dimension, in the order of Sorts, or of the
// visual's sorts if there are none.
type Limit struct {
	FieldID string
	N       int
	// Others puts the rest together, see OthersLabel, in place of leaving it out.
	Others bool
	Sorts  []Sort
}

// OthersLabel is what the rest behind a Limit is called. In the result its
// dimension is null, and only OthersColumn says that it is the rest: a value of
// the data can have the same name.
const OthersLabel = "Others"

// OthersColumn names the result's column that is true where a row is the rest
// behind the Limit of a field, for a Limit with Others.
func OthersColumn(fieldID string) string { return "__others " + fieldID }

// CountColumn names the result's column with the number of values that a limited
// field has before the Limit, an integer, the same in each row.
func CountColumn(fieldID string) string { return "__count " + fieldID }

// Spec is what a visual shows.
type Spec struct {
	SheetID, VisualID string
	// Path is the visual's place in the definition, for faults.
	Path string `json:"-"`
	// DataSet is the identifier of the data set that all fields are of.
	DataSet string
	// Dimensions group the rows, in this order; Measures aggregate them.
	Dimensions, Measures []Field
	// Rows asks for the rows themselves, without grouping: the dimensions are
	// their columns then, and there are no measures.
	Rows bool
	// Sorts order the result; ties, and results without a sort, are ordered by
	// the dimensions.
	Sorts []Sort
	// Limits cut dimensions off.
	Limits []Limit
	// Totals asks for subtotals too: each entry lists the FieldIDs of the
	// dimensions that stay. Measures are evaluated over the rows, not added up.
	// GroupingColumn distinguishes the rows.
	Totals [][]string
	// MaxRows is how many rows are given at most, of ordinary rows and of each
	// kind of totals; 0 is DefaultMaxRows.
	MaxRows int
}

// DefaultMaxRows is how many rows a query gives at most. Query asks for one more,
// so that the page can tell that there are more.
const DefaultMaxRows = 5000

// Query is a question for DuckDB.
type Query struct {
	SQL string
	// Columns describe the result: the dimensions, the measures, for each Limit
	// CountColumn and perhaps OthersColumn and, where totals were asked for,
	// GroupingColumn.
	Columns []ResultColumn
	// Notes say what the query does in another way than the definition says, for
	// the reader of a page.
	Notes []string
}

// GroupingColumn is an integer: 0 for an ordinary row, i for a row of
// Spec.Totals[i-1].
const GroupingColumn = "__grouping"

// ResultColumn is a column of a Query's result.
type ResultColumn struct {
	FieldID string
	Type    dialect.Type
}

// Builder builds the queries of one definition.
type Builder struct {
	// File names the definition in faults.
	File       string
	Definition *definition.Definition
	Sources    []Source
	State      State
	// Faults are those of the definition. What they are about is left unset in it, so
	// that a filter or a parameter that has one must not be used.
	Faults []definition.Fault
	// Now is the instant that relative dates and now() count from, UTC.
	Now time.Time
}
