package visual

import (
	"bytes"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
)

// undrawn are members of a visual's definition that are not drawn: by their names, or by
// a name and a value.
var undrawn = []struct{ member, note string }{
	{`"ConditionalFormatting":{`, "conditional formatting is not drawn"},
	{`"SmallMultiples":[`, "small multiples are drawn as one chart"},
	{`"ReferenceLines":[`, "reference lines are not drawn"},
	{`"ForecastConfigurations":[`, "the forecast is not drawn"},
	{`"AxisBinding":"SECONDARY_YAXIS"`, "the second axis of a line's values is not drawn"},
	{`"TreatmentOption":"INTERPOLATE"`, "lines have gaps where there is no data"},
	{`"TreatmentOption":"SHOW_AS_ZERO"`, "lines have gaps where there is no data"},
	{`"MinMax":{`, "the bounds of an axis are not drawn"},
	{`"Logarithmic":{`, "a logarithmic axis is not drawn"},
	{`"ColorScale":{`, "the definition's own scale of colours is not drawn"},
	{`"TargetValues":[`, "the target is not drawn"},
	{`"ComparisonFormat":{`, "the comparison's own format is not drawn"},
	{`"ComparisonMethod":"PERCENT"`, "the comparison shows the difference in percent"},
	{`"TransposedTableOptions":[`, "the table is not transposed"},
	{`"TableInlineVisualizations":[`, "data bars and sparklines in cells are not drawn"},
	{`"RowsLayout":"HIERARCHY"`, "the rows are drawn in a column each, not as a hierarchy"},
	{`"State":"COLLAPSED"`, "collapsed groups are drawn expanded"},
	{`"DataPath":{`, "the order by the cells of a column is not drawn"},
	{`"BaseMapStyle":`, "the base map is not drawn"},
}

// otherwise notes what of a visual is drawn in another way than QuickSight would.
func (p *plan) otherwise(v *types.Visual) {
	text, _ := json.Marshal(v) // it was decoded from JSON
	for _, empty := range []string{`:[]`, `:{}`} {
		text = bytes.ReplaceAll(text, []byte(empty), []byte(`:null`))
	}
	for _, u := range undrawn {
		if p.drawing.Kind != kindPlaceholder && bytes.Contains(text, []byte(u.member)) {
			p.notes.add("%s", u.note)
		}
	}
}
