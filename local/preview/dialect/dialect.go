// Package dialect turns the expressions of QuickSight's calculated fields into
// DuckDB's SQL. Names are quoted and texts are literals: nothing in a definition
// is ever SQL of its own.
//
// The functions do what
// https://docs.aws.amazon.com/quicksight/latest/user/functions-by-category.html
// says. Where that leaves a question open, the comments say what is done and why.
// Instants are UTC: a connection must have SET TimeZone = 'UTC'.
package dialect

import (
	"fmt"
	"strings"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

// Type is the type of a value, as QuickSight distinguishes them.
type Type int

// The types of values. Unknown is that of null, and of a column of unknown type.
const (
	Unknown Type = iota
	String
	Integer
	Decimal
	Datetime
	Boolean
)

// String is how an error names a type.
func (t Type) String() string {
	return [...]string{"unknown", "text", "integer", "decimal", "datetime", "boolean"}[t]
}

// Duck is the type in DuckDB that a value of the type is cast to.
func (t Type) Duck() string {
	return [...]string{"VARCHAR", "VARCHAR", "BIGINT", "DOUBLE", "TIMESTAMP", "BOOLEAN"}[t]
}

// isNumber says whether a type is one of numbers.
func (t Type) isNumber() bool { return t == Integer || t == Decimal }

// Value is an expression in SQL, which can stand wherever SQL takes an operand.
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

	// literal is the text behind a constant, for arguments that must be known
	// when the SQL is written, such as 'MM' and the pattern of a date.
	literal *string
}

// isList says whether a value is a list, be it an empty one.
func (v Value) isList() bool { return v.SQL == "" }

// Scope says what an expression's names stand for. All members are needed but
// Aggregate and Operand.
type Scope struct {
	// Column gives the value of a column or calculated field.
	Column func(name string) (Value, error)
	// Parameter gives the value of a parameter, or a list of them.
	Parameter func(name string) (Value, error)
	// Window gives the value of a call whose function is of the classes Over
	// and Table, or of Aggregate with a list of partitions. What is evaluated
	// after aggregation is Aggregate too.
	Window func(call *expression.Call) (Value, error)
	// Aggregate gives the value of a call whose function is of the class Aggregate,
	// without a list of partitions; if nil, Translate does.
	Aggregate func(call *expression.Call) (Value, error)
	// Operand gives the value of an argument of such a call; if nil, it is that of
	// the expression.
	Operand func(n expression.Node) (Value, error)
	// Now is the instant that now() gives, as SQL.
	Now string
}

// Unsupported says that an expression uses what QuickSight has and the preview
// has not.
type Unsupported struct {
	Feature string // such as addWorkDays
}

// Error names what is not supported.
func (u Unsupported) Error() string { return u.Feature + " is not supported by the preview" }

// TypeOf is the type of a column that DuckDB calls so: INTEGER, DECIMAL(18,3),
// TIMESTAMP WITH TIME ZONE, ENUM('a', 'b'). DuckDB compares a UUID and an ENUM
// with a text, but not every function of texts takes a UUID: such a column is
// better cast to VARCHAR before it is a Value.
func TypeOf(duckdb string) Type {
	if strings.HasSuffix(duckdb, "]") { // a list or an array
		return Unknown
	}
	name, _, _ := strings.Cut(strings.ToUpper(duckdb), "(")
	switch name {
	case "VARCHAR", "CHAR", "BPCHAR", "TEXT", "STRING", "ENUM", "UUID", "JSON":
		return String
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
		"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT":
		return Integer
	case "DECIMAL", "NUMERIC", "DOUBLE", "FLOAT", "REAL":
		return Decimal
	case "DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS",
		"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ":
		return Datetime
	case "BOOLEAN":
		return Boolean
	default:
		return Unknown
	}
}

// maxSQL bounds the SQL of an expression, in bytes. Some functions name an
// argument more than once, so that calls within calls could grow without end.
const maxSQL = 1 << 18

// Translate turns an expression into SQL. Its error is an Unsupported, one of
// the scope's, or says what is wrong in the expression: arguments of types that
// a function does not take, an aggregate within an aggregate, a list where a
// value must be.
func Translate(n expression.Node, s Scope) (Value, error) {
	v, err := s.node(n)
	if err != nil {
		return Value{}, err
	}
	if v.isList() {
		return Value{}, fmt.Errorf("%s is a list, not a value", brief(n))
	}
	return v, nil
}

// brief is an expression for an error, cut off where it is long.
func brief(n expression.Node) string {
	const most = 60
	r := []rune(expression.Print(n))
	if len(r) <= most {
		return string(r)
	}
	return string(r[:most-1]) + "…"
}
