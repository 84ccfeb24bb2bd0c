package dialect

import (
	"database/sql"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestHostile evaluates expressions whose names, texts and patterns try to be
// SQL: they are only what they say.
func TestHostile(t *testing.T) {
	db := open(t)
	for text, want := range map[string]string{
		`{x"; drop table t; --}`:                                   `"q"`,
		`concat('\'); drop table t; --', "")`:                      `'); drop table t; --`,
		`concat(${hostile}, '')`:                                   `'); drop table t; --`,
		`in(s, ["'", ${hostile}])`:                                 "false",
		`s = "one' OR 'a' = 'a"`:                                   "false",
		`replace('a''b', "'", "$$")`:                               "a$$b",
		`formatDate(at, "yyyy'%Y'' || (drop table t)'")`:           "2024%Y' || (drop table t)",
		`parseDate("2024", "'); drop table t; --'yyyy")`:           "null",
		`split("a'b", "'", 2)`:                                     "b",
		"concat('a\x00b', 'c')":                                    "a\x00bc",
		"concat('/* -- ', '*/')":                                   "/* -- */",
		"5 - - -1 - -(-1)":                                         "3",
		`switch(s, "one' THEN (SELECT 1) WHEN '", 1, 'one', 2, 3)`: "2",
		`concat('%s%d', '%[1]s', toString(7 % 4))`:                 "%s%d%[1]s3",
		`toLower('%D')`:                                            "%d",
	} {
		v, err := translate(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := evaluate(t, db, v, "i = 1"); got != want {
			t.Errorf("%s is %q, want %q: %s", text, got, want, v.SQL)
		}
	}
	for _, text := range []string{`truncDate("day', at); --", at)`, `percentile(i, "50); --")`} {
		if v, err := translate(text); err == nil {
			t.Errorf("%s: %s", text, v.SQL)
		}
	}
}

// forms are expressions of each type. A letter in angle brackets stands for
// another one: T a text, N a number, D an instant, B a condition.
var forms = map[byte][]string{
	'T': {
		"s", "title", "e", "'x'", "''", "${one}", "null", "toString(<N>)", "toString(<D>)", "toString(<B>)", "concat(<T>, <T>)",
		"left(<T>, <N>)", "right(<T>, <N>)", "substring(<T>, <N>, <N>)", "replace(<T>, <T>, <T>)", "split(<T>, <T>, <N>)",
		"trim(<T>)", "ltrim(<T>)", "rtrim(<T>)", "toLower(<T>)", "toUpper(<T>)", "formatDate(<D>, 'MMM d, yyyy')",
		"ifelse(<B>, <T>, <B>, <T>, <T>)", "switch(<T>, 'a', <T>, <T>, <T>, <T>)", "coalesce(<T>, <T>)", "nullIf(<T>, <T>)",
	},
	'N': {
		"i", "d", "f", "big", "1", "-2.5", "${n}", "null", "b", "(<N> + <N>)", "(<N> - <N>)", "(<N> * <N>)", "(<N> / <N>)", "(<N> % <N>)", "(<N> ^ <N>)",
		"(-<N>)", "abs(<N>)", "ceil(<N>)", "floor(<N>)", "round(<N>)", "round(<N>, <N>)", "decimalToInt(<N>)", "intToDecimal(<N>)", "exp(<N>)", "ln(<N>)",
		"log(<N>)", "sqrt(<N>)", "mod(<N>, <N>)", "strlen(<T>)", "locate(<T>, <T>)", "locate(<T>, <T>, <N>)", "parseInt(<T>)", "parseDecimal(<T>)",
		"extract('WD', <D>)", "extract('HH', <D>)", "dateDiff(<D>, <D>)", "dateDiff(<D>, <D>, 'WK')", "ifelse(<B>, <N>, <N>)",
		"switch(<N>, 1, <N>, '2', <N>, <N>)", "switch(<B>, 1, <N>, <N>)", "coalesce(<N>, <N>)", "nullIf(<N>, <N>)",
	},
	'D': {
		"at", "{day}", "zoned", "now()", "${since}", "null", "truncDate('WK', <D>)", "truncDate('MM', <D>)", "addDateTime(<N>, 'Q', <D>)",
		"addDateTime(<N>, 'MS', <D>)", "parseDate(<T>)", "parseDate(<T>, 'MM/dd/yy')", "epochDate(<N>)", "ifelse(<B>, <D>, <D>)", "coalesce(<D>, <D>)",
	},
	'B': {
		"b", "true", "null", "(<N> = <N>)", "(<N> <> <T>)", "(<T> = <T>)", "(<D> >= <T>)", "(<D> < <D>)", "(<B> = <B>)", "(<B> = <N>)", "(<B> <> <T>)",
		"(<B> AND <B>)", "(<B> OR <B>)", "(NOT <B>)", "isNull(<T>)", "isNotNull(<D>)", "in(<T>, ['a', <T>])", "notIn(<N>, ${numbers})", "in(<B>, [1, <B>])",
		"in(<D>, ['2024-01-01', <D>, <T>])", "in(<T>, ${several})", "contains(<T>, <T>)", "startsWith(<T>, <T>, CASE_INSENSITIVE)", "endsWith(<T>, <T>)",
		"isWorkDay(<D>)", "ifelse(<B>, <B>, <B>)", "switch(<T>, <T>, <B>, <B>)", "coalesce(<B>, <B>)",
	},
}

// aggregateForms are aggregates of all types.
var aggregateForms = []string{
	"sum(<N>)", "avg(<N>)", "min(<T>)", "max(<D>)", "max(<B>)", "count(<T>)", "distinct_count(<D>)", "median(<N>)", "percentile(<N>, 12.5)",
	"percentileCont(<N>, 50)", "stdev(<N>)", "varp(<N>)", "sumIf(<N>, <B>)", "percentileDisc(<N>, 0)", "distinct_countIf(<T>, <B>)",
	"percentileCont(<N>, 5)",
	"(sum(<N>) / count(<T>))", "ifelse(max(<B>), min(<T>), 'x')", "round(avg(<N>), 2)", "ln(sum(<N>))", "truncDate('WK', max(<D>))",
}

// draw fills a form in.
func draw(t *rapid.T, form string, depth int) string {
	var b strings.Builder
	for i := 0; i < len(form); i++ {
		if form[i] != '<' || i+2 >= len(form) || form[i+2] != '>' {
			b.WriteByte(form[i])
			continue
		}
		known := forms[form[i+1]]
		if depth == 0 {
			known = known[:3] // columns
		}
		b.WriteString(draw(t, rapid.SampledFrom(known).Draw(t, "form"), depth-1))
		i += 2
	}
	return b.String()
}

// bind says what DuckDB finds wrong in a value before it is evaluated. Of
// constants it may evaluate some at once, which can fail.
func bind(db *sql.DB, v Value) error {
	statement, err := db.Prepare("SELECT " + v.SQL + " FROM t")
	if err != nil {
		for _, kind := range []string{"Conversion Error", "Out of Range Error"} {
			if strings.Contains(err.Error(), kind) {
				return nil
			}
		}
		return err
	}
	return statement.Close()
}

// TestWhatIsRightBinds makes sure that what is right is translated into what
// DuckDB understands.
func TestWhatIsRightBinds(t *testing.T) {
	db := open(t)
	all := append([]string{"<T>", "<N>", "<D>", "<B>"}, aggregateForms...)
	rapid.Check(t, func(t *rapid.T) {
		form := rapid.SampledFrom(all).Draw(t, "whole")
		text := draw(t, form, 3)
		v, err := translate(text)
		if err != nil && strings.Contains(err.Error(), "is not a") { // b = 'x'
			return
		}
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		if err := bind(db, v); err != nil {
			t.Fatalf("%s\n%s\n%v", text, v.SQL, err)
		}
	})
}

func FuzzTranslate(f *testing.F) {
	for _, c := range scalars {
		f.Add(c.text)
	}
	f.Add("maxIf(i, at > now()) / sumIf(i, s = 'x')")
	db := open(f)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := translate(text)
		// DuckDB refuses what is nested more than some hundred deep.
		if err != nil || strings.Count(v.SQL, "(") > 300 {
			return
		}
		if err := bind(db, v); err != nil {
			t.Fatalf("%s\n%s\n%v", text, v.SQL, err)
		}
	})
}
