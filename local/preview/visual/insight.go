package visual

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

// insight tells its computations in sentences, or by the narrative of the
// definition. Each computation asks a question of its own, since each groups the
// rows in another way.
type insight struct {
	plan      *plan
	narrative string
	told      []*computation
	answered  int
}

// computation is a computation of an insight.
type computation struct {
	name     string // which a narrative calls it by
	sentence string
	// outputs are the values that a narrative may use, by path, such as
	// currentMetricValue.formattedValue:
	// https://docs.aws.amazon.com/quicksight/latest/user/period-over-period-function.html
	outputs map[string]string
}

// insight reads an insight.
func (p *plan) insight(c types.InsightConfiguration) {
	p.drawing.Kind = "insight"
	i := &insight{plan: p, narrative: deref(deref(c.CustomNarrative).Narrative)}
	for _, computation := range c.Computations {
		i.read(computation)
	}
	switch {
	case len(i.told) == 0 && i.narrative == "":
		p.placeholder("an insight without computations")
	case len(i.told) == 0:
		i.write()
	}
}

// read reads one computation.
func (i *insight) read(c types.Computation) {
	switch {
	case c.TopBottomRanked != nil:
		i.ranked(*c.TopBottomRanked)
	case c.TopBottomMovers != nil:
		i.movers(*c.TopBottomMovers)
	case c.TotalAggregation != nil:
		i.total(*c.TotalAggregation)
	case c.UniqueValues != nil:
		i.unique(*c.UniqueValues)
	case c.MaximumMinimum != nil:
		i.extreme(*c.MaximumMinimum)
	case c.PeriodOverPeriod != nil:
		i.period(*c.PeriodOverPeriod)
	case c.GrowthRate != nil:
		i.growth(*c.GrowthRate)
	case c.MetricComparison != nil:
		i.comparison(*c.MetricComparison)
	case c.PeriodToDate != nil:
		i.plan.notes.add("the computation period to date is not drawn")
	case c.Forecast != nil:
		i.plan.notes.add("the computation forecast is not drawn")
	}
}

// write puts what is told into the Drawing.
func (i *insight) write() {
	if i.narrative == "" {
		var out strings.Builder
		for _, c := range i.told {
			out.WriteString("<div>" + html.EscapeString(printable(c.sentence)) + "</div>")
		}
		i.plan.drawing.Insight = &Insight{HTML: out.String()}
		return
	}
	if strings.Contains(i.narrative, "<if") || strings.Contains(i.narrative, "<for") {
		i.plan.notes.add("the conditions and loops of the narrative are not followed")
	}
	i.plan.drawing.Insight = &Insight{HTML: richHTML(i.narrative, richValues{
		parameter: parameters(i.plan.builder), expression: i.expression,
	})}
}

// expression gives the value of an expression of a narrative: a computation's
// name, and the path of one of its outputs.
func (i *insight) expression(path string) (string, bool) {
	for _, c := range i.told {
		if rest, ok := strings.CutPrefix(path, c.name+"."); ok && c.name != "" {
			if v, known := c.outputs[rest]; known {
				return v, true
			}
		}
	}
	i.plan.notes.add("the narrative's expression %s is not known", shorten(path, 60))
	return "", false
}

// ask asks a computation's question, which is given up where a field is missing.
func (i *insight) ask(name *string, spec query.Spec, needed []*field, tell func(*computation, *answer)) {
	if slices.Contains(needed, nil) {
		i.plan.notes.add("a computation lacks a field")
		return
	}
	c := &computation{name: deref(name), outputs: map[string]string{}}
	i.told = append(i.told, c)
	i.plan.ask(spec, func(a *answer) {
		fitted(a, needed)
		if c.sentence = "There is no data."; len(a.rows) > 0 {
			tell(c, a)
		}
		if i.answered++; i.answered == len(i.told) {
			i.write()
		}
	})
}

// field and measure read the fields of a computation, nil where they are missing.
func (i *insight) field(f *types.DimensionField) *field { return i.plan.dimension(deref(f)) }

func (i *insight) measure(f *types.MeasureField) *field { return i.plan.oneMeasure(deref(f)) }

// metric adds the outputs of a number.
func (c *computation) metric(name string, v any, f Format) {
	c.outputs[name+".value"] = fmt.Sprint(value(v))
	c.outputs[name+".formattedValue"] = written(v, f)
	size := v
	switch n := v.(type) {
	case int64:
		size = max(n, -n)
	case float64:
		size = math.Abs(n)
	}
	c.outputs[name+".formattedAbsoluteValue"] = written(size, f)
}

// names adds the outputs of the fields' names.
func (c *computation) names(names map[string]*field) {
	for name, f := range names {
		c.outputs[name+".name"] = f.name
		if f.measure {
			c.outputs[name+".aggregationFunction"] = f.function
		}
	}
}

// total tells the value over all rows.
func (i *insight) total(o types.TotalAggregationComputation) {
	f := i.measure(o.Value)
	i.ask(o.Name, query.Spec{Measures: asked(f)}, []*field{f}, func(c *computation, a *answer) {
		v := a.at(a.rows[0], f.ID)
		c.names(map[string]*field{"metricField": f})
		c.metric("totalAggregate", v, f.format)
		c.sentence = fmt.Sprintf("%s is %s in total.", f.title(), written(v, f.format))
	})
}

// unique tells how many different values a dimension has.
func (i *insight) unique(o types.UniqueValuesComputation) {
	f := i.field(o.Category)
	if f == nil {
		i.ask(o.Name, query.Spec{}, []*field{nil}, nil)
		return
	}
	count := f.Field
	count.ID, count.Aggregation, count.Grain = i.plan.unique("count"), "DISTINCT_COUNT", ""
	i.ask(o.Name, query.Spec{Measures: []query.Field{count}}, []*field{f}, func(c *computation, a *answer) {
		v := a.at(a.rows[0], count.ID)
		c.names(map[string]*field{"categoryField": f})
		c.metric("uniqueGroupValuesCount", v, plainNumber)
		c.sentence = fmt.Sprintf("There are %s different values of %s.", written(v, plainNumber), f.name)
	})
}

// ranked tells the first values of a dimension by a measure.
func (i *insight) ranked(o types.TopBottomRankedComputation) {
	category, f := i.field(o.Category), i.measure(o.Value)
	if category == nil || f == nil {
		i.ask(o.Name, query.Spec{}, []*field{nil}, nil)
		return
	}
	n := results(o.ResultSize)
	down := o.Type != types.TopBottomComputationTypeBottom
	sorts := []query.Sort{{FieldID: f.ID, Descending: down}}
	spec := query.Spec{Dimensions: asked(category), Measures: asked(f), Sorts: sorts, MaxRows: most}
	i.ask(o.Name, spec, []*field{category, f}, func(c *computation, a *answer) {
		rows := a.arrange(a.rows, category.ID, sorts)
		rows = rows[:min(n, len(rows))]
		c.names(map[string]*field{"categoryField": category, "metricField": f})
		c.metric("itemsCount", int64(len(rows)), plainNumber)
		var all []string
		for place, row := range rows {
			name := written(a.at(row, category.ID), category.format)
			c.outputs[fmt.Sprintf("categoryItems[%d].formattedValue", place)] = name
			c.metric(fmt.Sprintf("metricItems[%d]", place), a.at(row, f.ID), f.format)
			all = append(all, fmt.Sprintf("%s (%s)", name, written(a.at(row, f.ID), f.format)))
		}
		c.sentence = fmt.Sprintf("%s %d %s by %s: %s.", ends(down), len(rows), category.name, f.title(), strings.Join(all, ", "))
	})
}

// results is how many results a computation tells; 3 where it does not say.
func results(n *int32) int {
	if deref(n) <= 0 {
		return 3
	}
	return int(min(*n, 20))
}

// ends names the ends of an order.
func ends(top bool) string {
	if top {
		return "Top"
	}
	return "Bottom"
}
