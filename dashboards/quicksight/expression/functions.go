package expression

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// anyNumber is most of a function that takes any number of arguments, and inPairs
// of one whose arguments past the least come two by two: the conditions of ifelse,
// the labels of switch.
const (
	anyNumber = -1
	inPairs   = -2
)

// keywords are the bare words that can be arguments of a function, after its
// first ones. Those can be columns that are called like a keyword: day.
type keywords struct {
	words []string
	after int
}

// The keywords, by what they mean.
var (
	none    = keywords{}
	levels  = keywords{[]string{"PRE_FILTER", "PRE_AGG", "POST_AGG_FILTER"}, 1}
	cases   = keywords{[]string{"CASE_SENSITIVE", "CASE_INSENSITIVE"}, 2}
	periods = keywords{[]string{"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "SECONDS"}, 2}
)

// functions are those of
// https://docs.aws.amazon.com/quicksight/latest/user/functions-by-category.html
// by their names in small letters: those that take and give the same in one row.
var functions = table(
	// Conditional.
	group{Scalar, 1, anyNumber, Varies, none, []string{"coalesce"}},
	group{Scalar, 3, inPairs, Varies, none, []string{"ifelse"}},
	group{Scalar, 4, inPairs, Varies, none, []string{"switch"}},
	group{Scalar, 1, 1, Varies, none, []string{"isNotNull", "isNull"}},
	group{Scalar, 2, 2, Varies, none, []string{"in", "notIn"}},
	group{Scalar, 2, 2, OfFirst, none, []string{"nullIf"}},
	// Date.
	group{Scalar, 0, 0, Date, none, []string{"now"}},
	group{Scalar, 1, 1, Date, none, []string{"epochDate"}},
	group{Scalar, 1, 2, Date, none, []string{"parseDate"}},
	group{Scalar, 2, 2, Date, none, []string{"addWorkDays", "truncDate"}},
	group{Scalar, 3, 3, Date, none, []string{"addDateTime"}},
	group{Scalar, 1, 1, Varies, none, []string{"isWorkDay"}},
	group{Scalar, 2, 2, Number, none, []string{"extract", "netWorkDays"}},
	group{Scalar, 2, 3, Number, none, []string{"dateDiff"}},
	// Numeric and mathematical.
	group{Scalar, 1, 1, Number, none, []string{"abs", "ceil", "decimalToInt", "exp", "floor", "intToDecimal", "ln", "log", "sqrt"}},
	group{Scalar, 1, 2, Number, none, []string{"round"}},
	group{Scalar, 2, 2, Number, none, []string{"mod"}},
	// String.
	group{Scalar, 1, anyNumber, Text, none, []string{"concat"}},
	group{Scalar, 1, 1, Text, none, []string{"ltrim", "rtrim", "toLower", "toString", "toUpper", "trim"}},
	group{Scalar, 1, 2, Text, none, []string{"formatDate"}},
	group{Scalar, 2, 2, Text, none, []string{"left", "right"}},
	group{Scalar, 3, 3, Text, none, []string{"replace", "split", "substring"}},
	group{Scalar, 1, 1, Number, none, []string{"parseDecimal", "parseInt", "strlen"}},
	group{Scalar, 2, 3, Number, none, []string{"locate"}},
	group{Scalar, 2, 2, Varies, none, []string{"parseJson"}},
	group{Scalar, 2, 3, Varies, cases, []string{"contains", "endsWith", "startsWith"}},
	// The last argument of those with a range is a list of partitions.
	group{Aggregate, 1, 2, Number, none, []string{"avg", "count", "distinct_count", "stdev", "stdevp", "sum", "var", "varp"}},
	group{Aggregate, 1, 2, OfFirst, none, []string{"max", "min"}},
	group{Aggregate, 1, 2, Varies, none, []string{"median"}},
	group{Aggregate, 2, 3, Varies, none, []string{"percentile", "percentileCont", "percentileDisc"}},
	group{Aggregate, 2, 2, Number, none, []string{
		"avgIf", "countIf", "distinct_countIf", "stdevIf", "stdevpIf", "sumIf", "varIf", "varpIf",
	}},
	group{Aggregate, 2, 2, OfFirst, none, []string{"maxIf", "minIf"}},
	group{Aggregate, 2, 2, Varies, none, []string{"medianIf"}},
	// measure, date, period, end date
	group{Aggregate, 2, 4, Varies, periods, []string{
		"periodToDateAvg", "periodToDateCount", "periodToDateMax", "periodToDateMedian", "periodToDateMin", "periodToDateStDev",
		"periodToDateStDevP", "periodToDateSum", "periodToDateVar", "periodToDateVarP",
	}},
	group{Aggregate, 3, 5, Varies, keywords{periods.words, 3}, []string{"periodToDatePercentile", "periodToDatePercentileCont"}},
	// measure, partitions, level
	group{Over, 1, 3, Number, levels, []string{
		"avgOver", "countOver", "distinctCountOver", "stdevOver", "stdevpOver", "sumOver", "varOver", "varpOver",
	}},
	group{Over, 1, 3, OfFirst, levels, []string{"maxOver", "minOver"}},
	group{Over, 2, 4, Varies, levels, []string{"percentileContOver", "percentileDiscOver", "percentileOver"}},
	// sort, partitions, level
	group{Over, 1, 3, Number, levels, []string{"denseRank", "percentileRank", "rank"}},
	// measure, sort, partitions
	group{Table, 2, 3, OfFirst, none, []string{"firstValue", "lastValue", "runningMax", "runningMin"}},
	group{Table, 2, 3, Number, none, []string{"runningAvg", "runningCount", "runningSum"}},
	// measure, sort, rows away, partitions
	group{Table, 3, 4, Varies, none, []string{"difference"}},
	group{Table, 3, 4, OfFirst, none, []string{"lag", "lead"}},
	group{Table, 3, 4, Number, none, []string{"percentDifference"}},
	// measure, partitions
	group{Table, 1, 2, Number, none, []string{"percentOfTotal"}},
	// measure, sort, rows before, rows after, partitions
	group{Table, 4, 5, Number, none, []string{"windowAvg", "windowCount", "windowSum"}},
	group{Table, 4, 5, OfFirst, none, []string{"windowMax", "windowMin"}},
	// measure, date, period, periods away
	group{Table, 2, 4, Varies, periods, []string{
		"periodOverPeriodDifference", "periodOverPeriodLastValue", "periodOverPeriodPercentDifference",
	}},
	group{Table, 2, 3, Varies, periods, []string{
		"periodToDateAvgOverTime", "periodToDateCountOverTime", "periodToDateMaxOverTime", "periodToDateMinOverTime", "periodToDateSumOverTime",
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

// group is a number of functions that have all in common but their names.
type group struct {
	class       Class
	least, most int
	result      Result
	keywords    keywords
	names       []string
}

// table lists functions by their names in small letters.
func table(groups ...group) map[string]*Function {
	byName := map[string]*Function{}
	for _, g := range groups {
		for _, name := range g.names {
			byName[strings.ToLower(name)] = &Function{name, g.class, g.result, g.least, g.most, g.keywords}
		}
	}
	return byName
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
	case n >= f.least && (n <= f.most || f.most < 0) && (f.most != inPairs || (n-f.least)%2 == 0):
		return ""
	case f.most == inPairs && n >= f.least:
		return fmt.Sprintf("%s takes %d arguments and then two more at a time, not %d", f.Name, f.least, n)
	case f.most < 0:
		return fmt.Sprintf("%s takes at least %d arguments, not %d", f.Name, f.least, n)
	case f.least == f.most:
		return fmt.Sprintf("%s takes %d arguments, not %d", f.Name, f.least, n)
	default:
		return fmt.Sprintf("%s takes %d to %d arguments, not %d", f.Name, f.least, f.most, n)
	}
}
