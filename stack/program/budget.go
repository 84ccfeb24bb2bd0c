package program

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/budgets"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// budgets is the ARN of the account's budgets, which have no region
// (https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html).
func (s *stack) budgets() string { return "arn:aws:budgets::" + s.names.Account + ":*" }

// budget watches what the account costs in a month. The account, and not the
// stack: a filter by tags counts nothing until somebody activates the tags for
// cost allocation by hand
// (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html).
func (s *stack) budget(t *topics) {
	if s.MonthlyBudgetUSD == 0 {
		return
	}
	notify := func(kind string) budgets.BudgetNotificationInput {
		return budgets.BudgetNotificationArgs{
			NotificationType: pulumi.String(kind), ComparisonOperator: pulumi.String("GREATER_THAN"),
			Threshold: pulumi.Float64(100), ThresholdType: pulumi.String("PERCENTAGE"), SubscriberSnsTopicArns: pulumi.StringArray{t.alarms.Arn},
		}
	}
	add(s, budgets.NewBudget, "budget", &budgets.BudgetArgs{
		Name: pulumi.String(s.names.Prefix()), BudgetType: pulumi.String("COST"), TimeUnit: pulumi.String("MONTHLY"),
		LimitAmount: pulumi.String(fmt.Sprint(s.MonthlyBudgetUSD)), LimitUnit: pulumi.String("USD"),
		Notifications: budgets.BudgetNotificationArray{notify("ACTUAL"), notify("FORECASTED")},
	}, pulumi.DependsOn([]pulumi.Resource{t.alarmsOpen}))
}
