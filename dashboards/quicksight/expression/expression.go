// Package expression parses the expressions of QuickSight's calculated fields,
// as https://docs.aws.amazon.com/quicksight/latest/user/adding-a-calculated-field-analysis.html
// describes them. It knows which functions there are, and nothing of data.
package expression

import "fmt"

// Node is a part of an expression: Literal, Column, Parameter, Unary, Binary,
// Call, List, Sorted or Keyword.
type Node interface {
	// Offset is where the part begins, in bytes from the start of the text.
	Offset() int
}

// At is the place of a Node.
type At int

// Offset is where the part begins, in bytes from the start of the text.
func (a At) Offset() int { return int(a) }

// Kind is the kind of a Literal.
type Kind int

// The kinds of literals.
const (
	String Kind = iota
	Integer
	Decimal
	Boolean
	Null
)

// Literal is a constant. Text is the string without its quotes and escapes, the
// number as it was written, or true, false, null.
type Literal struct {
	At
	Kind Kind
	Text string
}

// Column names a column of the data set, or another calculated field, written
// {name} or name.
type Column struct {
	At
	Name string
}

// Parameter names a parameter, written ${name}.
type Parameter struct {
	At
	Name string
}

// Unary is a negation: - or NOT.
type Unary struct {
	At
	Operator string // "-" or "NOT"
	X        Node
}

// Binary has one of the operators + - * / % ^ = <> > >= < <= AND OR.
type Binary struct {
	At
	Operator string // AND and OR in capitals; != is <>
	X, Y     Node
}

// Call calls a function, by its documented name whatever case was written.
type Call struct {
	At
	Function *Function
	Args     []Node
}

// List is [a, b, …]: values, partitions or a sort.
type List struct {
	At
	Items []Node
}

// Sorted is an item of a sort list: x ASC or x DESC.
type Sorted struct {
	At
	X          Node
	Descending bool
}

// Keyword is a bare word that is an argument by itself, in capitals:
// PRE_FILTER, PRE_AGG, POST_AGG_FILTER, CASE_INSENSITIVE, CASE_SENSITIVE and,
// in the functions of periods, YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE,
// SECOND, SECONDS.
type Keyword struct {
	At
	Word string
}

// Class says when a function is evaluated.
type Class int

// The classes of functions.
const (
	// Scalar functions look at one row.
	Scalar Class = iota
	// Aggregate functions look at the rows of a group: sum(x). With a list of
	// partitions they are level-aware: sum(x, [a]).
	Aggregate
	// Over functions, level-aware windows, look at the rows of a partition and
	// give a value to each row: sumOver(x, [a], PRE_AGG). Without a level, or
	// with POST_AGG_FILTER, they are table calculations.
	Over
	// Table calculations look at the rows of the visual: runningSum, rank.
	Table
)

// Result says what a function gives, whatever it is given. A number may be an
// integer or a decimal.
type Result int

// The results. Those of functions that vary are of no column's type, or of a type
// that depends on more than one argument.
const (
	Varies Result = iota
	Text
	Number
	Date
	OfFirst // what the first argument is
)

// Function is one that QuickSight has, as
// https://docs.aws.amazon.com/quicksight/latest/user/functions.html says.
type Function struct {
	Name        string // as documented: ifelse, dateDiff
	Class       Class
	Result      Result
	least, most int // arguments
	keywords    keywords
}

// SyntaxError says what is wrong in the text of an expression, and where.
type SyntaxError struct {
	Offset       int // in bytes
	Line, Column int // from 1, columns in characters
	Problem      string
}

// Error is the problem with its place.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Problem)
}
