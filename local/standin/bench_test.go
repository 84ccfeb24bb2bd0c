package standin

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/headcount-etl/headcount/local/standin/sqs"
)

// BenchmarkPublishReceiveDelete brings events of 850 bytes through a topic and a
// queue in batches of 10, with the real SDK on both sides and in this process.
func BenchmarkPublishReceiveDelete(b *testing.B) {
	w := newWorld(b)
	url, topic := w.queue(b, "ingest", nil), w.topic(b, "events")
	w.subscribe(b, topic, "sqs", sqs.ARN("ingest"), map[string]string{"RawMessageDelivery": "true"})
	event := `{"schema_version":1,"event_id":"` + strings.Repeat(`","user":{"id":"`, 50) + `"}`
	event += strings.Repeat(" ", 850-len(event))
	const batch, workers = 10, 4
	b.SetBytes(batch * int64(len(event)))
	var wg sync.WaitGroup
	var published, deleted atomic.Int64
	b.ResetTimer()
	for range workers {
		wg.Go(func() {
			for published.Add(batch) <= int64(b.N)*batch {
				in := &awssns.PublishBatchInput{TopicArn: topic}
				for i := range batch {
					in.PublishBatchRequestEntries = append(in.PublishBatchRequestEntries, snstypes.PublishBatchRequestEntry{
						Id: aws.String(fmt.Sprint(i)), Message: &event,
						MessageAttributes: map[string]snstypes.MessageAttributeValue{"consent": text("analytics")},
					})
				}
				if _, err := w.sns.PublishBatch(b.Context(), in); err != nil {
					b.Error(err)
					return
				}
			}
		})
		wg.Go(func() {
			for deleted.Load() < int64(b.N)*batch && !b.Failed() {
				got, err := w.sqs.ReceiveMessage(b.Context(), &awssqs.ReceiveMessageInput{
					QueueUrl: url, MaxNumberOfMessages: batch, WaitTimeSeconds: 1, MessageAttributeNames: []string{"All"},
					MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
				})
				if err != nil {
					b.Error(err)
					return
				}
				if len(got.Messages) == 0 {
					continue
				}
				in := &awssqs.DeleteMessageBatchInput{QueueUrl: url}
				for i, m := range got.Messages {
					in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle})
				}
				if _, err := w.sqs.DeleteMessageBatch(b.Context(), in); err != nil {
					b.Error(err)
					return
				}
				if n := int64(len(got.Messages)); deleted.Add(n) == int64(b.N)*batch {
					b.StopTimer() // The others may wait for a second.
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)*batch/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkSendReceiveDelete is the hop between two services: one SDK call
// each, batches of 10.
func BenchmarkSendReceiveDelete(b *testing.B) {
	w := newWorld(b)
	url := w.queue(b, "q", nil)
	body := strings.Repeat("x", 850)
	const batch = 10
	b.SetBytes(batch * int64(len(body)))
	for b.Loop() {
		in := &awssqs.SendMessageBatchInput{QueueUrl: url}
		for i := range batch {
			in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: &body})
		}
		_, err := w.sqs.SendMessageBatch(b.Context(), in)
		check(b, err)
		got, err := w.sqs.ReceiveMessage(b.Context(), &awssqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: batch})
		check(b, err)
		remove := &awssqs.DeleteMessageBatchInput{QueueUrl: url}
		for i, m := range got.Messages {
			remove.Entries = append(remove.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle})
		}
		_, err = w.sqs.DeleteMessageBatch(b.Context(), remove)
		check(b, err)
	}
	b.ReportMetric(float64(b.N)*batch/b.Elapsed().Seconds(), "messages/s")
}
