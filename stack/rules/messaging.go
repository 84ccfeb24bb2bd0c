package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/queue"
	"github.com/headcount-etl/headcount/stack/record"
)

const (
	queueType        = "aws:sqs/queue:Queue"
	redriveType      = "aws:sqs/redrivePolicy:RedrivePolicy"
	allowType        = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"
	topicType        = "aws:sns/topic:Topic"
	subscriptionType = "aws:sns/topicSubscription:TopicSubscription"
)

func dead(_ *Stack, r record.Resource) bool  { return strings.HasSuffix(r.Name, "-dlq") }
func alive(_ *Stack, r record.Resource) bool { return !strings.HasSuffix(r.Name, "-dlq") }
func protocol(name string) func(*Stack, record.Resource) bool {
	return func(_ *Stack, r record.Resource) bool { return text(r, "protocol") == name }
}

// messaging are the rules on topics, subscriptions and queues.
func messaging() []Rule {
	return append(rulesOf(
		property{id: "SQS.1", what: "queues are encrypted, with the stack's key", kind: queueType, path: []any{"kmsMasterKeyId"}, want: ofKey, wrong: []any{"alias/aws/sqs"}},
		property{id: "queues-long-poll", what: "a receive waits as long as SQS allows", kind: queueType, path: []any{"receiveWaitTimeSeconds"}, want: is(20), wrong: []any{float64(0)}},
		property{id: "queues-size", what: "queues take what the packs are made for", kind: queueType, path: []any{"maxMessageSize"}, want: is(queue.MaxMessageBytes), wrong: []any{float64(65536)}},
		property{id: "queues-visibility", what: "messages are hidden for at least a minute, for which the services ask when they receive and renew", kind: queueType, path: []any{"visibilityTimeoutSeconds"}, want: atLeast(60), wrong: []any{float64(30)}},
		property{id: "queues-standard", what: "queues are not FIFO: nothing needs the order", kind: queueType, path: []any{"fifoQueue"}, absent: true, want: is(false), wrong: []any{true}},
		property{id: "dead-letters-kept", what: "dead letters are kept for 14 days", kind: queueType, only: dead, path: []any{"messageRetentionSeconds"}, want: is(14 * 86400), wrong: []any{float64(345600)}},
		property{id: "queues-kept", what: "other queues keep for less, since a dead letter's age counts from its first sending", kind: queueType, only: alive, path: []any{"messageRetentionSeconds"}, want: between(4*86400, 13*86400), wrong: []any{float64(14 * 86400), float64(3600)}},
		property{id: "redrive-count", what: "how often a message may fail is said", kind: redriveType, path: []any{"redrivePolicy", "maxReceiveCount"}, want: is(queue.MaxReceives), wrong: []any{float64(1)}},
		property{id: "redrive-by-queue", what: "only its own queue may use a dead-letter queue", kind: allowType, path: []any{"redriveAllowPolicy", "redrivePermission"}, want: is("byQueue"), wrong: []any{"allowAll"}},
		property{id: "SNS.1", what: "topics are encrypted, with the stack's key", kind: topicType, path: []any{"kmsMasterKeyId"}, want: ofKey, wrong: []any{"alias/aws/sns"}},
		property{id: "topics-standard", what: "topics are not FIFO, since Firehose needs a standard one", kind: topicType, path: []any{"fifoTopic"}, absent: true, want: is(false), wrong: []any{true}},
		property{id: "lake-raw", what: "what Firehose gets is what was published", kind: subscriptionType, only: protocol("firehose"), path: []any{"rawMessageDelivery"}, want: is(true), wrong: []any{false}},
		property{id: "lake-consent", what: "what was published without consent never reaches the lake", kind: subscriptionType, only: protocol("firehose"), path: []any{"filterPolicy"}, want: is(event.LakeFilter), wrong: []any{`{"consent":["analytics"]}`}},
		property{id: "lake-filter-scope", what: "that filter looks at the attributes: a body may hold many events", kind: subscriptionType, only: protocol("firehose"), path: []any{"filterPolicyScope"}, want: is("MessageAttributes"), wrong: []any{"MessageBody"}},
		property{id: "lake-redrive", what: "what Firehose does not accept goes to a dead-letter queue", kind: subscriptionType, only: protocol("firehose"), path: []any{"redrivePolicy", "deadLetterTargetArn"}, want: given},
		property{id: "lake-role", what: "SNS may put into the stream", kind: subscriptionType, only: protocol("firehose"), path: []any{"subscriptionRoleArn"}, want: given},
		property{id: "ingest-raw", what: "flows get the app's own bytes and attributes", kind: subscriptionType, only: protocol("sqs"), path: []any{"rawMessageDelivery"}, want: is(true), wrong: []any{false}},
		property{id: "ingest-all", what: "flows get every message", kind: subscriptionType, only: protocol("sqs"), path: []any{"filterPolicy"}, absent: true, want: is("{}"), wrong: []any{event.LakeFilter}},
	), pairs(), senders(), subscriptionRights(), emails(), perFlow())
}

// pairs is the rule that each queue has a dead-letter queue, and the two name
// each other.
func pairs() Rule {
	return Rule{
		ID: "queues-have-dead-letters", What: "every queue has a dead-letter queue, and the two name each other",
		Check: func(s *Stack) (broken []string) {
			arn := func(r record.Resource) string {
				return "arn:aws:sqs:" + s.Settings.Region + ":" + record.Account + ":" + text(r, "name")
			}
			for _, q := range s.find(queueType) {
				if !alive(nil, q) {
					continue
				}
				ok := slices.ContainsFunc(s.find(redriveType), func(r record.Resource) bool {
					return strings.HasSuffix(text(r, "queueUrl"), "/"+text(q, "name")) && text(r, "redrivePolicy", "deadLetterTargetArn") == arn(q)+"-dlq"
				}) && slices.ContainsFunc(s.find(allowType), func(r record.Resource) bool {
					return strings.HasSuffix(text(r, "queueUrl"), "/"+text(q, "name")+"-dlq") && text(r, "redriveAllowPolicy", "sourceQueueArns", 0) == arn(q)
				})
				if !ok {
					broken = append(broken, "queue "+q.Name+" and its dead-letter queue do not name each other")
				}
			}
			return broken
		},
		Mutants: []Mutant{
			remove(redriveType, nil), remove(allowType, nil),
			change(redriveType, nil, "arn:aws:sqs:eu-west-1:111122223333:other-dlq", "redrivePolicy", "deadLetterTargetArn"),
			change(allowType, nil, "arn:aws:sqs:eu-west-1:111122223333:other", "redriveAllowPolicy", "sourceQueueArns", 0),
		},
	}
}

// senders is the rule that a topic may send to the queues that it feeds, and to
// no other.
func senders() Rule {
	return Rule{
		ID: "queues-fed", What: "SNS may send to the ingest queues and to the dead-letter queues of its subscriptions, from the topic of the events, and to no other queue",
		Check: func(s *Stack) (broken []string) {
			all, _ := s.statements()
			topic := "arn:aws:sns:" + s.Settings.Region + ":" + record.Account + ":headcount-" + s.Settings.Stack + "-events"
			for _, q := range s.find(queueType) {
				fed := strings.HasSuffix(q.Name, "-ingest") || strings.HasSuffix(q.Name, "-ingest-dlq") || q.Name == "lake-delivery-dlq"
				may := slices.ContainsFunc(all, func(st statement) bool {
					return st.of.Type == queuePolicy && st.of.Name == q.Name && st.allows() && slices.Equal(st.services(), []string{"sns.amazonaws.com"}) &&
						slices.Equal(st.Action, []string{"sqs:SendMessage"}) && slices.Equal(st.Condition["ArnEquals"]["aws:SourceArn"], []string{topic})
				})
				if may != fed {
					broken = append(broken, fmt.Sprintf("queue %s: SNS may send is %v", q.Name, may))
				}
			}
			return broken
		},
		Mutants: []Mutant{
			change(queuePolicy, named("v1-ingest"), []any{"sqs:*"}, "policy", "Statement", 1, "Action"),
			change(queuePolicy, named("v1-ingest"), []any{"arn:aws:sns:eu-west-1:999999999999:x"}, "policy", "Statement", 1, "Condition", "ArnEquals", "aws:SourceArn"),
			change(queuePolicy, named("lake-delivery-dlq"), "Deny", "policy", "Statement", 1, "Effect"),
			change(queuePolicy, named("v1-ingest-dlq"), "Deny", "policy", "Statement", 1, "Effect"),
		},
	}
}

// subscriptionRights is the rule that SNS may do with the stream what its page
// recommends.
func subscriptionRights() Rule {
	want := []string{"firehose:DescribeDeliveryStream", "firehose:ListDeliveryStreams", "firehose:ListTagsForDeliveryStream", "firehose:PutRecord", "firehose:PutRecordBatch"}
	return Rule{
		ID: "lake-subscription-rights", What: "SNS may describe the stream and put records into it (https://docs.aws.amazon.com/sns/latest/dg/prereqs-kinesis-data-firehose.html)",
		Check: func(s *Stack) (broken []string) {
			all, _ := s.statements()
			stream := "arn:aws:firehose:" + s.Settings.Region + ":" + record.Account + ":deliverystream/headcount-" + s.Settings.Stack + "-lake"
			if !slices.ContainsFunc(all, func(st statement) bool {
				return st.of.Type == rolePolicy && st.of.Name == "lake-subscription" && st.allows() && slices.Equal(st.Action, want) && slices.Equal(st.Resource, []string{stream})
			}) {
				broken = append(broken, fmt.Sprintf("the role of the subscription to Firehose may not do %v on %s", want, stream))
			}
			return broken
		},
		Mutants: []Mutant{
			change(rolePolicy, named("lake-subscription"), []any{"firehose:PutRecord", "firehose:PutRecordBatch"}, "policy", "Statement", 0, "Action"),
			change(rolePolicy, named("lake-subscription"), []any{"arn:aws:firehose:eu-west-1:111122223333:deliverystream/x"}, "policy", "Statement", 0, "Resource"),
		},
	}
}

// emails is the rule that nobody is written to from the topic whose messages
// name people.
func emails() Rule {
	return Rule{
		ID: "no-mail-of-events", What: "e-mails come from alerts and alarms only; only Firehose and queues of the account get the events",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.find(subscriptionType) {
				events := strings.HasSuffix(text(r, "topic"), "-events")
				inside := slices.Contains([]string{"sqs", "firehose"}, text(r, "protocol")) && strings.Contains(text(r, "endpoint"), ":"+record.Account+":")
				if events != inside || !events && text(r, "protocol") != "email" {
					broken = append(broken, fmt.Sprintf("subscription %s: %s from %s", r.Name, text(r, "protocol"), text(r, "topic")))
				}
			}
			if got := len(s.find(subscriptionType)); got != 1+len(s.Settings.Flows)+len(s.Settings.Emails) {
				broken = append(broken, fmt.Sprintf("%d subscriptions", got))
			}
			return broken
		},
		Mutants: []Mutant{
			change(subscriptionType, named("lake"), "email", "protocol"), change(subscriptionType, named("lake"), "arn:aws:firehose:eu-west-1:999999999999:deliverystream/x", "endpoint"),
			remove(subscriptionType, nil),
		},
	}
}

// perFlow is the rule that every flow has what a flow has.
func perFlow() Rule {
	return Rule{
		ID: "flows-whole", What: "every flow has four queues with their dead-letter queues, its subscription, and three services that scale",
		Check: func(s *Stack) (broken []string) {
			want := map[string]int{queueType: 8, subscriptionType: 1, serviceType: 3, taskType: 3, scaleType: 3, targetType: 3}
			for _, f := range s.Settings.Flows {
				for kind, n := range want {
					got := 0
					for _, r := range s.find(kind) {
						if r.Name == f.Name || strings.HasPrefix(r.Name, f.Name+"-") {
							got++
						}
					}
					if got != n {
						broken = append(broken, fmt.Sprintf("flow %s: %d of %s, want %d", f.Name, got, kind, n))
					}
				}
			}
			return broken
		},
		Mutants: []Mutant{remove(queueType, named("v1-finals")), remove(subscriptionType, named("v1")), remove(serviceType, nil), remove(taskType, nil), remove(scaleType, nil), remove(targetType, nil)},
	}
}
