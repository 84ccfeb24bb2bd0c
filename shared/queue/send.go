package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"
)

const (
	// MaxBytes is SQS's limit for one message, and for all of one call: bodies
	// with the names, types and values of attributes.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
	MaxBytes = 1 << 20
	// MaxMessageBytes is how large a message of a queue of Headcount may be, its
	// attributes included: less than SQS would allow, as the stack's provider
	// cannot set more (aws_sqs_queue, max_message_size).
	MaxMessageBytes = 256 << 10
	// MaxReceives is how often a message of such a queue is received before it
	// becomes a dead letter. What cannot be processed is hidden for times that double,
	// so that it takes some hours; and a message that is given back when a task stops
	// has been received too, so there must be room for restarts.
	MaxReceives = 20
	// MaxDelay is the longest delay that SQS allows.
	MaxDelay = 15 * time.Minute

	attributeType = "String"
	sendAttempts  = 5
	sendsAtOnce   = 4
)

// Out is a message to be sent.
type Out struct {
	// Body is the text: at least one character, and only those that XML 1.0
	// allows.
	Body string
	// Attributes become message attributes of the type String.
	Attributes map[string]string
	// Delay hides the message at first; it is rounded up to whole seconds.
	Delay time.Duration

	as map[string]types.MessageAttributeValue // in place of Attributes
}

// Size gives the bytes that SQS counts against MaxBytes.
func (o *Out) Size() int {
	n := len(o.Body)
	for name, value := range o.Attributes {
		n += len(name) + len(attributeType) + len(value)
	}
	for name, value := range o.as {
		n += len(name) + len(aws.ToString(value.DataType)) + len(aws.ToString(value.StringValue)) + len(value.BinaryValue)
	}
	return n
}

// RefusedError says that SQS will never accept a message as it is: it is too
// large, or breaks another rule. Any other error may pass. It is no reason to
// drop what the message was made from: that belongs in a dead-letter queue.
type RefusedError struct {
	// Code and Reason are SQS's own where it was asked.
	Code, Reason string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("SQS refuses the message: %s: %s", e.Code, e.Reason)
}

// Sender sends messages to one queue. It may be used by many goroutines.
type Sender struct {
	API      SendAPI
	QueueURL string
}

// Send sends messages, in no order. It gives nil when all were accepted, else
// one element for each message: nil for accepted, a *RefusedError for one that
// can never be, another error where another try may help. A message whose
// error is not nil may nevertheless have been sent, when only the answer was
// lost.
func (s Sender) Send(ctx context.Context, outs []Out) []error {
	errs := make([]error, len(outs))
	var group errgroup.Group
	group.SetLimit(sendsAtOnce)
	var call []int
	bytes := 0
	flush := func() {
		if members := call; len(members) > 0 {
			group.Go(func() error {
				s.sendAll(ctx, outs, members, errs)
				return nil
			})
		}
		call, bytes = nil, 0
	}
	for i := range outs {
		size := outs[i].Size()
		switch {
		case size > MaxBytes:
			errs[i] = &RefusedError{"TooLarge", fmt.Sprintf("%d bytes, at most %d are allowed", size, MaxBytes)}
			continue
		case outs[i].Delay < 0 || outs[i].Delay > MaxDelay:
			errs[i] = &RefusedError{"BadDelay", fmt.Sprintf("%s, must be between 0s and %s", outs[i].Delay, MaxDelay)}
			continue
		case len(call) == perCall || bytes+size > MaxBytes:
			flush()
		}
		call = append(call, i)
		bytes += size
	}
	flush()
	_ = group.Wait()
	for _, err := range errs {
		if err != nil {
			return errs
		}
	}
	return nil
}

// sendAll sends the messages of one call, and again those that SQS failed for
// reasons of its own. A call that fails whole has been tried again by the SDK.
func (s Sender) sendAll(ctx context.Context, outs []Out, members []int, errs []error) {
	for attempt := 0; ; attempt++ {
		members = s.send(ctx, outs, members, errs)
		if len(members) == 0 || attempt == sendAttempts-1 || ctx.Err() != nil {
			return
		}
		wait(ctx.Done(), backoff(attempt, 100*time.Millisecond, 5*time.Second))
	}
}

// refusals are the codes of faults in a message itself. Others that SQS calls the
// sender's, such as those of a queue's key, say nothing of the message.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html#API_SendMessage_Errors
var refusals = []string{"InvalidMessageContents", "InvalidParameterValue", "InvalidAttributeValue", "MessageTooLong"}

var errNoAnswer = errors.New("SQS's answer does not mention the message")

// send makes one call, notes the result of each message in errs, and gives
// those that are worth another try.
func (s Sender) send(ctx context.Context, outs []Out, members []int, errs []error) (again []int) {
	entries := make([]types.SendMessageBatchRequestEntry, len(members))
	for n, i := range members {
		entries[n] = types.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(n)), MessageBody: &outs[i].Body, DelaySeconds: seconds(outs[i].Delay),
			MessageAttributes: outs[i].as,
		}
		if len(outs[i].Attributes) > 0 {
			entries[n].MessageAttributes = make(map[string]types.MessageAttributeValue, len(outs[i].Attributes))
			for name, value := range outs[i].Attributes {
				entries[n].MessageAttributes[name] = types.MessageAttributeValue{
					DataType: aws.String(attributeType), StringValue: &value,
				}
			}
		}
		errs[i] = errNoAnswer
	}
	out, err := s.API.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &s.QueueURL, Entries: entries})
	if err != nil {
		for _, i := range members {
			errs[i] = fmt.Errorf("send messages to %s: %w", s.QueueURL, err)
		}
		return nil
	}
	find := func(id *string) (int, bool) {
		n, err := strconv.Atoi(aws.ToString(id))
		if err != nil || n < 0 || n >= len(members) {
			return 0, false
		}
		return members[n], true
	}
	for _, sent := range out.Successful {
		if i, ok := find(sent.Id); ok {
			errs[i] = nil
		}
	}
	for _, f := range out.Failed {
		i, ok := find(f.Id)
		switch {
		case !ok:
		case slices.Contains(refusals, aws.ToString(f.Code)):
			errs[i] = &RefusedError{aws.ToString(f.Code), aws.ToString(f.Message)}
		default:
			errs[i] = fmt.Errorf("send message to %s: %s: %s", s.QueueURL, aws.ToString(f.Code), aws.ToString(f.Message))
			again = append(again, i)
		}
	}
	return again
}
