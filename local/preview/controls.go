package preview

import (
	"context"
	"fmt"
	"strconv"
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
	Kind      string `json:"kind"` // dropdown, list, text, slider, date, daterange, relative
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

// controls are those of a sheet, its parameters' first.
func controls(b *query.Builder, s *types.SheetDefinition) []control {
	all := []control{}
	for _, p := range s.ParameterControls {
		if c, ok := parameterControl(p); ok {
			if p, err := b.Parameter(c.Parameter); err == nil {
				c.Value, c.Grain = p.Values, string(p.Grain)
			}
			all = append(all, c)
		}
	}
	for _, f := range s.FilterControls {
		if c, ok := filterControl(b.Definition, f); ok {
			all = append(all, c)
		}
	}
	return all
}

func parameterControl(p types.ParameterControl) (control, bool) {
	switch {
	case p.Dropdown != nil:
		c := p.Dropdown
		k := control{ID: firstOf(c.ParameterControlId), Kind: "dropdown", Title: firstOf(c.Title), Parameter: firstOf(c.SourceParameterName), Multi: c.Type == types.SheetControlListTypeMultiSelect}
		k.SelectAll = c.DisplayOptions == nil || allShown(c.DisplayOptions.SelectAllOptions)
		k.offer(c.SelectableValues)
		return k, true
	case p.List != nil:
		c := p.List
		k := control{ID: firstOf(c.ParameterControlId), Kind: "list", Title: firstOf(c.Title), Parameter: firstOf(c.SourceParameterName), Multi: c.Type == types.SheetControlListTypeMultiSelect}
		k.SelectAll = c.DisplayOptions == nil || allShown(c.DisplayOptions.SelectAllOptions)
		k.offer(c.SelectableValues)
		return k, true
	case p.Slider != nil:
		c := p.Slider
		return control{ID: firstOf(c.ParameterControlId), Kind: "slider", Title: firstOf(c.Title), Parameter: firstOf(c.SourceParameterName), Min: c.MinimumValue, Max: c.MaximumValue, Step: c.StepSize}, true
	case p.DateTimePicker != nil:
		c := p.DateTimePicker
		return control{ID: firstOf(c.ParameterControlId), Kind: "date", Title: firstOf(c.Title), Parameter: firstOf(c.SourceParameterName)}, true
	case p.TextField != nil:
		c := p.TextField
		return control{ID: firstOf(c.ParameterControlId), Kind: "text", Title: firstOf(c.Title), Parameter: firstOf(c.SourceParameterName)}, true
	case p.TextArea != nil:
		c := p.TextArea
		return control{ID: firstOf(c.ParameterControlId), Kind: "text", Title: firstOf(c.Title), Parameter: firstOf(c.SourceParameterName)}, true
	}
	return control{}, false
}

func (c *control) offer(v *types.ParameterSelectableValues) {
	if v != nil {
		c.Values, c.column = v.Values, v.LinkToDataSetColumn
	}
}

func allShown(o *types.ListControlSelectAllOptions) bool {
	return o == nil || o.Visibility != types.VisibilityHidden
}

// filterControl reads a control of a filter. One across sheets has its looks at
// the filter.
func filterControl(d *definition.Definition, f types.FilterControl) (c control, ok bool) {
	var values *types.FilterSelectableValues
	list := func(t types.SheetControlListType) bool { return t != types.SheetControlListTypeSingleSelect }
	switch {
	case f.Dropdown != nil:
		k := f.Dropdown
		c = control{ID: firstOf(k.FilterControlId), Kind: "dropdown", Title: firstOf(k.Title), Filter: firstOf(k.SourceFilterId), Multi: list(k.Type)}
		c.SelectAll, values = k.DisplayOptions == nil || allShown(k.DisplayOptions.SelectAllOptions), k.SelectableValues
	case f.List != nil:
		k := f.List
		c = control{ID: firstOf(k.FilterControlId), Kind: "list", Title: firstOf(k.Title), Filter: firstOf(k.SourceFilterId), Multi: list(k.Type)}
		c.SelectAll, values = k.DisplayOptions == nil || allShown(k.DisplayOptions.SelectAllOptions), k.SelectableValues
	case f.Slider != nil:
		k := f.Slider
		c = control{ID: firstOf(k.FilterControlId), Kind: "slider", Title: firstOf(k.Title), Filter: firstOf(k.SourceFilterId), Min: k.MinimumValue, Max: k.MaximumValue, Step: k.StepSize}
	case f.DateTimePicker != nil:
		k := f.DateTimePicker
		c = control{ID: firstOf(k.FilterControlId), Kind: dateKind(k.Type), Title: firstOf(k.Title), Filter: firstOf(k.SourceFilterId)}
	case f.RelativeDateTime != nil:
		k := f.RelativeDateTime
		c = control{ID: firstOf(k.FilterControlId), Kind: "relative", Title: firstOf(k.Title), Filter: firstOf(k.SourceFilterId)}
	case f.TextField != nil:
		c = control{ID: firstOf(f.TextField.FilterControlId), Kind: "text", Title: firstOf(f.TextField.Title), Filter: firstOf(f.TextField.SourceFilterId)}
	case f.TextArea != nil:
		c = control{ID: firstOf(f.TextArea.FilterControlId), Kind: "text", Title: firstOf(f.TextArea.Title), Filter: firstOf(f.TextArea.SourceFilterId)}
	case f.CrossSheet != nil:
		c = control{ID: firstOf(f.CrossSheet.FilterControlId), Filter: firstOf(f.CrossSheet.SourceFilterId)}
	default:
		return c, false
	}
	source, found := filter(d, c.Filter)
	if !found {
		return c, false
	}
	if f.CrossSheet != nil {
		values = c.across(source.control())
	}
	if values != nil {
		c.Values = values.Values
	}
	source.begin(&c)
	return c, c.Kind != ""
}

func dateKind(t types.SheetControlDateTimePickerType) string {
	if t == types.SheetControlDateTimePickerTypeDateRange {
		return "daterange"
	}
	return "date"
}

// across gives a control the looks that stand at its filter.
func (c *control) across(d *types.DefaultFilterControlConfiguration) *types.FilterSelectableValues {
	if d == nil || d.ControlOptions == nil {
		return nil
	}
	c.Title = firstOf(d.Title)
	o := d.ControlOptions
	switch {
	case o.DefaultDropdownOptions != nil:
		k := o.DefaultDropdownOptions
		c.Kind, c.Multi = "dropdown", k.Type != types.SheetControlListTypeSingleSelect
		c.SelectAll = k.DisplayOptions == nil || allShown(k.DisplayOptions.SelectAllOptions)
		return k.SelectableValues
	case o.DefaultListOptions != nil:
		k := o.DefaultListOptions
		c.Kind, c.Multi = "list", k.Type != types.SheetControlListTypeSingleSelect
		c.SelectAll = k.DisplayOptions == nil || allShown(k.DisplayOptions.SelectAllOptions)
		return k.SelectableValues
	case o.DefaultDateTimePickerOptions != nil:
		c.Kind = dateKind(o.DefaultDateTimePickerOptions.Type)
	case o.DefaultRelativeDateTimeOptions != nil:
		c.Kind = "relative"
	case o.DefaultSliderOptions != nil:
		k := o.DefaultSliderOptions
		c.Kind, c.Min, c.Max, c.Step = "slider", k.MinimumValue, k.MaximumValue, k.StepSize
	case o.DefaultTextFieldOptions != nil, o.DefaultTextAreaOptions != nil:
		c.Kind = "text"
	}
	return nil
}

// filtering is a filter, whatever its kind.
type filtering types.Filter

func filter(d *definition.Definition, id string) (filtering, bool) {
	for _, g := range d.FilterGroups {
		for _, f := range g.Filters {
			if found := filtering(f); id != "" && found.id() == id {
				return found, true
			}
		}
	}
	return filtering{}, false
}

func (f *filtering) id() string {
	switch {
	case f.CategoryFilter != nil:
		return firstOf(f.CategoryFilter.FilterId)
	case f.NumericEqualityFilter != nil:
		return firstOf(f.NumericEqualityFilter.FilterId)
	case f.NumericRangeFilter != nil:
		return firstOf(f.NumericRangeFilter.FilterId)
	case f.TimeEqualityFilter != nil:
		return firstOf(f.TimeEqualityFilter.FilterId)
	case f.TimeRangeFilter != nil:
		return firstOf(f.TimeRangeFilter.FilterId)
	case f.RelativeDatesFilter != nil:
		return firstOf(f.RelativeDatesFilter.FilterId)
	case f.TopBottomFilter != nil:
		return firstOf(f.TopBottomFilter.FilterId)
	}
	return ""
}

func (f *filtering) control() *types.DefaultFilterControlConfiguration {
	switch {
	case f.CategoryFilter != nil:
		return f.CategoryFilter.DefaultFilterControlConfiguration
	case f.NumericEqualityFilter != nil:
		return f.NumericEqualityFilter.DefaultFilterControlConfiguration
	case f.NumericRangeFilter != nil:
		return f.NumericRangeFilter.DefaultFilterControlConfiguration
	case f.TimeEqualityFilter != nil:
		return f.TimeEqualityFilter.DefaultFilterControlConfiguration
	case f.TimeRangeFilter != nil:
		return f.TimeRangeFilter.DefaultFilterControlConfiguration
	case f.RelativeDatesFilter != nil:
		return f.RelativeDatesFilter.DefaultFilterControlConfiguration
	case f.TopBottomFilter != nil:
		return f.TopBottomFilter.DefaultFilterControlConfiguration
	}
	return nil
}

// begin gives a control what its filter is set to.
func (f *filtering) begin(c *control) {
	switch {
	case f.CategoryFilter != nil:
		c.column = f.CategoryFilter.Column
		if k := f.CategoryFilter.Configuration; k != nil {
			switch {
			case k.FilterListConfiguration != nil:
				c.Value = k.FilterListConfiguration.CategoryValues
			case k.CustomFilterListConfiguration != nil:
				c.Value = k.CustomFilterListConfiguration.CategoryValues
			case k.CustomFilterConfiguration != nil && k.CustomFilterConfiguration.CategoryValue != nil:
				c.Value = []string{*k.CustomFilterConfiguration.CategoryValue}
			}
		}
	case f.NumericEqualityFilter != nil:
		c.column = f.NumericEqualityFilter.Column
		if v := f.NumericEqualityFilter.Value; v != nil {
			c.Value = []string{number(*v)}
		}
	case f.NumericRangeFilter != nil:
		c.column = f.NumericRangeFilter.Column
		if v := f.NumericRangeFilter.RangeMinimum; v != nil && v.StaticValue != nil {
			c.From = number(*v.StaticValue)
		}
		if v := f.NumericRangeFilter.RangeMaximum; v != nil && v.StaticValue != nil {
			c.To = number(*v.StaticValue)
		}
	case f.TimeRangeFilter != nil:
		k := f.TimeRangeFilter
		c.column, c.Grain = k.Column, string(k.TimeGranularity)
		if v := k.RangeMinimumValue; v != nil && v.StaticValue != nil {
			c.From = v.StaticValue.UTC().Format(time.RFC3339)
		}
		if v := k.RangeMaximumValue; v != nil && v.StaticValue != nil {
			c.To = v.StaticValue.UTC().Format(time.RFC3339)
		}
	case f.TimeEqualityFilter != nil:
		k := f.TimeEqualityFilter
		c.column, c.Grain = k.Column, string(k.TimeGranularity)
		if k.Value != nil {
			c.Value = []string{k.Value.UTC().Format(time.RFC3339)}
		}
	case f.RelativeDatesFilter != nil:
		k := f.RelativeDatesFilter
		c.column = k.Column
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
