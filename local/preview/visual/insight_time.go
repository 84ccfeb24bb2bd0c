package visual

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// overTime is the question of computations that compare periods.
func overTime(time *field, fields ...*field) query.Spec {
	if time == nil {
		return query.Spec{}
	}
	return query.Spec{
		Dimensions: asked(append([]*field{time}, fields...)...),
		Sorts:      []query.Sort{{FieldID: time.ID, Descending: true}}, MaxRows: 4 * most,
	}
}

// periods are the rows of an answer whose time is known, from early to late.
func (a *answer) periods(time *field) [][]any {
	rows := slices.DeleteFunc(slices.Clone(a.rows), func(row []any) bool { return a.at(row, time.ID) == nil })
	return a.arrange(rows, time.ID, []query.Sort{{FieldID: time.ID}})
}

// change is the step from one value to another.
type change struct {
	difference, percent any // float64 or nil
}

func changeOf(before, now any) change {
	x, ok := number(before)
	y, also := number(now)
	if !ok || !also {
		return change{}
	}
	c := change{difference: cell(y - x)}
	if x != 0 {
		c.percent = cell((y - x) / math.Abs(x))
	}
	return c
}

// percentFormat is how the differences of computations are written.
var percentFormat = Format{Type: "percent", Decimals: -1, Grouping: true}

// said tells a change: rose by 10 (5%).
func (c change) said(f Format) string {
	d, ok := number(c.difference)
	if !ok {
		return "cannot be compared"
	}
	if d == 0 {
		return "did not change"
	}
	verb := "rose"
	if d < 0 {
		verb = "fell"
	}
	said := fmt.Sprintf("%s by %s", verb, written(math.Abs(d), f))
	if p, ok := number(c.percent); ok {
		said += fmt.Sprintf(" (%s)", written(math.Abs(p), percentFormat))
	}
	return said
}

// change adds the outputs of a change.
func (c *computation) change(d change, f Format) {
	c.metric("absoluteDifference", d.difference, f)
	c.metric("percentDifference", d.percent, percentFormat)
}

// instant adds the outputs of a period.
func (c *computation) instant(name string, v any, f Format) string {
	said := written(v, f)
	c.outputs[name+".value"], c.outputs[name+".formattedValue"] = fmt.Sprint(value(v)), said
	return said
}

// period compares the last period with the one before.
func (i *insight) period(o types.PeriodOverPeriodComputation) {
	time, f := i.field(o.Time), i.measure(o.Value)
	spec := overTime(time)
	spec.Measures = asked(f)
	i.ask(o.Name, spec, []*field{time, f}, func(c *computation, a *answer) {
		rows := a.periods(time)
		if len(rows) < 2 {
			c.sentence = "There is one period only, and nothing to compare it with."
			return
		}
		before, now := rows[len(rows)-2], rows[len(rows)-1]
		x, y := a.at(before, f.ID), a.at(now, f.ID)
		c.names(map[string]*field{"timeField": time, "metricField": f})
		c.metric("previousMetricValue", x, f.format)
		c.metric("currentMetricValue", y, f.format)
		from := c.instant("previousTimeValue", a.at(before, time.ID), time.format)
		to := c.instant("currentTimeValue", a.at(now, time.ID), time.format)
		d := changeOf(x, y)
		c.change(d, f.format)
		c.sentence = fmt.Sprintf("%s %s from %s to %s: from %s to %s.",
			f.title(), d.said(f.format), from, to, written(x, f.format), written(y, f.format))
	})
}

// growth tells the compounded growth rate over the last periods.
func (i *insight) growth(o types.GrowthRateComputation) {
	time, f := i.field(o.Time), i.measure(o.Value)
	spec := overTime(time)
	spec.Measures = asked(f)
	i.ask(o.Name, spec, []*field{time, f}, func(c *computation, a *answer) {
		rows := a.periods(time)
		if size := int(deref(o.PeriodSize)); size > 0 && len(rows) > size+1 {
			rows = rows[len(rows)-size-1:]
		}
		if len(rows) < 2 {
			c.sentence = "There is one period only, and no growth."
			return
		}
		first, last := rows[0], rows[len(rows)-1]
		from := c.instant("previousTimeValue", a.at(first, time.ID), time.format)
		to := c.instant("currentTimeValue", a.at(last, time.ID), time.format)
		c.names(map[string]*field{"timeField": time, "metricField": f})
		c.metric("previousMetricValue", a.at(first, f.ID), f.format)
		c.metric("currentMetricValue", a.at(last, f.ID), f.format)
		rate := compounded(a.at(first, f.ID), a.at(last, f.ID), len(rows)-1)
		c.metric("compoundedGrowthRate", rate, percentFormat)
		c.sentence = fmt.Sprintf("The compounded growth rate of %s over %d periods, from %s to %s, is %s.",
			f.title(), len(rows)-1, from, to, written(rate, percentFormat))
	})
}

// compounded is the rate that leads from one value to another in n steps; nil
// where there is none.
func compounded(first, last any, n int) any {
	x, ok := number(first)
	y, also := number(last)
	if !ok || !also || x <= 0 || y < 0 || n < 1 {
		return nil
	}
	return cell(math.Pow(y/x, 1/float64(n)) - 1)
}

// extreme tells the period with the greatest or the least value.
func (i *insight) extreme(o types.MaximumMinimumComputation) {
	time, f := i.field(o.Time), i.measure(o.Value)
	spec := overTime(time)
	spec.Measures = asked(f)
	i.ask(o.Name, spec, []*field{time, f}, func(c *computation, a *answer) {
		rows := a.periods(time)
		name, word := "maximum", "highest"
		sort := query.Sort{Descending: true}
		if o.Type == types.MaximumMinimumComputationTypeMinimum {
			name, word, sort.Descending = "minimum", "lowest", false
		}
		if len(rows) == 0 {
			return
		}
		sort.FieldID = f.ID
		row := a.arrange(rows, time.ID, []query.Sort{sort})[0]
		c.names(map[string]*field{"timeField": time, "metricField": f})
		c.metric(name+"MetricValue", a.at(row, f.ID), f.format)
		c.metric("metricValue", a.at(row, f.ID), f.format)
		when := c.instant("timeValue", a.at(row, time.ID), time.format)
		c.sentence = fmt.Sprintf("The %s %s is %s, in %s.", word, f.title(), written(a.at(row, f.ID), f.format), when)
	})
}

// comparison holds two measures of the last period against one another.
func (i *insight) comparison(o types.MetricComparisonComputation) {
	time, from, target := i.field(o.Time), i.measure(o.FromValue), i.measure(o.TargetValue)
	spec := overTime(time)
	spec.Measures = asked(from, target)
	i.ask(o.Name, spec, []*field{time, from, target}, func(c *computation, a *answer) {
		rows := a.periods(time)
		if len(rows) == 0 {
			return
		}
		row := rows[len(rows)-1]
		x, y := a.at(row, from.ID), a.at(row, target.ID)
		c.names(map[string]*field{"timeField": time, "fromMetricField": from, "targetMetricField": target})
		c.metric("fromMetricValue", x, from.format)
		c.metric("targetMetricValue", y, target.format)
		when := c.instant("timeValue", a.at(row, time.ID), time.format)
		d := changeOf(y, x)
		c.change(d, from.format)
		c.sentence = fmt.Sprintf("In %s, %s is %s against %s of %s: %s.", when, from.title(), written(x, from.format),
			written(y, target.format), target.title(), d.held())
	})
}

// held tells a difference as a comparison.
func (c change) held() string {
	d, ok := number(c.difference)
	p, known := number(c.percent)
	switch {
	case !ok:
		return "they cannot be compared"
	case d == 0:
		return "they are the same"
	case !known:
		return "they differ"
	case d > 0:
		return written(p, percentFormat) + " more"
	default:
		return written(math.Abs(p), percentFormat) + " less"
	}
}

// movers tells the values of a dimension that changed most in the last period.
func (i *insight) movers(o types.TopBottomMoversComputation) {
	time, category, f := i.field(o.Time), i.field(o.Category), i.measure(o.Value)
	spec := overTime(time, category)
	spec.Measures = asked(f)
	i.ask(o.Name, spec, []*field{time, category, f}, func(c *computation, a *answer) {
		times := a.distinct(a.periods(time), time.ID)
		if len(times) < 2 {
			c.sentence = "There is one period only, and nothing has moved."
			return
		}
		c.names(map[string]*field{"timeField": time, "categoryField": category, "metricField": f})
		c.instant("previousTimeValue", times[len(times)-2], time.format)
		to := c.instant("currentTimeValue", times[len(times)-1], time.format)
		top := o.Type != types.TopBottomComputationTypeBottom
		moved := moves(a, time, category, f, times[len(times)-2:], o.SortOrder == types.TopBottomSortOrderAbsoluteDifference)
		if !top {
			slices.Reverse(moved)
		}
		moved = moved[:min(len(moved), results(o.MoverSize))]
		c.metric("itemsCount", int64(len(moved)), plainNumber)
		var all []string
		for _, m := range moved {
			all = append(all, fmt.Sprintf("%s %s", written(m.category, category.format), m.said(f.format)))
		}
		c.sentence = fmt.Sprintf("%s movers of %s by %s in %s: %s.",
			ends(top), category.name, f.title(), to, strings.Join(all, ", "))
	})
}

// move is the change of a category.
type move struct {
	change
	category any
}

// moves are the changes of categories between two periods, from the greatest rise
// to the greatest fall. What cannot be compared is left out.
func moves(a *answer, time, category, f *field, times []any, absolute bool) []move {
	cells := cellsOf(a, a.rows, time, category)
	var all []move
	for _, v := range a.distinct(a.rows, category.ID) {
		before, ok := cells[pair{times[0], v}]
		now, also := cells[pair{times[1], v}]
		if !ok || !also {
			continue
		}
		m := move{changeOf(a.at(before, f.ID), a.at(now, f.ID)), v}
		if m.difference != nil && (absolute || m.percent != nil) {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(x, y move) int {
		if absolute {
			return compare(y.difference, x.difference)
		}
		return compare(y.percent, x.percent)
	})
	return all
}
