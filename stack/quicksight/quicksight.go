// Package quicksight renders what QuickSight shows: the JSON files of the package
// dashboards, as CloudFormation templates and as the arguments of Pulumi's data
// sets. The provider for AWS knows no definition of a dashboard and no role of a
// data source; CloudFormation knows both.
//
// The files hold names of their own, for an account of AWS's documentation. What
// is rendered has those of the stack; they follow from its name, account and
// region alone, so that templates are whole before anything is created. The same
// files and arguments give the same bytes. Nothing is rendered from files that
// fail a check.
package quicksight

import (
	"fmt"

	"github.com/headcount-etl/headcount/dashboards"
	"github.com/headcount-etl/headcount/stack/names"
)

// Args are what the stack knows of itself.
type Args struct {
	names.Names
	// Principal is the ARN of the QuickSight user or group that sees the
	// dashboard.
	Principal string
	// Author is the ARN of the QuickSight user or group that sees the analysis
	// too, and may change it; empty for no analysis.
	Author string
}

// viewers are who sees the data sets and the dashboard, each once: QuickSight
// refuses a principal that is there twice.
func (a Args) viewers() []string {
	if a.Author == "" || a.Author == a.Principal {
		return []string{a.Principal}
	}
	return []string{a.Principal, a.Author}
}

// ID is the id of the data source, of the analysis and of the dashboard.
func (a Args) ID() string { return a.Prefix() }

// RoleARN is the role in which QuickSight uses Athena.
func (a Args) RoleARN() string {
	return "arn:aws:iam::" + a.Account + ":role/" + a.ID() + "-quicksight"
}

// DataSourceARN is the ARN of the data source.
func (a Args) DataSourceARN() string { return a.ARN("quicksight", "datasource/"+a.ID()) }

// DashboardARN is the ARN of the dashboard.
func (a Args) DashboardARN() string { return a.ARN("quicksight", "dashboard/"+a.ID()) }

// AnalysisARN is the ARN of the analysis.
func (a Args) AnalysisARN() string { return a.ARN("quicksight", "analysis/"+a.ID()) }

// DataSetID is the id of a data set.
func (a Args) DataSetID(s Set) string { return a.ID() + "-" + s.Identifier }

// DataSetARN is the ARN of a data set.
func (a Args) DataSetARN(s Set) string { return a.ARN("quicksight", "dataset/"+a.DataSetID(s)) }

// DataSetARNs are the ARNs of all data sets.
func (a Args) DataSetARNs() (all []string) {
	for _, s := range Sets() {
		all = append(all, a.DataSetARN(s))
	}
	return all
}

// label names something for people, who may see several stacks in one account.
func (a Args) label(name string) string { return fmt.Sprintf("%s (%s)", name, a.Stack) }

// Set is one of the data sets that the dashboard stands on.
type Set struct {
	// Identifier is what the dashboard's definition calls it.
	Identifier string
	// File is the name of its file in dashboards.Files.
	File string
}

// The data sets. A definition may stand on no others.
var (
	Headcounts = Set{"headcounts", dashboards.HeadcountsSet}
	Events     = Set{"events", dashboards.EventsSet}
	Totals     = Set{"totals", dashboards.TotalsSet}
	Hotspots   = Set{"hotspots", dashboards.HotspotsSet}
)

// Sets gives all data sets.
func Sets() []Set { return []Set{Headcounts, Events, Totals, Hotspots} }
