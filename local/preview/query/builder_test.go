package query_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

func TestBuild(t *testing.T) {
	db := database(t)
	grain := func(g types.TimeGranularity) query.Spec {
		s := spec("at", "SUM n")
		s.Dimensions[0].Grain = g
		return s
	}
	for name, c := range map[string]struct {
		spec query.Spec
		want string
	}{
		"no dimension": {spec("", "SUM n", "AVERAGE price", "COUNT item", "DISTINCT_COUNT item"), "115 2.536 7 3"},
		"a dimension":  {spec("region", "SUM n"), "east 10\nnorth 60\nsouth 45\n- -"},
		"two": {spec("region item", "COUNT n"), `
			east milk 1
			east - 1
			north coffee 1
			north tea 2
			south coffee 1
			south milk 1
			- tea 0`},
		"all aggregations": {
			spec("", "MIN n", "MAX at", "MEDIAN n", "STDEV n", "STDEVP n", "VAR n", "VARP n"),
			"3 2026-07-19T12:00 10 14.11 13.06 199 170.5",
		},
		"sum by default, of numbers": {spec("", "n", "item", "ok"), "115 7 7"},
		"hostile names":              {query.Spec{SheetID: "sheet", DataSet: "sales", Dimensions: []query.Field{dimension(hostile)}, Measures: []query.Field{measure("COUNT", hostile)}}, "'' 1\np 3\nq 1\nq's 1\nr 1\n- 0"},
		"years":                      {grain(types.TimeGranularityYear), "2026-01-01T00:00 115\n- -"},
		"months":                     {grain(types.TimeGranularityMonth), "2026-05-01T00:00 10\n2026-06-01T00:00 50\n2026-07-01T00:00 55\n- -"},
		"weeks from Sunday":          {grain(types.TimeGranularityWeek), "2026-05-03T00:00 10\n2026-06-07T00:00 20\n2026-06-14T00:00 30\n2026-06-28T00:00 40\n2026-07-12T00:00 12\n2026-07-19T00:00 3\n- -"},
		"no fields at all":           {spec(""), "-"},
	} {
		t.Run(name, func(t *testing.T) { check(t, db, builder(definitionOf()), c.spec, c.want) })
	}
}

func TestSorts(t *testing.T) {
	db := database(t)
	by := measure("MAX", "price")
	for name, c := range map[string]struct {
		sorts []query.Sort
		want  string
	}{
		"measure":              {[]query.Sort{{FieldID: "SUM n", Descending: true}}, "north 60\nsouth 45\neast 10\n- -"},
		"dimension":            {[]query.Sort{{FieldID: "region", Descending: true}}, "south 45\nnorth 60\neast 10\n- -"},
		"what is not shown":    {[]query.Sort{{By: &by}}, "east 10\nnorth 60\nsouth 45\n- -"},
		"a dimension's column": {[]query.Sort{{By: &query.Field{DataSet: "sales", Column: "region"}, Descending: true}}, "south 45\nnorth 60\neast 10\n- -"},
		"and descending":       {[]query.Sort{{By: &by, Descending: true}}, "- -\nsouth 45\nnorth 60\neast 10"},
	} {
		t.Run(name, func(t *testing.T) {
			s := spec("region", "SUM n")
			s.Sorts = c.sorts
			check(t, db, builder(definitionOf()), s, c.want)
		})
	}
}

func TestLimits(t *testing.T) {
	db := database(t)
	most := []query.Sort{{FieldID: "SUM n", Descending: true}}
	limited := func(dimensions string, sorts []query.Sort, limits ...query.Limit) query.Spec {
		s := spec(dimensions, "SUM n", "AVERAGE n")
		s.Sorts, s.Limits = sorts, limits
		return s
	}
	for name, c := range map[string]struct {
		spec query.Spec
		want string
	}{
		"cut off":                {limited("region", most, query.Limit{FieldID: "region", N: 2}), "north 60 20 4\nsouth 45 22.5 4"},
		"put together":           {limited("region", most, query.Limit{FieldID: "region", N: 1, Others: true}), "north 60 20 4 false\n- 55 13.75 4 true"},
		"null is a value":        {limited("region", nil, query.Limit{FieldID: "region", N: 4, Others: true}), "east 10 5 4 false\nnorth 60 20 4 false\nsouth 45 22.5 4 false\n- - - 4 false"},
		"by the last of it":      {limited("region", []query.Sort{{FieldID: "region", Descending: true}}, query.Limit{FieldID: "region", N: 1}), "south 45 22.5 4"},
		"by sorts of its own":    {limited("region", most, query.Limit{FieldID: "region", N: 2, Sorts: []query.Sort{{FieldID: "region", Descending: true}}}), "north 60 20 4\nsouth 45 22.5 4"},
		"by the dimension":       {limited("region", nil, query.Limit{FieldID: "region", N: 1}), "east 10 5 4"},
		"of two":                 {limited("region item", most, query.Limit{FieldID: "region", N: 1}, query.Limit{FieldID: "item", N: 1, Others: true}), "north coffee 30 30 4 4 false\nnorth - 30 15 4 4 true"},
		"by a dimension of rows": {limited("n", most, query.Limit{FieldID: "n", N: 1, Others: true}), "40 40 40 8 false\n- 75 12.5 8 true"},
	} {
		t.Run(name, func(t *testing.T) { check(t, db, builder(definitionOf()), c.spec, c.want) })
	}
}

func TestTotals(t *testing.T) {
	db := database(t)
	s := spec("region item", "SUM n", "AVERAGE n")
	s.Totals = [][]string{{"region"}, {}, {"item", "region"}}
	s.MaxRows = 2
	check(t, db, builder(definitionOf()), s, `
		east milk 7 7 0
		east - 3 3 0
		north coffee 30 30 0
		east - 10 5 1
		north - 60 20 1
		south - 45 22.5 1
		- - 115 16.43 2
		east milk 7 7 3
		east - 3 3 3
		north coffee 30 30 3`)
}

func TestRows(t *testing.T) {
	db := database(t)
	s := spec("item n")
	s.Rows, s.MaxRows = true, 3
	s.Sorts = []query.Sort{{FieldID: "n", Descending: true}}
	check(t, db, builder(definitionOf()), s, "coffee 40\ncoffee 30\ntea 20\ntea 10")
	s.Sorts = []query.Sort{{By: &query.Field{DataSet: "sales", Column: "price"}}}
	check(t, db, builder(definitionOf()), s, "milk 7\nmilk 5\n- 3\ntea 10")
	s.Sorts = []query.Sort{{By: &query.Field{DataSet: "sales", Column: "total"}}}
	if _, err := builder(definitionOf("total", "sum(n)")).Build(s); err == nil {
		t.Error("rows are sorted by an aggregate")
	}
	// Aggregates alone are one row; beside rows they cannot stand.
	s.Dimensions, s.Sorts = []query.Field{dimension("total"), dimension("mean")}, []query.Sort{{FieldID: "mean"}}
	b := builder(definitionOf("total", "sum(n)", "mean", "avg(price)"))
	check(t, db, b, s, "115 2.536")
	s.Dimensions = []query.Field{dimension("total"), dimension("item")}
	if _, err := b.Build(s); err == nil {
		t.Error("an aggregate stands beside rows")
	}
}

// Where the filters leave nothing there is nothing, not a row of nulls.
func TestNoRows(t *testing.T) {
	db := database(t)
	nothing := builder(filtered(definitionOf(), list("item", "CONTAINS", nonNulls)))
	for _, s := range []query.Spec{spec("", "COUNT n"), spec("region", "COUNT n"), spec("")} {
		check(t, db, nothing, s, "")
	}
	s := spec("region", "COUNT n")
	s.Totals = [][]string{{}}
	check(t, db, nothing, s, "")
}
