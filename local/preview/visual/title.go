package visual

import (
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/dialect"
	"github.com/headcount-etl/headcount/local/preview/query"
)

// titles writes the title and the subtitle of a visual. A visual without a title
// gets one from its fields, as QuickSight writes it: Sum of people by place.
func (p *plan) titles(visual any) {
	values := richValues{parameter: parameters(p.builder)}
	title := part[*types.VisualTitleLabelOptions](visual, "Title")
	if !hidden(deref(title).Visibility) {
		t := deref(deref(title).FormatText)
		p.drawing.Title = formatted(t.PlainText, t.RichText, values)
		if p.drawing.Title == "" {
			p.drawing.Title = p.automaticTitle()
		}
	}
	subtitle := part[*types.VisualSubtitleLabelOptions](visual, "Subtitle")
	if !hidden(deref(subtitle).Visibility) {
		t := deref(deref(subtitle).FormatText)
		p.drawing.Subtitle = formatted(t.PlainText, t.RichText, values)
	}
}

// formatted is the plain text of a ShortFormatText or LongFormatText.
func formatted(plain, rich *string, values richValues) string {
	if rich != nil {
		return richText(*rich, values)
	}
	return strings.TrimSpace(putIn(deref(plain), values.parameter))
}

// automaticTitle names the measures and the dimensions of a visual.
func (p *plan) automaticTitle() string {
	var measures, dimensions []string
	for _, f := range p.fields {
		if f.measure {
			measures = append(measures, f.title())
		} else {
			dimensions = append(dimensions, f.name)
		}
	}
	title := strings.Join(measures, ", ")
	switch {
	case p.drawing.Kind == "insight":
		return "Insight"
	case title != "" && len(dimensions) > 0:
		title += " by "
	}
	return shorten(title+strings.Join(dimensions, ", "), 120)
}

// parameters gives the texts of parameters' values. An unset one is everything,
// which is called ALL; what is not declared stays as it is written, since the
// faults of the definition say so.
func parameters(b *query.Builder) func(name string) string {
	return func(name string) string {
		p, err := b.Parameter(name)
		switch {
		case err != nil:
			return "${" + name + "}"
		case len(p.Values) == 0:
			return "ALL"
		case p.Type != dialect.Datetime:
			return strings.Join(p.Values, ", ")
		}
		instants := make([]string, len(p.Values))
		for i, v := range p.Values {
			instants[i] = v
			if t, err := time.Parse(time.RFC3339, v); err == nil {
				instants[i] = written(t.UTC(), Format{Type: "date", Grain: string(p.Grain)})
			}
		}
		return strings.Join(instants, ", ")
	}
}

// placeholders are where a text has the value of a parameter. QuickSight's own, such
// as <<$aws:subtotalDimension>>, are none of them.
var placeholders = regexp.MustCompile(`\$\{([^}]*)\}|<<\$(\w+)>>`)

// putIn puts the values of parameters in the place of ${name} and <<$name>>.
func putIn(s string, parameter func(string) string) string {
	return placeholders.ReplaceAllStringFunc(s, func(found string) string {
		parts := placeholders.FindStringSubmatch(found)
		return parameter(parts[1] + parts[2])
	})
}
