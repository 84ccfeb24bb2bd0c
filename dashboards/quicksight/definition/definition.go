// Package definition reads QuickSight's JSON strictly, into the types of the AWS
// SDK, and checks what the API would refuse: references, columns, expressions.
//
// Load never stops at the first fault. What can be decoded is decoded,
// so that a preview can draw the visuals that are in order.
package definition

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
)

// Definition is what CreateDashboard and CreateAnalysis take.
type Definition = types.DashboardVersionDefinition

// Fault is one thing that is wrong in a file.
type Fault struct {
	File string `json:"file"`
	// Path is a JSON path from the root of the file, such as
	// $.Sheets[0].Visuals[2].BarChartVisual.VisualId; empty where the file as a
	// whole is at fault.
	Path string `json:"path"`
	// Problem says what is wrong, with the nearest valid name if there is one.
	Problem string `json:"problem"`
}

// Error is the fault in one line.
func (f Fault) Error() string {
	if f.Path == "" {
		return fmt.Sprintf("%s: %s", f.File, f.Problem)
	}
	return fmt.Sprintf("%s: %s: %s", f.File, f.Path, f.Problem)
}

// DataSet is a data set with the columns that it gives.
type DataSet struct {
	// Identifier is the one that the definition declares, not the data set's id.
	Identifier string
	Columns    []Column
}

// Column is a column of a data set.
type Column struct {
	Name string
	// Type is STRING, INTEGER, DECIMAL or DATETIME; empty if nobody knows, and
	// nothing is said then against a filter of any kind on it.
	Type types.ColumnDataType
}
