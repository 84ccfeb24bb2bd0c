package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/stack/record"
)

// template gives the template of a stack of CloudFormation, which may lie in S3.
func (s *Stack) template(r record.Resource) (tree map[string]any) {
	if tree, _ = r.Inputs["templateBody"].(map[string]any); tree != nil {
		return tree
	}
	for _, object := range s.find(objectType) {
		if url := text(r, "templateUrl"); strings.HasSuffix(url, ".amazonaws.com/"+text(object, "key")) && strings.Contains(url, text(object, "bucket")) {
			tree, _ = object.Inputs["content"].(map[string]any)
		}
	}
	return tree
}

// handled is what CloudFormation calls in order to create, update and delete
// resources of a type, but for what only templates and themes need: the handlers'
// permissions in the type's schema
// (aws cloudformation describe-type --type RESOURCE --type-name …,
// https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-handlers).
var handled = map[string]string{
	"DataSource": "CreateDataSource DescribeDataSource UpdateDataSource DeleteDataSource DescribeDataSourcePermissions UpdateDataSourcePermissions",
	"Analysis":   "CreateAnalysis DescribeAnalysis UpdateAnalysis DeleteAnalysis DescribeAnalysisPermissions UpdateAnalysisPermissions",
	"Dashboard": "CreateDashboard DescribeDashboard UpdateDashboard DeleteDashboard DescribeDashboardPermissions UpdateDashboardPermissions " +
		"UpdateDashboardLinks UpdateDashboardPublishedVersion",
	"": "TagResource UntagResource ListTagsForResource CreateFolderMembership DeleteFolderMembership ListFoldersForResource",
}

// quickSight are the rules on QuickSight, which a stack may do without.
func quickSight() []Rule {
	const analysis = "content.Resources.Analysis.Properties.Permissions"
	templated := func(r record.Resource) bool { return at(r.Inputs, "content.Resources.Dashboard") != nil }
	withAuthor := func(m Mutant) Mutant {
		return func(s *Stack) bool { return s.Settings.QuickSightAuthor != "" && m(s) }
	}
	return []Rule{
		each("quicksight-viewers", "the principal and the author may view data sets and dashboard; nobody may change them, nobody gets the data source", func(s *Stack, r record.Resource) string {
			granted := at(r.Inputs, "permissions")
			if r.Type == formationType {
				resources, _ := s.template(r)["Resources"].(map[string]any)
				if at(resources, "DataSource.Properties.Permissions") != nil {
					return "it gives the data source away"
				}
				granted = at(resources, "Dashboard.Properties.Permissions")
			}
			list, _ := granted.([]any)
			for _, permission := range list {
				who := fmt.Sprint(at(permission, "principal"), at(permission, "Principal"))
				if !strings.Contains(who, s.Settings.QuickSightPrincipal) && (s.Settings.QuickSightAuthor == "" || !strings.Contains(who, s.Settings.QuickSightAuthor)) {
					return "it is for " + who
				}
				for _, change := range []string{"quicksight:Update", "quicksight:Delete", "quicksight:Create", "quicksight:*"} {
					if (r.Type == formationType || r.Type == dataSetType) && contains(change)(permission) {
						return "it allows " + fmt.Sprint(permission)
					}
				}
			}
			return ""
		}, change(dataSetType, nil, "quicksight:UpdateDataSet", "permissions.0.actions.0"), change(dataSetType, nil, "arn:aws:quicksight:eu-west-1:111122223333:group/default/all", "permissions.0.principal"),
			change(formationType, named("quicksight-source"), []any{"x"}, "templateBody.Resources.DataSource.Properties.Permissions"),
			change(objectType, templated, "quicksight:DeleteDashboard", "content.Resources.Dashboard.Properties.Permissions.0.Actions.0")),
		each("quicksight-author", "an analysis is for the author, and there is none without one: without permissions nobody sees it (https://docs.aws.amazon.com/quicksight/latest/developerguide/update-analysis-permissions.html)", func(s *Stack, r record.Resource) string {
			if !templated(r) {
				return ""
			}
			author, _ := at(r.Inputs, analysis+".0.Principal").(string)
			if author != s.Settings.QuickSightAuthor || (at(r.Inputs, "content.Resources.Analysis") != nil) != (author != "") {
				return "the analysis is for " + author
			}
			return ""
		}, withAuthor(change(objectType, templated, "arn:aws:quicksight:eu-west-1:111122223333:group/default/all", analysis+".0.Principal")),
			withAuthor(change(objectType, templated, nil, analysis)), withAuthor(change(objectType, templated, nil, "content.Resources.Analysis"))),
		each("formation-rights", "CloudFormation's role may do what the handlers of its resources call, folders included", func(s *Stack, r record.Resource) string {
			resources, _ := s.template(r)["Resources"].(map[string]any)
			for _, v := range resources {
				kind := strings.TrimPrefix(fmt.Sprint(at(v, "Type")), "AWS::QuickSight::")
				arn := fmt.Sprintf("arn:aws:quicksight:%s:%s:%s/%v", s.Settings.Region, record.Account, strings.ToLower(kind), at(v, "Properties."+kind+"Id"))
				for _, action := range strings.Fields(handled[kind] + " " + handled[""]) {
					if !s.allowed(rolePolicy, "quicksight-formation", "quicksight:"+action, func(st statement) bool { return slices.Contains(st.Resource, arn) }) {
						return "it may not quicksight:" + action + " on " + arn
					}
				}
			}
			return ""
		}, forbid("quicksight-formation", "quicksight:ListFoldersForResource"), forbid("quicksight-formation", "quicksight:UpdateDashboardLinks"), forbid("quicksight-formation", "quicksight:TagResource")),
		each("formation-template", "a template has at most 51,200 bytes, or lies in S3", func(s *Stack, r record.Resource) string {
			body, _ := json.Marshal(at(r.Inputs, "templateBody")) // it was JSON
			if r.Type == formationType && (s.template(r) == nil || len(body) > 51_200) {
				return "it has no template, or one that is too large to be given as it is"
			}
			return ""
		}, remove(objectType, templated), change(objectType, templated, "quicksight/other.json", "key"),
			change(formationType, named("quicksight-source"), strings.Repeat(" ", 51_201), "templateBody.Description")),
	}
}

// forbid removes an action from all statements of a role's policy.
func forbid(role, action string) Mutant {
	return func(s *Stack) (found bool) {
		for _, r := range s.find(rolePolicy) {
			list, _ := at(r.Inputs, "policy.Statement").([]any)
			for _, st := range list {
				actions, _ := at(st, "Action").([]any)
				if r.Name == role && slices.Contains(actions, any(action)) {
					st.(map[string]any)["Action"] = slices.DeleteFunc(actions, func(a any) bool { return a == action })
					found = true
				}
			}
		}
		return found
	}
}
