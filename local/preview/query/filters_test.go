package query_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/query"
)

const (
	allValues = types.FilterNullOptionAllValues
	nonNulls  = types.FilterNullOptionNonNullsOnly
	nullsOnly = types.FilterNullOptionNullsOnly
)

func list(name string, operator types.CategoryFilterMatchOperator, nulls types.FilterNullOption, values ...string) types.Filter {
	return types.Filter{CategoryFilter: &types.CategoryFilter{
		FilterId: aws.String("f"), Column: column(name),
		Configuration: &types.CategoryFilterConfiguration{FilterListConfiguration: &types.FilterListConfiguration{
			MatchOperator: operator, CategoryValues: values, NullOption: nulls,
		}},
	}}
}

func selectAll(name string, nulls types.FilterNullOption) types.Filter {
	f := list(name, types.CategoryFilterMatchOperatorContains, nulls)
	f.CategoryFilter.Configuration.FilterListConfiguration.SelectAllOptions = types.CategoryFilterSelectAllOptionsFilterAllValues
	return f
}

func custom(name string, operator types.CategoryFilterMatchOperator, nulls types.FilterNullOption, value string) types.Filter {
	return types.Filter{CategoryFilter: &types.CategoryFilter{
		FilterId: aws.String("f"), Column: column(name),
		Configuration: &types.CategoryFilterConfiguration{CustomFilterConfiguration: &types.CustomFilterConfiguration{
			MatchOperator: operator, CategoryValue: aws.String(value), NullOption: nulls,
		}},
	}}
}

func byParameter(name string, operator types.CategoryFilterMatchOperator, parameter string) types.Filter {
	f := custom(name, operator, nonNulls, "")
	c := f.CategoryFilter.Configuration.CustomFilterConfiguration
	c.CategoryValue, c.ParameterName = nil, aws.String(parameter)
	return f
}

func equals(name string, operator types.NumericEqualityMatchOperator, nulls types.FilterNullOption, n float64) types.Filter {
	return types.Filter{NumericEqualityFilter: &types.NumericEqualityFilter{
		FilterId: aws.String("f"), Column: column(name), MatchOperator: operator, NullOption: nulls, Value: aws.Float64(n),
	}}
}

func between(name string, nulls types.FilterNullOption, from, to float64, include bool) types.Filter {
	return types.Filter{NumericRangeFilter: &types.NumericRangeFilter{
		FilterId: aws.String("f"), Column: column(name), NullOption: nulls,
		RangeMinimum: &types.NumericRangeFilterValue{StaticValue: &from}, IncludeMinimum: &include,
		RangeMaximum: &types.NumericRangeFilterValue{StaticValue: &to}, IncludeMaximum: &include,
	}}
}

func instantOf(text string) *time.Time {
	t, err := time.Parse("2006-01-02T15:04:05", text)
	if err != nil {
		panic(err)
	}
	return &t
}

func times(nulls types.FilterNullOption, grain types.TimeGranularity, from, to string, include bool) types.Filter {
	f := &types.TimeRangeFilter{
		FilterId: aws.String("f"), Column: column("at"), NullOption: nulls, TimeGranularity: grain,
		IncludeMinimum: &include, IncludeMaximum: &include,
	}
	if from != "" {
		f.RangeMinimumValue = &types.TimeRangeFilterValue{StaticValue: instantOf(from)}
	}
	if to != "" {
		f.RangeMaximumValue = &types.TimeRangeFilterValue{StaticValue: instantOf(to)}
	}
	return types.Filter{TimeRangeFilter: f}
}

func relative(kind types.RelativeDateType, n int32, grain types.TimeGranularity) types.Filter {
	return types.Filter{RelativeDatesFilter: &types.RelativeDatesFilter{
		FilterId: aws.String("f"), Column: column("at"), NullOption: nonNulls,
		AnchorDateConfiguration: &types.AnchorDateConfiguration{AnchorOption: types.AnchorOptionNow},
		RelativeDateType:        kind, RelativeDateValue: aws.Int32(n), TimeGranularity: grain,
	}}
}

func excluding(f types.Filter, n int32, grain types.TimeGranularity) types.Filter {
	f.RelativeDatesFilter.ExcludePeriodConfiguration = &types.ExcludePeriodConfiguration{
		Amount: aws.Int32(n), Granularity: grain, Status: types.WidgetStatusEnabled,
	}
	return f
}

func disabled(f types.Filter) types.Filter {
	f.RelativeDatesFilter.ExcludePeriodConfiguration.Status = types.WidgetStatusDisabled
	return f
}

func topOf(name string, n int32, by string, direction types.SortDirection) types.Filter {
	return types.Filter{TopBottomFilter: &types.TopBottomFilter{
		FilterId: aws.String("f"), Column: column(name), Limit: aws.Int32(n),
		AggregationSortConfigurations: []types.AggregationSortConfiguration{{
			Column: column(by), SortDirection: direction,
			AggregationFunction: &types.AggregationFunction{NumericalAggregationFunction: &types.NumericalAggregationFunction{
				SimpleNumericalAggregation: types.SimpleNumericalAggregationFunctionSum,
			}},
		}},
	}}
}

// filterCases say which rows of the sales are left, by their prices: each row has
// another one, and north's coffee, written -, has none.
var filterCases = map[string]struct {
	filter types.Filter
	want   string
}{
	"list":                      {list("item", "CONTAINS", nonNulls, "tea", "milk"), "0.25 0.5 1.5 2.5 8"},
	"list with nulls":           {list("item", "CONTAINS", allValues, "milk"), "0.25 0.5 1"},
	"list, nulls only":          {list("item", "CONTAINS", nullsOnly, "milk"), "1"},
	"list, EQUALS":              {list("item", "EQUALS", nonNulls, "milk"), "0.25 0.5"},
	"list, negated":             {list("item", "DOES_NOT_CONTAIN", nonNulls, "tea", "coffee"), "0.25 0.5"},
	"list, not equal":           {list("item", "DOES_NOT_EQUAL", allValues, "tea", "coffee"), "0.25 0.5 1"},
	"list, negated, with nulls": {list("item", "DOES_NOT_CONTAIN", allValues, "tea", "coffee"), "0.25 0.5 1"},
	"list by its beginnings":    {list("item", "STARTS_WITH", nonNulls, "te", "mi"), "0.25 0.5 1.5 2.5 8"},
	"empty list":                {list("item", "CONTAINS", nonNulls), ""},
	"empty list, negated":       {list("item", "DOES_NOT_CONTAIN", nonNulls), "0.25 0.5 1.5 2.5 4 8 -"},
	"list of a hostile name":    {list(hostile, "CONTAINS", nonNulls, "q's", "'); drop table sales; --"), "4"},
	"list of numbers":           {list("n", "CONTAINS", nonNulls, "10", "7.0", "x"), "0.25 1.5"},
	"list of booleans":          {list("ok", "CONTAINS", nonNulls, "False", "0"), "0.25 2.5"},
	"list of instants":          {list("at", "CONTAINS", nonNulls, "2026-07-01", "x"), "4"},
	"select all":                {selectAll("item", allValues), "0.25 0.5 1 1.5 2.5 4 8 -"},
	"select all, no option":     {selectAll("item", ""), "0.25 0.5 1 1.5 2.5 4 8 -"},
	"select all but nulls":      {selectAll("item", nonNulls), "0.25 0.5 1.5 2.5 4 8 -"},
	"no option":                 {list("item", "DOES_NOT_CONTAIN", "", "tea"), "0.25 0.5 4 -"},

	"equals":                 {custom("item", "EQUALS", nonNulls, "milk"), "0.25 0.5"},
	"does not equal":         {custom("item", "DOES_NOT_EQUAL", nonNulls, "milk"), "1.5 2.5 4 8 -"},
	"does not equal, nulls":  {custom("item", "DOES_NOT_EQUAL", allValues, "milk"), "1 1.5 2.5 4 8 -"},
	"contains":               {custom("item", "CONTAINS", nonNulls, "e"), "1.5 2.5 4 8 -"},
	"contains, capital":      {custom("item", "CONTAINS", nonNulls, "E"), ""},
	"contains nothing":       {custom("item", "CONTAINS", nonNulls, ""), "0.25 0.5 1.5 2.5 4 8 -"},
	"contains a wild card":   {custom("item", "CONTAINS", nonNulls, "%"), ""},
	"does not contain":       {custom("item", "DOES_NOT_CONTAIN", nonNulls, "e"), "0.25 0.5"},
	"does not contain, null": {custom("item", "DOES_NOT_CONTAIN", allValues, "e"), "0.25 0.5 1"},
	"starts with":            {custom("item", "STARTS_WITH", nonNulls, "t"), "1.5 2.5 8"},
	"ends with":              {custom("item", "ENDS_WITH", nonNulls, "ea"), "1.5 2.5 8"},
	"a number contains":      {custom("n", "CONTAINS", nonNulls, "0"), "1.5 2.5 4 -"},
	"empty text":             {custom(hostile, "DOES_NOT_EQUAL", allValues, ""), "0.25 1 1.5 2.5 4 8 -"},

	"one number":         {equals("n", "EQUALS", nonNulls, 5), "0.5"},
	"one number or null": {equals("n", "EQUALS", allValues, 5), "0.5 8"},
	"other numbers":      {equals("n", "DOES_NOT_EQUAL", nonNulls, 5), "0.25 1 1.5 2.5 4 -"},
	"no number":          {equals("n", "EQUALS", nullsOnly, 5), "8"},
	"a boolean as 1":     {equals("ok", "EQUALS", nonNulls, 1), "0.5 1 1.5 8 -"},

	"range":              {between("n", nonNulls, 5, 20, false), "0.25 1.5"},
	"range with bounds":  {between("n", nonNulls, 5, 20, true), "0.25 0.5 1.5 2.5"},
	"range with nulls":   {between("n", allValues, 5, 20, false), "0.25 1.5 8"},
	"range of a decimal": {between("price", nonNulls, 0.25, 1.0, true), "0.25 0.5 1"},

	"time":                  {times(nonNulls, "", "2026-06-10T09:00:00", "2026-07-01T00:00:00", true), "2.5 4 -"},
	"time without bounds":   {times(nonNulls, "", "2026-06-10T09:00:00", "2026-07-01T00:00:00", false), "-"},
	"days":                  {times(nonNulls, "DAY", "2026-06-14T12:00:00", "2026-07-14T12:00:00", true), "0.5 4 -"},
	"days without bounds":   {times(nonNulls, "DAY", "2026-06-14T12:00:00", "2026-07-14T12:00:00", false), "4"},
	"since a day":           {times(allValues, "DAY", "2026-07-15T00:00:00", "", true), "0.25 1 8"},
	"time without anything": {times(nonNulls, "DAY", "", "", false), "0.25 0.5 1 1.5 2.5 4 -"},
	"at an instant":         {types.Filter{TimeEqualityFilter: &types.TimeEqualityFilter{Column: column("at"), Value: instantOf("2026-06-10T09:00:00")}}, "2.5"},
	"in a month":            {types.Filter{TimeEqualityFilter: &types.TimeEqualityFilter{Column: column("at"), Value: instantOf("2026-06-30T09:00:00"), TimeGranularity: "MONTH"}}, "2.5 -"},
	"today": {types.Filter{TimeEqualityFilter: &types.TimeEqualityFilter{Column: column("at"), TimeGranularity: "DAY", RollingDate: &types.RollingDateConfiguration{
		Expression: aws.String("now()"),
	}}}, "0.25"},
	"rolling": {types.Filter{TimeRangeFilter: &types.TimeRangeFilter{Column: column("at"), NullOption: nonNulls, IncludeMinimum: aws.Bool(true), RangeMinimumValue: &types.TimeRangeFilterValue{
		RollingDate: &types.RollingDateConfiguration{Expression: aws.String("addDateTime(-1, 'DD', truncDate('DD', now()))")},
	}}}, "0.25 0.5 1"},

	"this month":                 {relative("THIS", 0, "MONTH"), "0.25 0.5 1 4"},
	"previous month":             {relative("PREVIOUS", 0, "MONTH"), "2.5 -"},
	"last two months":            {relative("LAST", 2, "MONTH"), "0.25 0.5 1 2.5 4 -"},
	"last two days":              {relative("LAST", 2, "DAY"), "0.25 0.5"},
	"next week":                  {relative("NEXT", 2, "WEEK"), "0.25 0.5 1"},
	"month to now":               {relative("NOW", 0, "MONTH"), "0.25 0.5 4"},
	"last three without the one": {excluding(relative("LAST", 3, "MONTH"), 1, "MONTH"), "1.5 2.5 -"},
	"last three without two":     {excluding(relative("LAST", 3, "MONTH"), 2, "MONTH"), "1.5"},
	"without today":              {excluding(relative("THIS", 1, "MONTH"), 1, "DAY"), "0.5 4"},
	"next week alone":            {relative("NEXT", 1, "WEEK"), "0.25 0.5"},
	"not without today":          {disabled(excluding(relative("THIS", 1, "MONTH"), 1, "DAY")), "0.25 0.5 1 4"},
	"next without this week":     {excluding(relative("NEXT", 2, "WEEK"), 1, "WEEK"), "1"},

	"top":               {topOf("region", 1, "n", types.SortDirectionDesc), "1.5 2.5 -"},
	"top of equal ones": {topOf("region", 2, "ok", types.SortDirectionDesc), "0.25 1 1.5 2.5 -"},
	"bottom":            {topOf("item", 1, "n", types.SortDirectionAsc), "0.25 0.5"},
}

// prices shows the rows that a filter leaves.
func prices() query.Spec {
	s := spec("price")
	s.Rows = true
	return s
}

func lines(line string) string {
	if line == "" {
		return ""
	}
	out := ""
	for i, r := range line {
		if r == ' ' {
			out += "\n"
		} else {
			out += line[i : i+1]
		}
	}
	return out
}

func TestFilters(t *testing.T) {
	db := database(t)
	for name, c := range filterCases {
		t.Run(name, func(t *testing.T) {
			check(t, db, builder(filtered(definitionOf(), c.filter)), prices(), lines(c.want))
		})
	}
}

// What the reader chose in place of a relative filter counts from the filter's anchor.
func TestAChoiceKeepsTheAnchor(t *testing.T) {
	f := relative("LAST", 9, "YEAR")
	f.RelativeDatesFilter.AnchorDateConfiguration = &types.AnchorDateConfiguration{ParameterName: aws.String("since")}
	b := builder(filtered(declare(definitionOf()), f)) // since is the first of June
	b.State.Filters = map[string]query.Choice{"f": {Relative: &query.Relative{Type: "LAST", Number: 2, Grain: "MONTH"}}}
	check(t, database(t), b, prices(), lines("1.5 2.5 -"))
}

// A filter that the preview has not is named, and not left out.
func TestUnsupportedFilters(t *testing.T) {
	nested := types.Filter{NestedFilter: &types.NestedFilter{FilterId: aws.String("f"), Column: column("region"), InnerFilter: &types.InnerFilter{
		CategoryInnerFilter: &types.CategoryInnerFilter{Column: column("item"), Configuration: list("item", "CONTAINS", nonNulls, "milk").CategoryFilter.Configuration},
	}}}
	top := topOf("region", 1, "n", types.SortDirectionDesc)
	for _, d := range []*definition.Definition{filtered(definitionOf(), nested), filtered(definitionOf(), top, top)} {
		if _, err := builder(d).Build(prices()); !errors.As(err, new(query.Unsupported)) {
			t.Errorf("the error is %v", err)
		}
	}
	for _, f := range []types.Filter{
		{NumericEqualityFilter: &types.NumericEqualityFilter{Column: column("n"), MatchOperator: "EQUALS"}},
		{TimeEqualityFilter: &types.TimeEqualityFilter{Column: column("at")}},
	} {
		if _, err := builder(filtered(definitionOf(), f)).Build(prices()); err == nil || !strings.Contains(err.Error(), "has no value") {
			t.Errorf("the error of an equality with nothing is %v", err)
		}
	}
}

// What happens now has happened.
func TestUpToNow(t *testing.T) {
	b := builder(filtered(definitionOf(), relative("NOW", 0, "DAY")))
	b.Now = *instantOf("2026-07-15T10:00:00")
	check(t, database(t), b, prices(), "0.25")
}

func TestFilterGroups(t *testing.T) {
	db := database(t)
	milk, north := list("item", "CONTAINS", nonNulls, "milk"), list("region", "CONTAINS", nonNulls, "north")
	tea, all := list("item", "CONTAINS", nonNulls, "tea"), selectAll("item", allValues)
	for name, c := range map[string]struct {
		groups [][]types.Filter
		want   string
	}{
		"OR within":            {[][]types.Filter{{milk, north}}, "0.25 0.5 1.5 2.5 -"},
		"AND between":          {[][]types.Filter{{tea}, {north}}, "1.5 2.5"},
		"everything within OR": {[][]types.Filter{{milk, all}, {north}}, "1.5 2.5 -"},
		"empty":                {[][]types.Filter{{}, {milk}}, "0.25 0.5"},
		"top after the others": {[][]types.Filter{{topOf("region", 1, "n", types.SortDirectionDesc)}, {milk}}, "0.25"},
	} {
		t.Run(name, func(t *testing.T) {
			d := definitionOf()
			for _, g := range c.groups {
				d = filtered(d, g...)
			}
			check(t, db, builder(d), prices(), lines(c.want))
		})
	}
}

func TestScopes(t *testing.T) {
	db := database(t)
	const everything, milk = "0.25 0.5 1 1.5 2.5 4 8 -", "0.25 0.5"
	on := func(sheet string, scope types.FilterVisualScope, visuals ...string) *types.FilterScopeConfiguration {
		return &types.FilterScopeConfiguration{SelectedSheets: &types.SelectedSheetsFilterScopeConfiguration{
			SheetVisualScopingConfigurations: []types.SheetVisualScopingConfiguration{{
				SheetId: &sheet, Scope: scope, VisualIds: visuals,
			}},
		}}
	}
	all := &types.FilterScopeConfiguration{AllSheets: &types.AllSheetsFilterScopeConfiguration{}}
	for name, c := range map[string]struct {
		group types.FilterGroup
		want  string
	}{
		"all sheets":      {types.FilterGroup{ScopeConfiguration: all}, milk},
		"enabled":         {types.FilterGroup{ScopeConfiguration: all, Status: types.WidgetStatusEnabled}, milk},
		"disabled":        {types.FilterGroup{ScopeConfiguration: all, Status: types.WidgetStatusDisabled}, everything},
		"the sheet":       {types.FilterGroup{ScopeConfiguration: on("sheet", "ALL_VISUALS")}, milk},
		"another sheet":   {types.FilterGroup{ScopeConfiguration: on("other", "ALL_VISUALS")}, everything},
		"the visual":      {types.FilterGroup{ScopeConfiguration: on("sheet", "SELECTED_VISUALS", "a", "visual")}, milk},
		"another visual":  {types.FilterGroup{ScopeConfiguration: on("sheet", "SELECTED_VISUALS", "a")}, everything},
		"no scope at all": {types.FilterGroup{}, everything},
	} {
		t.Run(name, func(t *testing.T) {
			d := definitionOf()
			c.group.Filters = []types.Filter{list("item", "CONTAINS", nonNulls, "milk")}
			d.FilterGroups = append(d.FilterGroups, c.group)
			check(t, db, builder(d), prices(), lines(c.want))
		})
	}
	for cross, want := range map[types.CrossDatasetTypes]string{
		types.CrossDatasetTypesAllDatasets: milk, types.CrossDatasetTypesSingleDataset: everything,
	} {
		for column, want := range map[string]string{"item": want, "elsewhere": everything} {
			d := filtered(definitionOf(), list(column, "CONTAINS", nonNulls, "milk"))
			d.FilterGroups[0].CrossDataset = cross
			d.FilterGroups[0].Filters[0].CategoryFilter.Column.DataSetIdentifier = aws.String("other")
			check(t, db, builder(d), prices(), lines(want))
		}
	}
}

func TestChoices(t *testing.T) {
	db := database(t)
	everything := "0.25 0.5 1 1.5 2.5 4 8 -"
	for name, c := range map[string]struct {
		filter types.Filter
		choice query.Choice
		want   string
	}{
		"nothing chosen":       {list("item", "CONTAINS", nonNulls, "milk"), query.Choice{}, "0.25 0.5"},
		"all":                  {list("item", "CONTAINS", nonNulls, "milk"), query.Choice{All: true}, everything},
		"categories":           {list("item", "CONTAINS", nonNulls, "milk"), query.Choice{Values: []string{"tea", "o'x"}}, "1.5 2.5 8"},
		"of a negated list":    {list("item", "DOES_NOT_CONTAIN", nonNulls, "tea"), query.Choice{Values: []string{"tea"}}, "1.5 2.5 8"},
		"of nulls":             {list("item", "CONTAINS", nullsOnly), query.Choice{Values: []string{"tea"}}, "1.5 2.5 8"},
		"no categories":        {list("item", "CONTAINS", nonNulls, "milk"), query.Choice{Values: []string{}}, everything},
		"instead of all":       {selectAll("item", nonNulls), query.Choice{Values: []string{"milk"}}, "0.25 0.5"},
		"of a custom filter":   {custom("item", "CONTAINS", nonNulls, "e"), query.Choice{Values: []string{"milk"}}, "0.25 0.5"},
		"a number":             {equals("n", "EQUALS", nonNulls, 1), query.Choice{Values: []string{"7"}}, "0.25"},
		"numbers":              {between("n", nonNulls, 1, 2, false), query.Choice{From: "7", To: "10"}, "0.25 1.5"},
		"from a number":        {between("n", nonNulls, 1, 2, false), query.Choice{From: "30"}, "4 -"},
		"days":                 {times(nonNulls, "DAY", "2020-01-01T00:00:00", "", true), query.Choice{From: "2026-07-14", To: "2026-07-15"}, "0.25 0.5"},
		"days without grain":   {times(nonNulls, "", "2020-01-01T00:00:00", "", true), query.Choice{From: "2026-07-14", To: "2026-07-15"}, "0.25 0.5"},
		"instants":             {times(nonNulls, "", "2020-01-01T00:00:00", "", true), query.Choice{From: "2026-07-14T00:00:00Z", To: "2026-07-15T10:00:00Z"}, "0.25 0.5"},
		"relative":             {relative("LAST", 9, "YEAR"), query.Choice{Relative: &query.Relative{Type: "LAST", Number: 2, Grain: "DAY"}}, "0.25 0.5"},
		"relative as a range":  {relative("LAST", 9, "YEAR"), query.Choice{To: "2026-05-31"}, "1.5"},
		"relative for a range": {times(nonNulls, "DAY", "2020-01-01T00:00:00", "", true), query.Choice{Relative: &query.Relative{Type: "THIS", Grain: "DAY"}}, "0.25"},
		"top":                  {topOf("region", 1, "n", types.SortDirectionDesc), query.Choice{Values: []string{"2"}}, "0.5 1.5 2.5 4 -"},
		"no top":               {topOf("region", 1, "n", types.SortDirectionDesc), query.Choice{All: true}, everything},
	} {
		t.Run(name, func(t *testing.T) {
			b := builder(filtered(definitionOf(), c.filter))
			b.State.Filters = map[string]query.Choice{"f": c.choice, "another": {All: true}}
			check(t, db, b, prices(), lines(c.want))
		})
	}
}

func TestFiltersOfAggregates(t *testing.T) {
	db := database(t)
	sum := &types.AggregationFunction{NumericalAggregationFunction: &types.NumericalAggregationFunction{
		SimpleNumericalAggregation: types.SimpleNumericalAggregationFunctionSum,
	}}
	f := between("n", nonNulls, 10, 50, false)
	f.NumericRangeFilter.AggregationFunction = sum
	check(t, db, builder(filtered(definitionOf(), f)), spec("region", "MAX n"), "south 40")
	check(t, db, builder(filtered(definitionOf("total", "sum(n)"), between("total", nonNulls, 10, 50, false))), spec("region", "MAX n"), "south 40")
	check(t, db, builder(filtered(definitionOf("total", "sum(n)"), between("total", allValues, 10, 50, false))), spec("region", "MAX n"), "south 40\n- -")
	large := between("total", nonNulls, 10, 50, true)
	sorted := []query.Sort{{FieldID: "SUM n", Descending: true}}
	limited := func(dimension string, l query.Limit) query.Spec {
		s := spec(dimension, "SUM n", "AVERAGE n")
		s.Sorts, s.Limits = sorted, []query.Limit{l}
		return s
	}
	onlySome := builder(filtered(definitionOf("total", "sum(n)"), large))
	s := limited("region", query.Limit{FieldID: "region", N: 1})
	check(t, db, onlySome, s, "south 45 22.5 2")
	s = limited("region", query.Limit{FieldID: "region", N: 1, Others: true})
	s.Totals = [][]string{{}}
	check(t, db, onlySome, s, "south 45 22.5 2 false 0\n- 10 5 2 true 0\n- 55 13.75 2 - 1")
	check(t, db, onlySome, spec("", "SUM n"), "")
	check(t, db, builder(filtered(definitionOf("total", "sum(n)"), between("total", nonNulls, 100, 200, true))), spec("", "SUM n"), "115")
	if _, err := builder(filtered(definitionOf(), f)).Build(prices()); !errors.As(err, new(query.Unsupported)) {
		t.Errorf("the error of rows that are not aggregated is %v", err)
	}
}

// What Decode could not read of a filter, of its scope or of a parameter is left unset,
// so that without the definition's faults it would filter nothing.
func TestFaultyFiltersAreNotDropped(t *testing.T) {
	for name, c := range map[string]struct{ path, dataSet, want string }{
		"a bound":              {"$.FilterGroups[0].Filters[0].TimeRangeFilter.RangeMinimumValue.StaticValue", "sales", "no instant"},
		"of a wrapped one":     {"$.Definition.FilterGroups[0].Filters[0].TimeRangeFilter.RangeMinimumValue.StaticValue", "sales", "no instant"},
		"the filter":           {"$.FilterGroups[0].Filters[0]", "sales", "no instant"},
		"a parameter":          {"$.ParameterDeclarations[0].StringParameterDeclaration.DefaultValues", "sales", "no instant"},
		"a scope":              {"$.FilterGroups[2].ScopeConfiguration.SelectedSheets", "sales", "no instant"},
		"a control":            {"$.FilterGroups[0].Filters[0].TimeRangeFilter.DefaultFilterControlConfiguration.Title", "sales", ""},
		"of another data set":  {"$.FilterGroups[0].Filters[0].TimeRangeFilter", "other", ""},
		"another filter":       {"$.FilterGroups[0].Filters[10]", "sales", ""},
		"of a group, in scope": {"$.FilterGroups[1].FilterGroupId", "sales", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := filtered(filtered(declare(definitionOf()), times(nonNulls, "", "", "", true)), byParameter("item", "EQUALS", "item"))
			d = filtered(d, list("item", "CONTAINS", nonNulls, "none"))
			d.FilterGroups[2].ScopeConfiguration = &types.FilterScopeConfiguration{}
			d.FilterGroups[0].Filters[0].TimeRangeFilter.Column.DataSetIdentifier = &c.dataSet
			b := builder(d)
			b.Faults = []definition.Fault{{File: "d.json", Path: c.path, Problem: "no instant"}}
			_, err := b.Build(spec("region"))
			if c.want == "" && err != nil {
				t.Fatal(err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.path+": "+c.want)) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
