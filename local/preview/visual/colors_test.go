package visual

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
)

// TestOurColorsCanBeSeen: the colours that our definition gives to values stand out
// from a light and from a dark card, and no two of a column are the same.
func TestOurColorsCanBeSeen(t *testing.T) {
	text, err := os.ReadFile("../../../dashboards/headcount.json")
	if err != nil {
		t.Fatal(err)
	}
	var d definition.Definition
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.ColumnConfigurations) == 0 {
		t.Fatal("no column has colours")
	}
	for _, c := range d.ColumnConfigurations {
		of := map[string]string{}
		for _, custom := range deref(c.ColorsConfiguration).CustomColors {
			color, value := hex(custom.Color), deref(custom.FieldValue)
			if contrast(color, lightPage) < readable || contrast(color, darkPage) < readable {
				t.Errorf("%s is hard to see: %s", value, color)
			}
			if other, ok := of[color]; ok {
				t.Errorf("%s and %s have the same colour", value, other)
			}
			of[color] = value
		}
	}
}

// TestColorsOfAMap are the ones that the definition asks for.
func TestColorsOfAMap(t *testing.T) {
	const rows = `SELECT a, a AS b, TIMESTAMP '2026-03-01' AS "at", n FROM (VALUES ('x', 5), ('y', 9)) t(a, n)`
	d := drawnFrom(t, rows, `{"GeospatialMapVisual":{"ChartConfiguration":{"VisualPalette":{"ColorMap":[{"Element":{"FieldId":"a","FieldValue":"y"},"Color":"#2E7FD1"}]},
		"FieldWells":{"GeospatialMapAggregatedFieldWells":{"Geospatial":[`+wellN+`,`+wellN+`],"Colors":[`+wellA+`],"Values":[`+sumOfN+`]}}}}}`)
	if d.Map == nil || !slices.Equal(d.Map.Palette, []string{"", "#2e7fd1"}) {
		t.Errorf("%+v", d.Map)
	}
}
