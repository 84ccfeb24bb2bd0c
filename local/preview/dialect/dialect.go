// Package dialect turns the expressions of QuickSight's calculated fields into
// DuckDB's SQL. Names are quoted and texts are literals: nothing in a definition
// is ever SQL of its own.
package dialect

import "github.com/headcount-etl/headcount/dashboards/expression"

// Type is the type of a value, as QuickSight tells them apart.
type Type int

// The types of values. Unknown is that of null, and of what nobody told.
const (
	Unknown Type = iota
	String
	Integer
	Decimal
	Datetime
	Boolean
)

// Value is an expression in SQL.
type Value struct {
	SQL  string
	Type Type
	// Aggregate is set when the expression looks at the rows of a group, so
	// that it can stand beside GROUP BY only.
	Aggregate bool
	// Items are those of a list: of [a, b], or of a parameter with several
	// values. SQL is empty then.
	Items []Value
	// Constant is set when the value is the same in each row.
	Constant bool
}

// Scope says what an expression's names stand for.
type Scope struct {
	// Column gives the value of a column or calculated field.
	Column func(name string) (Value, error)
	// Parameter gives the value of a parameter, or a list of them.
	Parameter func(name string) (Value, error)
	// Window gives the value of a call whose function is of the classes Over
	// and Table, or of Aggregate with a list of partitions.
	Window func(call *expression.Call) (Value, error)
	// Now is the instant that now() gives, as SQL.
	Now string
}
