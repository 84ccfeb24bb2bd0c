package dialect

import "testing"

// The cases that cite no more are the examples of the function's own page below
// https://docs.aws.amazon.com/quicksight/latest/user/functions-by-category.html.
// Others follow from what the page says, or are cases that definitions have.
var scalars = []struct {
	text string
	typ  Type
	// want is the value in the first row, with it, the null row's.
	want, null string
}{
	// Operators.
	{"5 + (7 * 3)", Integer, "26", "26"},
	{"(5 + 7) * 3", Integer, "36", "36"},
	{"2^4", Decimal, "16.0", "16.0"},
	{"3/2", Decimal, "1.5", "1.5"},
	{"7 % 4", Integer, "3", "3"},
	{"i / 0", Decimal, "null", "null"},
	{"i % 0", Integer, "null", "null"},
	{"mod(f, 0)", Decimal, "null", "null"},
	{"mod(i + 16, 4)", Integer, "1", "null"},
	{"i - -5", Integer, "6", "null"},
	{"- -5 - - i", Integer, "6", "null"},
	{"-i", Integer, "-1", "null"},
	{"-(i - 3)", Integer, "2", "null"},
	{"-9223372036854775808", Integer, "-9223372036854775808", "-9223372036854775808"},
	{"i - ${n}", Integer, "3", "null"},
	{"-${n}", Integer, "2", "2"},
	{"-${minus}", Decimal, "0.5", "0.5"},
	{"big + 1", Integer, "2147483648", "null"},
	{"big * big", Integer, "4611686014132420609", "null"},
	{"i + d", Decimal, "2.5", "null"},
	{"d * d * d * d * d * d * d * d", Decimal, "25.62890625", "null"},
	{"i * 1.5", Decimal, "1.5", "null"},
	{"b + 1", Integer, "2", "null"},
	{"99999999999999999999 + 1", Decimal, "1e+20", "1e+20"},
	{"i * ${relative}", Decimal, "0.5", "null"},
	{"null + 1", Decimal, "null", "null"},

	// Comparisons.
	{"s = 'one'", Boolean, "true", "null"},
	{"s = 'One'", Boolean, "false", "null"}, // case-sensitive
	{"s <> ''", Boolean, "true", "null"},
	{"i = 1.0", Boolean, "true", "null"},
	{"i = '1'", Boolean, "true", "null"},
	{"i = '1.5'", Boolean, "false", "null"},
	{"'1' = i", Boolean, "true", "null"},
	{"s = 1", Boolean, "null", "null"}, // a text that is no number
	{"f > '2'", Boolean, "true", "null"},
	{"b = 1", Boolean, "true", "null"},
	{"b = TRUE", Boolean, "true", "null"},
	{"1 <> b", Boolean, "false", "null"},
	{"b = 'true'", Boolean, "true", "null"},
	{"b = s", Boolean, "null", "null"},
	{"(i = 1) = 1", Boolean, "true", "null"},
	{`at >= "1/1/2016" AND at <= "12/31/2016"`, Boolean, "false", "null"},
	{"day = '2024-02-29'", Boolean, "true", "null"},
	{"'2024-02-29T13:04:05.678Z' = at", Boolean, "true", "null"},
	{"day = at", Boolean, "false", "null"},
	{"day = formatDate(at, 'yyyy-MM-dd')", Boolean, "true", "null"},
	{"at < ${since}", Boolean, "true", "null"},
	{"zoned >= ${since}", Boolean, "true", "null"}, // 01:30 of March 1, UTC
	{"e = 'z'", Boolean, "false", "null"},
	{"null = i", Boolean, "null", "null"},
	{"NOT (s = 'one' OR s = 'Two')", Boolean, "false", "null"},
	{"s = 'x' OR s = 'y' OR s = 'one' AND i = 1 AND b", Boolean, "true", "null"},
	{"i AND NOT 0", Boolean, "true", "null"},

	// Lists.
	{"in(s, ['one', 'x'])", Boolean, "true", "null"},
	{"notIn(s, ['one', 'x'])", Boolean, "false", "null"},
	{"in(i, ['1', 2])", Boolean, "true", "null"},
	{"in(b, [1])", Boolean, "true", "null"},
	{"in(b, [TRUE])", Boolean, "true", "null"},
	{"in(day, ['2024-02-29'])", Boolean, "true", "null"},
	{"in(s, ['x', ${several}])", Boolean, "true", "null"},
	{"in('Two', ['x', ${several}])", Boolean, "true", "true"},
	{"strlen(${one of several})", Integer, "3", "3"},
	{"in(s, ${several})", Boolean, "true", "null"},
	{"in(s, ${one})", Boolean, "true", "null"},
	{"in(s, ${unset})", Boolean, "null", "null"},
	{"in(s, [])", Boolean, "false", "false"},
	{"notIn(s, ${none of several})", Boolean, "true", "true"},

	// Conditional functions.
	{"ifelse(i > 1, 'many', i = 1, 'one', 'none')", String, "one", "none"},
	{"ifelse(i = 1, 1, 0) = 1", Boolean, "true", "false"},
	{"ifelse(b, 1, 2.5)", Decimal, "1.0", "2.5"},
	{"ifelse(b, b, 5)", Integer, "1", "5"},
	{"ifelse(isNull(s), NULL, day)", Datetime, "2024-02-29", "null"},
	{"ifelse(i, 'yes', 'no')", String, "yes", "no"},
	{"switch(s, 'one', 'first', 'Two', 'second', 'other')", String, "first", "other"},
	{"switch(i, '1', 10, 2, 20, 30)", Integer, "10", "30"},
	{"switch(b, 1, 'on', 'off')", String, "on", "off"},
	{"coalesce(s, title, 'No address listed')", String, "one", "No address listed"},
	{"coalesce(i, d)", Decimal, "1.000", "null"},
	{"nullIf(s, 'one')", String, "null", "null"},
	{"nullIf(i, 2)", Integer, "1", "null"},
	{"nullIf(i, 2.5)", Integer, "1", "null"},
	{"nullIf(null, i)", Integer, "null", "null"},
	{"isNull(s)", Boolean, "false", "true"},
	{"isNotNull(s)", Boolean, "true", "false"},
	{"isNull(${unset})", Boolean, "true", "true"},

	// Numbers.
	{"abs(-i)", Integer, "1", "null"},
	{"abs(0 - d)", Decimal, "1.5", "null"},
	{"ceil(20.13)", Integer, "21", "21"},
	{"floor(20.13)", Integer, "20", "20"},
	{"floor(-20.13)", Integer, "-21", "-21"},
	{"decimalToInt(29.99)", Integer, "29", "29"},
	{"decimalToInt(-29.99)", Integer, "-29", "-29"},
	{"intToDecimal(i)", Decimal, "1.0", "null"},
	{"round(892.0388, 2)", Decimal, "892.04", "892.04"},
	{"round(d)", Decimal, "2.0", "null"},
	{"round(d, i)", Decimal, "1.5", "null"},
	{"exp(0)", Decimal, "1.0", "1.0"},
	{"ln(1)", Decimal, "0.0", "0.0"},
	{"ln(i - 1)", Decimal, "null", "null"},
	{"log(100)", Decimal, "2.0", "2.0"},
	{"log(-1)", Decimal, "null", "null"},
	{"sqrt(16)", Decimal, "4.0", "4.0"},
	{"sqrt(-i)", Decimal, "null", "null"},

	// Texts.
	{"concat('Hello', 'world')", String, "Helloworld", "Helloworld"},
	{"concat(s, ' ', title, toString(i))", String, "one Fantasy and Science Fiction1", " "},
	{"contains(title, 'Science')", Boolean, "true", "null"},
	{"contains(title, 'science')", Boolean, "false", "null"},
	{"contains(title, 'science', CASE_INSENSITIVE)", Boolean, "true", "null"},
	{"contains(title, 'science', CASE_SENSITIVE)", Boolean, "false", "null"},
	{"contains(title, '%')", Boolean, "false", "null"},
	{"startsWith(title, 'Fan')", Boolean, "true", "null"},
	{"startsWith(title, 'FAN', CASE_INSENSITIVE)", Boolean, "true", "null"},
	{"endsWith(title, 'tion')", Boolean, "true", "null"},
	{"endsWith(title, 'Fan')", Boolean, "false", "null"},
	{"left('🟥 red', 1)", String, "🟥", "🟥"},
	{"left(title, 2.2)", String, "Fa", "null"},
	{"left(title, -1)", String, "", "null"},
	{"right(title, 7)", String, "Fiction", "null"},
	{"right(title, -1)", String, "", "null"},
	{"substring('Fantasy and Science Fiction',13,7)", String, "Science", "Science"},
	{"substring(title, 0, 5)", String, "Fanta", "null"},
	{"substring(title, 2, -1)", String, "", "null"},
	{"locate('1 and 2 and 3 and 4', 'and')", Integer, "3", "3"},
	{"locate('1 and 2 and 3 and 4', 'and', 4)", Integer, "9", "9"},
	{"locate('1 and 2', 'and', 0)", Integer, "3", "3"},
	{"locate('1 and 2', 'or', 4)", Integer, "0", "0"},
	{"locate('1 and 2', 'or')", Integer, "0", "0"},
	{"locate(title, 'and', 2)", Integer, "9", "null"},
	{"replace('1 and 2 and 3', 'and', 'or')", String, "1 or 2 or 3", "1 or 2 or 3"},
	{"split('123 Test St;1402 35th Ave;1818 Elm Ct;11 Janes Lane', ';', 3)", String, "1818 Elm Ct", "1818 Elm Ct"},
	{"split('one|two|three', '|', 2)", String, "two", "two"},
	{"split('Name=x,Env=y', 'Name=', 2)", String, "x,Env=y", "x,Env=y"},
	{"split('a:b', ':', 3)", String, "null", "null"},
	{"split('a:b', ':', 0)", String, "null", "null"},
	{"split('a:b', ':', -1)", String, "null", "null"},
	{"strlen('🟥 red')", Integer, "5", "5"},
	{"toLower(s)", String, "one", "null"},
	{"toUpper(s)", String, "ONE", "null"},
	{"concat('[', trim('  a b  '), ltrim('  c  '), rtrim('  d  '), ']')", String, "[a bc    d]", "[a bc    d]"},
	{"toString(14.62)", String, "14.62", "14.62"},
	{"toString(i)", String, "1", "null"},
	{"toString(day)", String, "2024-02-29T00:00:00.000Z", "null"},
	{"toString(at)", String, "2024-02-29T13:04:05.678Z", "null"},
	{"parseInt('2.99')", Integer, "2", "2"},
	{"parseInt('-2.5')", Integer, "-3", "-3"},
	{"parseInt('2a')", Integer, "null", "null"},
	{"parseInt('123456789012345678')", Integer, "123456789012345678", "123456789012345678"},
	{"parseDecimal('2.99')", Decimal, "2.99", "2.99"},
	{"parseDecimal('inf')", Decimal, "null", "null"},
	{"parseDecimal('nan')", Decimal, "null", "null"},
	{"parseDecimal('2a')", Decimal, "null", "null"},

	// Instants.
	{"now()", Datetime, "2024-03-05 12:00:00", "2024-03-05 12:00:00"},
	{"truncDate('YYYY', at)", Datetime, "2024-01-01 00:00:00", "null"},
	{"truncDate('Q', at)", Datetime, "2024-01-01 00:00:00", "null"},
	{"truncDate('MM', at)", Datetime, "2024-02-01 00:00:00", "null"},
	{"truncDate(${period}, at)", Datetime, "2024-02-01 00:00:00", "null"},
	{"truncDate('wk', at)", Datetime, "2024-02-25 00:00:00", "null"}, // a Sunday
	{"truncDate('WK', '2024-02-25')", Datetime, "2024-02-25 00:00:00", "2024-02-25 00:00:00"},
	{"truncDate('DD', at)", Datetime, "2024-02-29 00:00:00", "null"},
	{"truncDate('HH', at)", Datetime, "2024-02-29 13:00:00", "null"},
	{"truncDate('MI', at)", Datetime, "2024-02-29 13:04:00", "null"},
	{"truncDate('SS', at)", Datetime, "2024-02-29 13:04:05", "null"},
	{"truncDate('MS', at)", Datetime, "2024-02-29 13:04:05.678", "null"},
	{"truncDate('HH', day)", Datetime, "2024-02-29 00:00:00", "null"},
	{"truncDate('DD', zoned)", Datetime, "2024-03-01 00:00:00", "null"},
	{"extract('YYYY', at)", Integer, "2024", "null"},
	{"extract('Q', at)", Integer, "1", "null"},
	{"extract('MM', at)", Integer, "2", "null"},
	{"extract('DD', at)", Integer, "29", "null"},
	{"extract('WD', at)", Integer, "5", "null"}, // Thursday, with Sunday as 1
	{"extract('WD', '2024-03-03')", Integer, "1", "1"},
	{"extract('HH', at)", Integer, "13", "null"},
	{"extract('MI', at)", Integer, "4", "null"},
	{"extract('SS', at)", Integer, "5", "null"},
	{"extract('HH', day)", Integer, "0", "null"},
	{`dateDiff('01/01/2018', '03/05/2018', "MM")`, Integer, "2", "2"},
	{`dateDiff('09/13/2017', '10/20/2017', "MM")`, Integer, "1", "1"},
	{"dateDiff('01/01/2014', '01/05/2014')", Integer, "4", "4"},
	{"dateDiff('09/13/2016', '09/20/2016', 'DD')", Integer, "7", "7"},
	{"dateDiff(at, now())", Integer, "5", "null"},
	{"dateDiff(now(), at, 'HH')", Integer, "-119", "null"},
	{"dateDiff('2024-03-02', '2024-03-03', 'WK')", Integer, "1", "1"}, // Saturday, Sunday
	{"dateDiff('2024-03-03', '2024-03-09', 'WK')", Integer, "0", "0"},
	{"addDateTime(2,'YYYY',parseDate('02-JUL-2018', 'dd-MMM-yyyy') )", Datetime, "2020-07-02 00:00:00", "2020-07-02 00:00:00"},
	{"addDateTime(-2, 'YYYY', '2018-05-13 13:24')", Datetime, "2016-05-13 13:24:00", "2016-05-13 13:24:00"},
	{"addDateTime(4, 'DD', '2017-01-31 23:06')", Datetime, "2017-02-04 23:06:00", "2017-02-04 23:06:00"},
	{"addDateTime(20, 'MI', '2016-12-28 06:45')", Datetime, "2016-12-28 07:05:00", "2016-12-28 07:05:00"},
	{"addDateTime(i, 'Q', at)", Datetime, "2024-05-29 13:04:05.678", "null"},
	{"addDateTime(-1, 'MM', '2024-03-31')", Datetime, "2024-02-29 00:00:00", "2024-02-29 00:00:00"},
	{"addDateTime(2, 'WK', day)", Datetime, "2024-03-14 00:00:00", "null"},
	{"addDateTime(12, 'HH', day)", Datetime, "2024-02-29 12:00:00", "null"},
	{"addDateTime(90, 'SS', day)", Datetime, "2024-02-29 00:01:30", "null"},
	{"addDateTime(5, 'MS', day)", Datetime, "2024-02-29 00:00:00.005", "null"},
	{"formatDate('2012-12-14', 'dd-MMM-yyyy')", String, "14-Dec-2012", "14-Dec-2012"},
	{"formatDate(at)", String, "2024-02-29T13:04:05:678", "null"},
	{`formatDate(at, "yyyyMMdd'T'HHmmss")`, String, "20240229T130405", "null"},
	{`formatDate(at, 'yyyyMMdd\'T\'HHmmss')`, String, "20240229T130405", "null"},
	{`formatDate(at, "EEEE, MMMM d, yy h:m a D")`, String, "Thursday, February 29, 24 1:4 PM 60", "null"},
	{`formatDate(at, "EEE M/dd HH:mm:ss.SSSSSS kk hh H s 100% ''")`, String, "Thu 2/29 13:04:05.678000 13 01 13 5 100% '", "null"},
	{`formatDate(at, "'it''s' yyyy")`, String, "it's 2024", "null"},
	{"parseDate('12/31/2006', 'MM/dd/yyyy')", Datetime, "2006-12-31 00:00:00", "2006-12-31 00:00:00"},
	{"parseDate('1/18/1982', 'MM/dd/yyyy')", Datetime, "1982-01-18 00:00:00", "1982-01-18 00:00:00"},
	{"parseDate('01-01-1999', 'MM/dd/yyyy')", Datetime, "null", "null"},
	{"parseDate('2024-02-29')", Datetime, "2024-02-29 00:00:00", "2024-02-29 00:00:00"},
	{"parseDate(s)", Datetime, "null", "null"},
	{"epochDate(3100768000)", Datetime, "2068-04-04 12:26:40", "2068-04-04 12:26:40"},
	{"epochDate(31007680009)", Datetime, "2068-04-04 12:26:40", "2068-04-04 12:26:40"},
	{"isWorkDay(at)", Boolean, "true", "null"},
	{"isWorkDay('2024-03-03')", Boolean, "false", "false"},

	// What the scope gives.
	{"sumOver(i, [s], PRE_AGG) + 1", Integer, "43", "43"},
	{"sum(i, [s]) + 1", Integer, "43", "43"},
}

func TestScalars(t *testing.T) {
	db := open(t)
	for _, c := range scalars {
		v, err := translate(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if v.Type != c.typ {
			t.Errorf("%s is a %s, want a %s", c.text, v.Type, c.typ)
		}
		if got := evaluate(t, db, v, "i = 1"); got != c.want {
			t.Errorf("%s is %s, want %s: %s", c.text, got, c.want, v.SQL)
		}
		if got := evaluate(t, db, v, "i IS NULL"); got != c.null {
			t.Errorf("%s is %s in the row of nulls, want %s: %s", c.text, got, c.null, v.SQL)
		}
	}
}

func TestAggregates(t *testing.T) {
	db := open(t)
	for _, c := range []struct {
		text string
		typ  Type
		want string
	}{
		{"sum(i)", Integer, "3"},
		{"sum(big)", Integer, "2147483652"},
		{"sum(d)", Decimal, "4.000"},
		{"sum(b)", Integer, "1"},
		{"sum(i) / sum(d)", Decimal, "0.75"},
		{"sum(i) / (sum(i) - 3)", Decimal, "null"},
		{"sum(i * 2) + 1", Integer, "7"},
		{"avg(i)", Decimal, "1.5"},
		{"min(s)", String, "Two"},
		{"max(at)", Datetime, "2024-03-03 00:00:00"},
		{"count(s)", Integer, "2"},
		{"count(1)", Integer, "3"},
		{"distinct_count(ifelse(isNull(s), 'x', 'x'))", Integer, "1"},
		{"DISTINCT_COUNT(s) > 0", Boolean, "true"},
		{"median(f)", Decimal, "0.75"},
		{"percentile(i, 50)", Integer, "1"},
		{"percentileDisc(i, 100)", Integer, "2"},
		{"percentileCont(i, 50)", Decimal, "1.5"},
		{"percentileCont(i, 12.5)", Decimal, "1.125"},
		{"round(stdev(i), 3)", Decimal, "0.707"},
		{"stdevp(i)", Decimal, "0.5"},
		{"var(i)", Decimal, "0.5"},
		{"varp(i)", Decimal, "0.25"},
		{"sumIf(i, s = 'Two')", Integer, "2"},
		{"sumIf(i, s = 'none')", Integer, "null"},
		{"avgIf(d, b)", Decimal, "1.5"},
		{"countIf(i, i > 1)", Integer, "1"},
		{"distinct_countIf(i, i >= 1)", Integer, "2"},
		{"maxIf(i, i < 2)", Integer, "1"},
		{"minIf(i, i > 1)", Integer, "2"},
		{"medianIf(i, i > 1)", Decimal, "2.0"},
		{"stdevpIf(i, i > 1)", Decimal, "0.0"},
		{"stdevIf(i, i > 1)", Decimal, "null"},
		{"varIf(i, i > 0)", Decimal, "0.5"},
		{"varpIf(i, i > 1)", Decimal, "0.0"},
		{"ifelse(max(i) > 1, 'many', 'few')", String, "many"},
		{"concat('n: ', toString(max(i)))", String, "n: 2"},
		{"percentOfTotal(sum(i)) / sum(i)", Decimal, ""},
	} {
		v, err := translate(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if v.Type != c.typ || !v.Aggregate || v.Constant {
			t.Errorf("%s is %+v", c.text, v)
		}
		if c.want == "" { // DuckDB would need the scope's layers
			continue
		}
		if got := evaluate(t, db, v, ""); got != c.want {
			t.Errorf("%s is %s, want %s: %s", c.text, got, c.want, v.SQL)
		}
	}
}

// TestSumType makes sure that a sum of integers is one that Go knows, too.
func TestSumType(t *testing.T) {
	v, err := translate("sum(i)")
	if err != nil {
		t.Fatal(err)
	}
	v.SQL = "typeof(" + v.SQL + ")"
	if got := evaluate(t, open(t), v, ""); got != "BIGINT" {
		t.Error(got)
	}
}
