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
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/headcount-etl/headcount/dashboards"
	"github.com/headcount-etl/headcount/stack/names"
)

// Args are what the stack knows of itself. None may be empty but Author.
type Args struct {
	// Stack is the name of the stack, Account the 12 digits of the account.
	Stack, Account, Region string
	// Database is the Glue database in which the views are.
	Database string
	// Workgroup is the Athena workgroup that runs the queries.
	Workgroup string
	// RoleARN is the role in which QuickSight uses Athena.
	RoleARN string
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

// check names the arguments that are missing.
func (a Args) check() error {
	var faults []error
	for _, value := range []struct{ name, text string }{
		{"Stack", a.Stack},
		{"Account", a.Account},
		{"Region", a.Region},
		{"Database", a.Database},
		{"Workgroup", a.Workgroup},
		{"RoleARN", a.RoleARN},
		{"Principal", a.Principal},
	} {
		if value.text == "" {
			faults = append(faults, fmt.Errorf("quicksight: Args.%s is empty", value.name))
		}
	}
	return errors.Join(faults...)
}

func (a Args) names() names.Names {
	return names.Names{Stack: a.Stack, Account: a.Account, Region: a.Region}
}

// ID is the id of the data source, of the analysis and of the dashboard.
func (a Args) ID() string { return a.names().Prefix() }

// DataSourceARN is the ARN of the data source.
func (a Args) DataSourceARN() string { return a.names().ARN("quicksight", "datasource/"+a.ID()) }

// DashboardARN is the ARN of the dashboard.
func (a Args) DashboardARN() string { return a.names().ARN("quicksight", "dashboard/"+a.ID()) }

// AnalysisARN is the ARN of the analysis.
func (a Args) AnalysisARN() string { return a.names().ARN("quicksight", "analysis/"+a.ID()) }

// DataSetID is the id of a data set.
func (a Args) DataSetID(s Set) string { return a.ID() + "-" + s.Identifier }

// DataSetARN is the ARN of a data set.
func (a Args) DataSetARN(s Set) string {
	return a.names().ARN("quicksight", "dataset/"+a.DataSetID(s))
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
)

// Sets gives all data sets.
func Sets() []Set { return []Set{Headcounts, Events} }

// setOf finds a data set by its identifier, a text.
func setOf(identifier any) (Set, bool) {
	for _, s := range Sets() {
		if s.Identifier == identifier {
			return s, true
		}
	}
	return Set{}, false
}

// Check says what is wrong with the files of dashboards, every fault with its
// file and its path: what the API would refuse, what CloudFormation or the
// provider cannot pass on, columns that the views do not have. Whatever renders
// the files calls it; it is for stopping before anything is created.
func Check() error {
	_, err := load(dashboards.Files)
	return err
}

// placeholder is the account in the files' ARNs.
const placeholder = "111122223333"

// foreign tells whether a text of a definition names the files' account.
func foreign(text string) bool {
	return strings.HasPrefix(text, "arn:") && strings.Contains(text, ":"+placeholder+":")
}

// read reads one of the files.
func read(files fs.FS, name string) ([]byte, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("quicksight: dashboards: %w", err)
	}
	return text, nil
}
