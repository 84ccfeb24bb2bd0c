package program

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/policy"
)

// newKey creates the stack's key, which encrypts everything at rest: topics,
// queues, stream, buckets, logs, results. Amazon's own alias/aws/sqs would not
// do, since SNS may not use it.
func (s *stack) newKey() *kms.Key {
	account, n := s.names.Account, s.names
	// In the policy of a key the resource "*" is the key.
	self := policy.On("*")
	use := []string{"kms:GenerateDataKey*", "kms:Decrypt"}
	document := policy.Document{
		// Without this nobody could manage the key, and no policy of a role
		// would count
		// (https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html).
		{
			Sid: "Account", Accounts: policy.On("arn:aws:iam::" + account + ":root"),
			Actions: []string{"kms:*"}, Resources: self,
		},
		{
			Sid: "TopicsToQueues", Services: []string{"sns.amazonaws.com"}, Actions: use, Resources: self,
			Conditions: policy.From(account, n.ARN("sns", n.Topic("*"))),
		},
		{
			Sid: "AlarmsToTopic", Services: []string{"cloudwatch.amazonaws.com"}, Actions: use, Resources: self,
			Conditions: policy.From(account, n.ARN("cloudwatch", "alarm:"+n.Prefix()+"-*")),
		},
		{
			Sid: "BudgetToTopic", Services: []string{"budgets.amazonaws.com"}, Actions: use, Resources: self,
			Conditions: policy.From(account, s.budgets()),
		},
		{
			Sid: "Stream", Services: []string{"firehose.amazonaws.com"}, Actions: use, Resources: self,
			Conditions: policy.From(account, n.ARN("firehose", "deliverystream/"+n.Stream())),
		},
		{
			// Logs sends the log group as encryption context, and no source
			// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html).
			Sid: "Logs", Services: []string{"logs." + s.Region + ".amazonaws.com"},
			Actions:   []string{"kms:GenerateDataKey*", "kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:Describe*"},
			Resources: self,
			Conditions: policy.Conditions{"ArnLike": {
				"kms:EncryptionContext:aws:logs:arn": pulumi.String(n.ARN("logs", "log-group:/headcount/"+s.Stack+"/*")),
			}},
		},
	}
	key := add(s, kms.NewKey, "key", &kms.KeyArgs{
		Description:       pulumi.String("Headcount " + s.Stack + ": everything at rest"),
		EnableKeyRotation: pulumi.Bool(true),
		// The longest time in which it can be restored: with the key all data is gone.
		DeletionWindowInDays: pulumi.Int(30),
		Policy:               document.JSON(),
	}, s.kept()...)
	add(s, kms.NewAlias, "key", &kms.AliasArgs{Name: pulumi.String("alias/" + n.Prefix()), TargetKeyId: key.KeyId})
	return key
}

// useKey lets a role use the key for what it writes and reads.
func (s *stack) useKey() policy.Statement {
	return policy.Statement{Sid: "Key", Actions: []string{"kms:GenerateDataKey", "kms:Decrypt"}, Resources: []pulumi.StringInput{s.key.Arn}}
}
