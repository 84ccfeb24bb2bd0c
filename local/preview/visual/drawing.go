// Package visual turns one visual of a definition into a question, and the answer
// into what the page draws.
package visual

import "github.com/headcount-etl/headcount/dashboards/quicksight/definition"

// Drawing is what the page draws for one visual, as JSON. Of the parts after
// Empty exactly the one that Kind names is there, and none if there are Faults
// or nothing was found.
type Drawing struct {
	ID string `json:"id"` // of the visual
	// Kind is chart, pie, kpi, table, pivot, heatmap, histogram, map, text,
	// insight or placeholder.
	Kind     string `json:"kind"`
	Title    string `json:"title"`    // plain text; empty when hidden
	Subtitle string `json:"subtitle"` // plain text
	// Notes say what is drawn in another way than QuickSight would, such as
	// "conditional formatting is not drawn".
	Notes []string `json:"notes,omitempty"`
	// Faults say why there is nothing to draw.
	Faults []definition.Fault `json:"faults,omitempty"`
	// Empty is set when the filters leave no rows.
	Empty bool `json:"empty,omitempty"`

	Chart       *Chart       `json:"chart,omitempty"`
	Pie         *Pie         `json:"pie,omitempty"`
	KPI         *KPI         `json:"kpi,omitempty"`
	Table       *Table       `json:"table,omitempty"`
	Pivot       *Pivot       `json:"pivot,omitempty"`
	Heatmap     *Heatmap     `json:"heatmap,omitempty"`
	Histogram   *Histogram   `json:"histogram,omitempty"`
	Map         *Map         `json:"map,omitempty"`
	Text        *Text        `json:"text,omitempty"`
	Insight     *Insight     `json:"insight,omitempty"`
	Placeholder *Placeholder `json:"placeholder,omitempty"`
}

// Format says how the page writes a value.
type Format struct {
	// Type is number, percent, currency, date or text.
	Type string `json:"type"`
	// Decimals is how many digits stand after the point; -1 leaves it to the
	// page, which shows up to two.
	Decimals int    `json:"decimals"`
	Prefix   string `json:"prefix,omitempty"`
	Suffix   string `json:"suffix,omitempty"`
	Currency string `json:"currency,omitempty"` // ISO 4217, such as USD
	// Scale is none, auto, thousands, millions, billions or trillions.
	Scale string `json:"scale,omitempty"`
	// Grouping puts separators between thousands.
	Grouping bool `json:"grouping"`
	// Grain is that of a date: YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE,
	// SECOND, MILLISECOND.
	Grain string `json:"grain,omitempty"`
	// Pattern is a date's, in QuickSight's letters (yyyy-MM-dd); empty leaves it
	// to the page.
	Pattern string `json:"pattern,omitempty"`
	// Null is what stands for a value that is not there, such as suppressed.
	Null string `json:"null,omitempty"`
}

// Value is a number, a text, a boolean, an instant as RFC 3339 in UTC, or nil.
type Value any

// Absent is the value of a place in a chart or a cross table that no row is about:
// nobody was there. It is not nil, the value of a row that has none, such as a
// suppressed one, which the page marks or writes as Format.Null.
const Absent = ""

// Axis is what one side of a chart says.
type Axis struct {
	Title  string `json:"title"` // empty when hidden
	Format Format `json:"format"`
	Hidden bool   `json:"hidden,omitempty"`
	// Least and Most are its bounds where the definition sets them.
	Least *float64 `json:"least,omitempty"`
	Most  *float64 `json:"most,omitempty"`
	Log   bool     `json:"log,omitempty"`
}

// Chart has bars, lines and areas over categories.
type Chart struct {
	Horizontal bool `json:"horizontal,omitempty"`
	// Stack is empty (side by side), stacked or percent.
	Stack string `json:"stack,omitempty"`
	// Time is set when the categories are instants: the distances between them
	// mean something.
	Time       bool     `json:"time,omitempty"`
	Categories []Value  `json:"categories"`
	Category   Axis     `json:"category"`
	Axes       []Axis   `json:"axes"` // of the values: the left, and the right if there are two
	Series     []Series `json:"series"`
	Labels     bool     `json:"labels,omitempty"`
	// Legend is top, right, bottom, left, or empty for none.
	Legend string `json:"legend"`
	// More is how many categories are left out; Earlier is set when they are the
	// earliest of the dates.
	More    int  `json:"more,omitempty"`
	Earlier bool `json:"earlier,omitempty"`
}

// Series is a row of values, one a category: a number, nil or Absent.
type Series struct {
	Name   Value   `json:"name"`
	Type   string  `json:"type"` // bar, line, area
	Axis   int     `json:"axis"` // index in Chart.Axes
	Values []Value `json:"values"`
	// Color is the one that the definition asks for, #rrggbb.
	Color string `json:"color,omitempty"`
}

// Pie has slices; a donut has a hole.
type Pie struct {
	Donut  bool    `json:"donut,omitempty"`
	Slices []Slice `json:"slices"`
	Format Format  `json:"format"`
	// Name is that of the slices' dimension, Value that of the measure.
	Name   string `json:"name"`
	Value  string `json:"value"`
	Legend string `json:"legend"`
	Labels bool   `json:"labels"`
	// More and Earlier are as in a Chart.
	More    int  `json:"more,omitempty"`
	Earlier bool `json:"earlier,omitempty"`
}

// Slice is a part of a Pie.
type Slice struct {
	Name  Value  `json:"name"`
	Value Value  `json:"value"`
	Color string `json:"color,omitempty"`
}

// KPI is one number, and what it is held against.
type KPI struct {
	Label  string `json:"label"`
	Value  Value  `json:"value"`
	Format Format `json:"format"`
	// Period is the one that Value is of, when it is the last of a trend.
	Period       Value       `json:"period,omitempty"`
	PeriodFormat *Format     `json:"periodFormat,omitempty"`
	Comparison   *Comparison `json:"comparison,omitempty"`
	Sparkline    *Sparkline  `json:"sparkline,omitempty"`
}

// Comparison holds a KPI against the period before.
type Comparison struct {
	Label string `json:"label"` // of that period
	Value Value  `json:"value"` // that period's
	// Text is what is shown: difference, percent or actual.
	Method     string `json:"method"`
	Difference any    `json:"difference"` // float64 or nil
	Percent    any    `json:"percent"`    // float64, of which 0.1 is 10 %, or nil
	Format     Format `json:"format"`     // of Value and Difference
}

// Sparkline is the trend of a KPI.
type Sparkline struct {
	Type       string  `json:"type"` // line, area
	Categories []Value `json:"categories"`
	Values     []Value `json:"values"`
	Format     Format  `json:"format"` // of the categories
}

// Table has columns and rows.
type Table struct {
	Columns []TableColumn `json:"columns"`
	Rows    [][]Value     `json:"rows"`
	// Total is the row of totals, Absent where a column has none.
	Total      []Value `json:"total,omitempty"`
	TotalLabel string  `json:"totalLabel,omitempty"`
	TotalTop   bool    `json:"totalTop,omitempty"`
	// More is set when there are rows that are not shown.
	More bool `json:"more,omitempty"`
}

// TableColumn is a column of a Table.
type TableColumn struct {
	Title   string `json:"title"`
	Format  Format `json:"format"`
	Measure bool   `json:"measure,omitempty"`
	Width   int    `json:"width,omitempty"` // pixels
}

// Pivot is a cross table.
type Pivot struct {
	// RowTitles head the columns of row headers.
	RowTitles []string `json:"rowTitles"`
	RowFormat []Format `json:"rowFormat"`
	// Head are the lines of column headers over the cells, outermost first; the
	// spans of each add up to the number of cells in a row.
	Head [][]PivotHead `json:"head"`
	Rows []PivotRow    `json:"rows"`
	// Formats are those of the cells, one a column.
	Formats []Format `json:"formats"`
	More    bool     `json:"more,omitempty"`
}

// PivotHead is a header over Span columns.
type PivotHead struct {
	Value  Value  `json:"value"`
	Format Format `json:"format"`
	Span   int    `json:"span"`
	Total  bool   `json:"total,omitempty"`
}

// PivotRow is a row of a Pivot.
type PivotRow struct {
	// Headers are one a RowTitle; a row of totals has its label in the first
	// that it is a total over, and nil after it.
	Headers []Value `json:"headers"`
	Cells   []Value `json:"cells"`
	// Total is 0 for an ordinary row, 1 for a subtotal, 2 for the grand total.
	Total int `json:"total,omitempty"`
}

// Heatmap has a colour for each pair of a column and a row.
type Heatmap struct {
	Columns    []Value    `json:"columns"` // the values along the x axis
	Rows       []Value    `json:"rows"`    // the values along the y axis, from the top
	ColumnAxis Axis       `json:"columnAxis"`
	RowAxis    Axis       `json:"rowAxis"`
	Cells      [][3]Value `json:"cells"` // the column's index, the row's index, the value
	Format     Format     `json:"format"`
	Value      string     `json:"value"` // the measure's name
	Labels     bool       `json:"labels,omitempty"`
	Legend     bool       `json:"legend"`
	// More is how many columns and rows are left out.
	More int `json:"more,omitempty"`
}

// Histogram counts values between bounds.
type Histogram struct {
	Bins   []Bin  `json:"bins"`
	X      Axis   `json:"x"`
	Y      Axis   `json:"y"`
	Labels bool   `json:"labels,omitempty"`
	Name   string `json:"name"` // of what is counted
}

// Bin is From <= x < To; the last one includes To.
type Bin struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Count int64   `json:"count"`
}

// Map has points on the earth.
type Map struct {
	Points []Point `json:"points"`
	// Size names the measure that sizes the points, empty for none; Color the
	// dimension that colours them.
	Size       string `json:"size"`
	SizeFormat Format `json:"sizeFormat"`
	Color      string `json:"color,omitempty"`
	// Colors are the values of the colouring dimension, in order; none where all
	// points have the same colour.
	Colors []Value `json:"colors,omitempty"`
	// Palette are the colours that the definition asks for, one a value of Colors:
	// #rrggbb, or empty for none.
	Palette []string `json:"palette,omitempty"`
	More    bool     `json:"more,omitempty"`
}

// Point is a place; Size is nil where it has no value.
type Point struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Size      Value   `json:"size"`
	Color     Value   `json:"color,omitempty"`
	// Labels are what a tooltip says, besides the size.
	Labels []PointLabel `json:"labels,omitempty"`
}

// PointLabel is a line of a tooltip.
type PointLabel struct {
	Name   string `json:"name"`
	Value  Value  `json:"value"`
	Format Format `json:"format"`
}

// Text is rich text: HTML of a short list of elements, safe to show.
type Text struct {
	HTML string `json:"html"`
}

// Insight is written in sentences.
type Insight struct {
	HTML string `json:"html"`
}

// Placeholder stands for what cannot be drawn yet.
type Placeholder struct {
	Feature string `json:"feature"` // such as SankeyDiagramVisual
}
