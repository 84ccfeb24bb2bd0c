package program

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/policy"
)

// role is a role with one policy. ready is there when the role may do what it has
// to: whoever uses it depends on that.
type role struct {
	*iam.Role
	ready pulumi.Resource
}

func (s *stack) role(name string, trust, may policy.Document, more ...pulumi.ResourceOption) *role {
	r := add(s, iam.NewRole, name, &iam.RoleArgs{Name: pulumi.String(s.names.Prefix() + "-" + name), AssumeRolePolicy: trust.JSON()}, more...)
	return &role{r, add(s, iam.NewRolePolicy, name, &iam.RolePolicyArgs{Name: pulumi.String(name), Role: r.Name, Policy: may.JSON()}, more...)}
}

// logGroup is an encrypted log group that keeps its lines for as long as the
// configuration says.
func (s *stack) logGroup(name, full string, more ...pulumi.ResourceOption) *cloudwatch.LogGroup {
	return add(s, cloudwatch.NewLogGroup, name, &cloudwatch.LogGroupArgs{
		Name: pulumi.String(full), RetentionInDays: pulumi.Int(s.LogDays), KmsKeyId: s.key.Arn,
	}, more...)
}
