package smoke

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

const (
	// batchMessages and batchBytes bound a call to SNS, which takes 10 messages
	// and 256 KiB; the rest is room for attributes.
	batchMessages, batchBytes = 10, 240 << 10
	// attempts is how often a message that SNS did not take is sent.
	attempts = 5
)

// publish sends messages to the topic, each with its attributes, and gives the
// number of events that SNS took.
func (r *runner) publish(ctx context.Context, messages []message) (events int64, err error) {
	for len(messages) > 0 {
		n, bytes := 0, 0
		for n < len(messages) && n < batchMessages && (n == 0 || bytes+len(messages[n].body) <= batchBytes) {
			bytes += len(messages[n].body)
			n++
		}
		if err := r.publishBatch(ctx, messages[:n]); err != nil {
			return events, fmt.Errorf("publish to %s: %w", r.Outputs.TopicARN, err)
		}
		for i := range messages[:n] {
			events += int64(messages[i].events)
		}
		messages = messages[n:]
	}
	return events, nil
}

func (r *runner) publishBatch(ctx context.Context, messages []message) error {
	entries := map[string]types.PublishBatchRequestEntry{}
	for i := range messages {
		text := func(s string) types.MessageAttributeValue {
			return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
		}
		// Without any attribute a message reaches no subscription with a filter.
		e := types.PublishBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), Message: &messages[i].body,
			MessageAttributes: map[string]types.MessageAttributeValue{"producer": text("headcount smoke")},
		}
		if c := messages[i].consent; c != "" {
			e.MessageAttributes["consent"] = text(c)
		}
		entries[*e.Id] = e
	}
	var last string
	for range attempts {
		in := &sns.PublishBatchInput{TopicArn: &r.Outputs.TopicARN}
		for _, e := range entries {
			in.PublishBatchRequestEntries = append(in.PublishBatchRequestEntries, e)
		}
		out, err := r.Topic.PublishBatch(ctx, in)
		if err != nil {
			return err
		}
		for _, done := range out.Successful {
			delete(entries, aws.ToString(done.Id))
		}
		for _, f := range out.Failed {
			if last = aws.ToString(f.Code) + ": " + aws.ToString(f.Message); f.SenderFault {
				return fmt.Errorf("SNS refuses a message: %s", last)
			}
		}
		if len(entries) == 0 {
			return nil
		}
	}
	return fmt.Errorf("SNS did not take %d messages in %d attempts: %s", len(entries), attempts, last)
}
