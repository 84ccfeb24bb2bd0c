package query_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/local/preview/dialect"
	"github.com/headcount-etl/headcount/local/preview/query"
)

// someSales is a source of a few random rows, with many nulls and equal values.
func someSales(t *rapid.T) query.Source {
	text := rapid.SampledFrom([]string{"NULL", "''", "'a'", "'b'", "'A'", "'o''x'", "'Others'"})
	number := rapid.SampledFrom([]string{"NULL", "0", "1", "2", "-3", "7"})
	values := []string{"('a', 'b', 1, TIMESTAMP '2026-07-15')"}
	for range rapid.IntRange(0, 12).Draw(t, "rows") {
		day := rapid.IntRange(1, 28).Draw(t, "day")
		values = append(values, fmt.Sprintf("(%s, %s, %s, TIMESTAMP '2026-0%d-%02d')",
			text.Draw(t, "a"), text.Draw(t, "b"), number.Draw(t, "n"), 1+day%9, day))
	}
	return query.Source{
		Identifier: "sales", Table: `(VALUES ` + strings.Join(values, ", ") + `) AS s(a, b, n, "at")`,
		Columns: []query.Column{{Name: "a", Type: dialect.String}, {Name: "b", Type: dialect.String}, {Name: "n", Type: dialect.Integer}, {Name: "at", Type: dialect.Datetime}},
	}
}

// asked are the rows of a spec, cell by cell.
func asked(t *rapid.T, db *sql.DB, b *query.Builder, s query.Spec) [][]string {
	q, err := b.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	text, err := ask(db, q.SQL)
	if err != nil {
		t.Fatalf("%v\n%s", err, q.SQL)
	}
	if text == "" {
		return nil
	}
	var all [][]string
	for _, line := range strings.Split(text, "\n") {
		all = append(all, strings.Split(line, " "))
	}
	return all
}

func sum(rows [][]string, column int) int {
	total := 0
	for _, r := range rows {
		var n int
		_, _ = fmt.Sscan(r[column], &n) // null is not a number
		total += n
	}
	return total
}

// A limit with the rest put together leaves out nothing, and neither order nor
// number of the values changes what they add up to.
func TestLimitConservesSums(t *testing.T) {
	db := database(t)
	rapid.Check(t, func(t *rapid.T) {
		b := builder(definitionOf())
		b.Sources[0] = someSales(t)
		n := rapid.IntRange(1, 4).Draw(t, "n")
		s := spec("a b", "SUM n", "COUNT n")
		s.Limits = []query.Limit{{FieldID: "a", N: n, Others: true}}
		if rapid.Bool().Draw(t, "both") {
			s.Limits = append(s.Limits, query.Limit{FieldID: "b", N: 1, Others: true})
		}
		if rapid.Bool().Draw(t, "by measure") {
			s.Sorts = []query.Sort{{FieldID: "SUM n", Descending: true}}
		}
		limited := asked(t, db, b, s)
		s.Limits = nil
		whole := asked(t, db, b, s)
		for column := 2; column < 4; column++ {
			if sum(limited, column) != sum(whole, column) {
				t.Fatalf("%v does not add up to %v", limited, whole)
			}
		}
		names := map[string]bool{}
		for _, r := range limited {
			names[r[0]+" "+r[5]] = true // a value, and whether it is the rest
		}
		if len(names) > n+1 {
			t.Fatalf("there are %d values of at most %d and the rest", len(names), n)
		}
	})
}

// The rows that a list keeps and those that its negation keeps are all rows that
// are not null, and none is among both.
func TestListAndItsNegation(t *testing.T) {
	db := database(t)
	rapid.Check(t, func(t *rapid.T) {
		source := someSales(t)
		values := rapid.SliceOf(rapid.SampledFrom([]string{"", "a", "A", "o'x", "--"})).Draw(t, "values")
		count := func(f ...types.Filter) int {
			b := builder(definitionOf())
			for i := range f {
				b.Definition = filtered(b.Definition, f[i])
			}
			b.Sources[0] = source
			return sum(asked(t, db, b, spec("a", "COUNT a")), 1)
		}
		kept := count(list("a", "CONTAINS", nonNulls, values...))
		left := count(list("a", "DOES_NOT_CONTAIN", nonNulls, values...))
		if all := count(); kept+left != all {
			t.Fatalf("%d and %d are not %d", kept, left, all)
		}
		if both := count(list("a", "CONTAINS", nonNulls, values...), list("a", "DOES_NOT_CONTAIN", nonNulls, values...)); both != 0 {
			t.Fatalf("%d rows are among both", both)
		}
	})
}

// A State that says what the defaults say asks the same.
func TestStateOfDefaults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := declare(definitionOf("x", "ifelse(n > ${least}, item, 'small')"))
		names := []string{"item", "items", "least", "since", "day"}
		d = filtered(d, byParameter("item", "EQUALS", rapid.SampledFrom(names[:2]).Draw(t, "parameter")))
		d = filtered(d, types.Filter{TimeRangeFilter: &types.TimeRangeFilter{
			Column: column("at"), RangeMinimumValue: &types.TimeRangeFilterValue{Parameter: aws.String(rapid.SampledFrom(names[3:]).Draw(t, "date"))},
		}})
		b := builder(d)
		defaults, err := b.Build(spec("x", "SUM n"))
		if err != nil {
			t.Fatal(err)
		}
		b.State.Parameters = map[string][]string{}
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID[string]).Draw(t, "set") {
			p, err := builder(d).Parameter(name)
			if err != nil {
				t.Fatal(err)
			}
			b.State.Parameters[name] = p.Values
		}
		b.State.Filters = map[string]query.Choice{"f": {}}
		set, err := b.Build(spec("x", "SUM n"))
		if err != nil || set.SQL != defaults.SQL {
			t.Fatalf("%v\n%s\nis not\n%s", err, set.SQL, defaults.SQL)
		}
	})
}

// Totals are what a query of fewer dimensions gives.
func TestTotalsAreAggregates(t *testing.T) {
	db := database(t)
	measures := []string{"SUM n", "AVERAGE n", "DISTINCT_COUNT b", "MEDIAN n"}
	rapid.Check(t, func(t *rapid.T) {
		b := builder(definitionOf())
		b.Sources[0] = someSales(t)
		s := spec("a b at", measures...)
		s.Dimensions[2].Grain = types.TimeGranularityQuarter
		dimensions := []string{"a", "b", "at"}
		kept := rapid.SliceOfDistinct(rapid.SampledFrom(dimensions), rapid.ID[string]).Draw(t, "kept")
		s.Totals = [][]string{{}, kept}
		var totals []string
		for _, r := range asked(t, db, b, s) {
			if r[len(r)-1] != "2" {
				continue
			}
			var cells []string
			for i, d := range dimensions {
				if slices.Contains(kept, d) {
					cells = append(cells, r[i])
				}
			}
			totals = append(totals, strings.Join(append(cells, r[3:7]...), " "))
		}
		direct := spec("", measures...)
		for _, d := range s.Dimensions {
			if slices.Contains(kept, d.ID) {
				direct.Dimensions = append(direct.Dimensions, d)
			}
		}
		var wanted []string
		for _, r := range asked(t, db, b, direct) {
			wanted = append(wanted, strings.Join(r, " "))
		}
		if !slices.Equal(totals, wanted) {
			t.Fatalf("the totals are\n%s\nwant\n%s", strings.Join(totals, "\n"), strings.Join(wanted, "\n"))
		}
	})
}

// FuzzBuild gives expressions and texts of any kind: what Build makes of them
// is SQL in one piece, or an error.
func FuzzBuild(f *testing.F) {
	f.Add("ifelse(n > 1, 'a', \"b'\")", "q's", hostile)
	f.Add("sumOver({n}, [region, truncDate('MM', at)], PRE_AGG)", "'; drop table sales; --", "n")
	f.Add("runningSum(sum(n), [region DESC])", "\x00", "at")
	f.Add("sum(sum(n, [item]))", "\xff", "x")
	f.Add("x + 1", "", "x")
	db := database(f)
	f.Fuzz(func(t *testing.T, text, value, name string) {
		b := builder(filtered(definitionOf("x", text), list("region", "CONTAINS", allValues, value), custom(name, "CONTAINS", nonNulls, value)))
		for _, s := range []query.Spec{spec("region item", "x"), spec("x", "COUNT region")} {
			q, err := b.Build(s)
			if err != nil {
				continue
			}
			statement, err := db.PrepareContext(t.Context(), q.SQL)
			if err == nil {
				_ = statement.Close()
			} else if strings.Contains(err.Error(), "Parser Error") {
				t.Errorf("%v\n%s", err, q.SQL)
			}
		}
	})
}
