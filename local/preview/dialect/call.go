package dialect

import (
	"fmt"
	"strconv"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

// template is a function whose SQL only needs its arguments put in.
type template struct {
	takes []kind
	gives Type // Unknown is the type of the first argument
	sql   string
}

// templates are the functions that are simple enough, by name.
var templates = map[string]template{
	"isNull":       {[]kind{anything}, Boolean, "(%s IS NULL)"},
	"isNotNull":    {[]kind{anything}, Boolean, "(%s IS NOT NULL)"},
	"abs":          {[]kind{number}, Unknown, "abs(%s)"},
	"ceil":         {[]kind{number}, Integer, "CAST(ceil(%s) AS BIGINT)"},
	"floor":        {[]kind{number}, Integer, "CAST(floor(%s) AS BIGINT)"},
	"decimalToInt": {[]kind{number}, Integer, "CAST(trunc(%s) AS BIGINT)"},
	"intToDecimal": {[]kind{number}, Decimal, "CAST(%s AS DOUBLE)"},
	"exp":          {[]kind{number}, Decimal, "exp(%s)"},
	// What has no logarithm or root is null; in DuckDB it is an error.
	"ln":   {[]kind{number}, Decimal, "CASE WHEN %[1]s > 0 THEN ln(%[1]s) END"},
	"log":  {[]kind{number}, Decimal, "CASE WHEN %[1]s > 0 THEN log10(%[1]s) END"},
	"sqrt": {[]kind{number}, Decimal, "CASE WHEN %[1]s >= 0 THEN sqrt(%[1]s) END"},

	"strlen":    {[]kind{text}, Integer, "length(%s)"},
	"toLower":   {[]kind{text}, String, "lower(%s)"},
	"toUpper":   {[]kind{text}, String, "upper(%s)"},
	"trim":      {[]kind{text}, String, "trim(%s)"},
	"ltrim":     {[]kind{text}, String, "ltrim(%s)"},
	"rtrim":     {[]kind{text}, String, "rtrim(%s)"},
	"replace":   {[]kind{text, text, text}, String, "replace(%s, %s, %s)"},
	"left":      {[]kind{text, integer}, String, "left(%s, greatest(%s, 0))"},
	"right":     {[]kind{text, integer}, String, "right(%s, greatest(%s, 0))"},
	"substring": {[]kind{text, integer, integer}, String, "substring(%s, greatest(%s, 1), greatest(%s, 0))"},
	// The documentation says that split "skips items containing null values or
	// empty strings". It can only mean rows: the real definitions find what
	// comes after a prefix with split(x, prefix, 2). Past the end there is null.
	"split": {[]kind{text, text, integer}, String, "list_extract(string_split(%s, %s), greatest(%s, 0))"},
	// parseInt('2.99') is 2, and what is no number is null.
	"parseInt": {[]kind{text}, Integer, "TRY_CAST(floor(TRY_CAST(%s AS DECIMAL(38, 10))) AS BIGINT)"},
	// Inf and NaN are numbers for DuckDB only.
	"parseDecimal": {[]kind{text}, Decimal, "CASE WHEN isfinite(TRY_CAST(%[1]s AS DOUBLE)) THEN TRY_CAST(%[1]s AS DOUBLE) END"},

	// Seconds since 1970, of which the digits after the tenth are discarded.
	"epochDate": {[]kind{integer}, Datetime, "make_timestamp(CAST(left(CAST(%s AS VARCHAR), 10) AS BIGINT) * 1000000)"},
	"isWorkDay": {[]kind{instant}, Boolean, "(isodow(%s) < 6)"},
}

// invocation is a call whose arguments are translated.
type invocation struct {
	translator
	*expression.Call
	name string
	args []Value // without keywords
}

// specials are the other scalar functions, by name.
var specials = map[string]func(*invocation) (Value, error){
	"addDateTime": addDateTime,
	"addWorkDays": unsupported,
	"coalesce":    coalesce,
	"concat":      concat,
	"contains":    func(c *invocation) (Value, error) { return search(c, "contains(%s, %s)") },
	"dateDiff":    dateDiff,
	"endsWith":    func(c *invocation) (Value, error) { return search(c, "suffix(%s, %s)") },
	"extract":     extract,
	"formatDate":  formatDate,
	"ifelse":      ifelse,
	"in":          func(c *invocation) (Value, error) { return in(c, false) },
	"locate":      locate,
	"mod":         func(c *invocation) (Value, error) { return arithmetic("%", c.args[0], c.args[1]) },
	"netWorkDays": unsupported,
	"notIn":       func(c *invocation) (Value, error) { return in(c, true) },
	"now":         func(c *invocation) (Value, error) { return c.fill(template{nil, Datetime, c.scope.Now}) },
	"nullIf":      nullIf,
	"parseDate":   parseDate,
	"parseJson":   unsupported,
	"round":       round,
	"startsWith":  func(c *invocation) (Value, error) { return search(c, "starts_with(%s, %s)") },
	"switch":      switches,
	"toString":    toString,
	"truncDate":   truncDate,
}

// call translates a call.
func (t translator) call(n *expression.Call) (Value, error) {
	if n.Function.Class == expression.Over || n.Function.Class == expression.Table {
		return t.scope.Window(n)
	}
	if n.Function.Class == expression.Aggregate && t.scope.Aggregate != nil {
		return t.scope.Aggregate(n)
	}
	c := &invocation{translator: t, Call: n, name: n.Function.Name}
	for _, arg := range n.Args {
		if _, ok := arg.(*expression.Keyword); ok {
			continue
		}
		v, err := t.node(arg)
		if err != nil {
			return Value{}, err
		}
		c.args = append(c.args, v)
	}
	if n.Function.Class == expression.Aggregate {
		return c.aggregate()
	}
	if special, ok := specials[c.name]; ok {
		return special(c)
	}
	template, ok := templates[c.name]
	if !ok {
		return unsupported(c)
	}
	return c.fill(template)
}

func unsupported(c *invocation) (Value, error) { return Value{}, Unsupported{c.name} }

// fill puts the arguments into a template.
func (c *invocation) fill(t template) (Value, error) {
	texts := make([]any, len(t.takes))
	for i, k := range t.takes {
		v, err := convert(c.name, k, c.args[i])
		if err != nil {
			return Value{}, err
		}
		c.args[i], texts[i] = v, v.SQL
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
