package visual

import (
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// plainNumber is how a number without a format is written.
var plainNumber = Format{Type: "number", Decimals: -1, Grouping: true}

// formatColumn applies what the definition's ColumnConfigurations say of the
// field's column.
func (p *plan) formatColumn(f *field) {
	c := deref(p.configuration(f.DataSet, f.Column).FormatConfiguration)
	p.formatDate(f, c.DateTimeFormatConfiguration)
	p.formatNumber(f, deref(c.NumberFormatConfiguration).FormatConfiguration)
	p.formatString(f, c.StringFormatConfiguration)
}

// configuration is that of a column, empty if there is none.
func (p *plan) configuration(dataSet, column string) types.ColumnConfiguration {
	for _, c := range p.columns {
		id := deref(c.Column)
		if deref(id.DataSetIdentifier) == dataSet && deref(id.ColumnName) == column {
			return c
		}
	}
	return types.ColumnConfiguration{}
}

// formatString applies a text's format. Its numeric part is that of counts.
func (p *plan) formatString(f *field, c *types.StringFormatConfiguration) {
	if c == nil {
		return
	}
	f.null(c.NullValueFormatConfiguration)
	if f.measure || counts(f.Aggregation) {
		p.formatNumber(f, c.NumericFormatConfiguration)
	}
}

// formatDate applies a date's format.
func (p *plan) formatDate(f *field, c *types.DateTimeFormatConfiguration) {
	if c == nil {
		return
	}
	f.formatted = true
	f.format.Type = "date"
	if pattern := deref(c.DateTimeFormat); pattern != "" {
		f.format.Pattern = pattern
	}
	f.null(c.NullValueFormatConfiguration)
}

// formatNumber applies a number's format. The page writes numbers as its reader's
// language has them, so that only whether thousands are separated is taken from
// the separators.
func (p *plan) formatNumber(f *field, c *types.NumericFormatConfiguration) {
	if c == nil {
		return
	}
	null := f.format.Null
	switch {
	case c.NumberDisplayFormatConfiguration != nil:
		n := c.NumberDisplayFormatConfiguration
		f.format = Format{Type: "number", Prefix: deref(n.Prefix), Suffix: deref(n.Suffix)}
		p.digits(f, n.DecimalPlacesConfiguration, n.SeparatorConfiguration, n.NumberScale)
		f.null(n.NullValueFormatConfiguration)
	case c.CurrencyDisplayFormatConfiguration != nil:
		n := c.CurrencyDisplayFormatConfiguration
		f.format = Format{
			Type: "currency", Prefix: deref(n.Prefix), Suffix: deref(n.Suffix), Currency: currency(deref(n.Symbol)),
		}
		p.digits(f, n.DecimalPlacesConfiguration, n.SeparatorConfiguration, n.NumberScale)
		f.null(n.NullValueFormatConfiguration)
	case c.PercentageDisplayFormatConfiguration != nil:
		n := c.PercentageDisplayFormatConfiguration
		f.format = Format{Type: "percent", Prefix: deref(n.Prefix), Suffix: deref(n.Suffix)}
		if f.format.Suffix == "%" { // which the page writes anyway
			f.format.Suffix = ""
		}
		p.digits(f, n.DecimalPlacesConfiguration, n.SeparatorConfiguration, "")
		f.null(n.NullValueFormatConfiguration)
	default:
		return
	}
	f.formatted = true
	if f.format.Null == "" {
		f.format.Null = null
	}
}

// digits sets decimals, separators and scale.
func (p *plan) digits(
	f *field, d *types.DecimalPlacesConfiguration, s *types.NumericSeparatorConfiguration, scale types.NumberScale,
) {
	f.format.Decimals = -1
	if d != nil && d.DecimalPlaces != nil {
		f.format.Decimals = int(max(0, min(*d.DecimalPlaces, 20)))
	}
	f.format.Grouping = deref(deref(s).ThousandsSeparator).Visibility != types.VisibilityHidden
	f.format.Scale = scales[scale]
	if scale != "" && f.format.Scale == "" {
		p.notes.add("the scale %s is not drawn", shorten(string(scale), 20))
	}
}

// scales are the names of QuickSight's scales in a Format. LAKHS and CRORES have
// none.
var scales = map[types.NumberScale]string{
	types.NumberScaleNone: "none", types.NumberScaleAuto: "auto",
	types.NumberScaleThousands: "thousands", types.NumberScaleMillions: "millions",
	types.NumberScaleBillions: "billions", types.NumberScaleTrillions: "trillions",
}

// currency is the ISO 4217 code of a symbol; US dollars where it is none, as in
// QuickSight.
func currency(symbol string) string {
	if len(symbol) != 3 {
		return "USD"
	}
	for _, c := range symbol {
		if c < 'A' || c > 'Z' {
			return "USD"
		}
	}
	return symbol
}

// null sets what stands for a value that is not there.
func (f *field) null(c *types.NullValueFormatConfiguration) {
	if s := deref(deref(c).NullString); s != "" {
		f.format.Null = s
	}
}

// fit changes the format of a field to the type of its values where the
// definition says nothing: a calculated field's type is known to the query only.
func (f *field) fit(a *answer) {
	number := f.format.Type == "number" || f.format.Type == "currency" || f.format.Type == "percent"
	null := f.format.Null
	switch a.types[f.ID] {
	case dialect.Datetime:
		if f.format.Type != "date" {
			f.format = Format{Type: "date", Decimals: -1, Null: null}
		}
	case dialect.Integer, dialect.Decimal:
		if !number {
			f.format = plainNumber
			f.format.Null = null
		}
	case dialect.String, dialect.Boolean:
		if f.format.Type != "text" {
			f.format = Format{Type: "text", Decimals: -1, Null: null}
		}
	case dialect.Unknown:
	}
}

// fitted gives the formats of fields after fit.
func fitted(a *answer, fields []*field) []Format {
	var all []Format
	for _, f := range fields {
		f.fit(a)
		all = append(all, f.format)
	}
	return all
}

// hidden reports whether a visibility hides; nothing said is visible.
func hidden(v types.Visibility) bool { return v == types.VisibilityHidden }

// hex gives a colour as #rrggbb in small letters, or nothing: colours of themes
// have names, and everything else is no colour.
func hex(c *string) string {
	s := []byte(deref(c))
	if len(s) != 7 || s[0] != '#' {
		return ""
	}
	for i, d := range s[1:] {
		switch {
		case d >= '0' && d <= '9', d >= 'a' && d <= 'f':
		case d >= 'A' && d <= 'F':
			s[i+1] = d - 'A' + 'a'
		default:
			return ""
		}
	}
	return string(s)
}
