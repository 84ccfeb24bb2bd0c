package program

import (
	"encoding/json"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/shared/event"
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
// What is published to the first names people: e-mails of it are asked for one by one.
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
	s.emails(map[string]*sns.Topic{settings.Alarms: t.alarms, settings.Alerts: t.alerts, settings.Events: t.events})
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
		if filter := filterOf(e); len(filter) > 0 {
			args.FilterPolicyScope = pulumi.String("MessageAttributes")
			args.FilterPolicy = pulumi.JSONMarshal(filter)
		}
		add(s, sns.NewTopicSubscription, "email-"+e.Topic+"-"+e.Address, args)
	}
}

// filterOf gives the filter policy of an e-mail's subscription. What was published
// without consent leaves in no e-mail, as it reaches no lake.
func filterOf(e settings.Email) map[string]any {
	filter := map[string]any{}
	if len(e.Categories) > 0 {
		filter["category"] = e.Categories
	}
	if e.Topic != settings.Events {
		return filter
	}
	_ = json.Unmarshal([]byte(event.LakeFilter), &filter) // a constant
	for attribute, values := range e.Filter {
		filter[attribute] = values
	}
	return filter
}
