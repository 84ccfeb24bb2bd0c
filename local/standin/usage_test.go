package standin

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/headcount-etl/headcount/local/standin/firehose"
	"github.com/headcount-etl/headcount/local/standin/sqs"
	"github.com/headcount-etl/headcount/local/standin/usage"
)

// since gives what was used since an earlier snapshot, without bytes on the
// wire, which are the SDK's matter. Making things is left out.
func since(before, after []usage.Line) map[usage.Key]usage.Count {
	had := map[usage.Key]usage.Count{}
	for _, l := range before {
		had[l.Key] = l.Count
	}
	used := map[usage.Key]usage.Count{}
	for _, l := range after {
		if l.Count != had[l.Key] {
			n, b := l.Count, had[l.Key]
			used[l.Key] = usage.Count{
				Requests: n.Requests - b.Requests, Units: n.Units - b.Units, Empty: n.Empty - b.Empty,
				Messages: n.Messages - b.Messages, Payload: n.Payload - b.Payload,
			}
		}
	}
	return used
}

// TestUsage: a batch of a published message, its way through queue and stream,
// and objects, counted in AWS's units.
func TestUsage(t *testing.T) {
	w := newWorld(t)
	url, topic, lake := w.queue(t, "ingest", nil), w.topic(t, "events"), aws.String("lake")
	w.addStream(t)
	w.subscribe(t, topic, "sqs", sqs.ARN("ingest"), map[string]string{"RawMessageDelivery": "true"})
	w.subscribe(t, topic, "firehose", firehose.ARN("lake"), map[string]string{
		"RawMessageDelivery": "true", "SubscriptionRoleArn": "arn:aws:iam::000000000000:role/r", "FilterPolicy": `{"consent":["analytics"]}`,
	})
	before := w.Usage()

	// 70,000 bytes, which are two chunks already, and an attribute.
	large, small := `"`+strings.Repeat("x", 69_998)+`"`, `"`+strings.Repeat("y", 4_998)+`"`
	_, err := w.sns.PublishBatch(t.Context(), &awssns.PublishBatchInput{TopicArn: topic, PublishBatchRequestEntries: []snstypes.PublishBatchRequestEntry{
		{Id: aws.String("a"), Message: &large, MessageAttributes: map[string]snstypes.MessageAttributeValue{"consent": text("analytics")}},
		{Id: aws.String("b"), Message: &small, MessageAttributes: map[string]snstypes.MessageAttributeValue{"consent": text("analytics")}},
		{Id: aws.String("c"), Message: &small, MessageAttributes: map[string]snstypes.MessageAttributeValue{"consent": text("none")}},
	}})
	check(t, err)
	got, err := w.sqs.ReceiveMessage(t.Context(), &awssqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10})
	check(t, err)
	entries := make([]types.DeleteMessageBatchRequestEntry, len(got.Messages))
	for i, m := range got.Messages {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: m.MessageId, ReceiptHandle: m.ReceiptHandle}
	}
	_, err = w.sqs.DeleteMessageBatch(t.Context(), &awssqs.DeleteMessageBatchInput{QueueUrl: url, Entries: entries})
	check(t, err)
	_, err = w.sqs.ReceiveMessage(t.Context(), &awssqs.ReceiveMessageInput{QueueUrl: url})
	check(t, err)

	w.put(t, lake, "partials/hour=1/a", "12345")
	_, err = w.s3.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: lake, Key: aws.String("partials/hour=1/a")})
	check(t, err)
	object, err := w.s3.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: lake, Key: aws.String("partials/hour=1/a")})
	check(t, err)
	read(t, object.Body)
	_, err = w.s3.ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: lake, Prefix: aws.String("partials/hour=1/")})
	check(t, err)

	// The attribute's bytes: 7 + 6 + 9, and 7 + 6 + 4 with "none".
	const all = 70_000 + 22 + 5_000 + 22 + 5_000 + 17
	want := map[usage.Key]usage.Count{
		{Service: "sns", Operation: "PublishBatch", Resource: "events"}:     {Requests: 1, Units: 2, Messages: 3, Payload: all},
		{Service: "sns", Operation: "deliver sqs", Resource: "events"}:      {Requests: 3, Units: 4, Messages: 3, Payload: all},
		{Service: "sns", Operation: "deliver firehose", Resource: "events"}: {Requests: 2, Units: 3, Messages: 2, Payload: 75_044},
		{Service: "firehose", Operation: "PutRecordBatch", Resource: "lake"}: {
			Requests: 1, Units: 14 + 1, Messages: 2, Payload: 75_000,
		},
		{Service: "sqs", Operation: "ReceiveMessage", Resource: "ingest"}:      {Requests: 2, Units: 2 + 1, Empty: 1, Messages: 3, Payload: received(got)},
		{Service: "sqs", Operation: "DeleteMessageBatch", Resource: "ingest"}:  {Requests: 1, Units: 1, Messages: 3},
		{Service: "s3", Operation: "PutObject", Resource: "lake/partials"}:     {Requests: 1, Payload: 5},
		{Service: "s3", Operation: "HeadObject", Resource: "lake/partials"}:    {Requests: 1},
		{Service: "s3", Operation: "GetObject", Resource: "lake/partials"}:     {Requests: 1, Payload: 5},
		{Service: "s3", Operation: "ListObjectsV2", Resource: "lake/partials"}: {Requests: 1},
	}
	used := since(before, w.Usage())
	// Attributes that the receiver has not asked for are not sent, nor billed.
	if n := used[usage.Key{Service: "sqs", Operation: "ReceiveMessage", Resource: "ingest"}]; n.Payload != 80_000 {
		t.Errorf("received %d bytes, want the bodies alone", n.Payload)
	}
	if !maps.Equal(used, want) {
		for key := range maps.Keys(want) {
			if used[key] != want[key] {
				t.Errorf("%v: %+v, want %+v", key, used[key], want[key])
			}
		}
		t.Errorf("used %+v", used)
	}

	// Firehose's own objects are billed too.
	check(t, w.Firehose.FlushAll(t.Context()))
	key := usage.Key{Service: "s3", Operation: "PutObject", Resource: "lake/data"}
	if n := since(before, w.Usage())[key]; n.Requests != 1 || n.Payload == 0 {
		t.Errorf("Firehose's object: %+v", n)
	}
}

// TestUsageOfChunkedPuts: a PUT whose length is not known before its end counts by
// the header that names it, and else adds nothing.
func TestUsageOfChunkedPuts(t *testing.T) {
	w := newWorld(t)
	check(t, w.S3.CreateBucket("chunked"))
	for _, test := range []struct {
		decoded string
		want    int64
	}{{"5", 5}, {"", 0}} {
		before := w.Usage()
		content := "12345"
		if test.decoded != "" {
			content = "5\r\n12345\r\n0\r\n\r\n"
		}
		body := struct{ io.Reader }{strings.NewReader(content)} // so that net/http does not know the length
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, w.URL()+"/chunked/folder/key", body)
		check(t, err)
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0")
		if test.decoded != "" {
			r.Header.Set("Content-Encoding", "aws-chunked")
			r.Header.Set("X-Amz-Decoded-Content-Length", test.decoded)
		}
		answer, err := http.DefaultClient.Do(r)
		check(t, err)
		check(t, answer.Body.Close())
		key := usage.Key{Service: "s3", Operation: "PutObject", Resource: "chunked/folder"}
		if n := since(before, w.Usage())[key]; n.Requests != 1 || n.Payload != test.want {
			t.Errorf("decoded length %q: %+v, want %d bytes", test.decoded, n, test.want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func received(out *awssqs.ReceiveMessageOutput) (n int64) {
	for _, m := range out.Messages {
		n += int64(len(*m.Body))
	}
	return n
}
