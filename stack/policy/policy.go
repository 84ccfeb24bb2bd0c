// Package policy builds IAM's policy documents from typed statements, so that a
// policy is never put together from text.
package policy

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// Document is a policy: of an identity where its statements have no principals,
// else of a resource.
type Document []Statement

// Statement allows, or denies, actions on resources.
type Statement struct {
	// Sid says what the statement is for: letters and digits.
	Sid string
	// Deny turns the statement round.
	Deny bool
	// Everyone is whether the statement is about every principal: only for
	// Deny.
	Everyone bool
	// Services are the AWS services that the statement is about, such as
	// sns.amazonaws.com.
	Services []string
	// Accounts are the accounts, or the roles and users by ARN, that it is
	// about.
	Accounts []pulumi.StringInput
	// Actions are the actions, such as sqs:SendMessage.
	Actions []string
	// Resources are ARNs. A trust policy has none.
	Resources []pulumi.StringInput
	// Conditions must all hold.
	Conditions Conditions
}

// Conditions are by operator, and then by the key of the request that is compared
// with the value.
type Conditions map[string]map[string]pulumi.StringInput

// On gives resources from plain ARNs.
func On(arns ...string) []pulumi.StringInput {
	var resources []pulumi.StringInput
	for _, arn := range arns {
		resources = append(resources, pulumi.String(arn))
	}
	return resources
}

// TLSOnly denies whatever does not come over TLS.
func TLSOnly(actions string, resources ...pulumi.StringInput) Statement {
	return Statement{
		Sid: "TLSOnly", Deny: true, Everyone: true, Actions: []string{actions}, Resources: resources,
		Conditions: Conditions{"Bool": {"aws:SecureTransport": pulumi.String("false")}},
	}
}

// Trust lets a service of AWS assume a role. from is From's, and nil for a service
// that is not documented to send its keys: where a key is not sent, the condition
// never holds, and the service cannot assume the role. Without the condition
// nobody else can make the service use the role either: whoever gives a role to a
// service must be allowed to pass it, which is not possible across accounts
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html).
// Package rules has the page for each service.
func Trust(service string, from Conditions) Document {
	return Document{{
		Sid: "Trust", Services: []string{service}, Actions: []string{"sts:AssumeRole"}, Conditions: from,
	}}
}

// From is the condition that a service of AWS acts for a resource of the
// account whose ARN matches ("confused deputy",
// https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html).
func From(account, sourceARN string) Conditions {
	return Conditions{
		"StringEquals": {"aws:SourceAccount": pulumi.String(account)},
		"ArnLike":      {"aws:SourceArn": pulumi.String(sourceARN)},
	}
}

// JSON writes the document. Its members come in the order of their names, so
// that the same document is the same text.
func (d Document) JSON() pulumi.StringOutput {
	statements := pulumi.Array{}
	for _, s := range d {
		statements = append(statements, s.members())
	}
	return pulumi.JSONMarshal(pulumi.Map{"Version": pulumi.String("2012-10-17"), "Statement": statements})
}

func (s *Statement) members() pulumi.Map {
	members := pulumi.Map{"Sid": pulumi.String(s.Sid), "Effect": pulumi.String("Allow"), "Action": pulumi.ToStringArray(s.Actions)}
	if s.Deny {
		members["Effect"] = pulumi.String("Deny")
	}
	if len(s.Resources) > 0 {
		members["Resource"] = pulumi.StringArray(s.Resources)
	}
	if s.Everyone {
		members["Principal"] = pulumi.String("*")
	}
	principals := pulumi.Map{}
	if len(s.Services) > 0 {
		principals["Service"] = pulumi.ToStringArray(s.Services)
	}
	if len(s.Accounts) > 0 {
		principals["AWS"] = pulumi.StringArray(s.Accounts)
	}
	if len(principals) > 0 {
		members["Principal"] = principals
	}
	conditions := pulumi.Map{}
	for operator, compared := range s.Conditions {
		keys := pulumi.Map{}
		for key, value := range compared {
			keys[key] = pulumi.StringArray{value}
		}
		conditions[operator] = keys
	}
	if len(conditions) > 0 {
		members["Condition"] = conditions
	}
	return members
}
