package dialect

import (
	"cmp"
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

// periodic are the functions that take the name of a period, as the argument at.
// Their SQL is empty for a period that they do not take.
var periodic = map[string]struct {
	at    int
	takes []Type // besides
	gives Type
	sql   func(types.TimeGranularity) string
}{
	// addDateTime adds a number of periods to an instant.
	"addDateTime": {1, []Type{Integer, Datetime}, Datetime, func(period types.TimeGranularity) string {
		return "(%[2]s + " + strings.Replace(intervals[period], "%s", "%[1]s", 1) + ")"
	}},
	// dateDiff counts the beginnings of a period, of days unless another one is
	// named, that lie between two instants.
	"dateDiff": {2, []Type{Datetime, Datetime}, Integer, func(period types.TimeGranularity) string {
		if period == types.TimeGranularityWeek {
			return "(date_diff('day', " + truncated("%s", period) + ", " + truncated("%s", period) + ") // 7)"
		}
		return "date_diff('" + unit(period) + "', %s, %s)"
	}},
	"extract": {0, []Type{Datetime}, Integer, func(period types.TimeGranularity) string {
		if period == types.TimeGranularityWeek || period == types.TimeGranularityMillisecond {
			return ""
		}
		return "date_part('" + unit(period) + "', %s)"
	}},
	"truncDate": {0, []Type{Datetime}, Datetime, func(period types.TimeGranularity) string { return truncated("%s", period) }},
}

// byPeriod translates a function that takes the name of a period.
func byPeriod(c *invocation) (Value, error) {
	f, period, sql := periodic[c.name], types.TimeGranularityDay, ""
	if f.at < len(c.args) {
		name, err := c.literal(f.at)
		if err != nil {
			return Value{}, err
		}
		var known bool
		if period, known = Periods[strings.ToUpper(name)]; c.name == "extract" && strings.EqualFold(name, "WD") {
			sql = "(dayofweek(%s) + 1)" // with Sunday as 1
		} else if !known {
			return Value{}, fmt.Errorf("%s: %q is not a period; those are YYYY, Q, MM, WK, DD, HH, MI, SS and MS", c.name, name)
		} else if f.sql(period) == "" {
			return Value{}, fmt.Errorf("%s takes no period %s", c.name, strings.ToUpper(name))
		}
		c.args = append(c.args[:f.at:f.at], c.args[f.at+1:]...)
	}
	return c.fill(template{f.takes, f.gives, cmp.Or(sql, f.sql(period))})
}
