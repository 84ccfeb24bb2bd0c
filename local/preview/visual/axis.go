package visual

import (
	"math"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
)

// rename gives the fields of a visual the labels that an axis has for them.
func rename(fields []*field, options *types.ChartAxisLabelOptions) {
	for _, o := range deref(options).AxisLabelOptions {
		id, label := deref(deref(o.ApplyTo).FieldId), deref(o.CustomLabel)
		for _, f := range fields {
			if f.ID == id && label != "" {
				f.name, f.function = label, ""
			}
		}
	}
}

// axisTitle is what stands beside an axis: the custom label that is meant for no
// field in particular, else the label of the field. Several fields have no label
// in common.
func axisTitle(options *types.ChartAxisLabelOptions, fields ...*field) string {
	if hidden(deref(options).Visibility) {
		return ""
	}
	for _, o := range deref(options).AxisLabelOptions {
		if o.ApplyTo == nil && deref(o.CustomLabel) != "" {
			return *o.CustomLabel
		}
	}
	if len(fields) != 1 || fields[0] == nil {
		return ""
	}
	return fields[0].label()
}

// axis reads how an axis is shown.
func axis(title string, display *types.AxisDisplayOptions) Axis {
	d := deref(display)
	numeric := deref(deref(d.DataOptions).NumericAxisOptions)
	bounds := deref(deref(numeric.Range).MinMax)
	return Axis{
		Title:  title,
		Hidden: hidden(deref(deref(d.TickLabelOptions).LabelOptions).Visibility),
		Least:  finite(bounds.Minimum),
		Most:   finite(bounds.Maximum),
		Log:    deref(numeric.Scale).Logarithmic != nil,
	}
}

// finite drops what JSON cannot hold.
func finite(n *float64) *float64 {
	if n == nil || math.IsNaN(*n) || math.IsInf(*n, 0) {
		return nil
	}
	return n
}

// legend is where the legend stands; QuickSight puts it on the right.
func legend(o *types.LegendOptions, needed bool) string {
	if !needed || hidden(deref(o).Visibility) {
		return ""
	}
	switch deref(o).Position {
	case types.LegendPositionTop:
		return "top"
	case types.LegendPositionBottom:
		return "bottom"
	default:
		return "right"
	}
}

// labelled reports whether data labels are shown; they are not unless asked for.
func labelled(o *types.DataLabelOptions) bool {
	return o != nil && o.Visibility == types.VisibilityVisible
}

// referenceLines draws reference lines over the values of the series. A dynamic
// line looks at the series of the measure whose column it names.
func (p *plan) referenceLines(lines []types.ReferenceLine, c *Chart, measures []*field) {
	for _, l := range lines {
		data := deref(l.DataConfiguration)
		label := deref(deref(deref(l.LabelConfiguration).CustomLabelConfiguration).CustomLabel)
		switch {
		case l.Status == types.WidgetStatusDisabled:
		case data.StaticConfiguration != nil:
			if n := data.StaticConfiguration.Value; finite(&n) != nil {
				c.Lines = append(c.Lines, ReferenceLine{Value: n, Label: label})
			}
		case data.DynamicConfiguration != nil:
			name, n, ok := dynamicLine(data.DynamicConfiguration, c, measures)
			if !ok {
				p.notes.add("a reference line is not drawn")
				continue
			}
			if label == "" {
				label = name
			}
			c.Lines = append(c.Lines, ReferenceLine{Value: n, Label: label})
		}
	}
}

// dynamicLine aggregates the values that are drawn of one measure.
func dynamicLine(d *types.ReferenceLineDynamicDataConfiguration, c *Chart, measures []*field) (string, float64, bool) {
	column := deref(d.Column)
	var values []float64
	for _, f := range measures {
		if f.Column != deref(column.ColumnName) || f.DataSet != deref(column.DataSetIdentifier) {
			continue
		}
		for i := range c.Series {
			if c.Series[i].measure == f.ID {
				values = append(values, numbers(c.Series[i].Values)...)
			}
		}
		function, percentile := string(deref(d.Calculation).SimpleNumericalAggregation), 0.0
		if pc := deref(d.Calculation).PercentileAggregation; pc != nil {
			function, percentile = "PERCENTILE", deref(pc.PercentileValue)
		}
		n, ok := aggregate(function, percentile, values)
		name := functions[function]
		if function == "PERCENTILE" {
			name = "Percentile " + strconv.FormatFloat(percentile, 'f', -1, 64)
		}
		return name + " of " + f.name, n, ok
	}
	return "", 0, false
}

// numbers are those among values; what is not there does not count.
func numbers(values []Value) []float64 {
	var all []float64
	for _, v := range values {
		if n, ok := number(v); ok {
			all = append(all, n)
		}
	}
	return all
}

// aggregate aggregates values that are drawn, false if there are none, or if the
// function is not one of those that can be told from them.
func aggregate(function string, percentile float64, values []float64) (float64, bool) {
	if len(values) == 0 {
		return 0, false
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	var n float64
	switch function {
	case "SUM":
		n = sum
	case "AVERAGE":
		n = sum / float64(len(values))
	case "MIN":
		n = slices.Min(values)
	case "MAX":
		n = slices.Max(values)
	case "MEDIAN":
		n = quantile(values, 0.5)
	case "PERCENTILE":
		n = quantile(values, percentile/100)
	default:
		return 0, false
	}
	return n, finite(&n) != nil
}

// quantile interpolates between the nearest values, as DuckDB's quantile_cont.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if math.IsNaN(q) {
		return q
	}
	at := max(0, min(q, 1)) * float64(len(sorted)-1)
	low := int(at)
	if low == len(sorted)-1 {
		return sorted[low]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}
