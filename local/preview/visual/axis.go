package visual

import "github.com/aws/aws-sdk-go-v2/service/quicksight/types"

// call gives a field the label that the visual has for it.
func (p *plan) call(f *field, label *string) {
	if s := p.label(label); s != "" {
		f.name, f.function = s, ""
	}
}

// label is a label of the definition, with the values of parameters put in.
func (p *plan) label(s *string) string { return putIn(deref(s), parameters(p.builder)) }

// rename gives the fields of a visual the labels that its axes have for them.
func (p *plan) rename(axes ...*types.ChartAxisLabelOptions) {
	for _, options := range axes {
		for _, o := range deref(options).AxisLabelOptions {
			for _, f := range p.fields {
				if f.ID == deref(deref(o.ApplyTo).FieldId) {
					p.call(f, o.CustomLabel)
				}
			}
		}
	}
}

// axis reads how the axis of some fields is shown.
func (p *plan) axis(labels *types.ChartAxisLabelOptions, display *types.AxisDisplayOptions, fields ...*field) Axis {
	return Axis{Title: p.axisTitle(labels, fields), Hidden: hidden(deref(deref(deref(display).TickLabelOptions).LabelOptions).Visibility)}
}

// axisTitle is what stands beside an axis: the custom label that is meant for no
// field in particular, else the label of the field. Several fields have no label
// in common.
func (p *plan) axisTitle(options *types.ChartAxisLabelOptions, fields []*field) string {
	if hidden(deref(options).Visibility) {
		return ""
	}
	for _, o := range deref(options).AxisLabelOptions {
		if o.ApplyTo == nil && deref(o.CustomLabel) != "" {
			return p.label(o.CustomLabel)
		}
	}
	if len(fields) != 1 || fields[0] == nil {
		return ""
	}
	return fields[0].label()
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

// labelled reports whether data labels are shown; they are not unless the
// definition says so.
func labelled(o *types.DataLabelOptions) bool {
	return o != nil && o.Visibility == types.VisibilityVisible
}
