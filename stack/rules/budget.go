package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/stack/record"
)

const budgetType = "aws:budgets/budget:Budget"

// budgeted is the rule on the budget, which watches the whole account: a filter
// by tags counts nothing until the tags are activated by hand.
func budgeted() Rule {
	return Rule{
		ID: "budget-alerts", What: "a configured budget alerts through the topic of alarms on what was spent and on what is forecast, and has the right to (https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html); no filter makes it count nothing (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html)",
		Check: func(s *Stack) (broken []string) {
			all := s.find(budgetType)
			if (len(all) == 1) != (s.Settings.MonthlyBudgetUSD > 0) || len(all) > 1 {
				return []string{fmt.Sprintf("%d budgets with a limit of %d", len(all), s.Settings.MonthlyBudgetUSD)}
			}
			for _, r := range all {
				var alerts []string
				for i := 0; text(r, "notifications", i, "notificationType") != ""; i++ {
					if strings.HasSuffix(text(r, "notifications", i, "subscriberSnsTopicArns", 0), "-alarms") && text(r, "notifications", i, "threshold") == "100" {
						alerts = append(alerts, text(r, "notifications", i, "notificationType"))
					}
				}
				if !slices.Equal(alerts, []string{"ACTUAL", "FORECASTED"}) || text(r, "limitAmount") != fmt.Sprint(s.Settings.MonthlyBudgetUSD) || r.Inputs["costFilters"] != nil {
					broken = append(broken, fmt.Sprintf("the budget of %s with filters %v alerts on %v", text(r, "limitAmount"), r.Inputs["costFilters"], alerts))
				}
			}
			return append(broken, s.budgetsMay()...)
		},
		Mutants: []Mutant{
			remove(budgetType, nil), change(budgetType, nil, "1", "limitAmount"), change(budgetType, nil, []any{map[string]any{"name": "TagKeyValue"}}, "costFilters"),
			change(budgetType, nil, "arn:aws:sns:eu-west-1:111122223333:headcount-dev-alerts", "notifications", 1, "subscriberSnsTopicArns", 0),
			change(topicPolicy, named("alarms"), "Deny", "policy", "Statement", 3, "Effect"), change(keyType, nil, "Deny", "policy", "Statement", 3, "Effect"),
		},
	}
}

// budgetsMay names what stops AWS Budgets from publishing to the encrypted topic
// of alarms.
func (s *Stack) budgetsMay() (broken []string) {
	all, _ := s.statements()
	for kind, action := range map[string]string{topicPolicy: "sns:Publish", keyType: "kms:GenerateDataKey*"} {
		if !slices.ContainsFunc(all, func(st statement) bool {
			return st.of.Type == kind && (kind == keyType || st.of.Name == "alarms") && st.allows() && slices.Equal(st.services(), []string{"budgets.amazonaws.com"}) &&
				slices.Contains(st.Action, action) && slices.Equal(st.Condition["ArnLike"]["aws:SourceArn"], []string{"arn:aws:budgets::" + record.Account + ":*"})
		}) {
			broken = append(broken, "AWS Budgets may not "+action)
		}
	}
	return broken
}
