package visual

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

const mostBins = 1000 // as many as are drawn

// histogram reads a histogram: bars of how many values each bin has. Its one query
// counts them, by a dimension that is the number of the bin. A value on a bound is in
// the bin that begins there, so that whole numbers each have a bin of their own.
func (p *plan) histogram(c types.HistogramConfiguration) {
	p.drawing.Kind = "chart"
	measures := p.one(p.measures(deref(deref(c.FieldWells).HistogramAggregatedFieldWells).Values))
	o := deref(c.BinOptions)
	width, start, n := deref(deref(o.BinWidth).Value), deref(o.StartValue), int64(mostBins)
	if limit := deref(deref(o.BinWidth).BinCountLimit); limit > 0 {
		n = min(limit, mostBins)
	}
	switch {
	case len(measures) == 0:
		p.placeholder("a visual without fields")
		return
	case strings.ContainsAny(measures[0].Column, "{}") || measures[0].Column == "":
		p.placeholder("a histogram of a field that an expression cannot name")
		return
	case o.SelectedBinType != types.HistogramBinTypeBinWidth || !(width > 0) || math.IsInf(width+start, 0) || math.IsNaN(start):
		p.placeholder("a histogram whose bins have no width")
		return
	}
	f := measures[0]
	p.rename(c.XAxisLabelOptions)
	f.function = "" // it counts rows, whatever the definition says
	d := &Chart{
		Category: p.axis(c.XAxisLabelOptions, c.XAxisDisplayOptions, f), Axes: []Axis{p.axis(nil, c.YAxisDisplayOptions)},
		Labels: labelled(c.DataLabels),
	}
	d.Axes[0].Title, d.Axes[0].Ticks = "Frequency", plainNumber.ticks()
	digits := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	bin := query.Field{ID: p.unique("bin"), DataSet: f.DataSet}
	bin.Expression = fmt.Sprintf("floor(({%s} - (%s)) / %s)", f.Column, digits(start), digits(width))
	count := f.Field
	count.ID, count.Aggregation, count.Percentile = p.unique("count"), "COUNT", 0
	spec := query.Spec{Dimensions: []query.Field{bin}, Measures: []query.Field{count}, MaxRows: 2 * mostBins}
	spec.Sorts = []query.Sort{{FieldID: bin.ID}}
	p.ask(spec, func(a *answer) {
		fitted(a, measures)
		counts, left := map[int64]int64{}, a.more
		first, last := int64(0), int64(-1)
		for _, row := range a.rows {
			at, ok := number(a.at(row, bin.ID))
			many, _ := a.at(row, count.ID).(int64)
			switch {
			case !ok || many == 0:
			case math.Abs(at) > 1<<53 || o.StartValue != nil && at < 0:
				left = true
			default:
				if len(counts) == 0 && o.StartValue == nil { // bins begin at multiples of their width
					first = int64(at)
				}
				counts[int64(at)], last = many, int64(at)
			}
		}
		if left = left || last-first >= n; left {
			p.notes.add("values outside of %d bins are left out", min(n, last-first+1))
		}
		s := Series{Name: f.name, Type: "bar"}
		for i := first; i <= min(last, first+n-1); i++ {
			from, to := start+float64(i)*width, start+float64(i+1)*width
			d.Categories = append(d.Categories, Cell{from, fmt.Sprintf("%s to %s", written(from, f.format), written(to, f.format))})
			s.Values = append(s.Values, Cell{counts[i], written(counts[i], plainNumber)})
		}
		d.Series = []Series{s}
		if p.drawing.Empty = len(s.Values) == 0; !p.drawing.Empty {
			p.drawing.Chart = d
		}
	})
}
