package preview

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/query"
	"github.com/headcount-etl/headcount/local/preview/visual"
)

// gridColumns is how many columns a sheet's grid has
// (https://docs.aws.amazon.com/quicksight/latest/APIReference/API_GridLayoutElement.html).
const gridColumns = 36

// page is the dashboard without its data, as JSON for the browser.
type page struct {
	Title   string             `json:"title"`
	File    string             `json:"file"`
	Faults  []definition.Fault `json:"faults"`
	Sheets  []sheet            `json:"sheets"`
	State   query.State        `json:"state"` // where a reader begins
	Version string             `json:"version"`
}

type sheet struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Columns     int       `json:"columns"`
	Elements    []element `json:"elements"`
	Controls    []control `json:"controls"`
}

// element is what stands on a sheet's grid; one without a row flows.
type element struct {
	ID         string `json:"id"`
	Kind       string `json:"kind"` // visual or text
	Column     *int   `json:"column"`
	Row        *int   `json:"row"`
	ColumnSpan int    `json:"columnSpan"`
	RowSpan    int    `json:"rowSpan"`
	// Title and Subtitle are those of a visual as the page opens, for its card
	// until the drawing is there.
	Title    string `json:"title,omitempty"`
	Subtitle string `json:"subtitle,omitempty"`

	path   string
	visual *types.Visual
	text   *types.SheetTextBox
}

// describe gives the dashboard as it is now.
func (s *Server) describe(l *loaded) page {
	b := s.builder(l, query.State{})
	p := page{File: s.config.File, Title: strings.TrimSuffix(s.config.File, ".json"), Faults: l.faults, Version: l.version, Sheets: []sheet{}}
	if p.Faults == nil {
		p.Faults = []definition.Fault{}
	}
	for i := range l.definition.Sheets {
		d := &l.definition.Sheets[i]
		next := sheet{
			ID: sheetID(d, i), Name: firstOf(d.Name, d.Title, d.SheetId), Description: firstOf(d.Description), Columns: gridColumns,
			Elements: elements(d, i), Controls: controls(b, d),
		}
		for j, e := range next.Elements {
			if e.visual != nil {
				next.Elements[j].Title, next.Elements[j].Subtitle = visual.Titles(b, next.ID, e.visual, e.path)
			}
		}
		p.Sheets = append(p.Sheets, next)
	}
	return p
}

// sheetID is a sheet's id, or its path where it has none.
func sheetID(s *types.SheetDefinition, i int) string {
	return cmp.Or(firstOf(s.SheetId), fmt.Sprintf("$.Sheets[%d]", i))
}

func firstOf(texts ...*string) string {
	for _, t := range texts {
		if t != nil && *t != "" {
			return *t
		}
	}
	return ""
}

// elements are the visuals and text boxes of a sheet, where its first layout puts
// them.
func elements(s *types.SheetDefinition, i int) []element {
	all := []element{}
	add := func(e element) {
		e.ID = cmp.Or(e.ID, e.path)
		all = append(all, e)
	}
	for j := range s.Visuals {
		add(element{Kind: "visual", ID: visual.ID(&s.Visuals[j]), path: fmt.Sprintf("$.Sheets[%d].Visuals[%d]", i, j), visual: &s.Visuals[j]})
	}
	for j := range s.TextBoxes {
		box := &s.TextBoxes[j]
		add(element{Kind: "text", ID: firstOf(box.SheetTextBoxId), path: fmt.Sprintf("$.Sheets[%d].TextBoxes[%d]", i, j), text: box})
	}
	places := placed(s)
	for j := range all {
		all[j].ColumnSpan, all[j].RowSpan = gridColumns/2, 12
		if at, ok := places[all[j].ID]; ok {
			all[j].Column, all[j].Row, all[j].ColumnSpan, all[j].RowSpan = at.Column, at.Row, at.ColumnSpan, at.RowSpan
		}
	}
	return all
}

// placed reads a sheet's first layout, if it is a grid: what stands in another one flows.
func placed(s *types.SheetDefinition) map[string]element {
	at := map[string]element{}
	if len(s.Layouts) == 0 || s.Layouts[0].Configuration == nil {
		return at
	}
	c := s.Layouts[0].Configuration
	if c.GridLayout != nil {
		for _, e := range c.GridLayout.Elements {
			at[firstOf(e.ElementId)] = element{
				Column: within(e.ColumnIndex, gridColumns-1), Row: within(e.RowIndex, maxRow),
				ColumnSpan: span(e.ColumnSpan, gridColumns), RowSpan: span(e.RowSpan, maxRow),
			}
		}
	}
	return at
}

const maxRow = 9009 // the greatest RowIndex that the API takes

func within(n *int32, most int) *int {
	if n == nil || *n < 0 {
		return nil
	}
	i := min(int(*n), most)
	return &i
}

func span(n *int32, most int) int {
	if n == nil {
		return most / 2
	}
	return min(max(int(*n), 1), most)
}

// find looks for an element on a sheet.
func find(d *definition.Definition, id, elementID string) (element, bool) {
	for i := range d.Sheets {
		if sheetID(&d.Sheets[i], i) != id {
			continue
		}
		for _, e := range elements(&d.Sheets[i], i) {
			if e.ID == elementID {
				return e, true
			}
		}
	}
	return element{}, false
}
