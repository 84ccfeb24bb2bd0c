package query

import (
	"errors"
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

// steps are the lengths of periods.
var steps = map[types.TimeGranularity]struct {
	months, days int
	clock        time.Duration
}{
	types.TimeGranularityYear: {months: 12}, types.TimeGranularityQuarter: {months: 3}, types.TimeGranularityMonth: {months: 1},
	types.TimeGranularityWeek: {days: 7}, types.TimeGranularityDay: {days: 1},
	types.TimeGranularityHour: {clock: time.Hour}, types.TimeGranularityMinute: {clock: time.Minute},
	types.TimeGranularitySecond: {clock: time.Second}, types.TimeGranularityMillisecond: {clock: time.Millisecond},
}

// cut is an instant cut off to a grain, in Go.
func cut(t time.Time, grain types.TimeGranularity) (time.Time, error) {
	t = t.UTC()
	step, known := steps[grain]
	switch {
	case grain == "":
		return t, nil
	case !known:
		return time.Time{}, fmt.Errorf("there is no time granularity %q", grain)
	case step.clock > 0:
		return t.Truncate(step.clock), nil
	}
	year, month, day := t.Date()
	switch {
	case step.months > 0:
		month, day = month-(month-1)%time.Month(step.months), 1
	case step.days == 7:
		day -= int(t.Weekday())
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC), nil
}

// mostPeriods bounds how many periods a date is moved by, so that it stays one.
const mostPeriods = 1_000_000

// moved is an instant some periods later. Where a month is too short for the
// day, the month's last day is meant, as in SQL.
func moved(t time.Time, n int, grain types.TimeGranularity) (time.Time, error) {
	step, known := steps[grain]
	switch {
	case n < -mostPeriods || n > mostPeriods:
		return time.Time{}, fmt.Errorf("%d periods are too many", n)
	case !known:
		return time.Time{}, fmt.Errorf("there is no time granularity %q", grain)
	}
	later := t.AddDate(0, n*step.months, 0)
	if step.months > 0 && later.Day() != t.Day() {
		later = later.AddDate(0, 0, -later.Day())
	}
	return inRange(later.AddDate(0, 0, n*step.days).Add(time.Duration(n) * step.clock))
}

// rolling evaluates the expression of a rolling date, such as
// addDateTime(-1, 'MM', truncDate('MM', now())).
func (b *Builder) rolling(c *types.RollingDateConfiguration) (time.Time, error) {
	if c == nil {
		return time.Time{}, errors.New("the filter has no value")
	}
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
	name, last := call.Function.Name, len(call.Args)-1
	switch name {
	case "now":
		return b.Now.UTC(), nil
	case "truncDate", "addDateTime":
	default:
		return time.Time{}, Unsupported{Feature: name + " in a rolling date"}
	}
	grain, errGrain := period(call.Args[last-1])
	t, errDate := b.rollingNode(call.Args[last])
	if err := errors.Join(errGrain, errDate); err != nil {
		return time.Time{}, err
	}
	if name == "truncDate" {
		return cut(t, grain)
	}
	amount, err := strconv.Atoi(strings.NewReplacer("(", "", ")", "").Replace(expression.Print(call.Args[0])))
	if err != nil {
		return time.Time{}, fmt.Errorf("%s is not a number of periods", expression.Print(call.Args[0]))
	}
	return moved(t, amount, grain)
}

func period(n expression.Node) (types.TimeGranularity, error) {
	if text, ok := n.(*expression.Literal); ok && text.Kind == expression.String {
		if grain, ok := dialect.Periods[strings.ToUpper(text.Text)]; ok {
			return grain, nil
		}
	}
	return "", fmt.Errorf("%s is not a period such as 'MM'", expression.Print(n))
}
