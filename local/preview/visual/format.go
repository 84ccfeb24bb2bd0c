package visual

import (
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// How a number and a text without a format are written.
var (
	plainNumber = Format{Type: "number", Decimals: -1, Grouping: true}
	plainText   = Format{Type: "text", Decimals: -1}
)

// formatColumn applies what the definition's ColumnConfigurations say of the
// field's column.
func (p *plan) formatColumn(f *field) {
	p.format(f, deref(p.configuration(f.DataSet, f.Column).FormatConfiguration))
}

// format applies a format for whatever type the column has.
func (p *plan) format(f *field, c types.FormatConfiguration) {
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
	f.format.Type = "date"
	if pattern := deref(c.DateTimeFormat); pattern != "" {
		f.format.Pattern = pattern
		p.undrawn(unwritten.MatchString(pattern), "a part of the date format "+shorten(pattern, 40)+" is")
	}
	f.null(c.NullValueFormatConfiguration)
}

// unwritten are the letters of dates that are left as they stand: ordinals, weeks and
// days of the year.
var unwritten = regexp.MustCompile(`[MQDdw]o|[wW]|DDD`)

// formatNumber applies a number's format. Numbers have the separators of English, so
// that the definition's separators only say whether thousands are separated.
func (p *plan) formatNumber(f *field, c *types.NumericFormatConfiguration) {
	kind, of := "number", any(nil) // a format of one of three kinds, with members of the same names
	switch n := deref(c); {
	case n.NumberDisplayFormatConfiguration != nil:
		of = n.NumberDisplayFormatConfiguration
	case n.CurrencyDisplayFormatConfiguration != nil:
		of = n.CurrencyDisplayFormatConfiguration
	case n.PercentageDisplayFormatConfiguration != nil:
		kind, of = "percent", n.PercentageDisplayFormatConfiguration
	default:
		return
	}
	scale := part[types.NumberScale](of, "NumberScale")
	p.undrawn(scale == types.NumberScaleLakhs || scale == types.NumberScaleCrores, "the scale "+string(scale)+" is")
	separators := deref(part[*types.NumericSeparatorConfiguration](of, "SeparatorConfiguration"))
	f.format = Format{
		Type: kind, Decimals: -1, Prefix: text(of, "Prefix"), Suffix: text(of, "Suffix"), Scale: scale,
		Grouping: !hidden(deref(separators.ThousandsSeparator).Visibility), Null: f.format.Null,
	}
	if n := deref(part[*types.DecimalPlacesConfiguration](of, "DecimalPlacesConfiguration")).DecimalPlaces; n != nil {
		f.format.Decimals = int(max(0, min(*n, 20)))
	}
	f.null(part[*types.NullValueFormatConfiguration](of, "NullValueFormatConfiguration"))
	if c.CurrencyDisplayFormatConfiguration == of {
		f.format.Prefix += currency(text(of, "Symbol"))
	}
	if kind == "percent" {
		f.format.Suffix = strings.TrimPrefix(f.format.Suffix, "%") // it has its sign anyway
	}
}

// currency is the sign of US dollars, or another currency's ISO 4217 code. A symbol that
// is no code means dollars, as in QuickSight.
func currency(symbol string) string {
	if symbol == "USD" || !currencies.MatchString(symbol) {
		return "$"
	}
	return symbol + "\u00a0"
}

var currencies = regexp.MustCompile(`^[A-Z]{3}$`)

// null sets what stands for a value that is not there.
func (f *field) null(c *types.NullValueFormatConfiguration) {
	if s := deref(deref(c).NullString); s != "" {
		f.format.Null = s
	}
}

// fitted changes the formats of fields to the types of their values where the
// definition says nothing: a calculated field's type is known to the query only.
func fitted(a *answer, fields []*field) {
	for _, f := range fields {
		fits := plainNumber
		switch a.types[f.ID] {
		case dialect.Datetime:
			fits = Format{Type: "date", Decimals: -1}
		case dialect.String, dialect.Boolean:
			fits = plainText
		case dialect.Integer, dialect.Decimal:
			if f.format.Type != "date" && f.format.Type != "text" {
				fits = f.format
			}
		case dialect.Unknown:
			fits = f.format
		}
		if fits.Null = f.format.Null; f.format.Type != fits.Type {
			f.format = fits
		}
	}
}

// hidden reports whether a visibility hides; nothing said is visible.
func hidden(v types.Visibility) bool { return v == types.VisibilityHidden }

var hexColor = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// hex gives a colour as #rrggbb in small letters, or nothing: colours of themes
// have names, and everything else is no colour.
func hex(c *string) string {
	if !hexColor.MatchString(deref(c)) {
		return ""
	}
	return strings.ToLower(*c)
}
