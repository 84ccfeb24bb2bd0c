package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/settings"
)

// messages are the rules on topics, subscriptions and queues.
func messages() []Rule {
	return []Rule{
		each("queues-have-dead-letters", "every queue has a dead-letter queue, and the two name each other", func(s *Stack, q record.Resource) string {
			if q.Type != queueType || strings.HasSuffix(q.Name, "-dlq") {
				return ""
			}
			name := text(q, "name")
			arn := "arn:aws:sqs:" + s.Settings.Region + ":" + record.Account + ":" + name
			if !slices.ContainsFunc(s.find(redriveType), func(r record.Resource) bool {
				return strings.HasSuffix(text(r, "queueUrl"), "/"+name) && text(r, "redrivePolicy.deadLetterTargetArn") == arn+"-dlq"
			}) || !slices.ContainsFunc(s.find(allowType), func(r record.Resource) bool {
				return strings.HasSuffix(text(r, "queueUrl"), "/"+name+"-dlq") && text(r, "redriveAllowPolicy.sourceQueueArns.0") == arn
			}) {
				return "it and its dead-letter queue do not name each other"
			}
			return ""
		}, remove(redriveType, nil), remove(allowType, nil), change(redriveType, nil, "arn:aws:sqs:eu-west-1:111122223333:other-dlq", "redrivePolicy.deadLetterTargetArn"),
			change(allowType, nil, "arn:aws:sqs:eu-west-1:111122223333:other", "redriveAllowPolicy.sourceQueueArns.0")),
		each("queues-fed", "SNS may send to the ingest queues and to the dead-letter queues of its subscriptions, from the topic of the events, and to no other queue", func(s *Stack, q record.Resource) string {
			if q.Type != queueType {
				return ""
			}
			topic := "arn:aws:sns:" + s.Settings.Region + ":" + record.Account + ":headcount-" + s.Settings.Stack + "-events"
			fed := strings.HasSuffix(q.Name, "-ingest") || strings.HasSuffix(q.Name, "-ingest-dlq") || q.Name == "lake-delivery-dlq"
			if may := s.allowed(queuePolicy, q.Name, "sqs:SendMessage", func(st statement) bool {
				return slices.Equal(st.services(), []string{"sns.amazonaws.com"}) && slices.Equal(st.Condition["ArnEquals"]["aws:SourceArn"], []string{topic})
			}); may != fed {
				return fmt.Sprintf("SNS may send is %v", may)
			}
			return ""
		}, change(queuePolicy, named("v1-ingest"), []any{"arn:aws:sns:eu-west-1:999999999999:x"}, "policy.Statement.1.Condition.ArnEquals.aws:SourceArn"),
			change(queuePolicy, named("lake-delivery-dlq"), "Deny", "policy.Statement.1.Effect"), change(queuePolicy, named("v1-ingest-dlq"), "Deny", "policy.Statement.1.Effect")),
		{
			ID: "lake-subscription-rights", What: "SNS may describe the stream and put records into it (https://docs.aws.amazon.com/sns/latest/dg/prereqs-kinesis-data-firehose.html)",
			Check: func(s *Stack) (broken []string) {
				for _, action := range []string{"DescribeDeliveryStream", "ListDeliveryStreams", "ListTagsForDeliveryStream", "PutRecord", "PutRecordBatch"} {
					if !s.allowed(rolePolicy, "lake-subscription", "firehose:"+action, nil) {
						broken = append(broken, "the role of the subscription may not firehose:"+action)
					}
				}
				return broken
			},
			Mutants: []Mutant{change(rolePolicy, named("lake-subscription"), []any{"firehose:PutRecord", "firehose:PutRecordBatch"}, "policy.Statement.0.Action")},
		},
		each("mail-of-events", "only Firehose and queues of the account get the events, and e-mails that were asked for: of a part of them, and not without consent; alerts and alarms go to e-mails only", func(s *Stack, r record.Resource) string {
			events, mail := strings.HasSuffix(text(r, "topic"), "-events"), text(r, "protocol") == "email"
			inside := (toFirehose(r) || toQueues(r)) && strings.Contains(text(r, "endpoint"), ":"+record.Account+":")
			asked := slices.ContainsFunc(s.Settings.Emails, func(e settings.Email) bool {
				return e.Topic == settings.Events && e.PersonalData && e.Address == text(r, "endpoint")
			})
			filter, _ := at(r.Inputs, "filterPolicy").(map[string]any)
			part := len(filter) > 1 && contains("anything-but:[none]")(filter["consent"]) && text(r, "filterPolicyScope") == "MessageAttributes"
			switch {
			case r.Type != subscriptionType, events && inside, !events && mail, events && mail && asked && part:
				return ""
			}
			return text(r, "protocol") + " from " + text(r, "topic") + fmt.Sprintf(" (asked for: %t, filter %v)", asked, filter)
		}, change(subscriptionType, named("lake"), "email", "protocol"), change(subscriptionType, named("lake"), "arn:aws:firehose:eu-west-1:999999999999:deliverystream/x", "endpoint"),
			change(subscriptionType, mailOfEvents, "other@example.com", "endpoint"), change(subscriptionType, mailOfEvents, nil, "filterPolicy.platform"),
			change(subscriptionType, mailOfEvents, []any{"analytics", "none"}, "filterPolicy.consent"), change(subscriptionType, mailOfEvents, nil, "filterPolicy")),
	}
}

// mailOfEvents picks the e-mails of events.
func mailOfEvents(r record.Resource) bool {
	return strings.HasSuffix(text(r, "topic"), "-events") && text(r, "protocol") == "email"
}
