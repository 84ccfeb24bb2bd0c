package visual

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// named is a value of a dimension as the name of a series or a slice: a text as
// it is, anything else as the field's format writes it, since names have no
// format of their own.
func (f *field) named(v any) Value {
	switch v.(type) {
	case nil:
		if f.format.Null == "" {
			return nil
		}
		return f.format.Null
	case string:
		return v
	default:
		return written(v, f.format)
	}
}

// written writes a value in a sentence, as the page would: the page formats what
// stands alone, the server what stands in a text.
func written(v any, f Format) string {
	switch v := v.(type) {
	case nil:
		if f.Null != "" {
			return f.Null
		}
		return "no value"
	case string:
		return v
	case time.Time:
		return instant(v, f)
	case int64, float64:
		return quantity(v, f)
	default:
		return fmt.Sprint(v)
	}
}

// units are the scales of numbers, the largest first.
var units = []struct {
	name, suffix string
	size         float64
}{
	{"trillions", "T", 1e12}, {"billions", "B", 1e9}, {"millions", "M", 1e6}, {"thousands", "K", 1e3},
}

// quantity writes a number.
func quantity(v any, f Format) string {
	n, _ := number(v)
	decimals, suffix := f.Decimals, ""
	if f.Type == "percent" {
		n, suffix = n*100, "%"
	}
	for _, u := range units {
		if f.Scale == u.name || f.Scale == "auto" && math.Abs(n) >= u.size {
			n, suffix = n/u.size, u.suffix+suffix
			break
		}
	}
	var digits string
	switch i, whole := v.(int64); {
	case whole && suffix == "" && decimals <= 0:
		digits = strconv.FormatInt(i, 10) // which float64 may not hold
	case decimals < 0:
		digits = strconv.FormatFloat(math.Round(n*100)/100, 'f', -1, 64)
	default:
		digits = strconv.FormatFloat(n, 'f', decimals, 64)
	}
	sign := ""
	if rest, negative := strings.CutPrefix(digits, "-"); negative {
		sign, digits = "−", rest
	}
	if f.Grouping {
		digits = thousands(digits)
	}
	prefix := f.Prefix
	if f.Type == "currency" {
		prefix += symbols[f.Currency]
		if symbols[f.Currency] == "" {
			prefix += f.Currency + "\u00a0"
		}
	}
	return sign + prefix + digits + suffix + f.Suffix
}

// symbols are the signs of the commonest currencies; others show their code.
var symbols = map[string]string{"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "": "$"}

// thousands puts separators between the thousands of digits.
func thousands(digits string) string {
	whole, fraction, point := strings.Cut(digits, ".")
	var out strings.Builder
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(d)
	}
	if point {
		out.WriteString("." + fraction)
	}
	return out.String()
}

// patterns are how instants are written by grain where the definition gives no
// pattern, in QuickSight's letters.
var patterns = map[string]string{
	"YEAR": "yyyy", "QUARTER": "'Q'Q yyyy", "MONTH": "MMM yyyy", "WEEK": "MMM d, yyyy", "DAY": "MMM d, yyyy",
	"HOUR": "MMM d, yyyy HH:mm", "MINUTE": "MMM d, yyyy HH:mm", "SECOND": "MMM d, yyyy HH:mm:ss",
	"MILLISECOND": "MMM d, yyyy HH:mm:ss.SSS", "": "MMM d, yyyy HH:mm",
}

// instant writes an instant in UTC by a pattern, whose letters are those of
// https://docs.aws.amazon.com/quicksight/latest/user/format-visual-date-controls.html
// in either spelling (yyyy-MM-dd, YYYY-MM-DD). Texts in 'quotes' or [brackets]
// stay, and so does every other character.
func instant(t time.Time, f Format) string {
	pattern := f.Pattern
	if pattern == "" {
		pattern = patterns[f.Grain]
	}
	var out strings.Builder
	for pattern != "" {
		if rest, ok := quoted(&out, pattern); ok {
			pattern = rest
			continue
		}
		n := 1
		for n < len(pattern) && pattern[n] == pattern[0] {
			n++
		}
		part, known := letters(t, pattern[0], n)
		if !known {
			part = pattern[:n]
		}
		out.WriteString(part)
		pattern = pattern[n:]
	}
	return out.String()
}

// quoted copies a text in quotes or brackets at the start of a pattern.
func quoted(out *strings.Builder, pattern string) (rest string, ok bool) {
	ends := map[byte]string{'\'': "'", '[': "]"}
	end, ok := ends[pattern[0]]
	if !ok {
		return "", false
	}
	text, rest, closed := strings.Cut(pattern[1:], end)
	if !closed {
		return "", false
	}
	out.WriteString(text)
	return rest, true
}

// letters writes the part of an instant that a run of n equal letters stands for.
func letters(t time.Time, letter byte, n int) (string, bool) {
	switch letter {
	case 'y', 'Y':
		if n == 2 {
			return t.Format("06"), true
		}
		return t.Format("2006"), true
	case 'Q':
		return strconv.Itoa((int(t.Month()) + 2) / 3), true
	case 'M':
		return t.Format([]string{"1", "01", "Jan", "January"}[min(n, 4)-1]), true
	case 'D', 'd':
		if n > 2 {
			return t.Format([]string{"Mon", "Monday"}[min(n, 4)-3]), true
		}
		return t.Format([]string{"2", "02"}[n-1]), true
	case 'E':
		return t.Format([]string{"Mon", "Monday"}[min(n, 4)/4]), true
	case 'H':
		return padded(t.Hour(), n), true
	case 'h':
		return padded((t.Hour()+11)%12+1, n), true
	case 'm':
		return padded(t.Minute(), n), true
	case 's':
		return padded(t.Second(), n), true
	case 'S':
		return fmt.Sprintf("%09d", t.Nanosecond())[:min(n, 9)], true
	case 'a':
		return t.Format("pm"), true
	case 'A':
		return t.Format("PM"), true
	default:
		return "", false
	}
}

// padded writes a number with a zero before it where the pattern has two letters.
func padded(n, letters int) string {
	if letters > 1 {
		return fmt.Sprintf("%02d", n)
	}
	return strconv.Itoa(n)
}
