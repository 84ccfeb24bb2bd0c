package program

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/policy"
)

// role is a role with one policy. ready is there when the role may do what it has
// to: whoever uses it depends on that.
type role struct {
	*iam.Role
	ready pulumi.Resource
}

func newRole(ctx *pulumi.Context, n names.Names, name string, trust, may policy.Document, opts ...pulumi.ResourceOption) (*role, error) {
	r, err := iam.NewRole(ctx, name, &iam.RoleArgs{Name: pulumi.String(n.Prefix() + "-" + name), AssumeRolePolicy: trust.JSON()}, opts...)
	if err != nil {
		return nil, err
	}
	ready, err := iam.NewRolePolicy(ctx, name, &iam.RolePolicyArgs{Name: pulumi.String(name), Role: r.Name, Policy: may.JSON()}, opts...)
	return &role{r, ready}, err
}

// logGroup is an encrypted log group that keeps its lines for so many days.
func logGroup(name string, days int, key *kms.Key) *cloudwatch.LogGroupArgs {
	return &cloudwatch.LogGroupArgs{Name: pulumi.String(name), RetentionInDays: pulumi.Int(days), KmsKeyId: key.Arn}
}
