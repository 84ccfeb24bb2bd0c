package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/stack/record"
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
		property{id: "formation-on-failure", what: "a stack that could not be created is deleted: in ROLLBACK_COMPLETE it could not be updated, and the next up would fail (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html)", kind: formationType, optional: true, path: []any{"onFailure"}, want: is("DELETE"), wrong: []any{"ROLLBACK"}},
		property{id: "formation-no-parameters", what: "stacks have no parameters, which would differ at every up", kind: formationType, optional: true, path: []any{"parameters"}, absent: true, want: func(any) bool { return false }, wrong: []any{map[string]any{"a": "b"}}},
		property{id: "import-window", what: "QuickSight imports the last days only: each import reads all that it imports, and SPICE's capacity is bought (https://docs.aws.amazon.com/quicksight/latest/user/managing-spice-capacity.html)", kind: dataSetType, optional: true, only: func(_ *Stack, r record.Resource) bool { return text(r, "importMode") == "SPICE" }, path: []any{"physicalTableMaps", 0, "relationalTable", "name"}, want: is("recent_events"), wrong: []any{"events_safe"}},
		property{id: "refresh-daily", what: "the imported data set is refreshed daily", kind: refreshType, optional: true, path: []any{"schedule", "scheduleFrequency", "interval"}, want: is("DAILY"), wrong: []any{"HOURLY"}},
	), shownWhole(), viewersOnly(), authored(), formationRights(), templates())
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
		ID: "quicksight-viewers", What: "the principal and the author may view data sets and dashboard; nobody may change them, and nobody gets the data source",
		Check: func(s *Stack) (broken []string) {
			viewers := []string{s.Settings.QuickSightPrincipal}
			if author := s.Settings.QuickSightAuthor; author != "" {
				viewers = append(viewers, author)
			}
			for _, r := range s.find(dataSetType) {
				var who []string
				for i := 0; text(r, "permissions", i, "principal") != ""; i++ {
					who = append(who, text(r, "permissions", i, "principal"))
					if changes(text(r, "permissions", i, "actions")) {
						broken = append(broken, r.Name+": allows "+text(r, "permissions", i, "actions"))
					}
				}
				if !slices.Equal(who, viewers) {
					broken = append(broken, fmt.Sprintf("%s: is for %v, want %v", r.Name, who, viewers))
				}
			}
			for _, template := range s.templates() {
				source := strings.Contains(template, "AWS::QuickSight::DataSource")
				_, others := analysisPermissions(template)
				if source && strings.Contains(template, "Permissions") || changes(others) {
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

// analysisPermissions gives the permissions of a template's analysis, and the
// template without them.
func analysisPermissions(template string) (permissions any, others string) {
	var tree map[string]any
	if json.Unmarshal([]byte(template), &tree) != nil {
		return nil, template
	}
	permissions, ok := at(tree, "Resources", "Analysis", "Properties", "Permissions")
	if !ok {
		return nil, template
	}
	set(tree, nil, "Resources", "Analysis", "Properties", "Permissions")
	text, _ := json.Marshal(tree) // it was JSON
	return permissions, string(text)
}

// authored is the rule that there is an analysis where somebody can see it.
func authored() Rule {
	permissions := func(text string) Mutant {
		return func(s *Stack) bool {
			return slices.ContainsFunc(s.find(objectType), func(r record.Resource) bool {
				return set(r.Inputs, text, "content", "Resources", "Analysis", "Properties", "Permissions", 0, "Principal")
			})
		}
	}
	return Rule{
		ID: "quicksight-author", What: "an analysis is for the author, and there is none without one: without permissions nobody sees it (https://docs.aws.amazon.com/quicksight/latest/developerguide/update-analysis-permissions.html)",
		Check: func(s *Stack) (broken []string) {
			for _, template := range s.templates() {
				there := strings.Contains(template, "AWS::QuickSight::Analysis")
				if there != (s.Settings.QuickSightAuthor != "") && strings.Contains(template, "AWS::QuickSight::Dashboard") {
					broken = append(broken, fmt.Sprintf("there is an analysis: %t, with the author %q", there, s.Settings.QuickSightAuthor))
				}
				got, _ := analysisPermissions(template)
				if list, _ := got.([]any); there && (len(list) != 1 || text(record.Resource{Inputs: map[string]any{"p": list}}, "p", 0, "Principal") != s.Settings.QuickSightAuthor) {
					broken = append(broken, fmt.Sprintf("the analysis is for %v", got))
				}
			}
			return broken
		},
		Mutants: []Mutant{
			permissions("arn:aws:quicksight:eu-west-1:111122223333:group/default/all"),
			func(s *Stack) bool {
				return slices.ContainsFunc(s.find(objectType), func(r record.Resource) bool {
					return set(r.Inputs, nil, "content", "Resources", "Analysis", "Properties", "Permissions") || set(r.Inputs, nil, "content", "Resources", "Analysis")
				})
			},
		},
	}
}

// handled is what CloudFormation calls in order to create, update and delete
// resources of a type, but for what only templates and themes need: the handlers'
// permissions in the type's schema
// (aws cloudformation describe-type --type RESOURCE --type-name …,
// https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-handlers).
var handled = map[string]string{
	"AWS::QuickSight::DataSource": "CreateDataSource DescribeDataSource UpdateDataSource DeleteDataSource DescribeDataSourcePermissions UpdateDataSourcePermissions",
	"AWS::QuickSight::Analysis":   "CreateAnalysis DescribeAnalysis UpdateAnalysis DeleteAnalysis DescribeAnalysisPermissions UpdateAnalysisPermissions",
	"AWS::QuickSight::Dashboard": "CreateDashboard DescribeDashboard UpdateDashboard DeleteDashboard DescribeDashboardPermissions UpdateDashboardPermissions " +
		"UpdateDashboardLinks UpdateDashboardPublishedVersion",
}

// formationRights is the rule that CloudFormation's role may do all that.
func formationRights() Rule {
	const every = " TagResource UntagResource ListTagsForResource CreateFolderMembership DeleteFolderMembership ListFoldersForResource"
	without := func(sid, action string) Mutant {
		return func(s *Stack) bool {
			for _, r := range s.find(rolePolicy) {
				for i := 0; r.Name == "quicksight-formation" && i < 10; i++ {
					actions, _ := at(r.Inputs, "policy", "Statement", i, "Action")
					if list, _ := actions.([]any); text(r, "policy", "Statement", i, "Sid") == sid {
						return set(r.Inputs, slices.DeleteFunc(list, func(a any) bool { return a == "quicksight:"+action }), "policy", "Statement", i, "Action")
					}
				}
			}
			return false
		}
	}
	return Rule{
		ID: "formation-rights", What: "CloudFormation's role may do what the handlers of its resources call, folders included",
		Check: func(s *Stack) (broken []string) {
			all, _ := s.statements()
			for _, template := range s.templates() {
				var tree struct {
					Resources map[string]struct {
						Type       string
						Properties map[string]any
					}
				}
				if json.Unmarshal([]byte(template), &tree) != nil {
					return []string{"a template does not parse"}
				}
				for _, r := range tree.Resources {
					kind := strings.TrimPrefix(r.Type, "AWS::QuickSight::")
					arn := fmt.Sprintf("arn:aws:quicksight:%s:%s:%s/%v", s.Settings.Region, record.Account, strings.ToLower(kind), r.Properties[kind+"Id"])
					for _, action := range strings.Fields(handled[r.Type] + every) {
						if !slices.ContainsFunc(all, func(st statement) bool {
							return st.of.Type == rolePolicy && st.of.Name == "quicksight-formation" && slices.Contains(st.Action, "quicksight:"+action) && slices.Contains(st.Resource, arn)
						}) {
							broken = append(broken, "CloudFormation may not quicksight:"+action+" on "+arn)
						}
					}
				}
			}
			return broken
		},
		Mutants: []Mutant{without("Folders", "ListFoldersForResource"), without("Dashboard", "UpdateDashboardLinks"), without("Dashboard", "CreateAnalysis"), without("DataSource", "TagResource")},
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
