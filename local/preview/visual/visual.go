package visual

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/dialect"
	"github.com/headcount-etl/headcount/local/preview/query"
)

// Ask answers a query: rows of nil, string, int64, float64, bool or time.Time,
// whose values are in the order of Query.Columns.
type Ask func(ctx context.Context, q *query.Query) ([][]any, error)

// Draw draws one visual of the sheet whose id is sheetID. The visual's JSON path
// is path, such as $.Sheets[0].Visuals[2]. It never fails: what is wrong is in
// the Drawing.
func Draw(ctx context.Context, b *query.Builder, ask Ask, sheetID string, v *types.Visual, path string) *Drawing {
	p := newPlan(b, sheetID, v, path)
	return p.draw(ctx, b.Build, ask)
}

// Titles gives the title and the subtitle of a visual, as in its Drawing, without
// asking anything: what its card shows while the answer is on its way.
func Titles(b *query.Builder, sheetID string, v *types.Visual, path string) (title, subtitle string) {
	d := newPlan(b, sheetID, v, path).drawing
	return d.Title, d.Subtitle
}

// draw asks what there is to ask, and draws the answers.
func (p *plan) draw(ctx context.Context, build build, ask Ask) *Drawing {
	for _, q := range p.questions {
		a, err := answerTo(ctx, build, ask, q.spec)
		if err != nil {
			return p.failed(err)
		}
		for _, note := range a.notes {
			p.notes.add("%s", note)
		}
		if len(a.rows) == 0 && p.drawing.Kind != "insight" {
			p.drawing.Empty = true
			continue
		}
		q.draw(a)
	}
	p.drawing.Notes = p.notes.list
	return p.drawing
}

// DrawTextBox draws one text box, with the values of parameters put in.
func DrawTextBox(b *query.Builder, box *types.SheetTextBox) *Drawing {
	d := &Drawing{Kind: "text"}
	if box == nil {
		return d
	}
	d.ID = deref(box.SheetTextBoxId)
	if colored(deref(box.Content)) {
		d.Notes = []string{"the colours of the text are not drawn"}
	}
	d.Text = &Text{HTML: richHTML(deref(box.Content), richValues{parameter: parameters(b)})}
	return d
}

// ID is the id of a visual, empty for one that QuickSight does not know.
func ID(v *types.Visual) string {
	_, visual := member(v)
	return text(visual, "VisualId")
}

const kindPlaceholder = "placeholder"

// plan is a visual on its way to a Drawing.
type plan struct {
	builder *query.Builder
	sheetID string
	id      string
	path    string // of the visual's own structure: $.Sheets[0].Visuals[2].KPIVisual
	dataSet string // of the first field
	drawing *Drawing
	notes   notes
	fields  []*field // in the order of the field wells; the title names them
	ids     map[string]bool
	columns []types.ColumnConfiguration
	records bool // the fields are those of rows, not aggregated
	// questions are what the visual has to ask: one, but for insights with
	// several computations.
	questions []question
}

// question is a Spec and what is done with its answer.
type question struct {
	spec query.Spec
	draw func(*answer)
}

// newPlan reads what a visual shows: everything that is known without asking.
func newPlan(b *query.Builder, sheetID string, v *types.Visual, path string) *plan {
	name, visual := member(v)
	p := &plan{
		builder: b, sheetID: sheetID, id: text(visual, "VisualId"), path: path + "." + name,
		ids: map[string]bool{}, columns: b.Definition.ColumnConfigurations,
	}
	p.drawing = &Drawing{ID: p.id}
	if name == "" {
		p.path = path
		p.placeholder("a visual of a kind that is not known")
		return p
	}
	switch c := visual.(type) {
	case *types.BarChartVisual:
		p.bar(deref(c.ChartConfiguration))
	case *types.ComboChartVisual:
		p.combo(deref(c.ChartConfiguration))
	case *types.LineChartVisual:
		p.line(deref(c.ChartConfiguration))
	case *types.PieChartVisual:
		p.pie(deref(c.ChartConfiguration))
	case *types.KPIVisual:
		p.kpi(deref(c.ChartConfiguration))
	case *types.TableVisual:
		p.table(deref(c.ChartConfiguration))
	case *types.PivotTableVisual:
		p.pivot(deref(c.ChartConfiguration))
	case *types.HeatMapVisual:
		p.heatmap(deref(c.ChartConfiguration))
	case *types.HistogramVisual:
		p.histogram(deref(c.ChartConfiguration))
	case *types.GeospatialMapVisual:
		p.geospatial(deref(c.ChartConfiguration))
	case *types.InsightVisual:
		p.insight(deref(c.InsightConfiguration))
	default:
		p.placeholder(name)
	}
	p.titles(visual)
	p.otherwise(v)
	return p
}

// placeholder gives the visual up: feature cannot be drawn.
func (p *plan) placeholder(feature string) {
	p.drawing.Kind = kindPlaceholder
	p.drawing.Placeholder = &Placeholder{Feature: feature}
	p.questions = nil
}

// ask adds a question. A visual without fields has nothing to ask: that is a
// placeholder, as QuickSight shows it.
func (p *plan) ask(spec query.Spec, draw func(*answer)) {
	if len(spec.Dimensions)+len(spec.Measures) == 0 {
		p.placeholder("a visual without fields")
		return
	}
	spec.SheetID, spec.VisualID, spec.Path, spec.DataSet = p.sheetID, p.id, p.path, p.dataSet
	p.questions = append(p.questions, question{spec, draw})
}

// undrawn notes that something of the definition is not drawn, such as "the forecast
// is".
func (p *plan) undrawn(there bool, what string) {
	if there {
		p.notes.add("%s not drawn", what)
	}
}

// failed is the Drawing of a visual whose question has no answer.
func (p *plan) failed(err error) *Drawing {
	d := &Drawing{
		ID: p.drawing.ID, Kind: p.drawing.Kind, Title: p.drawing.Title, Subtitle: p.drawing.Subtitle,
	}
	var unsupported dialect.Unsupported
	if errors.As(err, &unsupported) {
		d.Kind = kindPlaceholder
		d.Placeholder = &Placeholder{Feature: unsupported.Feature}
		return d
	}
	for _, one := range split(err) {
		var fault definition.Fault
		if !errors.As(one, &fault) {
			fault = definition.Fault{File: p.builder.File, Path: p.path, Problem: one.Error()}
		}
		d.Faults = append(d.Faults, fault)
	}
	return d
}

// split gives the errors that were joined into one.
func split(err error) []error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, split(e)...)
	}
	return all
}

// member gives the name and the value of the one member of a union that is set:
// a pointer to a struct.
func member[T types.Visual | types.Computation](v *T) (string, any) {
	if v == nil {
		return "", nil
	}
	s := reflect.ValueOf(v).Elem()
	for i := range s.NumField() {
		f := s.Field(i)
		if f.Kind() == reflect.Pointer && !f.IsNil() {
			return s.Type().Field(i).Name, f.Interface()
		}
	}
	return "", nil
}

// text is a member of a struct that holds a *string, empty if there is none.
func text(of any, name string) string { return deref(part[*string](of, name)) }

// part is a member of the struct that of points to, the zero value if there is none.
func part[T any](of any, name string) T {
	var t T
	if v := reflect.Indirect(reflect.ValueOf(of)); v.IsValid() {
		if f := v.FieldByName(name); f.IsValid() {
			t, _ = f.Interface().(T)
		}
	}
	return t
}

// deref is what p points to, or the zero value: a definition may leave anything
// out.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// notes are said once each, in the order in which they came up.
type notes struct{ list []string }

func (n *notes) add(format string, args ...any) {
	note := fmt.Sprintf(format, args...)
	for _, other := range n.list {
		if other == note {
			return
		}
	}
	n.list = append(n.list, note)
}
