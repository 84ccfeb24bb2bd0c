package program

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/policy"
)

// role creates a role with one policy. ready is there when the role may do what
// it has to: whoever uses it depends on that.
func (s *stack) role(parent pulumi.Resource, name string, trust, may policy.Document) (role *iam.Role, ready pulumi.Resource, err error) {
	role, err = iam.NewRole(s.ctx, name, &iam.RoleArgs{
		Name: pulumi.String(s.names.Prefix() + "-" + name), AssumeRolePolicy: trust.JSON(),
	}, s.child(parent)...)
	if err != nil {
		return nil, nil, err
	}
	ready, err = iam.NewRolePolicy(s.ctx, name, &iam.RolePolicyArgs{
		Name: pulumi.String(name), Role: role.Name, Policy: may.JSON(),
	}, s.child(parent)...)
	return role, ready, err
}

// logGroup creates a log group, encrypted, that forgets after LogDays.
func (s *stack) logGroup(parent pulumi.Resource, logical, name string, d *deployment) (*cloudwatch.LogGroup, error) {
	return cloudwatch.NewLogGroup(s.ctx, logical, &cloudwatch.LogGroupArgs{
		Name: pulumi.String(name), RetentionInDays: pulumi.Int(s.LogDays), KmsKeyId: d.key.Arn,
	}, s.child(parent)...)
}
