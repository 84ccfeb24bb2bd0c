package visual

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
)

// contrast is the contrast ratio of two colours, 1 to 21, as
// https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio defines it.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is the relative luminance of #rrggbb, 0 to 1.
func luminance(color string) float64 {
	n, err := strconv.ParseUint(strings.TrimPrefix(color, "#"), 16, 32)
	if err != nil {
		return 0
	}
	linear := func(shift int) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}

// TestOurColorsCanBeSeen: the colours that our definition gives to values stand out
// from the light and from the dark card by WCAG 2.2's least contrast of large texts, and no two of a column are the same.
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
			if contrast(color, "#ffffff") < 3 || contrast(color, "#161a1f") < 3 {
				t.Errorf("%s is hard to see: %s", value, color)
			}
			if other, ok := of[color]; ok {
				t.Errorf("%s and %s have the same colour", value, other)
			}
			of[color] = value
		}
	}
}

// TestNamesOfAMap: what would colour the points names them, and a note says so.
func TestNamesOfAMap(t *testing.T) {
	const rows = `SELECT a, a AS b, TIMESTAMP '2026-03-01' AS "at", n FROM (VALUES ('x', 5), ('y', 9)) t(a, n)`
	d := drawnBy(t, &definition.Definition{CalculatedFields: []types.CalculatedField{
		{DataSetIdentifier: aws.String("s"), Name: aws.String("latitude"), Expression: aws.String("{n}")}, {DataSetIdentifier: aws.String("s"), Name: aws.String("longitude"), Expression: aws.String("{n} + 1")},
	}}, rows, `{"GeospatialMapVisual":{"ChartConfiguration":{
		"FieldWells":{"GeospatialMapAggregatedFieldWells":{"Geospatial":[`+strings.ReplaceAll(wellN, `"n"`, `"latitude"`)+`,`+strings.ReplaceAll(wellN, `"n"`, `"longitude"`)+`],"Colors":[`+wellA+`],"Values":[`+sumOfN+`]}}}}}`)
	if d.Map == nil || d.Map.Points[0].Name != "y" || !slices.Equal(d.Notes, []string{"the colours of the points are not drawn"}) {
		t.Errorf("%+v %q", d.Map, d.Notes)
	}
}
