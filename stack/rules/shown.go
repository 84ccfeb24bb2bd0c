package rules

import (
	"fmt"
	"slices"
	"strings"
)

const (
	dataSetType   = "aws:quicksight/dataSet:DataSet"
	formationType = "aws:cloudformation/stack:Stack"
	refreshType   = "aws:quicksight/refreshSchedule:RefreshSchedule"
)

// shown are the rules on QuickSight, which a stack may do without.
func shown() []Rule {
	return append(rulesOf(
		property{id: "CloudFormation.4", what: "CloudFormation works in a role of its own", kind: formationType, optional: true, path: []any{"iamRoleArn"}, want: given},
		property{id: "formation-no-parameters", what: "stacks have no parameters, which would differ at every up", kind: formationType, optional: true, path: []any{"parameters"}, absent: true, want: func(any) bool { return false }, wrong: []any{map[string]any{"a": "b"}}},
		property{id: "refresh-daily", what: "the imported data set is refreshed daily", kind: refreshType, optional: true, path: []any{"schedule", "scheduleFrequency", "interval"}, want: is("DAILY"), wrong: []any{"HOURLY"}},
	), shownWhole(), viewersOnly(), templates())
}

// shownWhole is the rule that all of QuickSight is there where there is somebody
// to see it, and nothing of it else.
func shownWhole() Rule {
	return Rule{
		ID: "quicksight-whole", What: "with a principal there are two data sets, one refresh and two stacks of CloudFormation; without one there is nothing",
		Check: func(s *Stack) (broken []string) {
			want := map[string]int{dataSetType: 2, refreshType: 1, formationType: 2}
			for kind, n := range want {
				if s.Settings.QuickSightPrincipal == "" {
					n = 0
				}
				if got := len(s.find(kind)); got != n {
					broken = append(broken, fmt.Sprintf("%d of %s, want %d", got, kind, n))
				}
			}
			for _, r := range s.find(refreshType) {
				for _, set := range s.find(dataSetType) {
					if text(set, "dataSetId") == text(r, "dataSetId") && text(set, "importMode") != "SPICE" {
						broken = append(broken, set.Name+" is refreshed, and is not imported")
					}
				}
			}
			return broken
		},
		Mutants: []Mutant{remove(dataSetType, nil), remove(refreshType, nil), remove(formationType, nil), change(dataSetType, named("events"), "DIRECT_QUERY", "importMode")},
	}
}

// viewersOnly is the rule that the principal may see, and nothing else.
func viewersOnly() Rule {
	return Rule{
		ID: "quicksight-viewers", What: "the principal may view data sets and dashboard; nobody may change them, and nobody gets the data source",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.find(dataSetType) {
				if text(r, "permissions", 0, "principal") != s.Settings.QuickSightPrincipal {
					broken = append(broken, r.Name+": is not for the principal alone")
				}
				for i := range 30 {
					for j := range 30 {
						if action := text(r, "permissions", i, "actions", j); i > 0 && action != "" || changes(action) {
							broken = append(broken, r.Name+": allows "+action)
						}
					}
				}
			}
			for _, template := range s.templates() {
				source := strings.Contains(template, "AWS::QuickSight::DataSource")
				if source && strings.Contains(template, "Permissions") || changes(template) {
					broken = append(broken, "a template gives rights to change, or the data source away")
				}
			}
			return broken
		},
		Mutants: []Mutant{
			change(dataSetType, nil, "quicksight:UpdateDataSet", "permissions", 0, "actions", 0), change(dataSetType, nil, "arn:aws:quicksight:eu-west-1:111122223333:group/default/all", "permissions", 0, "principal"),
			change(formationType, named("quicksight-source"), []any{map[string]any{"Principal": "x", "Actions": []any{"quicksight:DescribeDataSource"}}}, "templateBody", "Resources", "DataSource", "Properties", "Permissions"),
			change(objectType, nil, `{"AWS::QuickSight::Dashboard":"quicksight:DeleteDashboard"}`, "content"),
		},
	}
}

const objectType = "aws:s3/bucketObjectv2:BucketObjectv2"

// changes tells whether rights in a text are more than a viewer's.
func changes(text string) bool {
	return slices.ContainsFunc([]string{"quicksight:Update", "quicksight:Delete", "quicksight:Create", "quicksight:*"}, func(action string) bool { return strings.Contains(text, action) })
}

// templates gives the templates of CloudFormation's stacks.
func (s *Stack) templates() []string {
	var all []string
	for _, r := range s.find(formationType) {
		body := text(r, "templateBody")
		for _, object := range s.find(objectType) {
			if url := text(r, "templateUrl"); url != "" && strings.HasSuffix(url, ".amazonaws.com/"+text(object, "key")) && strings.Contains(url, text(object, "bucket")) {
				body = text(object, "content")
			}
		}
		all = append(all, body)
	}
	return all
}

// templates is the rule that a stack's template can be given to CloudFormation.
func templates() Rule {
	return Rule{
		ID: "formation-template", What: "a template has at most 51,200 bytes, or lies in a bucket, under a name that changes with it; no account but the stack's is in it",
		Check: func(s *Stack) (broken []string) {
			for i, template := range s.templates() {
				if template == "" || len(template) > 1_000_000 {
					broken = append(broken, fmt.Sprintf("stack %d has no template, or too large a one", i))
				}
			}
			for _, r := range s.find(formationType) {
				if len(text(r, "templateBody")) > 51_200 {
					broken = append(broken, r.Name+": the template is too large to be given as it is")
				}
			}
			return broken
		},
		Mutants: []Mutant{
			remove(objectType, nil), change(objectType, nil, "quicksight/other.json", "key"),
			change(formationType, named("quicksight-source"), strings.Repeat(" ", 51_201), "templateBody"),
		},
	}
}
