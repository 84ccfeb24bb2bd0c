// Package policy builds IAM's policy documents from typed statements, so that a
// policy is never put together from text.
package policy

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

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
	// Conditions must all hold. No two have the same operator and key.
	Conditions []Condition
}

// Condition compares a key of the request with values, one of which must match.
type Condition struct {
	Operator, Key string
	Values        []pulumi.StringInput
}

// Is gives a condition with one value.
func Is(operator, key string, value pulumi.StringInput) Condition {
	return Condition{operator, key, []pulumi.StringInput{value}}
}

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
		Conditions: []Condition{Is("Bool", "aws:SecureTransport", pulumi.String("false"))},
	}
}

// Trust lets a service of AWS assume a role. From is a condition only for a
// service that is documented to send its keys: where a key is not sent, the
// condition never holds, and the service cannot assume the role. Without the
// condition nobody else can make the service use the role either: whoever gives
// a role to a service must be allowed to pass it, which is not possible across
// accounts
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html).
// Package rules has the page for each service.
func Trust(service string, conditions ...Condition) Document {
	return Document{{
		Sid: "Trust", Services: []string{service}, Actions: []string{"sts:AssumeRole"}, Conditions: conditions,
	}}
}

// From is the condition that a service of AWS acts for a resource of the
// account whose ARN matches ("confused deputy",
// https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html).
func From(account, sourceARN string) []Condition {
	return []Condition{
		Is("StringEquals", "aws:SourceAccount", pulumi.String(account)),
		Is("ArnLike", "aws:SourceArn", pulumi.String(sourceARN)),
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
	conditions := map[string]pulumi.Map{}
	for _, c := range s.Conditions {
		if conditions[c.Operator] == nil {
			conditions[c.Operator] = pulumi.Map{}
		}
		if conditions[c.Operator][c.Key] != nil {
			panic(fmt.Sprintf("policy: statement %s compares %s twice by %s: a policy can hold it once", s.Sid, c.Key, c.Operator))
		}
		conditions[c.Operator][c.Key] = pulumi.StringArray(c.Values)
	}
	if len(conditions) > 0 {
		all := pulumi.Map{}
		for operator, keys := range conditions {
			all[operator] = keys
		}
		members["Condition"] = all
	}
	return members
}
