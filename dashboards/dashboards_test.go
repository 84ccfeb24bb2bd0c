package dashboards_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards"
	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/services/aggregator/results"
)

// columnTypes are the types that data sets have for Hive's.
var columnTypes = map[string]types.ColumnDataType{
	"timestamp": types.ColumnDataTypeDatetime, "string": types.ColumnDataTypeString, "double": types.ColumnDataTypeDecimal,
	"bigint": types.ColumnDataTypeInteger, "boolean": types.ColumnDataTypeInteger,
}

// TestOurDashboard: the data sets have the columns of their views, and the
// definition stands on the data sets without a fault.
func TestOurDashboard(t *testing.T) {
	var sets []definition.DataSet
	for _, tt := range []struct {
		file, identifier string
		view             views.View
	}{
		{dashboards.HeadcountsSet, "headcounts", views.Published(results.Headcounts, "headcounts", "v1", views.Days)},
		{dashboards.EventsSet, "events", views.RecentEvents("events_safe", views.ImportedDays)},
		{dashboards.TotalsSet, "totals", views.Published(results.Totals, "totals", "v1", views.Days)},
		{dashboards.HotspotsSet, "hotspots", views.Published(results.Hotspots, "hotspots", "v1", views.Days)},
	} {
		_, columns, faults := definition.LoadDataSet(tt.file, read(t, tt.file))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		var want []definition.Column
		for _, c := range tt.view.Columns {
			want = append(want, definition.Column{Name: c.Name, Type: columnTypes[c.Type]})
		}
		got := slices.Clone(columns)
		for i := range got {
			if want[min(i, len(want)-1)].Name == "suppressed" && got[i].Name == "suppressed" {
				got[i].Type = columnTypes["boolean"] // which data sets tell apart, and definitions do not
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has %v, want those of the view %s: %v", tt.file, got, tt.view.Name, want)
		}
		sets = append(sets, definition.DataSet{Identifier: tt.identifier, Columns: columns})
	}
	_, faults := definition.Load(dashboards.HeadcountFile, read(t, dashboards.HeadcountFile), func(*definition.Definition) []definition.DataSet { return sets })
	for _, f := range faults {
		t.Error(f)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := dashboards.Files.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// shown is a visual of the definition.
type shown struct {
	id, kind string
	text     string // its JSON, with one space wherever there is any
}

// visuals are those of all sheets, and the ids of those that show one place alone.
func visuals(t *testing.T) (all []shown, one map[string]bool) {
	t.Helper()
	var d struct {
		Sheets []struct {
			Visuals []map[string]json.RawMessage
		}
		FilterGroups []struct {
			Filters            []map[string]struct{ Limit int }
			ScopeConfiguration struct {
				SelectedSheets struct {
					SheetVisualScopingConfigurations []struct {
						VisualIDs []string `json:"VisualIds"`
					}
				}
			}
		}
	}
	if err := json.Unmarshal(read(t, dashboards.HeadcountFile), &d); err != nil {
		t.Fatal(err)
	}
	one = map[string]bool{}
	for _, g := range d.FilterGroups {
		if g.Filters[0]["TopBottomFilter"].Limit == 1 {
			for _, s := range g.ScopeConfiguration.SelectedSheets.SheetVisualScopingConfigurations {
				for _, id := range s.VisualIDs {
					one[id] = true
				}
			}
		}
	}
	for _, sheet := range d.Sheets {
		for _, v := range sheet.Visuals {
			for kind, raw := range v {
				var is struct {
					VisualID string `json:"VisualId"`
				}
				if err := json.Unmarshal(raw, &is); err != nil {
					t.Fatal(err)
				}
				all = append(all, shown{is.VisualID, kind, strings.Join(strings.Fields(string(raw)), " ")})
			}
		}
	}
	return all, one
}

// TestNobodyIsCountedAtTwoPlaces: no card adds people up over places, since who is near
// two of them would be counted twice: what sums people up is of each place by itself,
// or of one place, and has no totals over places.
func TestNobodyIsCountedAtTwoPlaces(t *testing.T) {
	people := regexp.MustCompile(`"headcounts", *"ColumnName": *"(People|Women|Men|People at once[^"]*)"`)
	place := regexp.MustCompile(`DimensionField": *\{[^{}]*\{[^{}]*"ColumnName": *"(Place|poi_name)"`)
	totals := regexp.MustCompile(`"(RowTotalOptions|TotalOptions)": *\{ *"TotalsVisibility": *"VISIBLE"|"TotalAggregation"`)
	all, one := visuals(t)
	seen := 0
	for _, v := range all {
		if v.kind == "HistogramVisual" || !people.MatchString(v.text) { // a histogram counts cells
			continue
		}
		seen++
		if !one[v.id] && !place.MatchString(v.text) {
			t.Errorf("the %s %s adds people up over places", v.kind, v.id)
		}
		if totals.MatchString(v.text) {
			t.Errorf("the %s %s has totals over places", v.kind, v.id)
		}
	}
	if seen < 8 {
		t.Errorf("only %d visuals show people of groups", seen)
	}
}

// TestDifferentPeopleAreNotAddedUp: the people of a total, or of a hot cell, are
// different ones, and who is in one may be in the next: a card shows the most of them,
// never a sum, and stacks no parts that look like one.
func TestDifferentPeopleAreNotAddedUp(t *testing.T) {
	people := regexp.MustCompile(`"NumericalMeasureField": *\{[^{}]*\{ *"DataSetIdentifier": *"(?:totals|hotspots)", *"ColumnName": *"(?:People[^"]*|people|cell_people)" *\}([^{}]*\{[^{}]*\})?`)
	stacked := regexp.MustCompile(`"(STACKED|STACKED_PERCENT|STACKED_AREA)"|"TotalAggregation"`)
	all, _ := visuals(t)
	seen := 0
	for _, v := range all {
		for _, measure := range people.FindAllStringSubmatch(v.text, -1) {
			seen++
			if !strings.Contains(measure[1], `"AggregationFunction": { "SimpleNumericalAggregation": "MAX" }`) {
				t.Errorf("the %s %s shows something else than the most people: %s", v.kind, v.id, measure[0])
			}
			if v.kind == "PieChartVisual" || stacked.MatchString(v.text) {
				t.Errorf("the %s %s shows different people as parts of a whole", v.kind, v.id)
			}
		}
	}
	if seen < 14 {
		t.Errorf("only %d measures are of different people", seen)
	}
}
