package expression

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// anyNumber is Most of a function that takes any number of arguments.
const anyNumber = -1

// keywords are the bare words that can be arguments of a function, after its
// first ones. Those can be columns that are called like a keyword: day.
type keywords struct {
	words []string
	after int
}

// The keywords, by what they mean.
var (
	levels  = keywords{[]string{"PRE_FILTER", "PRE_AGG", "POST_AGG_FILTER"}, 1}
	cases   = keywords{[]string{"CASE_SENSITIVE", "CASE_INSENSITIVE"}, 2}
	periods = keywords{[]string{"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "SECONDS"}, 2}
)

// functions are those of
// https://docs.aws.amazon.com/quicksight/latest/user/functions-by-category.html
// by their names in small letters.
var functions = table(
	group{Class: Scalar, functions: []Function{
		// Conditional.
		{Name: "coalesce", Least: 1, Most: anyNumber},
		{Name: "ifelse", Least: 3, Most: anyNumber, pairs: true},
		{Name: "in", Least: 2, Most: 2},
		{Name: "isNotNull", Least: 1, Most: 1},
		{Name: "isNull", Least: 1, Most: 1},
		{Name: "notIn", Least: 2, Most: 2},
		{Name: "nullIf", Least: 2, Most: 2},
		{Name: "switch", Least: 4, Most: anyNumber, pairs: true},
		// Date.
		{Name: "addDateTime", Least: 3, Most: 3},
		{Name: "addWorkDays", Least: 2, Most: 2},
		{Name: "dateDiff", Least: 2, Most: 3},
		{Name: "epochDate", Least: 1, Most: 1},
		{Name: "extract", Least: 2, Most: 2},
		{Name: "formatDate", Least: 1, Most: 2},
		{Name: "isWorkDay", Least: 1, Most: 1},
		{Name: "netWorkDays", Least: 2, Most: 2},
		{Name: "now", Least: 0, Most: 0},
		{Name: "truncDate", Least: 2, Most: 2},
		// Numeric and mathematical.
		{Name: "abs", Least: 1, Most: 1},
		{Name: "ceil", Least: 1, Most: 1},
		{Name: "decimalToInt", Least: 1, Most: 1},
		{Name: "exp", Least: 1, Most: 1},
		{Name: "floor", Least: 1, Most: 1},
		{Name: "intToDecimal", Least: 1, Most: 1},
		{Name: "ln", Least: 1, Most: 1},
		{Name: "log", Least: 1, Most: 1},
		{Name: "mod", Least: 2, Most: 2},
		{Name: "round", Least: 1, Most: 2},
		{Name: "sqrt", Least: 1, Most: 1},
		// String.
		{Name: "concat", Least: 1, Most: anyNumber},
		{Name: "contains", Least: 2, Most: 3, keywords: cases},
		{Name: "endsWith", Least: 2, Most: 3, keywords: cases},
		{Name: "left", Least: 2, Most: 2},
		{Name: "locate", Least: 2, Most: 3},
		{Name: "ltrim", Least: 1, Most: 1},
		{Name: "parseDate", Least: 1, Most: 2},
		{Name: "parseDecimal", Least: 1, Most: 1},
		{Name: "parseInt", Least: 1, Most: 1},
		{Name: "parseJson", Least: 2, Most: 2},
		{Name: "replace", Least: 3, Most: 3},
		{Name: "right", Least: 2, Most: 2},
		{Name: "rtrim", Least: 1, Most: 1},
		{Name: "split", Least: 3, Most: 3},
		{Name: "startsWith", Least: 2, Most: 3, keywords: cases},
		{Name: "strlen", Least: 1, Most: 1},
		{Name: "substring", Least: 3, Most: 3},
		{Name: "toLower", Least: 1, Most: 1},
		{Name: "toString", Least: 1, Most: 1},
		{Name: "toUpper", Least: 1, Most: 1},
		{Name: "trim", Least: 1, Most: 1},
	}},
	// The last argument of those with a range is a list of partitions.
	group{Class: Aggregate, functions: []Function{
		{Name: "avg", Least: 1, Most: 2},
		{Name: "avgIf", Least: 2, Most: 2},
		{Name: "count", Least: 1, Most: 2},
		{Name: "countIf", Least: 2, Most: 2},
		{Name: "distinct_count", Least: 1, Most: 2},
		{Name: "distinct_countIf", Least: 2, Most: 2},
		{Name: "max", Least: 1, Most: 2},
		{Name: "maxIf", Least: 2, Most: 2},
		{Name: "median", Least: 1, Most: 2},
		{Name: "medianIf", Least: 2, Most: 2},
		{Name: "min", Least: 1, Most: 2},
		{Name: "minIf", Least: 2, Most: 2},
		{Name: "percentile", Least: 2, Most: 3},
		{Name: "percentileCont", Least: 2, Most: 3},
		{Name: "percentileDisc", Least: 2, Most: 3},
		{Name: "stdev", Least: 1, Most: 2},
		{Name: "stdevIf", Least: 2, Most: 2},
		{Name: "stdevp", Least: 1, Most: 2},
		{Name: "stdevpIf", Least: 2, Most: 2},
		{Name: "sum", Least: 1, Most: 2},
		{Name: "sumIf", Least: 2, Most: 2},
		{Name: "var", Least: 1, Most: 2},
		{Name: "varIf", Least: 2, Most: 2},
		{Name: "varp", Least: 1, Most: 2},
		{Name: "varpIf", Least: 2, Most: 2},
	}},
	// measure, date, period, end date
	group{Class: Aggregate, keywords: periods, functions: []Function{
		{Name: "periodToDateAvg", Least: 2, Most: 4},
		{Name: "periodToDateCount", Least: 2, Most: 4},
		{Name: "periodToDateMax", Least: 2, Most: 4},
		{Name: "periodToDateMedian", Least: 2, Most: 4},
		{Name: "periodToDateMin", Least: 2, Most: 4},
		{Name: "periodToDatePercentile", Least: 3, Most: 5, keywords: keywords{periods.words, 3}},
		{Name: "periodToDatePercentileCont", Least: 3, Most: 5, keywords: keywords{periods.words, 3}},
		{Name: "periodToDateStDev", Least: 2, Most: 4},
		{Name: "periodToDateStDevP", Least: 2, Most: 4},
		{Name: "periodToDateSum", Least: 2, Most: 4},
		{Name: "periodToDateVar", Least: 2, Most: 4},
		{Name: "periodToDateVarP", Least: 2, Most: 4},
	}},
	// measure, partitions, level
	group{Class: Over, keywords: levels, functions: []Function{
		{Name: "avgOver", Least: 1, Most: 3},
		{Name: "countOver", Least: 1, Most: 3},
		{Name: "distinctCountOver", Least: 1, Most: 3},
		{Name: "maxOver", Least: 1, Most: 3},
		{Name: "minOver", Least: 1, Most: 3},
		{Name: "percentileContOver", Least: 2, Most: 4},
		{Name: "percentileDiscOver", Least: 2, Most: 4},
		{Name: "percentileOver", Least: 2, Most: 4},
		{Name: "stdevOver", Least: 1, Most: 3},
		{Name: "stdevpOver", Least: 1, Most: 3},
		{Name: "sumOver", Least: 1, Most: 3},
		{Name: "varOver", Least: 1, Most: 3},
		{Name: "varpOver", Least: 1, Most: 3},
	}},
	// sort, partitions, level
	group{Class: Over, keywords: levels, functions: []Function{
		{Name: "denseRank", Least: 1, Most: 3},
		{Name: "percentileRank", Least: 1, Most: 3},
		{Name: "rank", Least: 1, Most: 3},
	}},
	group{Class: Table, functions: []Function{
		// measure, sort, partitions
		{Name: "firstValue", Least: 2, Most: 3},
		{Name: "lastValue", Least: 2, Most: 3},
		{Name: "runningAvg", Least: 2, Most: 3},
		{Name: "runningCount", Least: 2, Most: 3},
		{Name: "runningMax", Least: 2, Most: 3},
		{Name: "runningMin", Least: 2, Most: 3},
		{Name: "runningSum", Least: 2, Most: 3},
		// measure, sort, rows away, partitions
		{Name: "difference", Least: 3, Most: 4},
		{Name: "lag", Least: 3, Most: 4},
		{Name: "lead", Least: 3, Most: 4},
		{Name: "percentDifference", Least: 3, Most: 4},
		// measure, partitions
		{Name: "percentOfTotal", Least: 1, Most: 2},
		// measure, sort, rows before, rows after, partitions
		{Name: "windowAvg", Least: 4, Most: 5},
		{Name: "windowCount", Least: 4, Most: 5},
		{Name: "windowMax", Least: 4, Most: 5},
		{Name: "windowMin", Least: 4, Most: 5},
		{Name: "windowSum", Least: 4, Most: 5},
	}},
	// measure, date, period, periods away
	group{Class: Table, keywords: periods, functions: []Function{
		{Name: "periodOverPeriodDifference", Least: 2, Most: 4},
		{Name: "periodOverPeriodLastValue", Least: 2, Most: 4},
		{Name: "periodOverPeriodPercentDifference", Least: 2, Most: 4},
		{Name: "periodToDateAvgOverTime", Least: 2, Most: 3},
		{Name: "periodToDateCountOverTime", Least: 2, Most: 3},
		{Name: "periodToDateMaxOverTime", Least: 2, Most: 3},
		{Name: "periodToDateMinOverTime", Least: 2, Most: 3},
		{Name: "periodToDateSumOverTime", Least: 2, Most: 3},
	}},
)

// functionNames are the documented names, sorted.
var functionNames = slices.Sorted(func(yield func(string) bool) {
	for _, f := range functions {
		if !yield(f.Name) {
			return
		}
	}
})

// group is a number of functions that have a class and keywords in common.
type group struct {
	Class     Class
	keywords  keywords
	functions []Function
}

// table lists functions by their names in small letters.
func table(groups ...group) map[string]*Function {
	byName := map[string]*Function{}
	for _, g := range groups {
		for _, f := range g.functions {
			f.Class = g.Class
			if f.keywords.words == nil {
				f.keywords = g.keywords
			}
			byName[strings.ToLower(f.Name)] = &f
		}
	}
	return byName
}

// Lookup finds a function by its name in any case: SUM, isnull.
func Lookup(name string) (*Function, bool) {
	f, ok := functions[strings.ToLower(name)]
	return f, ok
}

// Functions are all of them, sorted by name. They must not be changed.
func Functions() []*Function {
	return slices.SortedFunc(maps.Values(functions), func(a, b *Function) int {
		return strings.Compare(a.Name, b.Name)
	})
}

// miscounts says what is wrong with a number of arguments, and nothing when it
// is right.
func (f *Function) miscounts(n int) string {
	switch {
	case n >= f.Least && (n <= f.Most || f.Most < 0) && (!f.pairs || (n-f.Least)%2 == 0):
		return ""
	case f.pairs && n >= f.Least:
		return fmt.Sprintf("%s takes %d arguments and then two more at a time, not %d", f.Name, f.Least, n)
	case f.Most < 0:
		return fmt.Sprintf("%s takes at least %d arguments, not %d", f.Name, f.Least, n)
	case f.Least == f.Most:
		return fmt.Sprintf("%s takes %d arguments, not %d", f.Name, f.Least, n)
	default:
		return fmt.Sprintf("%s takes %d to %d arguments, not %d", f.Name, f.Least, f.Most, n)
	}
}
