package visual

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
)

// colorsOf gives the colours that the definition sets for the values of a
// dimension: those of the visual's palette, then those of the column everywhere.
func (p *plan) colorsOf(f *field, palette *types.VisualPalette) func(v any) string {
	if f == nil {
		return func(any) string { return "" }
	}
	named := map[string]string{}
	for _, c := range deref(p.configuration(f.DataSet, f.Column).ColorsConfiguration).CustomColors {
		p.undrawn(c.SpecialValue != "", "the colours of special values are")
		if c.SpecialValue == "" {
			named[deref(c.FieldValue)] = hex(c.Color)
		}
	}
	for _, c := range deref(palette).ColorMap {
		if e := deref(c.Element); deref(e.FieldId) == f.ID && e.FieldValue != nil {
			named[*e.FieldValue] = hex(c.Color)
		}
	}
	return func(v any) string {
		if v == nil || v == (others{}) {
			return ""
		}
		return named[literal(v)]
	}
}

// literal is how a definition writes a value of a dimension.
func literal(v any) string {
	if t, ok := v.(time.Time); ok {
		return t.Format("2006-01-02 15:04:05.000")
	}
	return fmt.Sprint(v)
}
