package dialect

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestTextComesBack(t *testing.T) {
	db := open(t)
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.OneOf(rapid.String(), rapid.StringMatching(`(['";\\$\x00\n\r-]|/\*|chr\(0\)){0,9}`)).Draw(t, "text")
		var got string
		if err := db.QueryRow("SELECT " + Text(want)).Scan(&got); err != nil {
			t.Fatalf("%q: %v", want, err)
		}
		if got != want {
			t.Fatalf("%q became %q", want, got)
		}
	})
	var got string
	if err := db.QueryRow("SELECT " + Text("a\xff'b")).Scan(&got); err != nil || got != "a\ufffd'b" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestNameComesBack(t *testing.T) {
	db := open(t)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringN(1, 20, -1).Filter(utf8.ValidString).Draw(t, "name")
		rows, err := db.Query("SELECT 1 AS " + Name(name))
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		got, err := rows.Columns()
		if err != nil || len(got) != 1 || got[0] != strings.ReplaceAll(name, "\x00", "\ufffd") {
			t.Fatalf("%q became %q, %v", name, got, err)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestConstant(t *testing.T) {
	db := open(t)
	for _, c := range []struct {
		text string
		typ  Type
		want string // as DuckDB writes it, or the error
	}{
		{"1", Integer, "1"},
		{" 7 ", Integer, "7"},
		{"-9223372036854775808", Integer, "-9223372036854775808"},
		{"9223372036854775808", Integer, `"9223372036854775808" is not an integer of 64 bits`},
		{"1.5", Integer, `"1.5" is not an integer of 64 bits`},
		{"", Integer, `"" is not a number`},
		{"1; drop table t", Integer, `"1; drop table t" is not a number`},
		{"1.5", Decimal, "1.5"},
		{"-.5e-1", Decimal, "-0.05"},
		{"2", Decimal, "2.0"},
		{"1e999", Decimal, `"1e999" is not a number of 64 bits`},
		{"Inf", Decimal, `"Inf" is not a number`},
		{"0x10", Decimal, `"0x10" is not a number`},
		{"1_000", Decimal, `"1_000" is not a number`},
		{"2024-03-01", Datetime, "2024-03-01 00:00:00"},
		{"2024-03-01T10:30:00.123456Z", Datetime, "2024-03-01 10:30:00.123456"},
		{"2024-03-01T00:30:00+01:00", Datetime, "2024-02-29 23:30:00"},
		{"2024-02-30", Datetime, `"2024-02-30" is not an instant such as 2006-01-02T15:04:05Z or 2006-01-02`},
		{"0001-01-01T00:00:00+01:00", Datetime, `the instant "0001-01-01T00:00:00+01:00" is not in the years 1 to 9999`},
		{"9999-12-31T23:59:59-01:00", Datetime, `the instant "9999-12-31T23:59:59-01:00" is not in the years 1 to 9999`},
		{"True", Boolean, "true"},
		{"1", Boolean, `"1" is not a boolean`},
		{"it's", String, "it's"},
		{"it's", Unknown, "it's"},
	} {
		v, err := Constant([]string{c.text}, c.typ)
		if err != nil {
			if err.Error() != c.want {
				t.Errorf("%s %q: %v", c.typ, c.text, err)
			}
			continue
		}
		if got := evaluate(t, db, v, "i = 1"); got != c.want || !v.Constant || c.typ != Unknown && v.Type != c.typ {
			t.Errorf("%s %q is %s: %+v", c.typ, c.text, got, v)
		}
	}
	if v, err := Constant(nil, Integer); err != nil || v.SQL != "NULL" || v.Type != Integer || !v.Constant {
		t.Errorf("none: %+v, %v", v, err)
	}
	if v, err := Constant([]string{"1", "2"}, Integer); err != nil || v.SQL != "" || len(v.Items) != 2 || v.Items[1].SQL != "2" || v.Type != Integer {
		t.Errorf("several: %+v, %v", v, err)
	}
	if v, err := Constant([]string{"1", "x"}, Integer); err == nil {
		t.Errorf("a bad one: %+v", v)
	}
}

func TestNumbersComeBack(t *testing.T) {
	db := open(t)
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Float64().Filter(func(f float64) bool { return !math.IsInf(f, 0) }).Draw(t, "number")
		v, err := literal(strconv.FormatFloat(want, 'g', -1, 64), Decimal)
		if err != nil {
			t.Fatal(err)
		}
		var got float64
		if err := db.QueryRow("SELECT - " + v.SQL).Scan(&got); err != nil || got != -want {
			t.Fatalf("-%v is %v: %v", want, got, err)
		}
	})
}

func TestTypeOf(t *testing.T) {
	for name, want := range map[string]Type{
		"VARCHAR": String, "UUID": String, "ENUM('a', 'INTEGER')": String, "JSON": String,
		"TINYINT": Integer, "BIGINT": Integer, "UHUGEINT": Integer, "integer": Integer,
		"DECIMAL(18,3)": Decimal, "DOUBLE": Decimal, "FLOAT": Decimal,
		"DATE": Datetime, "TIMESTAMP": Datetime, "TIMESTAMP_NS": Datetime, "TIMESTAMP WITH TIME ZONE": Datetime,
		"BOOLEAN":   Boolean,
		"INTEGER[]": Unknown, "DECIMAL(18,3)[2]": Unknown, "INTERVAL": Unknown, "TIME": Unknown, "BLOB": Unknown,
		"STRUCT(a INTEGER)": Unknown, "MAP(VARCHAR, INTEGER)": Unknown, "": Unknown,
	} {
		if got := TypeOf(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
