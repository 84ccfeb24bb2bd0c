package publish

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

const (
	// maxBytes is SNS's limit for one message, and for all of one call: bodies
	// with the names, types and values of attributes.
	maxBytes = 256 << 10
	// maxEntries is SNS's limit of messages in a call.
	maxEntries = 10
	// attributeBytes is room for what attributes add to a message.
	attributeBytes = 200
	// attempts is how often a message is sent that SNS fails to accept, and pause is
	// the wait before the second attempt; it doubles.
	attempts, pause = 5, 100 * time.Millisecond
)

// call is what goes into one call to SNS.
type call struct {
	entries []types.PublishBatchRequestEntry
	bytes   int
}

// add adds a message, unless the call is too full for it. Its attributes are text.
// There must be at least one: SNS gives a message without any to no subscription
// that filters on attributes, whatever the filter says
// (https://docs.aws.amazon.com/sns/latest/dg/attribute-key-matching.html).
func (c *call) add(body string, attributes map[string]string) bool {
	size := len(body) + attributeBytes
	if len(c.entries) == maxEntries || len(c.entries) > 0 && c.bytes+size > maxBytes {
		return false
	}
	e := types.PublishBatchRequestEntry{Id: aws.String(strconv.Itoa(len(c.entries))), Message: &body, MessageAttributes: map[string]types.MessageAttributeValue{}}
	for name, value := range attributes {
		e.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	c.entries = append(c.entries, e)
	c.bytes += size
	return true
}

// send makes the calls to SNS until there are no more.
func (p *Publisher) send(ctx context.Context, calls <-chan call) error {
	for c := range calls {
		if p.Ready != nil {
			if err := p.Ready(ctx); err != nil {
				return err
			}
		}
		if err := p.call(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// call makes one call, and makes it again with what SNS has failed to accept.
func (p *Publisher) call(ctx context.Context, c call) error {
	var last string
	for n := range attempts {
		if n > 0 {
			select {
			case <-time.After(pause << (n - 1)):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		out, err := p.API.PublishBatch(ctx, &sns.PublishBatchInput{TopicArn: &p.TopicARN, PublishBatchRequestEntries: c.entries})
		if err != nil {
			return fmt.Errorf("publish to %s: %w", p.TopicARN, err)
		}
		if c.entries, last, err = again(c.entries, out.Failed); err != nil {
			return fmt.Errorf("publish to %s: %w", p.TopicARN, err)
		}
		if len(c.entries) == 0 {
			return nil
		}
	}
	return fmt.Errorf("publish to %s: SNS did not accept %d messages in %d attempts: %s", p.TopicARN, len(c.entries), attempts, last)
}

// again gives the entries that failed and may succeed when sent again, and why the
// last of them failed; an entry that SNS blames on the sender is an error.
func again(entries []types.PublishBatchRequestEntry, failed []types.BatchResultErrorEntry) (rest []types.PublishBatchRequestEntry, last string, err error) {
	for _, f := range failed {
		if last = aws.ToString(f.Code) + ": " + aws.ToString(f.Message); f.SenderFault {
			return nil, last, fmt.Errorf("SNS refuses a message: %s", last)
		}
		for _, e := range entries {
			if aws.ToString(e.Id) == aws.ToString(f.Id) {
				rest = append(rest, e)
			}
		}
	}
	return rest, last, nil
}
