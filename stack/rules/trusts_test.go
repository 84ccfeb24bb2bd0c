package rules

import (
	"fmt"
	"maps"
	"slices"
)

// trusted are the services that roles are for: the page that shows the trust
// policy, and the keys that the page compares in it. A key that a service does
// not send makes the condition fail, and then the service cannot assume the role.
var trusted = map[string]struct {
	page string
	keys []string
}{
	"ecs-tasks.amazonaws.com":      {"https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html", []string{"aws:SourceAccount", "aws:SourceArn"}},
	"vpc-flow-logs.amazonaws.com":  {"https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html", []string{"aws:SourceAccount", "aws:SourceArn"}},
	"firehose.amazonaws.com":       {"https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#firehose-assume-role", nil},
	"sns.amazonaws.com":            {"https://docs.aws.amazon.com/sns/latest/dg/prereqs-kinesis-data-firehose.html", nil},
	"glue.amazonaws.com":           {"https://docs.aws.amazon.com/glue/latest/dg/create-an-iam-role.html", nil},
	"quicksight.amazonaws.com":     {"https://docs.aws.amazon.com/quicksight/latest/user/datasource-run-as-role.html", nil},
	"cloudformation.amazonaws.com": {"https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html", nil},
}

// trusts is the rule on who may assume a role, and under which conditions.
func trusts() Rule {
	condition := func(role string, value any) Mutant {
		return change(roleType, named(role), value, "assumeRolePolicy.Statement.0.Condition")
	}
	source := map[string]any{"ArnLike": map[string]any{"aws:SourceArn": []any{"arn:aws:cloudformation:eu-west-1:111122223333:stack/*"}}}
	return statements("trust-policies", "every role is for one service of AWS that is known here, and its trust policy compares the keys that this service is documented to send, and no others", func(_ *Stack, st *statement) string {
		if st.of.Type != roleType {
			return ""
		}
		who := st.services()
		if len(who) != 1 || trusted[who[0]].page == "" || !slices.Equal(st.Action, []string{"sts:AssumeRole"}) {
			return fmt.Sprintf("is for %s", st.Principal)
		}
		var keys []string
		for _, compared := range st.Condition {
			keys = slices.AppendSeq(keys, maps.Keys(compared))
		}
		slices.Sort(keys)
		if of := trusted[who[0]]; !slices.Equal(keys, of.keys) {
			return fmt.Sprintf("compares %v, and %s documents %v", keys, of.page, of.keys)
		}
		return ""
	}, change(roleType, nil, map[string]any{"AWS": []any{"arn:aws:iam::999999999999:root"}}, "assumeRolePolicy.Statement.0.Principal"),
		condition("v1-masker-task", nil), condition("flow-log", nil), condition("lake-subscription", source), condition("lake", source),
		condition("crawler", source), condition("quicksight-formation", source))
}
