package rules

// Exception is a control of AWS Foundational Security Best Practices that the
// stack does not keep, or that is not its affair, and why.
type Exception struct{ Control, Reason string }

// Exceptions are all controls of the services that the stack uses which no rule
// is named after, but for those on resources that it does not create.
var Exceptions = []Exception{
	{"S3.1", "it is a setting of the account, which is not the stack's; every bucket is closed by itself (S3.8)"},
	{"S3.9 for the logs' bucket", "a log of the requests to it would fill it for ever"},
	{"EC2.10", "nothing in the network calls EC2's API"},
	{"EC2.55 and EC2.56 with a NAT gateway", "in a stack that is to be cheap ECR is reached through the NAT gateway; with network: endpoints they are kept"},
	{"EC2.57, EC2.58 and EC2.60", "there is nothing for Systems Manager or Incident Manager to reach: tasks have no agent and no shell"},
	{"EC2.21", "the default network access list is stateless: a task's answers come to any high port. Nothing listens, and security groups let nothing in (EC2.18, EC2.19)"},
	{"EC2.172", "with a NAT gateway the way to the internet is wanted; with network: endpoints there is no internet gateway"},
	{"CloudFormation.3", "the provider cannot protect a stack from termination; what is in these two, a data source, an analysis and a dashboard, is made anew by an up"},
	{"SecretsManager.1 and SecretsManager.4", "keys are rotated by `ops keys`, with a first day in the future: a rotation by itself would change the pseudonyms of a day that is being counted"},
	{"SecretsManager.2 and SecretsManager.3", "there is no rotation by schedule that could fail, and the secret is read at every start of a masker"},
	{"ECS.16, ECS.18, ECS.19 and ECS.21", "there are no task sets, file systems, capacity providers and Windows containers"},
	{"Glue.3 and Glue.4", "there are no transforms of machine learning and no Spark jobs, only a crawler"},
	{"IAM.2 to IAM.8 and IAM.22", "they are about users, their passwords and keys; there are none (no-user)"},
}
