package dialect

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

// template is a function whose SQL only needs its arguments put in.
type template struct {
	takes []Type
	gives Type // Unknown is the type of the first argument
	sql   string
}

// templates are the functions that are simple enough, by name. Of several those fit
// that take as many arguments, and the last of the type of the first one.
var templates = map[string][]template{
	"isNull":       {{[]Type{Unknown}, Boolean, "(%s IS NULL)"}},
	"isNotNull":    {{[]Type{Unknown}, Boolean, "(%s IS NOT NULL)"}},
	"abs":          {{[]Type{Decimal}, Unknown, "abs(%s)"}},
	"ceil":         {{[]Type{Decimal}, Integer, "CAST(ceil(%s) AS BIGINT)"}},
	"floor":        {{[]Type{Decimal}, Integer, "CAST(floor(%s) AS BIGINT)"}},
	"decimalToInt": {{[]Type{Decimal}, Integer, "CAST(trunc(%s) AS BIGINT)"}},
	"intToDecimal": {{[]Type{Decimal}, Decimal, "CAST(%s AS DOUBLE)"}},
	"exp":          {{[]Type{Decimal}, Decimal, "exp(%s)"}},
	// What has no logarithm or root is null; in DuckDB it is an error.
	"ln":   {{[]Type{Decimal}, Decimal, "CASE WHEN %[1]s > 0 THEN ln(%[1]s) END"}},
	"log":  {{[]Type{Decimal}, Decimal, "CASE WHEN %[1]s > 0 THEN log10(%[1]s) END"}},
	"sqrt": {{[]Type{Decimal}, Decimal, "CASE WHEN %[1]s >= 0 THEN sqrt(%[1]s) END"}},

	"strlen":    {{[]Type{String}, Integer, "length(%s)"}},
	"toLower":   {{[]Type{String}, String, "lower(%s)"}},
	"toUpper":   {{[]Type{String}, String, "upper(%s)"}},
	"trim":      {{[]Type{String}, String, "trim(%s)"}},
	"ltrim":     {{[]Type{String}, String, "ltrim(%s)"}},
	"rtrim":     {{[]Type{String}, String, "rtrim(%s)"}},
	"replace":   {{[]Type{String, String, String}, String, "replace(%s, %s, %s)"}},
	"left":      {{[]Type{String, Integer}, String, "left(%s, greatest(%s, 0))"}},
	"right":     {{[]Type{String, Integer}, String, "right(%s, greatest(%s, 0))"}},
	"substring": {{[]Type{String, Integer, Integer}, String, "substring(%s, greatest(%s, 1), greatest(%s, 0))"}},
	// The documentation says that split "skips items containing null values or
	// empty strings". It can only mean rows: the real definitions find what
	// comes after a prefix with split(x, prefix, 2). Past the end there is null.
	"split": {{[]Type{String, String, Integer}, String, "list_extract(string_split(%s, %s), greatest(%s, 0))"}},
	// parseInt('2.99') is 2, and what is no number is null.
	"parseInt": {{[]Type{String}, Integer, "TRY_CAST(floor(TRY_CAST(%s AS DECIMAL(38, 10))) AS BIGINT)"}},
	// Inf and NaN are numbers for DuckDB only.
	"parseDecimal": {{[]Type{String}, Decimal, "CASE WHEN isfinite(TRY_CAST(%[1]s AS DOUBLE)) THEN TRY_CAST(%[1]s AS DOUBLE) END"}},

	// Seconds since 1970, of which the digits after the tenth are discarded.
	"epochDate": {{[]Type{Integer}, Datetime, "make_timestamp(CAST(left(CAST(%s AS VARCHAR), 10) AS BIGINT) * 1000000)"}},
	"isWorkDay": {{[]Type{Datetime}, Boolean, "(isodow(%s) < 6)"}},

	"contains":   {{[]Type{String, String}, Boolean, "contains(%s, %s)"}},
	"endsWith":   {{[]Type{String, String}, Boolean, "suffix(%s, %s)"}},
	"startsWith": {{[]Type{String, String}, Boolean, "starts_with(%s, %s)"}},
	// The places count from 1, from the start of the text and not from where the
	// search begins; 0 is nowhere.
	"locate": {{[]Type{String, String}, Integer, "instr(%s, %s)"}, {
		[]Type{String, String, Integer},
		Integer,
		"CASE instr(substring(%[1]s, greatest(%[3]s, 1)), %[2]s) WHEN 0 THEN 0 " +
			"ELSE instr(substring(%[1]s, greatest(%[3]s, 1)), %[2]s) + greatest(%[3]s, 1) - 1 END",
	}},
	// To an integer, or to a number of decimal places; it is a decimal all the same.
	// DuckDB rounds its DECIMAL to constant places only.
	"round": {
		{[]Type{Decimal}, Decimal, "round(CAST(%s AS DOUBLE))"},
		{[]Type{Decimal, Integer}, Decimal, "round(CAST(%s AS DOUBLE), CAST(%s AS INTEGER))"},
	},
	// Instants are written as the documentation does: 1992-11-14T00:00:00.000Z.
	"toString": {
		{[]Type{Unknown}, String, "CAST(%s AS VARCHAR)"},
		{[]Type{Datetime}, String, "strftime(%s, '%%Y-%%m-%%dT%%H:%%M:%%S.%%gZ')"},
	},
}

// invocation is a call whose arguments are translated.
type invocation struct {
	Scope
	*expression.Call
	name string
	args []Value // without keywords
	// caseless is set where capital letters are as good as small ones.
	caseless bool
}

// specials are the other scalar functions, by name.
var specials = map[string]func(*invocation) (Value, error){
	"addDateTime": byPeriod,
	"coalesce":    united,
	"concat":      concat,
	"dateDiff":    byPeriod,
	"extract":     byPeriod,
	"formatDate":  byPattern,
	"ifelse":      cases,
	"in":          in,
	"mod":         func(c *invocation) (Value, error) { return arithmetic("%", c.args[0], c.args[1]) },
	"notIn":       in,
	"now":         func(c *invocation) (Value, error) { return c.fill(template{nil, Datetime, c.Now}) },
	"nullIf":      united,
	"parseDate":   byPattern,
	"switch":      cases,
	"truncDate":   byPeriod,
}

// call translates a call.
func (s Scope) call(n *expression.Call) (Value, error) {
	isAggregate, node := n.Function.Class == expression.Aggregate, s.node
	levelAware := slices.ContainsFunc(n.Args, func(arg expression.Node) bool { _, ok := arg.(*expression.List); return ok })
	switch {
	case n.Function.Class == expression.Over, n.Function.Class == expression.Table, isAggregate && levelAware:
		return s.Window(n)
	case isAggregate && s.Aggregate != nil:
		return s.Aggregate(n)
	case isAggregate && s.Operand != nil:
		node = s.Operand
	}
	c := &invocation{Scope: s, Call: n, name: n.Function.Name}
	for _, arg := range n.Args {
		if word, ok := arg.(*expression.Keyword); ok {
			c.caseless = word.Word == "CASE_INSENSITIVE"
			continue
		}
		v, err := node(arg)
		if err != nil {
			return Value{}, err
		}
		c.args = append(c.args, v)
	}
	if isAggregate {
		return c.aggregate()
	}
	if special, ok := specials[c.name]; ok {
		return special(c)
	}
	var fits *template
	for _, t := range templates[c.name] {
		if len(t.takes) == len(c.args) && (fits == nil || t.takes[0] == c.args[0].Type) {
			fits = &t
		}
	}
	if fits == nil {
		return Value{}, Unsupported{c.name}
	}
	return c.fill(*fits)
}

// fill puts the arguments into a template.
func (c *invocation) fill(t template) (Value, error) {
	texts := make([]any, len(t.takes))
	for i, k := range t.takes {
		v, err := convert(c.name, k, c.args[i])
		if err != nil {
			return Value{}, err
		}
		c.args[i], texts[i] = v, v.SQL
		if c.caseless && k == String {
			texts[i] = "lower(" + v.SQL + ")"
		}
	}
	typ := t.gives
	if typ == Unknown {
		typ = c.args[0].Type
	}
	return made(c.name, fmt.Sprintf(t.sql, texts...), typ, c.args[:len(t.takes)]...)
}

// Number is the number that a constant is.
func (v Value) Number() (float64, error) {
	if v.literal == nil {
		return 0, Unsupported{"a computed number"}
	}
	number, err := strconv.ParseFloat(*v.literal, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", *v.literal)
	}
	return number, nil
}

// literal is the text of an argument that must be known when the SQL is
// written: in the expression, or by a parameter.
func (c *invocation) literal(i int) (string, error) {
	if v := c.args[i]; v.literal != nil {
		return *v.literal, nil
	}
	if c.args[i].isList() || c.args[i].SQL == "NULL" {
		return "", fmt.Errorf("%s takes one constant as its argument %d", c.name, i+1)
	}
	return "", Unsupported{fmt.Sprintf("%s with a computed argument %d", c.name, i+1)}
}
