package dashboards_test

import (
	"slices"
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
