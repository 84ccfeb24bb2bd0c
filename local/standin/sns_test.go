package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/headcount-etl/headcount/local/standin/firehose"
	"github.com/headcount-etl/headcount/local/standin/sqs"
)

func (w *world) topic(t testing.TB, name string) *string {
	t.Helper()
	out, err := w.sns.CreateTopic(t.Context(), &awssns.CreateTopicInput{Name: &name})
	check(t, err)
	return out.TopicArn
}

func (w *world) subscribe(t testing.TB, topic *string, protocol, endpoint string, attributes map[string]string) string {
	t.Helper()
	out, err := w.sns.Subscribe(t.Context(), &awssns.SubscribeInput{
		TopicArn: topic, Protocol: &protocol, Endpoint: &endpoint, Attributes: attributes,
	})
	check(t, err)
	return *out.SubscriptionArn
}

func text(value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
}

func TestTheFanOutOfThePipeline(t *testing.T) {
	w := newWorld(t)
	w.addStream(t)
	url := w.queue(t, "ingest", nil)
	topic := w.topic(t, "events")
	w.subscribe(t, topic, "sqs", sqs.ARN("ingest"), map[string]string{"RawMessageDelivery": "true"})
	w.subscribe(t, topic, "firehose", firehose.ARN("lake"), map[string]string{
		"RawMessageDelivery": "true", "FilterPolicy": `{"consent":[{"anything-but":"none"}]}`,
	})
	in := &awssns.PublishBatchInput{TopicArn: topic}
	for i, consent := range []string{"analytics", "none", "analytics"} {
		in.PublishBatchRequestEntries = append(in.PublishBatchRequestEntries, types.PublishBatchRequestEntry{
			Id: aws.String(fmt.Sprint(i)), Message: aws.String(fmt.Sprintf("{\"a\": \"b & c + d\"}\n%d", i)),
			MessageAttributes: map[string]types.MessageAttributeValue{"consent": text(consent)},
		})
	}
	out, err := w.sns.PublishBatch(t.Context(), in)
	check(t, err)
	if len(out.Successful) != 3 || len(out.Failed) != 0 {
		t.Errorf("%+v", out)
	}
	got := w.receive(t, url)
	if len(got) != 3 || *got[1].Body != "{\"a\": \"b & c + d\"}\n1" || *got[1].MessageAttributes["consent"].StringValue != "none" {
		t.Errorf("%+v", got)
	}
	if got, want := w.lake(t), "{\"a\": \"b & c + d\"}\n0\n{\"a\": \"b & c + d\"}\n2\n"; got != want {
		t.Errorf("the lake has %q, not %q", got, want)
	}
}

func TestTheEnvelope(t *testing.T) {
	w := newWorld(t)
	url, topic := w.queue(t, "q", nil), w.topic(t, "t")
	w.subscribe(t, topic, "sqs", sqs.ARN("q"), nil)
	out, err := w.sns.Publish(t.Context(), &awssns.PublishInput{
		TopicArn: topic, Message: aws.String("<hello> \"you\""), Subject: aws.String("subject"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"s": text("v"), "b": {DataType: aws.String("Binary"), BinaryValue: []byte("binary")},
		},
	})
	check(t, err)
	got := w.receive(t, url)
	if len(got) != 1 || len(got[0].MessageAttributes) != 0 {
		t.Fatalf("%+v", got)
	}
	var envelope struct {
		Type, MessageId, TopicArn, Subject, Message, Timestamp string //nolint:revive // AWS's names.
		MessageAttributes                                      map[string]struct{ Type, Value string }
	}
	check(t, json.Unmarshal([]byte(*got[0].Body), &envelope))
	if envelope.Type != "Notification" || envelope.MessageId != *out.MessageId || envelope.TopicArn != *topic ||
		envelope.Subject != "subject" || envelope.Message != "<hello> \"you\"" ||
		envelope.MessageAttributes["b"].Value != "YmluYXJ5" || envelope.MessageAttributes["s"].Type != "String" {
		t.Errorf("%s", *got[0].Body)
	}
}

func TestAttributesOverTheLimitOfSQSAreDiscardedWithRawDelivery(t *testing.T) {
	w := newWorld(t)
	url, topic := w.queue(t, "q", nil), w.topic(t, "t")
	w.subscribe(t, topic, "sqs", sqs.ARN("q"), map[string]string{"RawMessageDelivery": "true"})
	attributes := map[string]types.MessageAttributeValue{}
	for i := range 11 {
		attributes[fmt.Sprint("a", i)] = text("v")
	}
	_, err := w.sns.Publish(t.Context(), &awssns.PublishInput{TopicArn: topic, Message: aws.String("x"), MessageAttributes: attributes})
	check(t, err)
	if got := w.receive(t, url); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestEMail(t *testing.T) {
	w := newWorld(t)
	topic := w.topic(t, "alerts")
	w.subscribe(t, topic, "email", "ops@example.com", map[string]string{"FilterPolicy": `{"category":["too_old"]}`})
	for i, category := range []string{"too_old", "missing_field", "too_old"} {
		_, err := w.sns.Publish(t.Context(), &awssns.PublishInput{
			TopicArn: topic, Subject: aws.String("12 events rejected"), Message: aws.String(fmt.Sprintf("%s %d", category, i)),
			MessageAttributes: map[string]types.MessageAttributeValue{"category": text(category)},
		})
		check(t, err)
	}
	mail, err := os.ReadFile(filepath.Join(w.dir, "mail", "ops@example.com.txt"))
	check(t, err)
	if s := string(mail); strings.Count(s, "Subject: 12 events rejected\n") != 2 || strings.Contains(s, "missing_field") || !strings.Contains(s, "\n\ntoo_old 2\n") {
		t.Error(s)
	}
}

func TestMessageStructure(t *testing.T) {
	w := newWorld(t)
	url, topic := w.queue(t, "q", nil), w.topic(t, "t")
	w.subscribe(t, topic, "sqs", sqs.ARN("q"), map[string]string{"RawMessageDelivery": "true"})
	_, err := w.sns.Publish(t.Context(), &awssns.PublishInput{
		TopicArn: topic, MessageStructure: aws.String("json"), Message: aws.String(`{"default":"all","sqs":"queues"}`),
	})
	check(t, err)
	if got := w.receive(t, url); len(got) != 1 || *got[0].Body != "queues" {
		t.Errorf("%+v", got)
	}
	_, err = w.sns.Publish(t.Context(), &awssns.PublishInput{
		TopicArn: topic, MessageStructure: aws.String("json"), Message: aws.String(`{"default":"all","sqs":{"no":"text"}}`),
	})
	check(t, err)
	if got := w.receive(t, url); len(got) != 1 || *got[0].Body != "all" {
		t.Errorf("%+v", got)
	}
}

// TestWhatAnEndpointRefuses: where one queue is gone or refuses a message, the
// publisher gets no error, the others get theirs once, and its dead-letter queue
// has the message.
func TestWhatAnEndpointRefuses(t *testing.T) {
	w := newWorld(t)
	topic, dead := w.topic(t, "t"), w.queue(t, "dead", nil)
	w.queue(t, "gone", nil)
	w.queue(t, "small", map[string]string{"MaximumMessageSize": "1024"})
	last := w.queue(t, "last", nil)
	toDead := map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + sqs.ARN("dead") + `"}`, "RawMessageDelivery": "TrUe"}
	for name, attributes := range map[string]map[string]string{"gone": toDead, "small": toDead, "never": nil} {
		w.subscribe(t, topic, "sqs", sqs.ARN(name), attributes)
	}
	w.subscribe(t, topic, "sqs", sqs.ARN("last"), map[string]string{"RawMessageDelivery": "true"})
	check(t, w.SQS.Delete("gone"))
	long := strings.Repeat("x", 1025)
	_, err := w.sns.Publish(t.Context(), &awssns.PublishInput{
		TopicArn: topic, Message: &long, MessageAttributes: map[string]types.MessageAttributeValue{"consent": text("analytics")},
	})
	check(t, err)
	if got := w.receive(t, last); len(got) != 1 || *got[0].Body != long {
		t.Errorf("the last has %d", len(got))
	}
	got := w.receive(t, dead)
	if len(got) != 2 {
		t.Fatalf("%d dead letters", len(got))
	}
	for _, m := range got {
		if *m.Body != long || *m.MessageAttributes["consent"].StringValue != "analytics" {
			t.Errorf("%+v", m)
		}
	}
	check(t, w.SQS.Delete("dead"))
	_, err = w.sns.Publish(t.Context(), &awssns.PublishInput{TopicArn: topic, Message: aws.String("y")})
	check(t, err)
	if got := w.receive(t, last); len(got) != 1 {
		t.Errorf("%d", len(got))
	}
}

// TestAFailureOfThisMachineFailsThePublish: the others get theirs, and whoever
// publishes again loses nothing.
func TestAFailureOfThisMachineFailsThePublish(t *testing.T) {
	w := newWorld(t)
	topic, url := w.topic(t, "t"), w.queue(t, "q", nil)
	w.subscribe(t, topic, "email", "ops@example.com", nil)
	w.subscribe(t, topic, "sqs", sqs.ARN("q"), nil)
	check(t, os.WriteFile(filepath.Join(w.dir, "mail"), nil, 0o600)) // where the folder should be
	_, err := w.sns.Publish(t.Context(), &awssns.PublishInput{TopicArn: topic, Message: aws.String("x")}, func(o *awssns.Options) { o.RetryMaxAttempts = 1 })
	var failed *types.InternalErrorException
	if !errors.As(err, &failed) {
		t.Error(err)
	}
	if got := w.receive(t, url); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestErrorsOfSNSAsTheSDKDecodesThem(t *testing.T) {
	w := newWorld(t)
	w.queue(t, "q", nil)
	topic := w.topic(t, "t")
	none := aws.String("arn:aws:sns:us-east-1:000000000000:none")
	publish := func(topic *string, message string) error {
		_, err := w.sns.Publish(t.Context(), &awssns.PublishInput{TopicArn: topic, Message: &message})
		return err
	}
	var missing *types.NotFoundException
	if err := publish(none, "x"); !errors.As(err, &missing) {
		t.Error(err)
	}
	var invalid *types.InvalidParameterException
	for name, message := range map[string]string{
		"empty": "", "a NUL": "\x00", "too long": strings.Repeat("x", 256<<10+1), "no character": "\uffff",
	} {
		if err := publish(topic, message); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	check(t, publish(topic, strings.Repeat("x", 256<<10)))
	batch := func(ids []string, message string) error {
		in := &awssns.PublishBatchInput{TopicArn: topic, PublishBatchRequestEntries: []types.PublishBatchRequestEntry{}}
		for i := range ids {
			in.PublishBatchRequestEntries = append(in.PublishBatchRequestEntries, types.PublishBatchRequestEntry{Id: &ids[i], Message: &message})
		}
		_, err := w.sns.PublishBatch(t.Context(), in)
		return err
	}
	eleven := strings.Split("a b c d e f g h i j k", " ")
	for want, err := range map[string]error{
		"EmptyBatchRequest": batch(nil, "x"), "TooManyEntriesInBatchRequest": batch(eleven, "x"),
		"BatchEntryIdsNotDistinct": batch([]string{"a", "a"}, "x"), "InvalidBatchEntryId": batch([]string{"a b"}, "x"),
		"BatchRequestTooLong": batch([]string{"a", "b"}, strings.Repeat("x", 200<<10)),
	} {
		if !strings.HasPrefix(code(err), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for name, a := range map[string]struct {
		name, kind, value, want string
	}{
		"a type that ends with a dot": {"a", "String.", "x", "InvalidParameterValue"},
		"an empty value":              {"a", "String", "", "ParameterValueInvalid"},
		"a name with a dot first":     {".abc", "String", "x", "InvalidParameterValue"},
		"no number":                   {"a", "Number", "Infinity", "InvalidParameterValue"},
	} {
		_, err := w.sns.Publish(t.Context(), &awssns.PublishInput{TopicArn: topic, Message: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{
			a.name: {DataType: &a.kind, StringValue: &a.value},
		}})
		if code(err) != a.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, in := range map[string]*awssns.PublishInput{
		"an empty subject":          {TopicArn: topic, Message: aws.String("x"), Subject: aws.String("")},
		"no ARN":                    {TopicArn: aws.String("x"), Message: aws.String("x")},
		"a default that is no text": {TopicArn: topic, Message: aws.String(`{"default":{}}`), MessageStructure: aws.String("json")},
	} {
		if _, err := w.sns.Publish(t.Context(), in); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, call := range map[string]func() error{
		"subscribe": func() error {
			_, err := w.sns.Subscribe(t.Context(), &awssns.SubscribeInput{TopicArn: aws.String("x"), Protocol: aws.String("sqs"), Endpoint: aws.String(sqs.ARN("q"))})
			return err
		},
		"unsubscribe": func() error {
			_, err := w.sns.Unsubscribe(t.Context(), &awssns.UnsubscribeInput{SubscriptionArn: aws.String("x")})
			return err
		},
		"attributes": func() error {
			_, err := w.sns.GetTopicAttributes(t.Context(), &awssns.GetTopicAttributesInput{TopicArn: aws.String("x")})
			return err
		},
	} {
		if err := call(); !errors.As(err, &invalid) {
			t.Errorf("%s by what is no ARN: %v", name, err)
		}
	}
	for name, in := range map[string]*awssns.SubscribeInput{
		"no dead-letter queue": {
			TopicArn: topic, Protocol: aws.String("sqs"), Endpoint: aws.String(sqs.ARN("q")),
			Attributes: map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"x"}`},
		},
		"no queue":       {TopicArn: topic, Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sns:us-east-1:000000000000:t")},
		"no such stream": {TopicArn: topic, Protocol: aws.String("firehose"), Endpoint: aws.String(firehose.ARN("none"))},
		"no address":     {TopicArn: topic, Protocol: aws.String("email"), Endpoint: aws.String("nobody")},
		"a protocol":     {TopicArn: topic, Protocol: aws.String("sms"), Endpoint: aws.String("+49")},
		"a bad policy": {
			TopicArn: topic, Protocol: aws.String("sqs"), Endpoint: aws.String(sqs.ARN("q")),
			Attributes: map[string]string{"FilterPolicy": `{"a":"b"}`},
		},
	} {
		if _, err := w.sns.Subscribe(t.Context(), in); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTopicsAndSubscriptionsThroughTheSDK(t *testing.T) {
	w := newWorld(t)
	url, topic := w.queue(t, "q", nil), w.topic(t, "t")
	if again := w.topic(t, "t"); *again != *topic {
		t.Error(*again)
	}
	sub := w.subscribe(t, topic, "sqs", sqs.ARN("q"), map[string]string{"RawMessageDelivery": "true"})
	if again := w.subscribe(t, topic, "sqs", sqs.ARN("q"), nil); again != sub {
		t.Error(again)
	}
	set := func(name, value string) {
		t.Helper()
		_, err := w.sns.SetSubscriptionAttributes(t.Context(), &awssns.SetSubscriptionAttributesInput{
			SubscriptionArn: &sub, AttributeName: &name, AttributeValue: &value,
		})
		check(t, err)
	}
	set("FilterPolicyScope", "MessageBody")
	attributes, err := w.sns.GetSubscriptionAttributes(t.Context(), &awssns.GetSubscriptionAttributesInput{SubscriptionArn: &sub})
	check(t, err)
	if scope, ok := attributes.Attributes["FilterPolicyScope"]; ok {
		t.Errorf("the scope of no policy is %s", scope)
	}
	set("FilterPolicy", `{"kind":["wanted"]}`)
	for _, message := range []string{`{"kind":"wanted"}`, `{"kind":"other"}`, "no JSON"} {
		_, err := w.sns.Publish(t.Context(), &awssns.PublishInput{TopicArn: topic, Message: &message})
		check(t, err)
	}
	if got := w.receive(t, url); len(got) != 1 || *got[0].Body != `{"kind":"wanted"}` {
		t.Errorf("%+v", got)
	}
	attributes, err = w.sns.GetSubscriptionAttributes(t.Context(), &awssns.GetSubscriptionAttributesInput{SubscriptionArn: &sub})
	check(t, err)
	if a := attributes.Attributes; a["FilterPolicy"] != `{"kind":["wanted"]}` || a["RawMessageDelivery"] != "true" || a["Endpoint"] != sqs.ARN("q") {
		t.Errorf("%v", a)
	}
	listed, err := w.sns.ListSubscriptionsByTopic(t.Context(), &awssns.ListSubscriptionsByTopicInput{TopicArn: topic})
	check(t, err)
	if len(listed.Subscriptions) != 1 || *listed.Subscriptions[0].SubscriptionArn != sub {
		t.Errorf("%+v", listed)
	}
	_, err = w.sns.SetTopicAttributes(t.Context(), &awssns.SetTopicAttributesInput{
		TopicArn: topic, AttributeName: aws.String("DisplayName"), AttributeValue: aws.String("Events & more"),
	})
	check(t, err)
	got, err := w.sns.GetTopicAttributes(t.Context(), &awssns.GetTopicAttributesInput{TopicArn: topic})
	check(t, err)
	if !strings.Contains(got.Attributes["Policy"], `"Resource":"`+*topic+`"`) || got.Attributes["DisplayName"] != "Events & more" || got.Attributes["SubscriptionsConfirmed"] != "1" {
		t.Errorf("%v", got.Attributes)
	}
	_, err = w.sns.Unsubscribe(t.Context(), &awssns.UnsubscribeInput{SubscriptionArn: &sub})
	check(t, err)
	for i := range 101 {
		w.topic(t, fmt.Sprintf("many-%d", i))
	}
	pages, topics := awssns.NewListTopicsPaginator(w.sns, &awssns.ListTopicsInput{}), 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		check(t, err)
		topics += len(page.Topics)
	}
	if topics != 102 {
		t.Errorf("%d topics", topics)
	}
	_, err = w.sns.DeleteTopic(t.Context(), &awssns.DeleteTopicInput{TopicArn: topic})
	check(t, err)
}
