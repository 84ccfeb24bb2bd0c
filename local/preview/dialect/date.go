package dialect

import (
	"fmt"
	"strings"
)

// period is what DuckDB calls a period.
type period struct {
	unit string // for date_trunc, date_diff and date_part
	add  string // the interval of %s of it
}

// periods are those that the date functions take.
var periods = map[string]period{
	"YYYY": {"year", "to_years(CAST(%s AS INTEGER))"},
	"Q":    {"quarter", "to_months(CAST(3 * %s AS INTEGER))"},
	"MM":   {"month", "to_months(CAST(%s AS INTEGER))"},
	"WK":   {"week", "to_days(CAST(7 * %s AS INTEGER))"},
	"DD":   {"day", "to_days(CAST(%s AS INTEGER))"},
	"HH":   {"hour", "to_hours(%s)"},
	"MI":   {"minute", "to_minutes(%s)"},
	"SS":   {"second", "to_seconds(%s)"},
	"MS":   {"millisecond", "to_milliseconds(%s)"},
}

// period is the period that an argument names.
func (c *invocation) period(i int) (string, error) {
	name, err := c.literal(i)
	if err != nil {
		return "", err
	}
	name = strings.ToUpper(name)
	if _, ok := periods[name]; !ok && (name != "WD" || c.name != "extract") {
		return "", fmt.Errorf("%s: %q is not a period; those are YYYY, Q, MM, WK, DD, HH, MI, SS and MS", c.name, name)
	}
	return name, nil
}

// truncated cuts an instant off. Weeks begin on Sunday, in DuckDB on Monday.
func truncated(sql, name string) string {
	if name == "WK" {
		return "(date_trunc('week', " + sql + " + INTERVAL 1 DAY) - INTERVAL 1 DAY)"
	}
	return "date_trunc('" + periods[name].unit + "', " + sql + ")"
}

// truncDate is the beginning of the period that an instant is in.
func truncDate(c *invocation) (Value, error) {
	name, err := c.period(0)
	if err != nil {
		return Value{}, err
	}
	at, err := convert(c.name, instant, c.args[1])
	if err != nil {
		return Value{}, err
	}
	return made(c.name, truncated(at.SQL, name), Datetime, at)
}

// extract is a part of an instant as an integer; WD is the day of the week, with
// Sunday as 1.
func extract(c *invocation) (Value, error) {
	name, err := c.period(0)
	if err != nil {
		return Value{}, err
	}
	at, err := convert(c.name, instant, c.args[1])
	if err != nil {
		return Value{}, err
	}
	sql := ""
	switch name {
	case "WD":
		sql = "(dayofweek(" + at.SQL + ") + 1)"
	case "WK", "MS":
		return Value{}, fmt.Errorf("extract takes no period %s", name)
	default:
		sql = "date_part('" + periods[name].unit + "', " + at.SQL + ")"
	}
	return made(c.name, sql, Integer, at)
}

// dateDiff counts the beginnings of a period, of days unless another one is
// named, that lie between two instants.
func dateDiff(c *invocation) (Value, error) {
	name := "DD"
	if len(c.args) == 3 {
		var err error
		if name, err = c.period(2); err != nil {
			return Value{}, err
		}
	}
	c.args = c.args[:2]
	if name == "WK" {
		weeks := "(date_diff('day', " + truncated("%s", name) + ", " + truncated("%s", name) + ") // 7)"
		return c.fill(template{[]kind{instant, instant}, Integer, weeks})
	}
	return c.fill(template{[]kind{instant, instant}, Integer, "date_diff('" + periods[name].unit + "', %s, %s)"})
}

// addDateTime adds a number of periods to an instant.
func addDateTime(c *invocation) (Value, error) {
	name, err := c.period(1)
	if err != nil {
		return Value{}, err
	}
	c.args = []Value{c.args[0], c.args[2]}
	return c.fill(template{[]kind{integer, instant}, Datetime, "(%[2]s + " + strings.Replace(periods[name].add, "%s", "%[1]s", 1) + ")"})
}

// workDays counts the days from Monday to Friday up to a date, since the
// first day of year 1, a Monday.
const workDays = "(date_diff('day', DATE '0001-01-01', CAST(%[1]s AS DATE) + %[2]d) // 7 * 5 + " +
	"least(isodow(CAST(%[1]s AS DATE) + %[2]d), 5))"

// netWorkDays counts the days from Monday to Friday between two dates, both
// included; negative when the second is before the first.
func netWorkDays(c *invocation) (Value, error) {
	var upTo [2][2]string // the dates and the days before them
	for i := range c.args {
		v, err := convert(c.name, instant, c.args[i])
		if err != nil {
			return Value{}, err
		}
		c.args[i] = v
		for before := range 2 {
			upTo[i][before] = fmt.Sprintf(workDays, v.SQL, -before)
		}
	}
	sql := fmt.Sprintf("(CASE WHEN CAST(%s AS DATE) <= CAST(%s AS DATE) THEN %s - %s ELSE %s - %s END)",
		c.args[0].SQL, c.args[1].SQL, upTo[1][0], upTo[0][1], upTo[1][1], upTo[0][0])
	return made(c.name, sql, Integer, c.args...)
}

// now is the scope's.
func now(c *invocation) (Value, error) {
	if c.scope.Now == "" {
		return Value{}, Unsupported{"now here"}
	}
	return Value{SQL: c.scope.Now, Type: Datetime, Constant: true}, nil
}

// formatDate writes an instant, by default as yyyy-MM-dd'T'HH:mm:ss:SSS.
func formatDate(c *invocation) (Value, error) {
	pattern, err := c.pattern("yyyy-MM-dd'T'HH:mm:ss:SSS")
	if err != nil {
		return Value{}, err
	}
	return c.fill(template{[]kind{instant, text}, String, "strftime(%s, %s)"}.with(c, pattern))
}

// parseDate reads an instant, by default as yyyy-MM-dd. What has another form is
// null.
func parseDate(c *invocation) (Value, error) {
	pattern, err := c.pattern("yyyy-MM-dd")
	if err != nil {
		return Value{}, err
	}
	return c.fill(template{[]kind{text, text}, Datetime, "try_strptime(%s, %s)"}.with(c, pattern))
}

// with gives a call a second argument, which is a text.
func (t template) with(c *invocation, text string) template {
	c.args = []Value{c.args[0], constant(text, Text(text), String)}
	return t
}
