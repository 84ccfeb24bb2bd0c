package query_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/query"
)

func declare(d *definition.Definition) *definition.Definition {
	single, multi := types.ParameterValueTypeSingleValued, types.ParameterValueTypeMultiValued
	rolling := func(text string) *types.DateTimeDefaultValues {
		return &types.DateTimeDefaultValues{RollingDate: &types.RollingDateConfiguration{Expression: &text}}
	}
	text := func(name string, kind types.ParameterValueType, values ...string) types.ParameterDeclaration {
		return types.ParameterDeclaration{StringParameterDeclaration: &types.StringParameterDeclaration{
			Name: &name, ParameterValueType: kind, DefaultValues: &types.StringDefaultValues{StaticValues: values},
		}}
	}
	date := func(name string, values *types.DateTimeDefaultValues) types.ParameterDeclaration {
		return types.ParameterDeclaration{DateTimeParameterDeclaration: &types.DateTimeParameterDeclaration{
			Name: &name, DefaultValues: values, TimeGranularity: types.TimeGranularityDay,
		}}
	}
	unset := text("custom", single)
	unset.StringParameterDeclaration.ValueWhenUnset = &types.StringValueWhenUnsetConfiguration{CustomValue: aws.String("tea")}
	d.ParameterDeclarations = append(d.ParameterDeclarations,
		text("item", single, "milk", "ignored"), text("items", multi, "milk", "tea"), text("none", multi), unset,
		types.ParameterDeclaration{IntegerParameterDeclaration: &types.IntegerParameterDeclaration{
			Name: aws.String("least"), ParameterValueType: single, DefaultValues: &types.IntegerDefaultValues{StaticValues: []int64{10}},
		}},
		types.ParameterDeclaration{IntegerParameterDeclaration: &types.IntegerParameterDeclaration{Name: aws.String("most"), ParameterValueType: single}},
		types.ParameterDeclaration{DecimalParameterDeclaration: &types.DecimalParameterDeclaration{
			Name: aws.String("price"), ParameterValueType: multi, DefaultValues: &types.DecimalDefaultValues{StaticValues: []float64{0.5, 1e21}},
		}},
		date("since", rolling("addDateTime(-1, 'MM', truncDate('MM', now()))")),
		date("day", &types.DateTimeDefaultValues{StaticValues: []time.Time{*instantOf("2026-07-01T00:00:00")}}),
		date("never", nil),
		date("wrong", rolling("sum(n)")),
	)
	return d
}

func TestParameter(t *testing.T) {
	state := map[string][]string{}
	for name, c := range map[string]struct {
		chosen []string
		want   []string
	}{
		"item":   {nil, []string{"milk"}},
		"items":  {nil, []string{"milk", "tea"}},
		"none":   {nil, nil},
		"custom": {nil, []string{"tea"}},
		"least":  {nil, []string{"10"}},
		"most":   {[]string{"4"}, []string{"4"}},
		"price":  {nil, []string{"0.5", "1000000000000000000000"}},
		"since":  {nil, []string{"2026-06-01T00:00:00Z"}},
		"day":    {[]string{}, nil},
		"never":  {[]string{"2026-01-01"}, []string{"2026-01-01"}},
	} {
		b := builder(declare(definitionOf()))
		b.State.Parameters = state
		if delete(state, name); c.chosen != nil {
			state[name] = c.chosen
		}
		p, err := b.Parameter(name)
		if err != nil || !slices.Equal(p.Values, c.want) || p.Name != name {
			t.Errorf("%s is %v, %v; want %v", name, p, err, c.want)
		}
	}
}

func TestRollingDates(t *testing.T) {
	for text, want := range map[string]string{
		"now()":                    "2026-07-15T10:30:00Z",
		"truncDate('YYYY', now())": "2026-01-01T00:00:00Z",
		"truncDate('Q', now())":    "2026-07-01T00:00:00Z",
		"truncDate('WK', now())":   "2026-07-12T00:00:00Z",
		"truncDate('HH', now())":   "2026-07-15T10:00:00Z",
		"addDateTime(-90, 'DD', truncDate('DD', now()))":                      "2026-04-16T00:00:00Z",
		"addDateTime(7, 'MM', addDateTime(16, 'DD', truncDate('DD', now())))": "2027-02-28T00:00:00Z",
		"addDateTime(1, 'WK', truncDate('MI', now()))":                        "2026-07-22T10:30:00Z",
	} {
		d := definitionOf()
		d.ParameterDeclarations = []types.ParameterDeclaration{{DateTimeParameterDeclaration: &types.DateTimeParameterDeclaration{
			Name:          aws.String("p"),
			DefaultValues: &types.DateTimeDefaultValues{RollingDate: &types.RollingDateConfiguration{Expression: &text}},
		}}}
		p, err := builder(d).Parameter("p")
		if err != nil || len(p.Values) != 1 || p.Values[0] != want {
			t.Errorf("%s is %v, %v; want %s", text, p.Values, err, want)
		}
	}
}

func TestFiltersByParameters(t *testing.T) {
	db := database(t)
	everything := "0.25 0.5 1 1.5 2.5 4 8 -"
	number := types.Filter{NumericEqualityFilter: &types.NumericEqualityFilter{Column: column("price"), MatchOperator: "EQUALS", NullOption: nonNulls, ParameterName: aws.String("price")}}
	span := types.Filter{NumericRangeFilter: &types.NumericRangeFilter{
		Column: column("n"), NullOption: nonNulls, IncludeMinimum: aws.Bool(true),
		RangeMinimum: &types.NumericRangeFilterValue{Parameter: aws.String("least")}, RangeMaximum: &types.NumericRangeFilterValue{Parameter: aws.String("most")},
	}}
	since := types.Filter{TimeRangeFilter: &types.TimeRangeFilter{
		Column: column("at"), NullOption: nonNulls, IncludeMinimum: aws.Bool(true), TimeGranularity: "DAY",
		RangeMinimumValue: &types.TimeRangeFilterValue{Parameter: aws.String("since")}, RangeMaximumValue: &types.TimeRangeFilterValue{Parameter: aws.String("never")},
	}}
	at := types.Filter{TimeEqualityFilter: &types.TimeEqualityFilter{Column: column("at"), TimeGranularity: "DAY", ParameterName: aws.String("day")}}
	anchored := relative("LAST", 0, "MONTH")
	anchored.RelativeDatesFilter.RelativeDateValue, anchored.RelativeDatesFilter.ParameterName = nil, aws.String("most")
	anchored.RelativeDatesFilter.AnchorDateConfiguration = &types.AnchorDateConfiguration{ParameterName: aws.String("since")}
	top := topOf("region", 0, "n", types.SortDirectionDesc)
	top.TopBottomFilter.Limit, top.TopBottomFilter.ParameterName = nil, aws.String("most")
	for name, c := range map[string]struct {
		filter types.Filter
		state  map[string][]string
		want   string
	}{
		"one":                 {byParameter("item", "EQUALS", "item"), nil, "0.25 0.5"},
		"several":             {byParameter("item", "EQUALS", "items"), nil, "0.25 0.5 1.5 2.5 8"},
		"none of several":     {byParameter("item", "DOES_NOT_EQUAL", "items"), nil, "4 -"},
		"contains one of":     {byParameter("item", "CONTAINS", "items"), map[string][]string{"items": {"il", "of"}}, "0.25 0.5 4 -"},
		"contains none of":    {byParameter("item", "DOES_NOT_CONTAIN", "items"), map[string][]string{"items": {"il", "of"}}, "1.5 2.5 8"},
		"unset":               {byParameter("item", "EQUALS", "none"), nil, everything},
		"made unset":          {byParameter("item", "EQUALS", "item"), map[string][]string{"item": {}}, everything},
		"with a quote":        {byParameter(hostile, "EQUALS", "item"), map[string][]string{"item": {"q's"}}, "4"},
		"numbers":             {number, nil, "0.5"},
		"from a number":       {span, nil, "1.5 2.5 4 -"},
		"between numbers":     {span, map[string][]string{"most": {"30"}}, "1.5 2.5"},
		"no bounds":           {span, map[string][]string{"least": {}}, everything},
		"since":               {since, nil, "0.25 0.5 1 2.5 4 -"},
		"since never":         {since, map[string][]string{"since": {}}, everything},
		"a day":               {at, nil, "4"},
		"no day":              {at, map[string][]string{"day": {}}, everything},
		"months, unset":       {anchored, nil, everything},
		"months of an anchor": {anchored, map[string][]string{"most": {"2"}}, "1.5 2.5 -"},
		"deleted":             {byParameter("item", "EQUALS", "MissingParameter0123456789abcdef0123456789abcdef"), nil, everything},
		"top":                 {top, map[string][]string{"most": {"2"}}, "0.5 1.5 2.5 4 -"},
		"top, unset":          {top, nil, everything},
	} {
		t.Run(name, func(t *testing.T) {
			b := builder(filtered(declare(definitionOf()), c.filter))
			b.State = query.State{Parameters: c.state}
			check(t, db, b, prices(), lines(c.want))
		})
	}
}

func TestADeletedParameterIsNoted(t *testing.T) {
	f := byParameter("item", "EQUALS", "MissingParameter0123456789abcdef0123456789abcdef")
	b := builder(filtered(definitionOf(), f, f))
	b.Faults = []definition.Fault{{ // as the definition's check has it
		Path:    "$.FilterGroups[0].Filters[0].CategoryFilter.Configuration.CustomFilterConfiguration.ParameterName",
		Problem: `there is no parameter "MissingParameter0123456789abcdef0123456789abcdef"`,
	}}
	q, err := b.Build(prices())
	if err != nil || len(q.Notes) != 1 {
		t.Errorf("the notes are %v, %v", q, err)
	}
}

func TestRollingDatesThatAreNone(t *testing.T) {
	for _, text := range []string{
		"", "truncDate('DD'", "1", "sum(n)", "truncDate('XX', now())", "truncDate(now(), now())", "addDateTime(1.5, 'DD', now())",
		"addDateTime(n, 'DD', now())", "addDateTime(9000, 'YYYY', now())", "addDateTime(5124096, 'HH', now())",
		"addDateTime(1, 'DD', truncDate('ZZ', now()))", "truncDate('DD', addDateTime(1, 'ZZ', now()))",
	} {
		d := definitionOf()
		d.ParameterDeclarations = []types.ParameterDeclaration{{DateTimeParameterDeclaration: &types.DateTimeParameterDeclaration{
			Name:          aws.String("p"),
			DefaultValues: &types.DateTimeDefaultValues{RollingDate: &types.RollingDateConfiguration{Expression: &text}},
		}}}
		if p, err := builder(d).Parameter("p"); err == nil {
			t.Errorf("%s is %v", text, p.Values)
		}
	}
}

func TestValuesThatAreNoneOfTheirType(t *testing.T) {
	for name, text := range map[string]string{"least": "1; drop table sales", "price": "Inf", "since": "yesterday"} {
		b := builder(declare(definitionOf()))
		b.State.Parameters = map[string][]string{name: {text}}
		if p, err := b.Parameter(name); err == nil {
			t.Errorf("%s is %v", name, p.Values)
		}
	}
}
