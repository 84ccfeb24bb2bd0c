package quicksight

import (
	"io/fs"
	"testing"

	"github.com/headcount-etl/headcount/dashboards"
	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
)

// FuzzFiles: a file is either at fault, or is passed on; nothing panics.
func FuzzFiles(f *testing.F) {
	for _, name := range []string{dashboards.HeadcountsSet, dashboards.EventsSet} {
		text, err := fs.ReadFile(dashboards.Files, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(everything))
	f.Add([]byte(`{"DataSetIdentifierDeclarations": [{"Identifier": "events", "DataSetArn": "arn:aws:quicksight:us-east-1:111122223333:dataset/headcount-events"}],
		"Sheets": [{"SheetId": "a", "Visuals": [{"EmptyVisual": {"VisualId": "b", "DataSetIdentifier": "events"}}]}],
		"ParameterDeclarations": [{"DateTimeParameterDeclaration": {"Name": "From", "DefaultValues": {"StaticValues": [1767225600]}}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, _, faults := loadSet("file", text)
		if len(faults) == 0 && (len(set.PhysicalTableMap) == 0 || set.args(Events, examples[0]) == nil) {
			t.Error("a data set without a table is in order")
		}
		_, faults = definition.Load("file", text, func(*definition.Definition) []definition.DataSet { return nil })
		if len(faults) > 0 {
			return
		}
		tree, faults := loadDefinition("file", text)
		if len(faults) > 0 {
			return
		}
		if _, err := (&Files{definition: tree}).Dashboard(examples[0]); err != nil {
			t.Error(err)
		}
	})
}
