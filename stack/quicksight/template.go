package quicksight

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
)

// Limit is how many bytes a template may have at an address in S3
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html):
// 1 MB; whether of 1000 or of 1024 kB is not said.
const Limit = 1_000_000

// object is an object of JSON, which is written in the order of its names.
type object = map[string]any

// DataSource renders the template of the data source: Athena, by the workgroup
// and in the role. It has no permissions, so that nobody but the stack can use
// it, and nobody can make a data set of what the views leave out.
func DataSource(a Args) ([]byte, error) {
	return template("Where Headcount's QuickSight data sets come from: Athena", object{
		"DataSource": object{
			"Type": "AWS::QuickSight::DataSource",
			"Properties": object{
				"AwsAccountId": a.Account,
				"DataSourceId": a.ID(),
				"Name":         a.label("Headcount"),
				"Type":         "ATHENA",
				"DataSourceParameters": object{
					"AthenaParameters": object{"WorkGroup": a.Workgroup(), "RoleArn": a.RoleARN()},
				},
				"SslProperties": object{"DisableSsl": false},
			},
		},
	})
}

// viewDashboard are the actions of a dashboard's reader, a role as in viewSet.
var viewDashboard = []string{"quicksight:DescribeDashboard", "quicksight:ListDashboardVersions", "quicksight:QueryDashboard"}

// editAnalysis are the actions of an analysis's author, a role as in viewSet
// (https://docs.aws.amazon.com/quicksight/latest/developerguide/update-analysis-permissions.html).
var editAnalysis = []string{
	"quicksight:RestoreAnalysis", "quicksight:UpdateAnalysisPermissions", "quicksight:DeleteAnalysis", "quicksight:QueryAnalysis",
	"quicksight:DescribeAnalysisPermissions", "quicksight:DescribeAnalysis", "quicksight:UpdateAnalysis",
}

// Dashboard renders the template of the dashboard and, where there is an author,
// of the analysis, both with the definition of dashboards. CloudFormation must read
// it from S3: as an argument of the call a template may have 51,200 bytes.
//
// The viewers may look at the dashboard. The author may change the analysis, to
// try changes on it; the next update undoes them. Without an author there is no
// analysis, since nobody could see it.
func (f *Files) Dashboard(a Args) ([]byte, error) {
	definition := maps.Clone(f.definition)
	definition[declarations] = declared(f.definition, a)
	text, err := compact(definition)
	if err != nil {
		return nil, err
	}
	// The definition can be written but not read, and so can the description; a
	// change of either is an update. The description shows people, and
	// ListDashboardVersions, which definition a version has.
	sum := sha256.Sum256(text)
	var permissions []object
	for _, viewer := range a.viewers() {
		permissions = append(permissions, object{"Principal": viewer, "Actions": viewDashboard})
	}
	resources := object{
		"Dashboard": object{
			"Type": "AWS::QuickSight::Dashboard",
			"Properties": object{
				"AwsAccountId":            a.Account,
				"DashboardId":             a.ID(),
				"Name":                    a.label("Headcount"),
				"Definition":              definition,
				"VersionDescription":      "sha256 " + hex.EncodeToString(sum[:8]),
				"DashboardPublishOptions": published,
				"Permissions":             permissions,
			},
		},
	}
	if a.Author != "" {
		resources["Analysis"] = object{
			"Type": "AWS::QuickSight::Analysis",
			"Properties": object{
				"AwsAccountId": a.Account,
				"AnalysisId":   a.ID(),
				"Name":         a.label("Headcount"),
				"Definition":   definition,
				"Permissions":  []object{{"Principal": a.Author, "Actions": editAnalysis}},
			},
		}
	}
	return template("What Headcount shows in QuickSight", resources)
}

// published is what readers may do. What they filter and export is what they
// see: counts that are suppressed already, and events without a person.
var published = object{
	"AdHocFilteringOption": object{"AvailabilityStatus": "ENABLED"},
	"ExportToCSVOption":    object{"AvailabilityStatus": "ENABLED"},
	"SheetControlsOption":  object{"VisibilityState": "EXPANDED"},
}

// declarations is the member with the data sets that a definition stands on.
const declarations = "DataSetIdentifierDeclarations"

// declared puts a definition on the data sets of the stack. definition.Load has
// seen that there is one for each identifier.
func declared(definition object, a Args) []object {
	all := []object{}
	list, _ := definition[declarations].([]any)
	for _, d := range list {
		of, _ := d.(object)
		id, _ := of["Identifier"].(string)
		all = append(all, object{"Identifier": id, "DataSetArn": a.DataSetARN(Set{Identifier: id})})
	}
	return all
}

// template writes a template.
func template(description string, resources object) ([]byte, error) {
	text, err := compact(object{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              description,
		"Resources":                resources,
	})
	if err == nil && len(text) > Limit {
		err = fmt.Errorf("quicksight: the template %q has %d bytes, and CloudFormation accepts %d", description, len(text), Limit)
	}
	return text, err
}

// compact writes JSON in as few bytes as possible.
func compact(value any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, fmt.Errorf("quicksight: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}
