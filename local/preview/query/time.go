package query

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

// instant is an instant as SQL.
func instant(t time.Time) string {
	return "TIMESTAMP '" + t.UTC().Format("2006-01-02 15:04:05.999999") + "'"
}

// instants are the forms that texts of instants have, those of the API first.
var instants = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
}

// parseInstant reads an instant, in UTC unless it says otherwise.
func parseInstant(text string) (time.Time, error) {
	for _, layout := range instants {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return inRange(t.UTC())
		}
	}
	return time.Time{}, fmt.Errorf("%q is not an instant such as 2006-01-02T15:04:05Z or 2006-01-02", text)
}

// inRange refuses the years that no date in SQL is written with.
func inRange(t time.Time) (time.Time, error) {
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("the year %d is not between 1 and 9999", t.Year())
	}
	return t, nil
}

// truncated is an instant in SQL, cut off to a grain. Weeks begin on Sunday:
// https://docs.aws.amazon.com/quicksight/latest/user/truncDate-function.html
func truncated(sql string, grain types.TimeGranularity) (string, error) {
	switch grain {
	case "":
		return sql, nil
	case types.TimeGranularityWeek:
		return "(date_trunc('week', " + sql + " + INTERVAL 1 DAY) - INTERVAL 1 DAY)", nil
	case types.TimeGranularityYear, types.TimeGranularityQuarter, types.TimeGranularityMonth, types.TimeGranularityDay,
		types.TimeGranularityHour, types.TimeGranularityMinute, types.TimeGranularitySecond, types.TimeGranularityMillisecond:
		return "date_trunc('" + strings.ToLower(string(grain)) + "', " + sql + ")", nil
	default:
		return "", fmt.Errorf("there is no time granularity %q", grain)
	}
}

// cut is an instant cut off to a grain, in Go.
func cut(t time.Time, grain types.TimeGranularity) (time.Time, error) {
	t = t.UTC()
	year, month, day := t.Date()
	date := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	switch grain {
	case "":
		return t, nil
	case types.TimeGranularityYear:
		return date(year, 1, 1), nil
	case types.TimeGranularityQuarter:
		return date(year, (month-1)/3*3+1, 1), nil
	case types.TimeGranularityMonth:
		return date(year, month, 1), nil
	case types.TimeGranularityWeek:
		return date(year, month, day-int(t.Weekday())), nil
	case types.TimeGranularityDay:
		return date(year, month, day), nil
	case types.TimeGranularityHour:
		return t.Truncate(time.Hour), nil
	case types.TimeGranularityMinute:
		return t.Truncate(time.Minute), nil
	case types.TimeGranularitySecond:
		return t.Truncate(time.Second), nil
	case types.TimeGranularityMillisecond:
		return t.Truncate(time.Millisecond), nil
	default:
		return time.Time{}, fmt.Errorf("there is no time granularity %q", grain)
	}
}

// mostPeriods bounds how many periods a date is moved by, so that it stays one.
const mostPeriods = 1_000_000

// moved is an instant some periods later. Where a month is too short for the
// day, the month's last day is meant, as in SQL.
func moved(t time.Time, n int, grain types.TimeGranularity) (time.Time, error) {
	if n < -mostPeriods || n > mostPeriods {
		return time.Time{}, fmt.Errorf("%d periods are too many", n)
	}
	switch grain {
	case types.TimeGranularityYear:
		return inRange(months(t, 12*n))
	case types.TimeGranularityQuarter:
		return inRange(months(t, 3*n))
	case types.TimeGranularityMonth:
		return inRange(months(t, n))
	case types.TimeGranularityWeek:
		return inRange(t.AddDate(0, 0, 7*n))
	case types.TimeGranularityDay:
		return inRange(t.AddDate(0, 0, n))
	case types.TimeGranularityHour:
		return inRange(t.Add(time.Duration(n) * time.Hour))
	case types.TimeGranularityMinute:
		return inRange(t.Add(time.Duration(n) * time.Minute))
	case types.TimeGranularitySecond:
		return inRange(t.Add(time.Duration(n) * time.Second))
	case types.TimeGranularityMillisecond:
		return inRange(t.Add(time.Duration(n) * time.Millisecond))
	default:
		return time.Time{}, fmt.Errorf("there is no time granularity %q", grain)
	}
}

func months(t time.Time, n int) time.Time {
	later := t.AddDate(0, n, 0)
	if later.Day() != t.Day() {
		later = later.AddDate(0, 0, -later.Day())
	}
	return later
}

// periods are the names of periods in expressions, in capitals.
var periods = map[string]types.TimeGranularity{
	"YYYY": types.TimeGranularityYear, "Q": types.TimeGranularityQuarter, "MM": types.TimeGranularityMonth,
	"WK": types.TimeGranularityWeek, "DD": types.TimeGranularityDay, "HH": types.TimeGranularityHour,
	"MI": types.TimeGranularityMinute, "SS": types.TimeGranularitySecond, "MS": types.TimeGranularityMillisecond,
}

// rolling evaluates the expression of a rolling date, such as
// addDateTime(-1, 'MM', truncDate('MM', now())).
func (b *Builder) rolling(c *types.RollingDateConfiguration) (time.Time, error) {
	if c.DataSetIdentifier != nil {
		return time.Time{}, Unsupported{Feature: "a rolling date of a data set"}
	}
	n, err := expression.Parse(aws.ToString(c.Expression))
	if err != nil {
		return time.Time{}, fmt.Errorf("the rolling date: %w", err)
	}
	return b.rollingNode(n)
}

func (b *Builder) rollingNode(n expression.Node) (time.Time, error) {
	call, ok := n.(*expression.Call)
	if !ok {
		return time.Time{}, fmt.Errorf("%s is not a rolling date", expression.Print(n))
	}
	switch call.Function.Name {
	case "now":
		return b.Now.UTC(), nil
	case "truncDate":
		grain, err := period(call.Args[0])
		if err != nil {
			return time.Time{}, err
		}
		t, err := b.rollingNode(call.Args[1])
		if err != nil {
			return time.Time{}, err
		}
		return cut(t, grain)
	case "addDateTime":
		amount, err := strconv.Atoi(strings.NewReplacer("(", "", ")", "").Replace(expression.Print(call.Args[0])))
		if err != nil {
			return time.Time{}, fmt.Errorf("%s is not a number of periods", expression.Print(call.Args[0]))
		}
		grain, err := period(call.Args[1])
		if err != nil {
			return time.Time{}, err
		}
		t, err := b.rollingNode(call.Args[2])
		if err != nil {
			return time.Time{}, err
		}
		return moved(t, amount, grain)
	default:
		return time.Time{}, Unsupported{Feature: call.Function.Name + " in a rolling date"}
	}
}

func period(n expression.Node) (types.TimeGranularity, error) {
	if text, ok := n.(*expression.Literal); ok && text.Kind == expression.String {
		if grain, ok := periods[strings.ToUpper(text.Text)]; ok {
			return grain, nil
		}
	}
	return "", fmt.Errorf("%s is not a period such as 'MM'", expression.Print(n))
}
