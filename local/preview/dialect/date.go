package dialect

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
)

// Periods are the names of periods in expressions, in capitals.
var Periods = map[string]types.TimeGranularity{
	"YYYY": types.TimeGranularityYear, "Q": types.TimeGranularityQuarter, "MM": types.TimeGranularityMonth,
	"WK": types.TimeGranularityWeek, "DD": types.TimeGranularityDay, "HH": types.TimeGranularityHour,
	"MI": types.TimeGranularityMinute, "SS": types.TimeGranularitySecond, "MS": types.TimeGranularityMillisecond,
}

// intervals are DuckDB's of %s periods.
var intervals = map[types.TimeGranularity]string{
	types.TimeGranularityYear: "to_years(CAST(%s AS INTEGER))", types.TimeGranularityQuarter: "to_months(CAST(3 * %s AS INTEGER))",
	types.TimeGranularityMonth: "to_months(CAST(%s AS INTEGER))", types.TimeGranularityWeek: "to_days(CAST(7 * %s AS INTEGER))",
	types.TimeGranularityDay: "to_days(CAST(%s AS INTEGER))", types.TimeGranularityHour: "to_hours(%s)",
	types.TimeGranularityMinute: "to_minutes(%s)", types.TimeGranularitySecond: "to_seconds(%s)",
	types.TimeGranularityMillisecond: "to_milliseconds(%s)",
}

// unit is what DuckDB calls a period in date_trunc, date_diff and date_part.
func unit(period types.TimeGranularity) string { return strings.ToLower(string(period)) }

// period is the period that an argument names.
func (c *invocation) period(i int) (types.TimeGranularity, error) {
	name, err := c.literal(i)
	if err != nil {
		return "", err
	}
	period, ok := Periods[strings.ToUpper(name)]
	if !ok {
		return "", fmt.Errorf("%s: %q is not a period; those are YYYY, Q, MM, WK, DD, HH, MI, SS and MS", c.name, name)
	}
	return period, nil
}

// Truncated is an instant in SQL, cut off to the beginning of its period; of no
// period it stays as it is. Weeks begin on Sunday, in DuckDB on Monday:
// https://docs.aws.amazon.com/quicksight/latest/user/truncDate-function.html
func Truncated(sql string, period types.TimeGranularity) (string, error) {
	if period == "" {
		return sql, nil
	}
	if intervals[period] == "" {
		return "", fmt.Errorf("there is no time granularity %q", period)
	}
	return truncated(sql, period), nil
}

func truncated(sql string, period types.TimeGranularity) string {
	if period == types.TimeGranularityWeek {
		return "(date_trunc('week', " + sql + " + INTERVAL 1 DAY) - INTERVAL 1 DAY)"
	}
	return "date_trunc('" + unit(period) + "', " + sql + ")"
}

// truncDate is the beginning of the period that an instant is in.
func truncDate(c *invocation) (Value, error) {
	period, err := c.period(0)
	if err != nil {
		return Value{}, err
	}
	c.args = c.args[1:]
	return c.fill(template{[]kind{instant}, Datetime, truncated("%s", period)})
}

// extract is a part of an instant as an integer; WD is the day of the week, with
// Sunday as 1.
func extract(c *invocation) (Value, error) {
	sql := "(dayofweek(%s) + 1)"
	if part, err := c.literal(0); err != nil || !strings.EqualFold(part, "WD") {
		period, err := c.period(0)
		if err != nil {
			return Value{}, err
		}
		if period == types.TimeGranularityWeek || period == types.TimeGranularityMillisecond {
			return Value{}, fmt.Errorf("extract takes no period %s", strings.ToUpper(*c.args[0].literal))
		}
		sql = "date_part('" + unit(period) + "', %s)"
	}
	c.args = c.args[1:]
	return c.fill(template{[]kind{instant}, Integer, sql})
}

// dateDiff counts the beginnings of a period, of days unless another one is
// named, that lie between two instants.
func dateDiff(c *invocation) (Value, error) {
	period := types.TimeGranularityDay
	if len(c.args) == 3 {
		var err error
		if period, err = c.period(2); err != nil {
			return Value{}, err
		}
	}
	sql := "date_diff('" + unit(period) + "', %s, %s)"
	if period == types.TimeGranularityWeek {
		sql = "(date_diff('day', " + truncated("%s", period) + ", " + truncated("%s", period) + ") // 7)"
	}
	c.args = c.args[:2]
	return c.fill(template{[]kind{instant, instant}, Integer, sql})
}

// addDateTime adds a number of periods to an instant.
func addDateTime(c *invocation) (Value, error) {
	period, err := c.period(1)
	if err != nil {
		return Value{}, err
	}
	c.args = []Value{c.args[0], c.args[2]}
	return c.fill(template{[]kind{integer, instant}, Datetime, "(%[2]s + " + strings.Replace(intervals[period], "%s", "%[1]s", 1) + ")"})
}

// formatDate writes an instant, by default as yyyy-MM-dd'T'HH:mm:ss:SSS.
func formatDate(c *invocation) (Value, error) {
	return c.byPattern("yyyy-MM-dd'T'HH:mm:ss:SSS", template{[]kind{instant, text}, String, "strftime(%s, %s)"})
}

// parseDate reads an instant, by default as yyyy-MM-dd. What has another form is
// null.
func parseDate(c *invocation) (Value, error) {
	return c.byPattern("yyyy-MM-dd", template{[]kind{text, text}, Datetime, "try_strptime(%s, %s)"})
}
