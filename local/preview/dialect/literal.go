package dialect

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Name is a name as an identifier: in quotes, whatever characters it has. What
// no identifier can have, NUL and bytes that are no UTF-8, becomes U+FFFD.
func Name(name string) string {
	name = strings.ReplaceAll(strings.ToValidUTF8(name, "\ufffd"), "\x00", "\ufffd")
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Text is a text as a string literal, whatever characters it has. SQL itself
// cannot have the character NUL, so that one is chr(0). Bytes that are no UTF-8
// become U+FFFD.
func Text(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "'", "''")
	if !strings.Contains(text, "\x00") {
		return "'" + text + "'"
	}
	return "('" + strings.ReplaceAll(text, "\x00", "' || chr(0) || '") + "')"
}

// Constant is the value of a parameter: none is null, one is a value, several
// are a list. Integers and decimals are decimal digits, instants RFC 3339 or a
// date, booleans true or false; all else is an error. An Unknown type is taken
// for a text.
func Constant(texts []string, t Type) (Value, error) {
	if len(texts) == 0 {
		return Value{SQL: "NULL", Type: t, Constant: true}, nil
	}
	items := make([]Value, len(texts))
	for i, text := range texts {
		item, err := literal(text, t)
		if err != nil {
			return Value{}, err
		}
		items[i] = item
	}
	if len(items) == 1 {
		return items[0], nil
	}
	return Value{Type: items[0].Type, Constant: true, Items: items}, nil
}

// literal is a text as a constant of a type.
func literal(text string, t Type) (Value, error) {
	switch t {
	case Integer, Decimal:
		return numberLiteral(text, t)
	case Datetime:
		at, err := ParseInstant(text)
		if err != nil {
			return Value{}, err
		}
		return constant(text, Instant(at), Datetime), nil
	case Boolean:
		truth := strings.ToLower(text)
		if truth != "true" && truth != "false" {
			return Value{}, fmt.Errorf("%q is not a boolean", text)
		}
		return constant(text, truth, Boolean), nil
	default:
		return constant(text, Text(text), String), nil
	}
}

func constant(text, sql string, t Type) Value {
	return Value{SQL: sql, Type: t, Constant: true, literal: &text}
}

// digits is what a number looks like. ParseFloat takes more: Inf, 0x1p-2, 1_000.
var digits = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// numberLiteral is a number as a constant. A decimal is a DOUBLE: DuckDB's
// DECIMAL, which 1.5 would be, runs out of digits in a few multiplications.
func numberLiteral(text string, t Type) (Value, error) {
	number := strings.TrimSpace(text)
	if !digits.MatchString(number) {
		return Value{}, fmt.Errorf("%q is not a number", text)
	}
	if i, err := strconv.ParseInt(number, 10, 64); err == nil && t == Integer {
		sql := strconv.FormatInt(i, 10)
		if i < 0 {
			sql = "(" + sql + ")" // so that a minus before it begins no comment
		}
		return constant(number, sql, t), nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || t == Integer {
		return Value{}, fmt.Errorf("%q is not %s", text, map[Type]string{
			Integer: "an integer of 64 bits", Decimal: "a number of 64 bits",
		}[t])
	}
	sql := strconv.FormatFloat(f, 'e', -1, 64)
	if math.Signbit(f) {
		sql = "(" + sql + ")"
	}
	return constant(number, sql, Decimal), nil
}

// instants are the forms of a text that stands for an instant. The documentation
// compares a date with "1/1/2016" and "12/31/2016":
// https://docs.aws.amazon.com/quicksight/latest/user/arithmetic-and-comparison-operators.html
var instants = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
	"1/2/2006 15:04:05", "1/2/2006",
}

// Instant is an instant as SQL.
func Instant(t time.Time) string {
	return "TIMESTAMP '" + t.UTC().Format("2006-01-02 15:04:05.999999") + "'"
}

// ParseInstant reads a text that stands for an instant, in UTC unless it says
// otherwise.
func ParseInstant(text string) (time.Time, error) {
	for _, layout := range instants {
		at, err := time.Parse(layout, strings.TrimSpace(text))
		if err != nil {
			continue
		}
		if at = at.UTC(); at.Year() < 1 || at.Year() > 9999 {
			return time.Time{}, fmt.Errorf("the instant %q is not in the years 1 to 9999", text)
		}
		return at, nil
	}
	return time.Time{}, fmt.Errorf("%q is not an instant such as 2006-01-02T15:04:05Z or 2006-01-02", text)
}
