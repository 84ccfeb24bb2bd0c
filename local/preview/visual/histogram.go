package visual

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/query"
)

const (
	defaultBins = 10   // QuickSight's number of bins
	mostBins    = 1000 // as many as are drawn
)

// histogram reads a histogram. Its one query counts the values of each bin: the
// bins are a dimension whose expression looks at the least and the greatest
// value, and the answer has both, so that the bounds can be written.
func (p *plan) histogram(c types.HistogramConfiguration) {
	p.drawing.Kind = "histogram"
	wells := deref(deref(c.FieldWells).HistogramAggregatedFieldWells)
	measures := p.measures(wells.Values)
	if len(measures) == 0 {
		p.placeholder("a visual without fields")
		return
	}
	f := measures[0]
	if strings.ContainsAny(f.Column, "{}") || f.Column == "" {
		p.placeholder("a histogram of a field that an expression cannot name")
		return
	}
	p.rename(c.XAxisLabelOptions)
	f.function = "" // it counts rows, whatever the definition says
	h := &histogram{plan: p, field: f, drawn: &Histogram{
		X: p.axis(c.XAxisLabelOptions, c.XAxisDisplayOptions, f), Y: p.axis(nil, c.YAxisDisplayOptions),
		Labels: labelled(c.DataLabels), Name: f.name,
	}}
	h.drawn.Y.Title = "Frequency"
	h.read(deref(c.BinOptions))
	bin := query.Field{ID: p.unique("bin"), DataSet: f.DataSet, Expression: h.expression()}
	h.bin = bin.ID
	spec := query.Spec{Dimensions: []query.Field{bin}, MaxRows: 2 * mostBins, Sorts: []query.Sort{{FieldID: h.bin}}}
	for i, function := range []string{"COUNT", "MIN", "MAX"} {
		m := f.Field
		m.ID, m.Aggregation, m.Percentile = p.unique(strings.ToLower(function)), function, 0
		h.measures[i] = m.ID
		spec.Measures = append(spec.Measures, m)
	}
	p.ask(spec, h.draw)
}

// histogram is a histogram on its way to a Drawing.
type histogram struct {
	plan     *plan
	field    *field
	bin      string    // the ids of the answer's columns
	measures [3]string // count, least and greatest value
	start    *float64  // where the first bin begins, if the definition says so
	width    float64   // of a bin; 0 where their number is given
	n        int       // of bins; with a width, at most
	drawn    *Histogram
}

// read reads how the bins are made.
func (h *histogram) read(o types.HistogramBinOptions) {
	h.start, h.n = finite(o.StartValue), defaultBins
	width := deref(deref(o.BinWidth).Value)
	switch count := deref(deref(o.BinCount).Value); {
	case o.SelectedBinType == types.HistogramBinTypeBinWidth && width > 0 && finite(&width) != nil:
		h.width, h.n = width, mostBins
		if limit := deref(deref(o.BinWidth).BinCountLimit); limit > 0 {
			h.n = int(min(limit, mostBins))
		}
	case count > 0:
		h.n = int(min(count, mostBins))
	}
}

// expression numbers the bin of a value, from 0.
func (h *histogram) expression() string {
	x := "{" + h.field.Column + "}"
	low := "minOver(" + x + ", [], PRE_AGG)"
	if h.start != nil {
		low = "(" + strconv.FormatFloat(*h.start, 'f', -1, 64) + ")"
	}
	if h.width > 0 {
		return fmt.Sprintf("floor((%s - %s) / %s)", x, low, strconv.FormatFloat(h.width, 'f', -1, 64))
	}
	return fmt.Sprintf("floor((%s - %s) * %d / (maxOver(%[1]s, [], PRE_AGG) - %[2]s))", x, low, h.n)
}

func (h *histogram) draw(a *answer) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, row := range a.rows {
		if v, ok := number(a.at(row, h.measures[1])); ok {
			low = min(low, v)
		}
		if v, ok := number(a.at(row, h.measures[2])); ok {
			high = max(high, v)
		}
	}
	if h.start != nil {
		low = *h.start
	}
	if math.IsInf(low, 0) || math.IsInf(high, 0) || low > high {
		h.plan.drawing.Empty = true
		return
	}
	fitted(a, []*field{h.field})
	d := h.drawn
	d.X.Ticks, d.Y.Ticks = h.field.format.ticks(), plainNumber.ticks()
	bounds, all := h.bounds(low, high)
	if !all {
		h.plan.notes.add("values beyond %d bins are left out", h.n)
	}
	counts := make([]int64, len(bounds)-1)
	for _, row := range a.rows {
		h.count(counts, row, a, all)
	}
	for i, n := range counts {
		d.Bins = append(d.Bins, Bin{h.field.cell(bounds[i]), h.field.cell(bounds[i+1]), Cell{n, written(n, plainNumber)}})
	}
	h.plan.drawing.Histogram = d
}

// bounds are those of the bins: where each begins, and where the last one ends.
// All is false if the greatest value is beyond it.
func (h *histogram) bounds(low, high float64) (bounds []float64, all bool) {
	if h.width > 0 {
		// A value on a bound is in the bin that begins there, the greatest too, so
		// that whole numbers each have a bin of their own.
		n := int(min(math.Floor((high-low)/h.width)+1, float64(h.n)))
		for i := range n + 1 {
			bounds = append(bounds, low+float64(i)*h.width)
		}
		return bounds, bounds[n] > high
	}
	n, end := h.n, high
	if low == high {
		n, end = 1, low+1
	}
	bounds = make([]float64, n+1)
	for i := range bounds {
		bounds[i] = low + (end-low)*(float64(i)/float64(n))
	}
	bounds[n] = end // where rounding must not leave the greatest value out
	return bounds, end >= high
}

// count adds a row of the answer to its bin. The greatest value lies on the last
// bound, which is the last bin's too; and where all values are the same, there is
// nothing to number the bins by.
func (h *histogram) count(bins []int64, row []any, a *answer, all bool) {
	n, _ := a.at(row, h.measures[0]).(int64)
	i, ok := number(a.at(row, h.bin))
	switch {
	case !ok && n > 0 && len(bins) == 1:
		i = 0
	case !ok || i < 0:
		return
	case all:
		i = min(i, float64(len(bins)-1))
	}
	if i < float64(len(bins)) {
		bins[int(i)] += n
	}
}
