package visual

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"regexp"
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
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if point {
		whole += "." + fraction
	}
	return whole
}

// patterns are how instants are written by grain where the definition gives no
// pattern.
var patterns = map[string]string{
	"YEAR": "YYYY", "QUARTER": "[Q]Q YYYY", "MONTH": "MMM YYYY", "WEEK": "MMM D, YYYY", "DAY": "MMM D, YYYY",
	"HOUR": "MMM D, YYYY HH:mm", "MINUTE": "MMM D, YYYY HH:mm", "SECOND": "MMM D, YYYY HH:mm:ss",
	"MILLISECOND": "MMM D, YYYY HH:mm:ss.SSS",
}

// runs are the parts of a pattern: texts in 'quotes' or [brackets], and runs of the
// letters of https://docs.aws.amazon.com/quicksight/latest/user/format-visual-date-controls.html
// and, in a pattern without Y and D such as yyyy-MM-dd, those of formatDate.
var runs = regexp.MustCompile(`'[^']*'|\[[^\]]*\]|[A-Za-z]o|Y+|y+|M+|D+|d+|E+|H+|h+|m+|s+|S+|[A-Za-z]`)

// layouts are the runs of letters that package time knows.
var layouts = map[string]string{
	"YYYY": "2006", "YY": "06", "Y": "2006", "y": "2006", "yyyy": "2006", "yy": "06",
	"MMMM": "January", "MMM": "Jan", "MM": "01", "M": "1", "DD": "02", "D": "2",
	"dddd": "Monday", "ddd": "Mon", "EEEE": "Monday", "EEE": "Mon", "E": "Mon",
	"HH": "15", "hh": "03", "h": "3", "mm": "04", "m": "4", "ss": "05", "s": "5",
	"A": "PM", "a": "pm", "Z": "-07:00",
}

// instant writes an instant by a pattern. What stands for nothing stays.
func instant(t time.Time, f Format) string {
	pattern := cmp.Or(f.Pattern, patterns[f.Grain])
	if pattern == "" { // as fine as it needs
		grain := "SECOND"
		for name, size := range map[string]time.Duration{"MINUTE": time.Minute, "DAY": 24 * time.Hour} {
			if t.Truncate(size).Equal(t) && (grain == "SECOND" || name == "DAY") {
				grain = name
			}
		}
		pattern = patterns[grain]
	}
	small := !strings.ContainsAny(pattern, "YD")
	return runs.ReplaceAllStringFunc(pattern, func(run string) string {
		layout, known := layouts[run]
		switch {
		case known:
			return t.Format(layout)
		case run[0] == '\'' || run[0] == '[':
			return run[1 : len(run)-1]
		case run == "dd" && small:
			return t.Format("02")
		case run == "d" && small:
			return t.Format("2")
		case run == "H":
			return strconv.Itoa(t.Hour())
		case run == "Q":
			return strconv.Itoa((int(t.Month()) + 2) / 3)
		case run[0] == 'S':
			return fmt.Sprintf("%09d", t.Nanosecond())[:min(len(run), 9)]
		default:
			return run
		}
	})
}
