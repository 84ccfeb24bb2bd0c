package expression

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		// Operands.
		{`'it''s'`, `'it\'s'`},
		{`"it's"`, `'it\'s'`},
		{`'yyyyMMdd\'T\'HHmmss'`, `'yyyyMMdd\'T\'HHmmss'`},
		{`"say \"hi\" or ""ho"""`, `'say "hi" or "ho"'`},
		{`"\n"`, `'\\n'`}, // the two characters, see scanText
		{`'\\'`, `'\\'`},
		{`''`, `''`},
		{"'a\nb'", "'a\nb'"},
		{`'🟥 {a} // no comment'`, `'🟥 {a} // no comment'`},
		{"1", "1"},
		{"1.50", "1.50"},
		{".5", ".5"},
		{"1e3", "1e3"},
		{"1.5E-3", "1.5E-3"},
		{"true", "true"},
		{"FALSE", "false"},
		{"Null", "null"},
		{"region", "{region}"},
		{"größe_2", "{größe_2}"},
		{"{Savings Estimate, Monthly (%)}", "{Savings Estimate, Monthly (%)}"},
		{`{x"; drop table t; --}`, `{x"; drop table t; --}`},
		{"{ a }", "{ a }"},
		{"left", "{left}"}, // a function's name without parentheses
		{"${6ae4e600-65a3-4537-b750-9cc75de0b58d}", "${6ae4e600-65a3-4537-b750-9cc75de0b58d}"},
		{"${FilterPersona}", "${FilterPersona}"},
		// Precedence: https://docs.aws.amazon.com/quicksight/latest/user/arithmetic-and-comparison-operators.html
		{"5 + 7 * 3", "5 + (7 * 3)"},
		{"(5 + 7) * 3", "(5 + 7) * 3"},
		{"1 - 2 - 3", "(1 - 2) - 3"},
		{"8 / 4 % 3", "(8 / 4) % 3"},
		{"2 * 3 ^ 2", "2 * (3 ^ 2)"},
		{"2 ^ 3 ^ 2", "(2 ^ 3) ^ 2"},
		{"-2 ^ 2", "-(2 ^ 2)"},
		{"2 ^ -1", "2 ^ (-1)"},
		{"2*-3+1", "(2 * (-3)) + 1"},
		{"--1", "-(-1)"},
		{"0-{Saving Size}", "0 - {Saving Size}"},
		{"a + 1 >= b * 2", "({a} + 1) >= ({b} * 2)"},
		{"a != 1", "{a} <> 1"},
		{"a <> 1", "{a} <> 1"},
		{"statusCode= -1", "{statusCode} = (-1)"},
		{"a = 1 OR b = 2 and c = 3", "({a} = 1) OR (({b} = 2) AND ({c} = 3))"},
		{"not a = 1 AND NOT(b)", "(NOT ({a} = 1)) AND (NOT {b})"},
		{"a = NOT b = c", "{a} = (NOT ({b} = {c}))"},
		{"a AND (b)", "{a} AND {b}"},
		{"((a))", "{a}"},
		// Calls.
		{"SUM({x}) / sum(y)", "sum({x}) / sum({y})"},
		{"isnull(x)", "isNull({x})"},
		{"now()", "now()"},
		{"ifelse (a, 'x', b, 'y', 'z')", "ifelse({a}, 'x', {b}, 'y', 'z')"},
		{"in(chargecategory, ['Usage','Tax'])", "in({chargecategory}, ['Usage', 'Tax'])"},
		{"sumOver(x, [], PRE_AGG)", "sumOver({x}, [], PRE_AGG)"},
		{"maxOver(x, [a, truncDate('MM', b)], pre_filter )", "maxOver({x}, [{a}, truncDate('MM', {b})], PRE_FILTER)"},
		{"sumOver(pre_agg, [pre_agg], pre_agg)", "sumOver({pre_agg}, [{pre_agg}], PRE_AGG)"},
		{"sumOver(x, pre_agg + 1)", "sumOver({x}, {pre_agg} + 1)"},
		{"rank([x], Pre_Agg)", "rank([{x}], PRE_AGG)"},
		{`contains(a, "b", CASE_INSENSITIVE)`, "contains({a}, 'b', CASE_INSENSITIVE)"},
		{"difference(sum(x),[d ASC, sum(x) desc],-1,[{MoM}])", "difference(sum({x}), [{d} ASC, sum({x}) DESC], -1, [{MoM}])"},
		{"periodOverPeriodDifference(sum(x), d, Month, 1)", "periodOverPeriodDifference(sum({x}), {d}, MONTH, 1)"},
		{"periodToDateSum(week, day, WEEK)", "periodToDateSum({week}, {day}, WEEK)"},
		{"periodToDatePercentile(x, 90, day, day)", "periodToDatePercentile({x}, 90, {day}, DAY)"},
		{"sum(month)", "sum({month})"}, // a column where no period can be
		// Comments.
		{"// first\n  a // last", "{a}"},
		{"/* /* */ a /**/ + /* 'x */ b", "{a} + {b}"},
		{"a//b", "{a}"},
		{"\ufeff a\u00a0+ b\r\n", "{a} + {b}"},
	} {
		n, err := Parse(c.text)
		switch {
		case err != nil:
			t.Errorf("%s: %v", c.text, err)
		case Print(n) != c.want:
			t.Errorf("%s: got %s, want %s", c.text, Print(n), c.want)
		}
	}
}

func TestParseFaults(t *testing.T) {
	for _, c := range []struct {
		text         string
		line, column int
		problem      string
	}{
		{"", 1, 1, "the expression is empty"},
		{" // nothing", 1, 12, "the expression is empty"},
		{"a b", 1, 3, "unexpected b"},
		{"a ASC", 1, 3, "unexpected ASC"},
		{"1 +", 1, 4, "a value is missing before the end"},
		{"1 + * 2", 1, 5, "a value is missing before *"},
		{"a = AND b", 1, 5, "a value is missing before AND"},
		{"OR(a)", 1, 1, "a value is missing before OR"},
		{"(a", 1, 1, "the ( is not closed with )"},
		{"a)", 1, 2, "unexpected )"},
		{"[a, b", 1, 1, "the [ is not closed with ]"},
		{"[a, ]", 1, 5, "a value is missing before ]"},
		{"sum(a", 1, 4, "the ( is not closed with )"},
		{"concat(a b)", 1, 10, "unexpected b where a , or a ) is missing"},
		{"concat(a, {b]", 1, 11, "the name is not closed with }"},
		{"{ }", 1, 1, "there is no name between { and }"},
		{"${x", 1, 1, "the name is not closed with }"},
		{"$x", 1, 1, "unexpected character '$'"},
		{"'a", 1, 1, "the string is not closed with '"},
		{`"a\"`, 1, 1, `the string is not closed with "`},
		{"a /* b", 1, 3, "the comment is not closed with */"},
		{"ä +\n  ö ; b", 2, 5, "unexpected character ';'"},
		{"2nd", 1, 1, "a name that begins with a digit must stand between { and }"},
		{"1.2.3", 1, 1, "a name that begins with a digit must stand between { and }"},
		{"'x' 'y'", 1, 5, `unexpected 'y'`},
		{"a == b", 1, 4, "a value is missing before ="},
		{"\xff", 1, 1, `unexpected character '�'`},
		// Functions.
		{"1 + distinctcount(x)", 1, 5, "there is no function distinctcount; did you mean distinct_count?"},
		{"iff(a, b, c)", 1, 1, "there is no function iff"},
		{"ifels(a, b, c)", 1, 1, "there is no function ifels; did you mean ifelse?"},
		{"frobnicate(x)", 1, 1, "there is no function frobnicate"},
		{"left(x)", 1, 1, "left takes 2 arguments, not 1"},
		{"now(1)", 1, 1, "now takes 0 arguments, not 1"},
		{"dateDiff(x)", 1, 1, "dateDiff takes 2 to 3 arguments, not 1"},
		{"coalesce()", 1, 1, "coalesce takes at least 1 arguments, not 0"},
		{"ifelse(a, b)", 1, 1, "ifelse takes at least 3 arguments, not 2"},
		{"ifelse(a, b, c, d)", 1, 1, "ifelse takes 3 arguments and then two more at a time, not 4"},
		{"switch(a, b, c, d, e)", 1, 1, "switch takes 4 arguments and then two more at a time, not 5"},
		// Limits.
		{strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500), 1, 401, "the expression is nested more than 400 deep"},
		{strings.Repeat("-", 500) + "1", 1, 401, "the expression is nested more than 400 deep"},
		{strings.Repeat("NOT ", 500) + "a", 1, 1601, "the expression is nested more than 400 deep"},
		{strings.Repeat("abs(", 500), 1, 1601, "the expression is nested more than 400 deep"},
		{strings.Repeat("é", 32001), 1, 1, "the expression has 32001 characters; 32000 are allowed"},
	} {
		n, err := Parse(c.text)
		var fault *SyntaxError
		if !errors.As(err, &fault) {
			t.Errorf("%.40s: got %v, %v", c.text, n, err)
			continue
		}
		if fault.Line != c.line || fault.Column != c.column || fault.Problem != c.problem {
			t.Errorf("%.40s: got %v, want line %d, column %d: %s", c.text, fault, c.line, c.column, c.problem)
		}
	}
	if _, err := Parse(strings.Repeat("é", 32000)); err != nil {
		t.Error(err)
	}
	// What stands beside one another is not nested.
	if _, err := Parse("concat(" + strings.Repeat("(1) + ", 1000) + "1)"); err != nil {
		t.Error(err)
	}
	if _, err := Parse("a +\n;"); err.Error() != "line 2, column 1: unexpected character ';'" {
		t.Error(err)
	}
}

func TestOffsets(t *testing.T) {
	const text = "ä + sum({b}, [c DESC]) * -${d} = 'x'"
	n, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	Walk(n, func(n Node) bool {
		got = append(got, text[n.Offset():])
		return true
	})
	want := []string{text, text, text, "sum(", "sum(", "{b}", "[c", "c DESC", "c DESC", "-$", "${d}", "'x'"}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("got %q", got)
	}
}

func TestWalkLeavesOut(t *testing.T) {
	n, err := Parse("sum(a) + b")
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	Walk(n, func(n Node) bool {
		if c, ok := n.(*Column); ok {
			columns = append(columns, c.Name)
		}
		_, isCall := n.(*Call)
		return !isCall
	})
	if !slices.Equal(columns, []string{"b"}) {
		t.Error(columns)
	}
}

func TestFunctions(t *testing.T) {
	all := Functions()
	if len(all) != 128 {
		t.Errorf("%d functions", len(all))
	}
	for i, f := range all {
		if i > 0 && all[i-1].Name >= f.Name {
			t.Errorf("%s is not after %s", f.Name, all[i-1].Name)
		}
		if f.most >= 0 && f.most < f.least {
			t.Errorf("%s takes %d to %d arguments", f.Name, f.least, f.most)
		}
	}
	for name, class := range map[string]Class{
		"ifelse": Scalar, "sum": Aggregate, "periodToDateSum": Aggregate, "sumOver": Over, "rank": Over, "lag": Table,
		"periodToDateSumOverTime": Table,
	} {
		if f := functions[strings.ToLower(name)]; f == nil || f.Class != class {
			t.Errorf("%s: %v", name, f)
		}
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"Region", "Account ID", "account_name", "Größe", "b"}
	for name, want := range map[string]string{
		"region":       "Region",
		"regoin":       "Region", // swapped
		"Rejion":       "Region",
		"Regio":        "Region",
		"Regions":      "Region",
		"acount_name":  "account_name",
		"accountid":    "Account ID",
		"groesse":      "",
		"GRÖSSE":       "Größe",
		"a":            "b",
		"ab":           "b",
		"":             "b",
		"payer":        "",
		"regionalized": "",
	} {
		if got := Nearest(name, candidates); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	if got := Nearest("abd", []string{"abc", "abe"}); got != "abc" {
		t.Errorf("of two as near, got %q", got)
	}
	if got := Nearest("smu", []string{"sun", "sum"}); got != "sum" {
		t.Errorf("for swapped letters, got %q", got)
	}
	if got := Nearest("x", nil); got != "" {
		t.Error(got)
	}
}
