package visual

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
)

// Format says how values are written: numbers with the separators of English, as a
// definition means them, and instants in UTC.
type Format struct {
	Type     string // number, percent, date or text
	Decimals int    // digits after the point; -1 is up to two
	Prefix   string
	Suffix   string
	Scale    types.NumberScale
	Grouping bool   // separators between thousands
	Grain    string // of a date, such as YEAR or MINUTE
	Pattern  string // of a date, in QuickSight's letters; empty leaves it to the grain
	Null     string // stands for a value that is not there, such as suppressed
}

// ticks is the format of an axis.
func (f Format) ticks() Ticks {
	return Ticks{Prefix: f.Prefix, Suffix: f.Suffix, Percent: f.Type == "percent", Grouping: f.Grouping}
}

// cell is a value of the field as the page gets it.
func (f *field) cell(v any) Cell { return Cell{value(v), written(v, f.format)} }

// label is a cell of a text that is no value of the data.
func label(s string) Cell { return Cell{s, s} }

// written writes a value. One that is not there is the format's own text for that,
// or a dash, and never a zero.
func written(v any, f Format) string {
	switch v := v.(type) {
	case nil:
		if f.Null != "" {
			return f.Null
		}
		return "–"
	case string:
		return v
	case time.Time:
		return instant(v, f)
	case int64:
		return quantity(new(big.Rat).SetInt64(v), f)
	case float64:
		// The shortest digits round as readers expect it: 7.05 to 7.1.
		n, ok := new(big.Rat).SetString(strconv.FormatFloat(v, 'f', -1, 64))
		if !ok {
			return fmt.Sprint(v)
		}
		return quantity(n, f)
	default:
		return fmt.Sprint(v)
	}
}

// units are the scales of numbers, the largest first.
var units = []struct {
	name   types.NumberScale
	suffix string
	size   int64
}{
	{types.NumberScaleTrillions, "T", 1e12},
	{types.NumberScaleBillions, "B", 1e9},
	{types.NumberScaleMillions, "M", 1e6},
	{types.NumberScaleThousands, "K", 1e3},
}

// quantity writes a number.
func quantity(n *big.Rat, f Format) string {
	suffix := f.Suffix
	if f.Type == "percent" {
		n, suffix = n.Mul(n, big.NewRat(100, 1)), "%"+suffix
	}
	for _, u := range units {
		size := big.NewRat(u.size, 1)
		if f.Scale == u.name || f.Scale == types.NumberScaleAuto && new(big.Rat).Abs(n).Cmp(size) >= 0 {
			n, suffix = n.Quo(n, size), u.suffix+suffix
			break
		}
	}
	decimals := f.Decimals
	if decimals < 0 {
		decimals = 2
		if size, _ := n.Float64(); size != 0 && math.Abs(size) < 0.01 { // two digits that are not zero
			decimals = min(1-int(math.Floor(math.Log10(math.Abs(size)))), 300)
		}
	}
	digits := n.FloatString(decimals)
	if f.Decimals < 0 {
		digits = strings.TrimRight(strings.TrimRight(digits, "0"), ".")
	}
	digits, negative := strings.CutPrefix(digits, "-")
	if f.Grouping {
		digits = thousands(digits)
	}
	sign := ""
	if negative {
		sign = "-"
	}
	return sign + f.Prefix + digits + suffix
}

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
// pattern.
var patterns = map[string]string{
	"YEAR": "YYYY", "QUARTER": "[Q]Q YYYY", "MONTH": "MMM YYYY", "WEEK": "MMM D, YYYY", "DAY": "MMM D, YYYY",
	"HOUR": "MMM D, YYYY HH:mm", "MINUTE": "MMM D, YYYY HH:mm", "SECOND": "MMM D, YYYY HH:mm:ss",
	"MILLISECOND": "MMM D, YYYY HH:mm:ss.SSS",
}

// instant writes an instant by a pattern, whose letters are those of
// https://docs.aws.amazon.com/quicksight/latest/user/format-visual-date-controls.html
// and, in a pattern without Y and D such as yyyy-MM-dd, those of formatDate, where d
// is the day of the month. Texts in 'quotes' or [brackets] stay, and so does every
// other character.
func instant(t time.Time, f Format) string {
	pattern := f.Pattern
	if pattern == "" {
		pattern = patterns[f.Grain]
	}
	if pattern == "" { // as fine as it needs
		pattern = patterns["SECOND"]
		if t.Second() == 0 && t.Nanosecond() == 0 {
			pattern = patterns["MINUTE"]
			if t.Hour() == 0 && t.Minute() == 0 {
				pattern = patterns["DAY"]
			}
		}
	}
	small := !strings.ContainsAny(pattern, "YD")
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
		if n == 1 && len(pattern) > 1 && pattern[1] == 'o' && strings.Contains("MQDdw", pattern[:1]) {
			n = 2
		}
		out.WriteString(letters(t, pattern[:n], small))
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

// layouts are the runs of letters that package time knows.
var layouts = map[string]string{
	"YYYY": "2006", "YY": "06", "Y": "2006", "yyyy": "2006", "yy": "06", "y": "2006",
	"MMMM": "January", "MMM": "Jan", "dddd": "Monday", "ddd": "Mon", "EEEE": "Monday", "EEE": "Mon", "E": "Mon",
	"DDDD": "002", "A": "PM", "a": "pm", "Z": "-07:00", "ZZ": "-0700",
}

// letters writes the part of an instant that a run of letters stands for: one is a
// number, two are padded, and an o makes it an ordinal. What stands for nothing stays.
func letters(t time.Time, run string, small bool) string {
	switch {
	case layouts[run] != "":
		return t.Format(layouts[run])
	case run == "DDD":
		return strconv.Itoa(t.YearDay())
	case run == "dd" && !small:
		return t.Format("Mon")[:2]
	case run[0] == 'S':
		return fmt.Sprintf("%09d", t.Nanosecond())[:min(len(run), 9)]
	}
	n, ok := unit(t, run[0], small)
	switch {
	case !ok || len(run) > 2:
		return run
	case len(run) == 1:
		return strconv.Itoa(n)
	case run[1] == 'o':
		return ordinal(n)
	default:
		return fmt.Sprintf("%02d", n)
	}
}

// unit is the number that a letter stands for.
func unit(t time.Time, letter byte, small bool) (n int, ok bool) {
	switch letter {
	case 'Q':
		return (int(t.Month()) + 2) / 3, true
	case 'M':
		return int(t.Month()), true
	case 'w', 'W':
		_, week := t.ISOWeek()
		return week, true
	case 'd':
		if small {
			return t.Day(), true
		}
		return int(t.Weekday()), true
	case 'D':
		return t.Day(), true
	case 'H':
		return t.Hour(), true
	case 'h':
		return (t.Hour()+11)%12 + 1, true
	case 'm':
		return t.Minute(), true
	case 's':
		return t.Second(), true
	default:
		return 0, false
	}
}

// ordinal writes 1st, 2nd, 3rd, 4th and so on.
func ordinal(n int) string {
	ending := "th"
	if n%100/10 != 1 && n%10 > 0 && n%10 < 4 {
		ending = []string{"st", "nd", "rd"}[n%10-1]
	}
	return strconv.Itoa(n) + ending
}
