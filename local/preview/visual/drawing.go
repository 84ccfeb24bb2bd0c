// Package visual turns one visual of a definition into a question, and the answer
// into what the page draws.
package visual

import "github.com/headcount-etl/headcount/dashboards/quicksight/definition"

// Drawing is what the page draws for one visual, as JSON. Of the parts after
// Empty exactly the one of Kind is there, and none if there are Faults
// or nothing was found.
type Drawing struct {
	ID string `json:"id"` // of the visual
	// Kind is chart, pie, heatmap (both of which have a Chart), kpi, table, pivot, map,
	// text, insight (which has a Text) or placeholder.
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
	KPI         *KPI         `json:"kpi,omitempty"`
	Table       *Table       `json:"table,omitempty"`
	Pivot       *Pivot       `json:"pivot,omitempty"`
	Map         *Map         `json:"map,omitempty"`
	Text        *Text        `json:"text,omitempty"`
	Placeholder *Placeholder `json:"placeholder,omitempty"`
}

// Cell is a value, and how it is written. The page writes none itself, but for the
// ticks of axes and for shares.
type Cell struct {
	// Value is a number, a text, a boolean, an instant as RFC 3339 in UTC, or nil.
	Value any    `json:"value"`
	Text  string `json:"text"`
}

// Absent is the cell of a place in a chart or a cross table that no row is about:
// nobody was there. Its value is not nil, as that of a row without one is, such as a
// suppressed one, which the page marks.
var Absent = Cell{Value: ""}

// Axis is what one side of a chart says.
type Axis struct {
	Title  string `json:"title"` // empty when hidden
	Ticks  Ticks  `json:"ticks"` // of an axis of numbers
	Hidden bool   `json:"hidden,omitempty"`
}

// Ticks say how the numbers of an axis are written, which the page chooses.
type Ticks struct {
	Prefix   string `json:"prefix,omitempty"`
	Suffix   string `json:"suffix,omitempty"`
	Percent  bool   `json:"percent,omitempty"`  // 0.1 is 10%
	Grouping bool   `json:"grouping,omitempty"` // separators between thousands
}

// Chart has bars, lines and areas over categories. A pie has its slices as the
// categories, and their sizes as the only series. A heat map has its columns as the
// categories, and its rows as the series.
type Chart struct {
	Horizontal bool `json:"horizontal,omitempty"`
	// Stack is empty (side by side), stacked or percent.
	Stack string `json:"stack,omitempty"`
	// Time is set when the categories are instants: the distances between them
	// mean something.
	Time       bool     `json:"time,omitempty"`
	Donut      bool     `json:"donut,omitempty"` // a pie with a hole
	Categories []Cell   `json:"categories"`
	Category   Axis     `json:"category"`
	Axes       []Axis   `json:"axes"` // of the values: the left, and the right if there are two; of a heat map's rows
	Series     []Series `json:"series"`
	Labels     bool     `json:"labels,omitempty"`
	// Colors are those that the definition asks for, one a slice of a pie: #rrggbb, or
	// empty for none.
	Colors []string `json:"colors,omitempty"`
	// Value names the measure of a heat map.
	Value string `json:"value,omitempty"`
	// Legend is top, right, bottom, or empty for none.
	Legend string `json:"legend"`
	More   int    `json:"more,omitempty"` // how many categories are left out
}

// Series is a row of values, one a category: a number, nil or Absent.
type Series struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // bar, line, area, pie, heat
	Axis   int    `json:"axis"` // index in Chart.Axes
	Values []Cell `json:"values"`
	// Color is the one that the definition asks for, #rrggbb.
	Color string `json:"color,omitempty"`
	// Marked is set when a value that is nil gets a mark. That a series has none in
	// a category is ordinary, unless its format names what is not there. The only
	// series has a row for each category, so that its nil is a value that is not shown.
	Marked bool `json:"marked,omitempty"`
}

// KPI is one number, and the one of the period before.
type KPI struct {
	Label string `json:"label"`
	Value Cell   `json:"value"`
	// Period is the one that Value is of, when it is the last of a trend.
	Period     string      `json:"period,omitempty"`
	Comparison *Comparison `json:"comparison,omitempty"`
	Sparkline  *Sparkline  `json:"sparkline,omitempty"`
}

// Comparison holds a KPI against the period before.
type Comparison struct {
	Label string `json:"label"` // of that period
	Value Cell   `json:"value"` // that period's
	// Way is up, down or level, and By how far; both are empty where it is not
	// known.
	Way string `json:"way,omitempty"`
	By  string `json:"by,omitempty"`
}

// Sparkline is the trend of a KPI.
type Sparkline struct {
	Type       string `json:"type"` // line, area
	Categories []Cell `json:"categories"`
	Values     []Cell `json:"values"`
}

// Table has columns and rows.
type Table struct {
	Columns []TableColumn `json:"columns"`
	Rows    [][]Cell      `json:"rows"`
	// Total is the row of totals, Absent where a column has none.
	Total      []Cell `json:"total,omitempty"`
	TotalLabel string `json:"totalLabel,omitempty"`
	TotalTop   bool   `json:"totalTop,omitempty"`
	// More is set when there are rows that are not shown.
	More bool `json:"more,omitempty"`
}

// TableColumn is a column of a Table.
type TableColumn struct {
	Title   string `json:"title"`
	Measure bool   `json:"measure,omitempty"`
	Width   int    `json:"width,omitempty"` // pixels
}

// Pivot is a cross table.
type Pivot struct {
	RowTitles []string `json:"rowTitles"` // head the columns of row headers
	// Head are the lines of column headers over the cells, outermost first; the
	// spans of each add up to the number of cells in a row.
	Head [][]PivotHead `json:"head"`
	Rows []PivotRow    `json:"rows"`
	More bool          `json:"more,omitempty"`
}

// PivotHead is a header over Span columns.
type PivotHead struct {
	Cell
	Span  int  `json:"span"`
	Total bool `json:"total,omitempty"`
}

// PivotRow is a row of a Pivot.
type PivotRow struct {
	// Headers are one a RowTitle; the row of totals has its label in the first, and
	// the zero Cell after it.
	Headers []Cell `json:"headers"`
	Cells   []Cell `json:"cells"`
	Total   bool   `json:"total,omitempty"`
}

// Map has points on the earth.
type Map struct {
	Points []Point `json:"points"`
	Size   string  `json:"size"` // names the measure that sizes the points, empty for none
	Name   string  `json:"name"` // names the dimension that names the points, empty for none
	More   bool    `json:"more,omitempty"`
}

// Point is a place.
type Point struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Size      Cell    `json:"size"`
	Name      string  `json:"name"`
}

// Text is rich text: HTML of a short list of elements, safe to show.
type Text struct {
	HTML string `json:"html"`
}

// Placeholder stands for what cannot be drawn yet.
type Placeholder struct {
	Feature string `json:"feature"` // such as SankeyDiagramVisual
}
