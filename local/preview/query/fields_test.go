package query_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/query"
)

func TestCalculatedFields(t *testing.T) {
	db := database(t)
	for name, c := range map[string]struct {
		fields []string
		spec   query.Spec
		want   string
	}{
		"of a row, aggregated":            {[]string{"double", "{n} * 2"}, spec("region", "SUM double"), "east 20\nnorth 120\nsouth 90\n- -"},
		"a dimension":                     {[]string{"big", "ifelse(n > 9, 'yes', 'no')"}, spec("big", "COUNT at"), "no 3\nyes 4"},
		"of another field":                {[]string{"a", "n * 2", "b", "a + 1", "c", "{b} * {b}"}, spec("", "MAX c"), "6561"},
		"an aggregate":                    {[]string{"mean", "sum(n) / count(n)"}, spec("region", "mean"), "east 5\nnorth 20\nsouth 22.5\n- -"},
		"an aggregate of another":         {[]string{"a", "n * 2", "total", "sum(a)", "more", "total + 1"}, spec("region", "more"), "east 21\nnorth 121\nsouth 91\n- -"},
		"aggregated twice over":           {[]string{"total", "sum(n)"}, spec("region", "AVERAGE total"), "east 10\nnorth 60\nsouth 45\n- -"},
		"a constant":                      {[]string{"one", "'one'"}, spec("one", "SUM n"), "one 115"},
		"in another case":                 {[]string{"a", "{N} + {REGION_COUNT}", "region_count", "1"}, spec("", "MAX a"), "41"},
		"in this case and not in another": {[]string{"Region", "'x'", "y", "{region}"}, spec("y", "SUM n"), "east 10\nnorth 60\nsouth 45\n- -"},
		"a parameter":                     {[]string{"a", "ifelse(n >= ${least}, item, 'small')"}, spec("a", "COUNT n"), "coffee 2\nsmall 3\ntea 2"},
		"a hostile name":                  {[]string{"'; --", "{" + hostile + "}"}, query.Spec{SheetID: "sheet", DataSet: "sales", Rows: true, MaxRows: 1, Dimensions: []query.Field{dimension("'; --")}}, "''\np"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, db, builder(declare(definitionOf(c.fields...))), c.spec, c.want)
		})
	}
	written := spec("region")
	written.Measures = []query.Field{{ID: "m", Expression: "sum(n) / 2"}}
	check(t, db, builder(definitionOf()), written, "east 5\nnorth 30\nsouth 22.5\n- -")
}

func TestWindowInAMeasure(t *testing.T) {
	s := spec("region")
	s.Measures = []query.Field{{ID: "m", Expression: "sum(n) / max(sumOver(double, [], PRE_AGG))"}}
	check(t, database(t), builder(definitionOf("double", "n * 2")), s, "east 0.04348\nnorth 0.2609\nsouth 0.1957\n- -")
}

func TestWindows(t *testing.T) {
	db := database(t)
	tea := list("item", "CONTAINS", nonNulls, "tea")
	for name, c := range map[string]struct {
		expression string
		spec       query.Spec
		want       string
	}{
		// The filter leaves north's 10 and 20, and the null of nowhere.
		"before the filter":          {"maxOver(n, [region], PRE_FILTER)", spec("region", "MAX x"), "north 30\n- -"},
		"before the filter, all":     {"maxOver(n, [], PRE_FILTER)", spec("region", "MAX x"), "north 40\n- 40"},
		"after the filter":           {"maxOver(n, [region], PRE_AGG)", spec("region", "MAX x"), "north 20\n- -"},
		"after the filter, all":      {"sumOver(n, [], PRE_AGG)", spec("region", "MAX x"), "north 30\n- 30"},
		"a window of a window":       {"sumOver(n - minOver(n, [region], PRE_AGG), [], PRE_AGG)", spec("", "MAX x"), "10"},
		"of one before the filter":   {"sumOver(maxOver(n, [region], PRE_FILTER), [], PRE_AGG)", spec("", "MAX x"), "60"},
		"of a field":                 {"sumOver(double, [], PRE_AGG)", spec("", "MAX x"), "60"},
		"the same window twice":      {"sumOver(least, [], PRE_AGG)", spec("", "MAX least", "MAX x"), "10 20"},
		"a window within another":    {"sumOver(minOver(n, [region], PRE_AGG), [region], PRE_AGG)", spec("", "MAX least", "MAX x"), "10 20"},
		"distinct":                   {"distinctCountOver(region, [item], PRE_AGG)", spec("", "MAX x"), "1"},
		"of an expression":           {"countOver(n, [ifelse(n > 15, 'a', 'b')], PRE_AGG)", spec("n", "MAX x"), "10 1\n20 1\n- 1"},
		"rank":                       {"rank([n DESC], [], PRE_AGG)", spec("n", "MAX x"), "10 2\n20 1\n- 3"},
		"percentile":                 {"percentileOver(n, 50, [region], PRE_AGG)", spec("region", "MAX x"), "north 10\n- -"},
		"percentile between values":  {"percentileContOver(n, 50, [region], PRE_AGG)", spec("region", "MAX x"), "north 15\n- -"},
		"level-aware":                {"sum(n, [region])", spec("region", "SUM x"), "north 30\n- -"},
		"level-aware, once a group":  {"sum(sum(n, [region, item]))", spec("region", "x"), "north 30\n- -"},
		"level-aware, mean":          {"avg(ifelse(sum(n, [region]) > 20, 1, 0))", spec("", "x"), "0.5"},
		"level-aware of all":         {"sum(n, [])", spec("region", "SUM x"), "north 30\n- 30"},
		"level-aware as a dimension": {"ifelse(sum(n, [region]) > 20, 'many', 'few')", spec("x", "COUNT item"), "few 1\nmany 2"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, db, builder(filtered(definitionOf("x", c.expression, "double", "n * 2", "least", "minOver(n, [region], PRE_AGG)"), tea)), c.spec, c.want)
		})
	}
}

func TestFiltersOfWindows(t *testing.T) {
	db := database(t)
	for name, c := range map[string]struct {
		fields []string
		filter types.Filter
		want   string
	}{
		"the latest":             {[]string{"x", "ifelse(maxOver(at, [], PRE_FILTER) = at, 1, 0)"}, equals("x", "EQUALS", allValues, 1), "1"},
		"the latest of a region": {[]string{"x", "ifelse(maxOver(at, [region], PRE_AGG) = at, 1, 0)"}, equals("x", "EQUALS", nonNulls, 1), "0.5 1 -"},
		"how long ago":           {[]string{"x", "dateDiff(at, maxOver(at, [], PRE_FILTER), 'MI') / 60"}, between("x", nonNulls, 0, 120, true), "0.25 0.5 1"},
		"of a level-aware value": {[]string{"x", "sum(n, [region])"}, between("x", nonNulls, 44, 46, true), "0.5 4"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, db, builder(filtered(definitionOf(c.fields...), c.filter)), prices(), lines(c.want))
		})
	}
}

func TestTableCalculations(t *testing.T) {
	db := database(t)
	byMonth := func(dimensions string, measures ...string) query.Spec {
		s := spec(dimensions, measures...)
		for i := range s.Dimensions {
			if s.Dimensions[i].Column == "at" {
				s.Dimensions[i].Grain = types.TimeGranularityMonth
			}
		}
		return s
	}
	for name, c := range map[string]struct {
		expression string
		spec       query.Spec
		want       string
	}{
		"running":             {"runningSum(sum(n), [region ASC])", spec("region", "x"), "east 10\nnorth 70\nsouth 115\n- 115"},
		"running, by measure": {"runningSum(sum(n), [sum(n) DESC])", spec("region", "x"), "east 115\nnorth 60\nsouth 105\n- 115"},
		"running, partitions": {"runningCount(count(at), [item ASC], [region])", spec("region item", "x"), "east milk 1\neast - 2\nnorth coffee 1\nnorth tea 2\nsouth coffee 1\nsouth milk 2\n- tea 1"},
		"difference":          {"difference(sum(n), [at ASC], -1)", byMonth("at", "x"), "2026-05-01T00:00 -\n2026-06-01T00:00 40\n2026-07-01T00:00 5\n- -"},
		"percent difference":  {"percentDifference(sum(n), [at ASC], -1)", byMonth("at", "x"), "2026-05-01T00:00 -\n2026-06-01T00:00 4\n2026-07-01T00:00 0.1\n- -"},
		"lag":                 {"lag(sum(n), [at ASC], 1)", byMonth("at", "x"), "2026-05-01T00:00 -\n2026-06-01T00:00 10\n2026-07-01T00:00 50\n- 55"},
		"lead":                {"lead(sum(n), [at ASC], 1)", byMonth("at", "x"), "2026-05-01T00:00 50\n2026-06-01T00:00 55\n2026-07-01T00:00 -\n- -"},
		"first":               {"firstValue(sum(n), [region ASC])", spec("region", "x"), "east 10\nnorth 10\nsouth 10\n- 10"},
		"last":                {"lastValue(count(item), [region ASC])", spec("region", "x"), "east 1\nnorth 1\nsouth 1\n- 1"},
		"share":               {"percentOfTotal(sum(n))", spec("region", "x"), "east 0.08696\nnorth 0.5217\nsouth 0.3913\n- -"},
		"share of a part":     {"percentOfTotal(count(at), [region])", spec("region ok", "x"), "east false 0.5\neast true 0.5\nnorth false 0.3333\nnorth true 0.6667\nsouth true 0.5\nsouth - 0.5\n- true -"},
		"rank":                {"rank([sum(n) DESC])", spec("region", "x"), "east 3\nnorth 1\nsouth 2\n- 4"},
		"dense rank":          {"denseRank([count(n) DESC])", spec("region", "x"), "east 2\nnorth 1\nsouth 2\n- 3"},
		"percentile rank":     {"percentileRank([sum(n) DESC])", spec("region", "x"), "east 50\nnorth 0\nsouth 25\n- 75"},
		"over, by default":    {"maxOver(sum(n), [])", spec("region", "x"), "east 60\nnorth 60\nsouth 60\n- 60"},
		"over, after":         {"sumOver(sum(n), [region], POST_AGG_FILTER)", spec("region item", "x"), "east milk 10\neast - 10\nnorth coffee 60\nnorth tea 60\nsouth coffee 45\nsouth milk 45\n- tea -"},
		"window":              {"windowSum(sum(n), [region ASC], 1, 0)", spec("region", "x"), "east 10\nnorth 70\nsouth 105\n- 45"},
		"of a calculation":    {"runningSum(difference(sum(n), [region ASC], -1), [region ASC])", spec("region", "x"), "east -\nnorth 50\nsouth 35\n- 35"},
		"within a scalar":     {"ifelse(rank([sum(n) DESC]) = 1, sum(n), 0 - 1)", spec("region", "x"), "east -1\nnorth 60\nsouth -1\n- -1"},
		"in another case":     {"{TABLE} + sum(n)", spec("region", "x"), "east 13\nnorth 61\nsouth 47\n- -"},
		"of a field":          {"runningSum(total, [region ASC])", spec("region", "x"), "east 10\nnorth 70\nsouth 115\n- 115"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, db, builder(definitionOf("x", c.expression, "total", "sum(n)", "table", "rank([sum(n) DESC])")), c.spec, c.want)
		})
	}
	t.Run("filtered", func(t *testing.T) {
		d := filtered(definitionOf("x", "rank([sum(n) DESC])"), between("x", nonNulls, 1, 2, true))
		check(t, db, builder(d), spec("region", "x"), "north 1\nsouth 2")
	})
	t.Run("filtered beside totals", func(t *testing.T) {
		d := filtered(definitionOf("x", "rank([sum(n) DESC])"), between("x", nonNulls, 1, 2, true))
		d = filtered(d, between("total", nonNulls, 50, 100, true))
		d.CalculatedFields = append(d.CalculatedFields, definitionOf("total", "sum(n)").CalculatedFields...)
		s := spec("region", "SUM n", "x")
		s.Totals = [][]string{{}}
		check(t, db, builder(d), s, "north 60 1 0\n- 60 1 1")
	})
	t.Run("with totals", func(t *testing.T) {
		s := spec("region", "x")
		s.Totals = [][]string{{}}
		check(t, db, builder(definitionOf("x", "runningSum(sum(n), [region ASC])")), s, "east 10 0\nnorth 70 0\nsouth 115 0\n- 115 0\n- 115 1")
	})
}

func TestUnsupportedFunctions(t *testing.T) {
	for _, text := range []string{
		"periodOverPeriodDifference(sum(n), at)", "periodToDateSumOverTime(sum(n), at, YEAR)", "periodToDateSum(n, at, YEAR)",
	} {
		if _, err := builder(definitionOf("x", text)).Build(spec("region", "x")); !errors.As(err, new(query.Unsupported)) {
			t.Errorf("the error of %s is %v", text, err)
		}
	}
}

func TestFaults(t *testing.T) {
	missing := byParameter("item", "EQUALS", "iten")
	for name, c := range map[string]struct {
		d             *definition.Definition
		spec          query.Spec
		path, problem string
	}{
		"a missing column":       {definitionOf(), spec("regiom"), "$.Sheets[0].Visuals[0].BarChartVisual", `no column "regiom"; did you mean "region"?`},
		"of a calculated field":  {definitionOf("x", "n + {nn}"), spec("", "x"), "$.CalculatedFields[0].Expression", `no column "nn"`},
		"of a filter":            {filtered(definitionOf(), list("itme", "CONTAINS", nonNulls)), spec("region"), "$.FilterGroups[0].Filters[0].CategoryFilter", `no column "itme"; did you mean "item"?`},
		"a missing parameter":    {filtered(declare(definitionOf()), missing), spec("region"), "$.FilterGroups[0].Filters[0].CategoryFilter", `no parameter "iten"; did you mean "item"?`},
		"in an expression":       {declare(definitionOf("x", "${itens}")), spec("x"), "$.CalculatedFields[0].Expression", `no parameter "itens"; did you mean "items"?`},
		"a circle":               {definitionOf("a", "b", "b", "c + 1", "c", "a"), spec("a"), "$.CalculatedFields[0].Expression", "circular: a → b → c → a"},
		"a circle beside others": {definitionOf("a", "b + c", "b", "n", "c", "a"), spec("", "a"), "$.CalculatedFields[0].Expression", "circular: a → c → a"},
		"a window too early":     {definitionOf("x", "maxOver(sumOver(n, [], PRE_AGG), [], PRE_FILTER)"), spec("", "x"), "$.CalculatedFields[0].Expression", "after the filters"},
		"a window too late":      {definitionOf("x", "maxOver(sum(n), [], PRE_AGG)"), spec("", "x"), "$.CalculatedFields[0].Expression", "an aggregate stands"},
		"a percentile":           {definitionOf("x", "percentileOver(n, 101, [], PRE_AGG)"), spec("", "x"), "$.CalculatedFields[0].Expression", "not between 0 and 100"},
		"of itself":              {definitionOf("a", "{a} + 1"), spec("", "a"), "$.CalculatedFields[0].Expression", "circular: a → a"},
		"of table calculations":  {definitionOf("a", "runningSum(b, [region ASC])", "b", "rank([a DESC])"), spec("region", "a"), "$.CalculatedFields[0].Expression", "circular"},
		"no expression":          {definitionOf("a", "sum("), spec("", "a"), "$.CalculatedFields[0].Expression", "line 1"},
		"an aggregate to group":  {definitionOf("a", "sum(n)"), spec("a"), "$.Sheets[0].Visuals[0].BarChartVisual", "aggregates"},
		"a text added up":        {definitionOf(), spec("", "SUM item"), "$.Sheets[0].Visuals[0].BarChartVisual", "text"},
		"a number with a text":   {filtered(definitionOf(), equals("item", "EQUALS", nonNulls, 1)), spec("region"), "$.FilterGroups[0].Filters[0].NumericEqualityFilter", "text is compared with a number"},
		"no dimension":           {definitionOf("x", "runningSum(sum(n), [item ASC])"), spec("region", "x"), "$.CalculatedFields[0].Expression", "neither aggregated nor a dimension"},
		"a wrong default":        {filtered(declare(definitionOf()), types.Filter{TimeEqualityFilter: &types.TimeEqualityFilter{Column: column("at"), ParameterName: aws.String("wrong")}}), spec("region"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := builder(c.d).Build(c.spec)
			if c.path == "" {
				if !errors.As(err, new(query.Unsupported)) {
					t.Errorf("the error is %v", err)
				}
				return
			}
			var faults query.Faults
			if !errors.As(err, &faults) || len(faults) != 1 {
				t.Fatalf("the error is %v", err)
			}
			f := faults[0]
			if f.File != "d.json" || f.Path != c.path || !strings.Contains(f.Problem, c.problem) {
				t.Errorf("the fault is %+v\nwant %s: %s", f, c.path, c.problem)
			}
		})
	}
}

// Fields that use others more than once do not grow the SQL: each is calculated
// once.
func TestSharedFields(t *testing.T) {
	db := database(t)
	fields := []string{"f0", "n"}
	for i := range 60 {
		fields = append(fields, fmt.Sprintf("f%d", i+1), fmt.Sprintf("ifelse({f%d} > 1, {f%[1]d}, 1 - {f%[1]d})", i))
	}
	q, err := builder(definitionOf(fields...)).Build(spec("", "SUM f60"))
	if err != nil || len(q.SQL) > 100*len(fields) {
		t.Fatalf("%d bytes of SQL, %v", len(q.SQL), err)
	}
	if got := rows(t, db, q.SQL); got != "115" {
		t.Errorf("the sum is %s", got)
	}
}

func TestAllFaultsAreTold(t *testing.T) {
	d := filtered(definitionOf("a", "sum("), list("none", "CONTAINS", nonNulls), list("nothing", "CONTAINS", nonNulls))
	_, err := builder(d).Build(spec("a absent absent", "SUM item"))
	var faults query.Faults
	if !errors.As(err, &faults) || len(faults) != 5 {
		t.Errorf("the error is %v", err)
	}
	if got := len(strings.Split(err.Error(), "\n")); got != 5 {
		t.Errorf("there are %d lines in %v", got, err)
	}
}

func TestUnknownDataSet(t *testing.T) {
	s := spec("region")
	s.DataSet = "sale"
	_, err := builder(definitionOf()).Build(s)
	if err == nil || !strings.Contains(err.Error(), `did you mean "sales"?`) {
		t.Errorf("the error is %v", err)
	}
}

func TestValues(t *testing.T) {
	db := database(t)
	b := builder(definitionOf("upper", "concat(region, '!')", "total", "sum(n)", "latest", "maxOver(n, [region], PRE_AGG)"))
	for column, want := range map[string]string{"region": "east\nnorth\nsouth", "upper": "!\neast!\nnorth!", "latest": "7\n30\n40", "ok": "false\ntrue"} {
		q, err := b.Values("sales", column, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got := rows(t, db, q.SQL); got != want {
			t.Errorf("the values of %s are\n%s\nwant\n%s", column, got, want)
		}
	}
	if q, err := b.Values("sales", "total", 2); q != nil || err != nil {
		t.Errorf("the values of an aggregate are %v, %v", q, err)
	}
}

// A value over all filtered rows is one more reader of them, as are limits: what the
// filters need is calculated once for all, and not by each.
func TestValuesOverAllRowsReadThemOnce(t *testing.T) {
	db := database(t)
	d := filtered(definitionOf("large", "ifelse({n} > 5, 1, 0)", "first", "minOver({at}, [], PRE_AGG)", "last", "maxOver({at}, [], PRE_AGG)",
		"step", `ifelse(dateDiff({first}, {last}, "DD") < 10, {at}, truncDate("MM", {at}))`), equals("large", "EQUALS", nonNulls, 1))
	s := spec("step region", "SUM n")
	s.Limits = []query.Limit{{FieldID: "step", N: 2}, {FieldID: "region", N: 2, Others: true}}
	q, err := builder(d).Build(s)
	if err != nil {
		t.Fatal(err)
	}
	plan := rows(t, db, "EXPLAIN (FORMAT json) "+q.SQL)
	if scans := strings.Count(plan, `"Table"`); scans != 1 {
		t.Errorf("the rows are read %d times, want once:\n%s", scans, plan)
	}
	check(t, db, builder(d), s, `
		2026-05-01T00:00 north 10 3 3 false
		2026-06-01T00:00 north 50 3 3 false`)
}
