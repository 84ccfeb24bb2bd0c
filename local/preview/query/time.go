package query

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// inRange refuses the years that no date in SQL is written with.
func inRange(t time.Time) (time.Time, error) {
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, fmt.Errorf("the year %d is not between 1 and 9999", t.Year())
	}
	return t, nil
}

// clock are the periods that are the same length at all times.
var clock = map[types.TimeGranularity]time.Duration{
	types.TimeGranularityHour: time.Hour, types.TimeGranularityMinute: time.Minute,
	types.TimeGranularitySecond: time.Second, types.TimeGranularityMillisecond: time.Millisecond,
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
	}
	if clock[grain] == 0 {
		return time.Time{}, fmt.Errorf("there is no time granularity %q", grain)
	}
	return t.Truncate(clock[grain]), nil
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
	}
	if clock[grain] == 0 {
		return time.Time{}, fmt.Errorf("there is no time granularity %q", grain)
	}
	return inRange(t.Add(time.Duration(n) * clock[grain]))
}

func months(t time.Time, n int) time.Time {
	later := t.AddDate(0, n, 0)
	if later.Day() != t.Day() {
		later = later.AddDate(0, 0, -later.Day())
	}
	return later
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
		if grain, ok := dialect.Periods[strings.ToUpper(text.Text)]; ok {
			return grain, nil
		}
	}
	return "", fmt.Errorf("%s is not a period such as 'MM'", expression.Print(n))
}
