package program

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/policy"
	"github.com/headcount-etl/headcount/stack/settings"
)

// topics are those for events and for people.
type topics struct {
	events, alerts, alarms *sns.Topic
	// alarmsOpen is there when CloudWatch and Budgets may publish to alarms.
	alarmsOpen pulumi.Resource
	publisher  *iam.Policy
}

// topics creates the topic that the app publishes to, and the two for people:
// alerts, the services' digests of rejected events, and alarms, CloudWatch's.
// Nobody can be written to from the first: what is published there names people.
func (s *stack) topics() *topics {
	t := &topics{}
	t.events, _ = s.topic("events")
	t.alerts, _ = s.topic(settings.Alerts)
	t.alarms, t.alarmsOpen = s.topic(settings.Alarms, policy.Statement{
		Sid: "Alarms", Services: []string{"cloudwatch.amazonaws.com"}, Actions: []string{"sns:Publish"},
		Conditions: policy.From(s.names.Account, s.names.ARN("cloudwatch", "alarm:"+s.names.Prefix()+"-*")),
	}, policy.Statement{
		Sid: "Budget", Services: []string{"budgets.amazonaws.com"}, Actions: []string{"sns:Publish"},
		Conditions: policy.From(s.names.Account, s.budgets()),
	})
	s.emails(map[string]*sns.Topic{settings.Alarms: t.alarms, settings.Alerts: t.alerts})
	// What the app's backend needs in order to publish.
	t.publisher = add(s, iam.NewPolicy, "publisher", &iam.PolicyArgs{
		Name:        pulumi.String(s.names.Prefix() + "-publisher"),
		Description: pulumi.String("Publish events to Headcount's topic"),
		Policy: policy.Document{
			{Sid: "Publish", Actions: []string{"sns:Publish"}, Resources: []pulumi.StringInput{t.events.Arn}},
			s.useKey(),
		}.JSON(),
	})
	return t
}

// topic creates a topic whose policy lets the account's own identities publish,
// as far as their policies do, over TLS. open is there when they may.
func (s *stack) topic(name string, more ...policy.Statement) (topic *sns.Topic, open pulumi.Resource) {
	t := add(s, sns.NewTopic, name, &sns.TopicArgs{
		Name: pulumi.String(s.names.Topic(name)), KmsMasterKeyId: s.key.Arn,
	})
	arn := []pulumi.StringInput{t.Arn}
	document := policy.Document{
		policy.TLSOnly("sns:Publish", t.Arn),
		{
			Sid: "Account", Accounts: policy.On("arn:aws:iam::" + s.names.Account + ":root"),
			Actions: []string{"sns:Publish", "sns:Subscribe", "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"}, Resources: arn,
		},
	}
	for _, statement := range more {
		statement.Resources = arn
		document = append(document, statement)
	}
	return t, add(s, sns.NewTopicPolicy, name, &sns.TopicPolicyArgs{Arn: t.Arn, Policy: document.JSON()})
}

// emails subscribes people. Until somebody has followed the link in Amazon's
// mail, a subscription is pending, and Pulumi cannot delete it: it then ends by
// itself after two days.
func (s *stack) emails(topics map[string]*sns.Topic) {
	for _, e := range s.Emails {
		args := &sns.TopicSubscriptionArgs{Topic: topics[e.Topic].Arn, Protocol: pulumi.String("email"), Endpoint: pulumi.String(e.Address)}
		if len(e.Categories) > 0 {
			args.FilterPolicyScope = pulumi.String("MessageAttributes")
			args.FilterPolicy = pulumi.JSONMarshal(pulumi.Map{"category": pulumi.ToStringArray(e.Categories)})
		}
		add(s, sns.NewTopicSubscription, "email-"+e.Topic+"-"+e.Address, args)
	}
}
