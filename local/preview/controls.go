package preview

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/query"
)

// maxValues is how many values a control offers.
const maxValues = 1000

// control is what a reader turns: a parameter or a filter.
type control struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"` // dropdown, text, slider, date, daterange, relative
	Title     string `json:"title"`
	Parameter string `json:"parameter"`
	Filter    string `json:"filter"`
	Multi     bool   `json:"multi"`
	SelectAll bool   `json:"selectAll"`
	// Values are what can be chosen; nil has the page ask for them.
	Values   []string        `json:"values"`
	Value    []string        `json:"value"` // the choice to begin with
	Min      float64         `json:"min"`
	Max      float64         `json:"max"`
	Step     float64         `json:"step"`
	Grain    string          `json:"grain"`
	From     string          `json:"from"`
	To       string          `json:"to"`
	Relative *query.Relative `json:"relative,omitempty"`

	column *types.ColumnIdentifier // whose values can be chosen
}

// definedControl is what the definition says of a control of any kind: the kinds have
// the same names for the same things.
type definedControl struct {
	ParameterControlId, FilterControlId  *string //nolint:revive // the API's names
	SourceParameterName, SourceFilterId  *string //nolint:revive
	Title                                *string
	Type                                 string
	MinimumValue, MaximumValue, StepSize float64
	DisplayOptions                       struct {
		SelectAllOptions *types.ListControlSelectAllOptions
	}
	SelectableValues struct {
		Values              []string
		LinkToDataSetColumn *types.ColumnIdentifier
	}
}

// kinds are those of the page, by the API's members without Default and Options.
var kinds = map[string]string{
	"Dropdown": "dropdown", "List": "dropdown", "Slider": "slider", "DateTimePicker": "date",
	"TextField": "text", "TextArea": "text", "RelativeDateTime": "relative", "CrossSheet": "",
}

// read reads the one member of a union of controls that is set, and adds it to what is
// known of the control. It is false where there is none that the page has.
func (c *control) read(union any, multi bool) bool {
	text, err := json.Marshal(union)
	members := map[string]*definedControl{}
	if err != nil || json.Unmarshal(text, &members) != nil {
		return false
	}
	for name, d := range members {
		kind, known := kinds[strings.TrimSuffix(strings.TrimPrefix(name, "Default"), "Options")]
		if d == nil || !known {
			continue
		}
		c.ID = cmp.Or(c.ID, firstOf(d.ParameterControlId, d.FilterControlId))
		c.Title = cmp.Or(c.Title, firstOf(d.Title))
		c.Parameter = cmp.Or(c.Parameter, firstOf(d.SourceParameterName))
		c.Filter = cmp.Or(c.Filter, firstOf(d.SourceFilterId))
		c.Kind, c.Min, c.Max, c.Step = kind, d.MinimumValue, d.MaximumValue, d.StepSize
		switch kind {
		case "dropdown":
			c.Multi = d.Type == string(types.SheetControlListTypeMultiSelect) || multi && d.Type == ""
			c.SelectAll = d.DisplayOptions.SelectAllOptions == nil || d.DisplayOptions.SelectAllOptions.Visibility != types.VisibilityHidden
			c.Values, c.column = d.SelectableValues.Values, d.SelectableValues.LinkToDataSetColumn
		case "date":
			if d.Type == string(types.SheetControlDateTimePickerTypeDateRange) {
				c.Kind = "daterange"
			}
		}
		return true
	}
	return false
}

// controls are those of a sheet, its parameters' first.
func controls(b *query.Builder, s *types.SheetDefinition) []control {
	all := []control{}
	for i := range s.ParameterControls {
		var c control
		if !c.read(s.ParameterControls[i], false) {
			continue
		}
		if p, err := b.Parameter(c.Parameter); err == nil {
			c.Value, c.Grain = p.Values, string(p.Grain)
		}
		all = append(all, c)
	}
	for i := range s.FilterControls {
		var c control
		if !c.read(s.FilterControls[i], true) {
			continue
		}
		f, source := filter(b.Definition, c.Filter)
		if s.FilterControls[i].CrossSheet != nil && source.Control != nil { // its looks are at the filter
			c.Title = firstOf(source.Control.Title)
			c.read(deref(source.Control.ControlOptions), true)
		}
		c.begin(f, source)
		if source.Kind != "" && c.Kind != "" {
			all = append(all, c)
		}
	}
	return all
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// filter finds the filter of an id.
func filter(d *definition.Definition, id string) (types.Filter, query.Filter) {
	for _, g := range d.FilterGroups {
		for _, f := range g.Filters {
			if common := query.FilterOf(f); id != "" && common.ID == id {
				return f, common
			}
		}
	}
	return types.Filter{}, query.Filter{}
}

// begin gives a control what its filter is set to. The values of an aggregate, and the
// number of top values, are not those of the column.
func (c *control) begin(f types.Filter, common query.Filter) {
	if c.column = common.Column; common.Aggregation != nil || f.TopBottomFilter != nil {
		c.column = nil
	}
	instant := func(t *time.Time) (texts []string) {
		if t != nil {
			texts = []string{t.UTC().Format(time.RFC3339)}
		}
		return texts
	}
	switch {
	case f.CategoryFilter != nil:
		k := deref(f.CategoryFilter.Configuration)
		switch {
		case k.FilterListConfiguration != nil:
			c.Value = k.FilterListConfiguration.CategoryValues
		case k.CustomFilterListConfiguration != nil:
			c.Value = k.CustomFilterListConfiguration.CategoryValues
		case k.CustomFilterConfiguration != nil && k.CustomFilterConfiguration.CategoryValue != nil:
			c.Value = []string{*k.CustomFilterConfiguration.CategoryValue}
		}
	case f.NumericEqualityFilter != nil:
		if v := f.NumericEqualityFilter.Value; v != nil {
			c.Value = []string{number(*v)}
		}
	case f.NumericRangeFilter != nil:
		if v := deref(f.NumericRangeFilter.RangeMinimum).StaticValue; v != nil {
			c.From = number(*v)
		}
		if v := deref(f.NumericRangeFilter.RangeMaximum).StaticValue; v != nil {
			c.To = number(*v)
		}
	case f.TimeRangeFilter != nil:
		k := f.TimeRangeFilter
		c.Grain = string(k.TimeGranularity)
		c.From = strings.Join(instant(deref(k.RangeMinimumValue).StaticValue), "")
		c.To = strings.Join(instant(deref(k.RangeMaximumValue).StaticValue), "")
	case f.TimeEqualityFilter != nil:
		c.Grain, c.Value = string(f.TimeEqualityFilter.TimeGranularity), instant(f.TimeEqualityFilter.Value)
	case f.RelativeDatesFilter != nil:
		k := f.RelativeDatesFilter
		c.Relative = &query.Relative{Type: k.RelativeDateType, Grain: k.TimeGranularity, Number: 1}
		if k.RelativeDateValue != nil {
			c.Relative.Number = int(*k.RelativeDateValue)
		}
	}
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// offered are the values that a control offers.
type offered struct {
	Values []string `json:"values"`
	More   bool     `json:"more"`
}

// values asks the data for what a control offers.
func (s *Server) values(ctx context.Context, l *loaded, sheet, id string, state query.State) (*offered, error) {
	b := s.builder(l, state)
	for i := range l.definition.Sheets {
		if sheetID(&l.definition.Sheets[i], i) != sheet {
			continue
		}
		for _, c := range controls(b, &l.definition.Sheets[i]) {
			if c.ID != id || c.column == nil {
				continue
			}
			q, err := b.Values(firstOf(c.column.DataSetIdentifier), firstOf(c.column.ColumnName), maxValues)
			if err != nil {
				return nil, err
			}
			if q == nil { // of an aggregate
				return &offered{Values: []string{}}, nil
			}
			rows, err := l.data.Ask(ctx, q.SQL)
			if err != nil {
				return nil, err
			}
			o := &offered{Values: []string{}, More: len(rows) > maxValues}
			for _, row := range rows[:min(len(rows), maxValues)] {
				o.Values = append(o.Values, written(row[0]))
			}
			return o, nil
		}
	}
	return nil, errNotFound
}

// written is a value as the state of a page holds it.
func written(v any) string {
	switch v := v.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case float64:
		return number(v)
	default:
		return fmt.Sprint(v)
	}
}
