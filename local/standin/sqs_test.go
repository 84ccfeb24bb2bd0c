package standin

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func (w *world) queue(t testing.TB, name string, attributes map[string]string) *string {
	t.Helper()
	out, err := w.sqs.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	check(t, err)
	return out.QueueUrl
}

func (w *world) receive(t testing.TB, url *string) []types.Message {
	t.Helper()
	out, err := w.sqs.ReceiveMessage(t.Context(), &awssqs.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	check(t, err)
	return out.Messages
}

func TestMessagesThroughTheSDK(t *testing.T) {
	w := newWorld(t)
	url := w.queue(t, "ingest", nil)
	if want := w.URL() + "/000000000000/ingest"; *url != want {
		t.Errorf("the URL is %s, not %s", *url, want)
	}
	body := "a \"quoted\" <body> \\ with\ttabs\r\nlines, äöü, 日本語, 😀 and \u2028"
	before := time.Now().UnixMilli()
	sent, err := w.sqs.SendMessage(t.Context(), &awssqs.SendMessageInput{
		QueueUrl: url, MessageBody: &body,
		MessageAttributes: map[string]types.MessageAttributeValue{
			"consent": {DataType: aws.String("String"), StringValue: aws.String("analytics")},
			"n":       {DataType: aws.String("Number.int"), StringValue: aws.String("1e3")},
			"b":       {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1, 255}},
		},
	})
	check(t, err)
	got := w.receive(t, url)
	if len(got) != 1 || *got[0].Body != body || *got[0].MessageId != *sent.MessageId {
		t.Fatalf("%+v", got)
	}
	m := got[0]
	if string(m.MessageAttributes["b"].BinaryValue) != "\x00\x01\xff" || *m.MessageAttributes["n"].StringValue != "1e3" ||
		*m.MessageAttributes["n"].DataType != "Number.int" || *m.MD5OfMessageAttributes != *sent.MD5OfMessageAttributes {
		t.Errorf("%+v", m.MessageAttributes)
	}
	var at int64
	if _, err := fmt.Sscan(m.Attributes["SentTimestamp"], &at); err != nil || at < before || at > time.Now().UnixMilli() {
		t.Errorf("sent at %d, %v", at, err)
	}
	if m.Attributes["ApproximateReceiveCount"] != "1" || m.Attributes["ApproximateFirstReceiveTimestamp"] == "" {
		t.Errorf("%v", m.Attributes)
	}
	if again := w.receive(t, url); len(again) > 0 {
		t.Error("it is visible while it is in flight")
	}
	_, err = w.sqs.ChangeMessageVisibility(t.Context(), &awssqs.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle})
	check(t, err)
	again := w.receive(t, url)
	if len(again) != 1 || again[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Fatalf("%+v", again)
	}
	_, err = w.sqs.DeleteMessage(t.Context(), &awssqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: again[0].ReceiptHandle})
	check(t, err)
	attributes, err := w.sqs.GetQueueAttributes(t.Context(), &awssqs.GetQueueAttributesInput{
		QueueUrl: url, AttributeNames: []types.QueueAttributeName{"All"},
	})
	check(t, err)
	for name, want := range map[string]string{
		"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0",
		"QueueArn": "arn:aws:sqs:us-east-1:000000000000:ingest", "MaximumMessageSize": "1048576",
	} {
		if attributes.Attributes[name] != want {
			t.Errorf("%s is %s", name, attributes.Attributes[name])
		}
	}
}

func TestBatchesThroughTheSDK(t *testing.T) {
	w := newWorld(t)
	url := w.queue(t, "q", nil)
	entries := []types.SendMessageBatchRequestEntry{}
	for i := range 10 {
		entries = append(entries, types.SendMessageBatchRequestEntry{
			Id: aws.String(fmt.Sprint("e", i)), MessageBody: aws.String(fmt.Sprint("body ", i)),
		})
	}
	entries[3].MessageBody = aws.String("a bell \x07")
	sent, err := w.sqs.SendMessageBatch(t.Context(), &awssqs.SendMessageBatchInput{QueueUrl: url, Entries: entries})
	check(t, err)
	if len(sent.Successful) != 9 || len(sent.Failed) != 1 || *sent.Failed[0].Id != "e3" || *sent.Failed[0].Code != "InvalidMessageContents" {
		t.Errorf("%+v", sent)
	}
	got := w.receive(t, url)
	if len(got) != 9 {
		t.Fatalf("%d messages", len(got))
	}
	var hide []types.ChangeMessageVisibilityBatchRequestEntry
	var remove []types.DeleteMessageBatchRequestEntry
	for i, m := range got {
		id := aws.String(fmt.Sprint(i))
		hide = append(hide, types.ChangeMessageVisibilityBatchRequestEntry{Id: id, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 60})
		remove = append(remove, types.DeleteMessageBatchRequestEntry{Id: id, ReceiptHandle: m.ReceiptHandle})
	}
	hidden, err := w.sqs.ChangeMessageVisibilityBatch(t.Context(), &awssqs.ChangeMessageVisibilityBatchInput{QueueUrl: url, Entries: hide})
	check(t, err)
	remove[0].ReceiptHandle = aws.String("nonsense")
	removed, err := w.sqs.DeleteMessageBatch(t.Context(), &awssqs.DeleteMessageBatchInput{QueueUrl: url, Entries: remove})
	check(t, err)
	if len(hidden.Successful) != 9 || len(removed.Successful) != 8 || len(removed.Failed) != 1 || *removed.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Errorf("%+v %+v", hidden, removed)
	}
}

func TestErrorsOfSQSAsTheSDKDecodesThem(t *testing.T) {
	w := newWorld(t)
	url := w.queue(t, "q", nil)
	ctx := t.Context()
	_, err := w.sqs.GetQueueUrl(ctx, &awssqs.GetQueueUrlInput{QueueName: aws.String("none")})
	var missing *types.QueueDoesNotExist
	if !errors.As(err, &missing) || code(err) != "AWS.SimpleQueueService.NonExistentQueue" {
		t.Error(err)
	}
	_, err = w.sqs.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{"VisibilityTimeout": "31"}})
	var exists *types.QueueNameExists
	if !errors.As(err, &exists) {
		t.Error(err)
	}
	batch := func(bodies ...string) error {
		in := &awssqs.SendMessageBatchInput{QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{}}
		for i := range bodies {
			in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: &bodies[i]})
		}
		_, err := w.sqs.SendMessageBatch(ctx, in)
		return err
	}
	var empty *types.EmptyBatchRequest
	if err := batch(); !errors.As(err, &empty) {
		t.Error(err)
	}
	var many *types.TooManyEntriesInBatchRequest
	if err := batch("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"); !errors.As(err, &many) {
		t.Error(err)
	}
	var long *types.BatchRequestTooLong
	if err := batch(strings.Repeat("x", 1<<19), strings.Repeat("y", 1<<19), "z"); !errors.As(err, &long) {
		t.Error(err)
	}
	check(t, batch(strings.Repeat("x", 1<<20)))
	_, err = w.sqs.SendMessageBatch(ctx, &awssqs.SendMessageBatchInput{QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("a"), MessageBody: aws.String("1")}, {Id: aws.String("a"), MessageBody: aws.String("2")},
	}})
	var twice *types.BatchEntryIdsNotDistinct
	if !errors.As(err, &twice) {
		t.Error(err)
	}
	send := func(body string) error {
		_, err := w.sqs.SendMessage(ctx, &awssqs.SendMessageInput{QueueUrl: url, MessageBody: &body})
		return err
	}
	var contents *types.InvalidMessageContents
	if err := send("\x00"); !errors.As(err, &contents) {
		t.Error(err)
	}
	if err := send(strings.Repeat("x", 1<<20+1)); code(err) != "InvalidParameterValue" {
		t.Error(err)
	}
	_, err = w.sqs.DeleteMessage(ctx, &awssqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: aws.String("x")})
	var handle *types.ReceiptHandleIsInvalid
	if !errors.As(err, &handle) {
		t.Error(err)
	}
	_, err = w.sqs.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 11})
	if code(err) != "InvalidParameterValue" {
		t.Error(err)
	}
}

func TestQueuesThroughTheSDK(t *testing.T) {
	w := newWorld(t)
	dead := w.queue(t, "flow-dead", nil)
	url := w.queue(t, "flow-a", map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:flow-dead","maxReceiveCount":"1"}`,
	})
	if again := w.queue(t, "flow-a", map[string]string{"VisibilityTimeout": "30"}); *again != *url {
		t.Error(*again)
	}
	w.queue(t, "other", nil)
	pages := awssqs.NewListQueuesPaginator(w.sqs, &awssqs.ListQueuesInput{QueueNamePrefix: aws.String("flow"), MaxResults: aws.Int32(1)})
	var listed []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		check(t, err)
		listed = append(listed, page.QueueUrls...)
	}
	if len(listed) != 2 || listed[0] != *url || listed[1] != *dead {
		t.Errorf("%v", listed)
	}
	_, err := w.sqs.SetQueueAttributes(t.Context(), &awssqs.SetQueueAttributesInput{QueueUrl: url, Attributes: map[string]string{"VisibilityTimeout": "0"}})
	check(t, err)
	_, err = w.sqs.SendMessage(t.Context(), &awssqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("poison")})
	check(t, err)
	if got := w.receive(t, url); len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	if got := w.receive(t, url); len(got) != 0 {
		t.Errorf("received a second time: %+v", got)
	}
	got := w.receive(t, dead)
	if len(got) != 1 || *got[0].Body != "poison" || got[0].Attributes["DeadLetterQueueSourceArn"] != "arn:aws:sqs:us-east-1:000000000000:flow-a" {
		t.Errorf("%+v", got)
	}
	_, err = w.sqs.PurgeQueue(t.Context(), &awssqs.PurgeQueueInput{QueueUrl: dead})
	check(t, err)
	_, err = w.sqs.DeleteQueue(t.Context(), &awssqs.DeleteQueueInput{QueueUrl: url})
	check(t, err)
	_, err = w.sqs.SendMessage(t.Context(), &awssqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("x")})
	var missing *types.QueueDoesNotExist
	if !errors.As(err, &missing) {
		t.Error(err)
	}
}

// TestWhatASenderMaySay: names with letters of any script, a group, and the header
// of X-Ray come through.
func TestWhatASenderMaySay(t *testing.T) {
	w := newWorld(t)
	url := w.queue(t, "q", nil)
	system := func(name, kind, value string) map[string]types.MessageSystemAttributeValue {
		return map[string]types.MessageSystemAttributeValue{name: {DataType: &kind, StringValue: &value}}
	}
	sent, err := w.sqs.SendMessage(t.Context(), &awssqs.SendMessageInput{
		QueueUrl: url, MessageBody: aws.String("x"), MessageGroupId: aws.String("tenant-1"), MessageSystemAttributes: system("AWSTraceHeader", "String", "Root=1-3152b799"),
		MessageAttributes: map[string]types.MessageAttributeValue{"größe.日本": {DataType: aws.String("String"), StringValue: aws.String("1")}},
	})
	check(t, err)
	got := w.receive(t, url)
	if len(got) != 1 || got[0].Attributes["MessageGroupId"] != "tenant-1" || got[0].Attributes["AWSTraceHeader"] != "Root=1-3152b799" ||
		*got[0].MessageAttributes["größe.日本"].StringValue != "1" || aws.ToString(sent.MD5OfMessageSystemAttributes) == "" {
		t.Errorf("%+v", got)
	}
	for name, in := range map[string]*awssqs.SendMessageInput{
		"another system attribute": {MessageSystemAttributes: system("SenderId", "String", "x")},
		"a trace that is a number": {MessageSystemAttributes: system("AWSTraceHeader", "Number", "1")},
		"a group with a space":     {MessageGroupId: aws.String("a b")},
		"deduplication":            {MessageDeduplicationId: aws.String("a")},
	} {
		in.QueueUrl, in.MessageBody = url, aws.String("x")
		if _, err := w.sqs.SendMessage(t.Context(), in); code(err) != "InvalidParameterValue" {
			t.Errorf("%s: %v", name, err)
		}
		batch, err := w.sqs.SendMessageBatch(t.Context(), &awssqs.SendMessageBatchInput{QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{
			{Id: aws.String("bad"), MessageBody: in.MessageBody, MessageSystemAttributes: in.MessageSystemAttributes, MessageGroupId: in.MessageGroupId, MessageDeduplicationId: in.MessageDeduplicationId},
			{Id: aws.String("good"), MessageBody: in.MessageBody},
		}})
		check(t, err)
		if len(batch.Successful) != 1 || *batch.Successful[0].Id != "good" || len(batch.Failed) != 1 || *batch.Failed[0].Id != "bad" {
			t.Errorf("%s in a batch: %+v", name, batch)
		}
	}
}

// TestEmptyListsAreAbsent: some SDKs distinguish an empty list from none.
func TestEmptyListsAreAbsent(t *testing.T) {
	w := newWorld(t)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	q := `{"QueueUrl":"` + *w.queue(t, "q", nil) + `"`
	for action, body := range map[string]string{
		"ReceiveMessage": q + "}", "ListQueues": `{"QueueNamePrefix":"none"}`, "GetQueueAttributes": q + "}",
		"DeleteMessageBatch": q + `,"Entries":[{"Id":"a","ReceiptHandle":"x"}]}`, "SendMessageBatch": q + `,"Entries":[{"Id":"a","MessageBody":"x"}]}`,
	} {
		if status, answer := w.ask(t, "POST", "/", "AmazonSQS."+action, body); status != http.StatusOK || strings.Contains(answer, "[]") || strings.Contains(answer, "null") || strings.Contains(answer, ":{}") {
			t.Errorf("%s: %d %s", action, status, answer)
		}
	}
}

// TestAttributesByDefault: an empty policy is none, and a queue is encrypted by
// SQS's key until it has one of its own.
func TestAttributesByDefault(t *testing.T) {
	w := newWorld(t)
	url := w.queue(t, "q", map[string]string{"Policy": "{}", "RedriveAllowPolicy": "{}"})
	attributes := func(changes map[string]string) map[string]string {
		t.Helper()
		_, err := w.sqs.SetQueueAttributes(t.Context(), &awssqs.SetQueueAttributesInput{QueueUrl: url, Attributes: changes})
		check(t, err)
		out, err := w.sqs.GetQueueAttributes(t.Context(), &awssqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{"All"}})
		check(t, err)
		return out.Attributes
	}
	got := attributes(map[string]string{"Policy": "", "RedriveAllowPolicy": ""})
	_, policy := got["Policy"]
	_, allow := got["RedriveAllowPolicy"]
	if policy || allow || got["SqsManagedSseEnabled"] != "true" {
		t.Errorf("%v", got)
	}
	w.queue(t, "q", map[string]string{"SqsManagedSseEnabled": "true"}) // the same queue
	if got := attributes(map[string]string{"KmsMasterKeyId": "alias/a"}); got["SqsManagedSseEnabled"] != "false" {
		t.Errorf("%v", got)
	}
	if got := attributes(map[string]string{"KmsMasterKeyId": ""}); got["SqsManagedSseEnabled"] != "true" {
		t.Errorf("%v", got)
	}
}
