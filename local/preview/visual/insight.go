package visual

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// insight writes its computations in sentences, or by the narrative of the
// definition. Each computation asks a question of its own, since each groups the
// rows in another way.
type insight struct {
	plan         *plan
	narrative    string
	computations []*computation
	answered     int
}

// computation is a computation of an insight.
type computation struct {
	name     string // which a narrative calls it by
	sentence string
	// outputs are the values that a narrative may use, by path, such as
	// currentMetricValue.formattedValue:
	// https://docs.aws.amazon.com/quicksight/latest/user/period-over-period-function.html
	outputs map[string]any
}

// insight reads an insight.
func (p *plan) insight(c types.InsightConfiguration) {
	p.drawing.Kind = "insight"
	i := &insight{plan: p, narrative: deref(deref(c.CustomNarrative).Narrative)}
	for _, one := range c.Computations {
		switch {
		case one.TopBottomRanked != nil:
			i.ranked(*one.TopBottomRanked)
		case one.TotalAggregation != nil:
			i.total(*one.TotalAggregation)
		case one.PeriodOverPeriod != nil:
			i.period(*one.PeriodOverPeriod)
		default:
			name, _ := member(&one)
			p.undrawn(name != "", "the computation "+name+" is")
		}
	}
	switch {
	case len(i.computations) == 0 && i.narrative == "":
		p.placeholder("an insight without a computation that can be drawn")
	case len(i.computations) == 0:
		i.write()
	}
}

// ask asks a computation's question, which is given up where a field is missing.
func (i *insight) ask(name *string, spec query.Spec, needed []*field, write func(*computation, *answer)) {
	if slices.Contains(needed, nil) {
		i.plan.notes.add("a computation lacks a field")
		return
	}
	c := &computation{name: deref(name), outputs: map[string]any{}}
	i.computations = append(i.computations, c)
	for _, f := range needed {
		if f.measure {
			spec.Measures = append(spec.Measures, f.Field)
		} else {
			spec.Dimensions = append(spec.Dimensions, f.Field)
		}
	}
	i.plan.ask(spec, func(a *answer) {
		fitted(a, needed)
		if c.sentence = "There is no data."; len(a.rows) > 0 {
			write(c, a)
		}
		if i.answered++; i.answered == len(i.computations) {
			i.write()
		}
	})
}

// metric adds the outputs of a number.
func (c *computation) metric(name string, v any, f Format) {
	c.value(name, v, f)
	size := v
	switch n := v.(type) {
	case int64:
		size = max(n, -n)
	case float64:
		size = math.Abs(n)
	}
	c.outputs[name+".formattedAbsoluteValue"] = written(size, f)
}

// value adds the outputs of a value, and returns it written.
func (c *computation) value(name string, v any, f Format) string {
	said := written(v, f)
	c.outputs[name+".value"], c.outputs[name+".formattedValue"] = v, said
	return said
}

// total writes the value over all rows.
func (i *insight) total(o types.TotalAggregationComputation) {
	f := i.plan.oneMeasure(deref(o.Value))
	i.ask(o.Name, query.Spec{}, []*field{f}, func(c *computation, a *answer) {
		v := a.at(a.rows[0], f.ID)
		c.metric("totalAggregate", v, f.format)
		c.sentence = fmt.Sprintf("%s is %s in total.", f.title(), written(v, f.format))
	})
}

// ranked writes the first values of a dimension by a measure.
func (i *insight) ranked(o types.TopBottomRankedComputation) {
	category, f := i.plan.dimension(deref(o.Category)), i.plan.oneMeasure(deref(o.Value))
	n, end := 3, "Top"
	if size := int(deref(o.ResultSize)); size > 0 {
		n = min(size, 20)
	}
	if o.Type == types.TopBottomComputationTypeBottom {
		end = "Bottom"
	}
	spec := query.Spec{MaxRows: most}
	if f != nil {
		spec.Sorts = []query.Sort{{FieldID: f.ID, Descending: end == "Top"}}
	}
	i.ask(o.Name, spec, []*field{category, f}, func(c *computation, a *answer) {
		rows := a.arrange(a.rows, category.ID, spec.Sorts)
		rows = rows[:min(n, len(rows))]
		c.outputs["itemsCount"] = int64(len(rows))
		var all []string
		for place, row := range rows {
			item, key, v := fmt.Sprintf("items[%d].", place), a.at(row, category.ID), a.at(row, f.ID)
			for _, name := range []string{"Field", "Value"} { // AWS's documentation has both
				c.value(item+"category"+name, key, category.format)
				c.metric(item+"metric"+name, v, f.format)
			}
			all = append(all, fmt.Sprintf("%s (%s)", written(key, category.format), written(v, f.format)))
		}
		c.sentence = fmt.Sprintf("%s %d %s by %s: %s.", end, len(rows), category.name, f.title(), strings.Join(all, ", "))
	})
}

// period compares the last period with the one before.
func (i *insight) period(o types.PeriodOverPeriodComputation) {
	time, f := i.plan.dimension(deref(o.Time)), i.plan.oneMeasure(deref(o.Value))
	spec := query.Spec{MaxRows: most}
	if time != nil { // the last periods come first
		spec.Sorts = []query.Sort{{FieldID: time.ID, Descending: true}}
	}
	i.ask(o.Name, spec, []*field{time, f}, func(c *computation, a *answer) {
		rows := a.periods(time)
		if len(rows) < 2 {
			c.sentence = "There is one period only, and nothing to compare it with."
			return
		}
		before, now := rows[len(rows)-2], rows[len(rows)-1]
		x, y := a.at(before, f.ID), a.at(now, f.ID)
		c.metric("previousMetricValue", x, f.format)
		c.metric("currentMetricValue", y, f.format)
		from := c.value("previousTimeValue", a.at(before, time.ID), time.format)
		to := c.value("currentTimeValue", a.at(now, time.ID), time.format)
		d := changeOf(x, y)
		c.metric("absoluteDifference", d.difference, f.format)
		c.metric("percentDifference", d.percent, percentFormat)
		c.sentence = fmt.Sprintf("%s %s from %s to %s: from %s to %s.",
			f.title(), d.written(f.format), from, to, written(x, f.format), written(y, f.format))
	})
}

// written writes a change: rose by 10 (5%).
func (c change) written(f Format) string {
	d, ok := number(c.difference)
	switch {
	case !ok:
		return "cannot be compared"
	case d == 0:
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
