package dialect

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		"nothing":                          "there is no column {nothing}",
		"${nothing} + 1":                   "there is no parameter ${nothing}",
		"s + 1":                            "+ takes a value of type decimal, not text",
		"'a' * 2":                          "* takes a value of type decimal, not text",
		"-s":                               "- takes a value of type decimal, not text",
		"at - 1":                           "- takes a value of type decimal, not datetime",
		"NOT s":                            "NOT takes a value of type boolean, not text",
		"at AND b":                         "AND takes a value of type boolean, not datetime",
		"i = ''":                           `=: "" is not a number`,
		`avg(i) < "MID_50_PERCENT"`:        `<: "MID_50_PERCENT" is not a number`,
		"at > 5":                           ">: integer cannot be compared with datetime",
		"at > 'soon'":                      `>: "soon" is not an instant such as 2006-01-02T15:04:05Z or 2006-01-02`,
		"b = 'maybe'":                      `=: "maybe" is not a boolean`,
		"at = b":                           "=: boolean cannot be compared with datetime",
		"s < ${several}":                   "< takes single values, not a list; in and notIn take one",
		"[1] <= i":                         "<= takes single values, not a list; in and notIn take one",
		"[1] = [2]":                        "= takes single values, not a list; in and notIn take one",
		"${several} = s":                   "= takes single values, not a list; in and notIn take one",
		"[s]":                              "[{s}] is a list, not a value",
		"${several}":                       "${several} is a list, not a value",
		"strlen(${several})":               "strlen takes single values, not a list",
		"ifelse(b, ${several}, '')":        "ifelse takes single values, not a list",
		"switch([s], 'a', 'b', 'c')":       "switch takes single values, not a list",
		"switch(s, ['a'], 'b', 'c')":       "switch takes single values, not a list",
		"-[1]":                             "[1] is a list, which can stand only in in and notIn",
		"isNull(${several})":               "isNull takes single values, not a list",
		"count(${several})":                "count takes single values, not a list",
		"contains(${several}, ${several})": "contains takes single values, not a list",
		"in(${several}, ['a'])":            "in takes a single value before the list",
		"in(s, [1])":                       "in: integer cannot be compared with text",
		"ifelse(b, 1, 'x')":                "the results of ifelse must be of one type, not integer and text",
		"coalesce(at, s)":                  "the results of coalesce must be of one type, not datetime and text",
		"ifelse(s, 1, 2)":                  "ifelse takes a value of type boolean, not text",
		"concat(s, i)":                     "concat takes a value of type text, not integer",
		"left(s, 'x')":                     "left takes a value of type integer, not text",
		"truncDate('XX', at)":              `truncDate: "XX" is not a period; those are YYYY, Q, MM, WK, DD, HH, MI, SS and MS`,
		"truncDate('WD', at)":              `truncDate: "WD" is not a period; those are YYYY, Q, MM, WK, DD, HH, MI, SS and MS`,
		"truncDate(${several}, at)":        "truncDate takes one constant as its argument 1",
		"truncDate('MM', s)":               "truncDate takes a value of type datetime, not text",
		"truncDate('MM', 'soon')":          `truncDate: "soon" is not an instant such as 2006-01-02T15:04:05Z or 2006-01-02`,
		"formatDate(at, '')":               "the pattern of formatDate is empty",
		"extract('WK', at)":                "extract takes no period WK",
		"formatDate(at, \"yyyy'T\")":       `formatDate: the quote in the pattern "yyyy'T" is not closed`,
		"sum(s)":                           "sum({s}): sum takes a value of type decimal, not text",
		"sum(sum(i))":                      "sum(sum({i})): sum is an aggregate of an aggregate",
		"sum(i) + d":                       "+ mixes an aggregate with a column that is not aggregated",
		"ifelse(b, sum(i), 0)":             "ifelse mixes an aggregate with a column that is not aggregated",
		"concat(s, max(s))":                "concat mixes an aggregate with a column that is not aggregated",
		"in(s, [max(s)])":                  "in mixes an aggregate with a column that is not aggregated",
		"sumIf(i, sum(i) > 1)":             "the condition of sumIf is an aggregate",
		"sum(i, s)":                        "sum takes a list of partitions as its last argument",
		"percentile(i, 101)":               "percentile({i}, 101): percentile: the percentile 101 is not between 0 and 100",
		"percentile(i, 'x')":               `the percentile of percentile: "x" is not a number`,
	} {
		v, err := translate(text)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)):
			t.Errorf("%s: got %q, %v; want %s", text, v.SQL, err, want)
		}
	}
}

func TestUnsupported(t *testing.T) {
	for text, want := range map[string]string{
		"addWorkDays(at, 7)":               "addWorkDays",
		"truncDate(s, at)":                 "truncDate with a computed argument 1",
		"formatDate(at, s)":                "formatDate with a computed argument 2",
		"formatDate(at, 'yyyy-ww')":        "ww in the pattern of formatDate",
		"formatDate(at, 'ss.SS')":          "SS in the pattern of formatDate",
		"parseDate(s, 'yyyy Q')":           "Q in the pattern of parseDate",
		"percentile(i, i)":                 "a computed number",
		"netWorkDays(at, at)":              "netWorkDays",
		"parseJson(json, '$.a')":           "parseJson",
		"1 + periodToDateSum(i, at, YEAR)": "periodToDateSum",
	} {
		_, err := translate(text)
		var unsupported Unsupported
		if !errors.As(err, &unsupported) || unsupported.Feature != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestEveryFunction makes sure that each scalar and aggregate function is
// translated, or refused with its name.
func TestEveryFunction(t *testing.T) {
	for _, f := range expression.Functions() {
		if f.Class == expression.Over || f.Class == expression.Table {
			continue
		}
		_, isTemplate := templates[f.Name]
		_, isSpecial := specials[f.Name]
		base, _ := strings.CutSuffix(f.Name, "If")
		if strings.HasPrefix(f.Name, "periodToDate") || slices.Contains([]string{"addWorkDays", "netWorkDays", "parseJson"}, f.Name) {
			continue // which are refused
		}
		_, isAggregate := aggregates[base]
		if isAggregate != (f.Class == expression.Aggregate) || !isAggregate && isTemplate == isSpecial {
			t.Errorf("%s: template %v, special %v, aggregate %v", f.Name, isTemplate, isSpecial, isAggregate)
		}
	}
}

func TestTooMuchSQL(t *testing.T) {
	text := "s"
	for range 12 {
		text = "locate(" + text + ", 'a', 2)"
		text = "toString(" + text + ")"
	}
	if v, err := translate(text); err == nil || !strings.HasSuffix(err.Error(), "becomes more than 262144 bytes of SQL") {
		t.Errorf("%d bytes, %v", len(v.SQL), err)
	}
	long := strings.Repeat("i = 1 OR ", 3000) + "i = 2"
	v, err := translate(long)
	if err != nil {
		t.Fatal(err)
	}
	if got := evaluate(t, open(t), v, "i = 2"); got != "true" {
		t.Error(got)
	}
}
