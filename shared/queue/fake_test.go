package queue

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"go.uber.org/goleak"
)

const queueURL = "http://127.0.0.1:4566/000000000000/in"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeSQS is one standard queue: visibility timeouts, delays, receive counts,
// long polls, and the failures that a test injects.
type fakeSQS struct {
	mu       sync.Mutex
	messages map[string]*fakeMessage
	order    []string // ids, oldest first, some of them of deleted messages
	added    int
	changed  chan struct{} // closed and replaced when something may be visible
	inFlight int           // the most that were hidden at once, when none were failed
	calls    map[string]int

	// failCall makes a whole call fail. failEntry makes one entry fail, with
	// the fault of the sender or without. Both get the operation's name.
	failCall  func(op string) error
	failEntry func(op, message string) (fails, senderFault bool)

	// redrive is the queue's redrive policy, and dead what was sent to another queue.
	redrive string
	dead    map[string][]types.SendMessageBatchRequestEntry // by URL
}

type fakeMessage struct {
	types.Message
	visible  time.Time
	receives int
	received []time.Time
}

func newFake(bodies ...string) *fakeSQS {
	f := &fakeSQS{messages: map[string]*fakeMessage{}, changed: make(chan struct{}), calls: map[string]int{}, dead: map[string][]types.SendMessageBatchRequestEntry{}}
	for _, body := range bodies {
		f.put(body, nil)
	}
	return f
}

// numbered gives n bodies: 0, 1, 2, …
func numbered(n int) []string {
	bodies := make([]string, n)
	for i := range bodies {
		bodies[i] = strconv.Itoa(i)
	}
	return bodies
}

func (f *fakeSQS) put(body string, attributes map[string]types.MessageAttributeValue) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.add(body, attributes, 0)
}

func (f *fakeSQS) add(body string, attributes map[string]types.MessageAttributeValue, delay time.Duration) {
	id := "m" + strconv.Itoa(f.added)
	f.added++
	f.messages[id] = &fakeMessage{
		Message: types.Message{
			MessageId: &id, Body: &body, MessageAttributes: attributes,
			Attributes: map[string]string{"SentTimestamp": strconv.FormatInt(time.Now().UnixMilli(), 10)},
		},
		visible: time.Now().Add(delay),
	}
	f.order = append(f.order, id)
	f.wake()
}

func (f *fakeSQS) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// begin counts a call and may fail it.
func (f *fakeSQS) begin(op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[op]++
	if f.failCall != nil {
		return f.failCall(op)
	}
	return nil
}

func (f *fakeSQS) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	if err := f.begin("receive"); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(time.Duration(in.WaitTimeSeconds) * time.Second)
	for {
		f.mu.Lock()
		now := time.Now()
		out, next := f.take(in, now)
		changed := f.changed
		f.mu.Unlock()
		if len(out.Messages) > 0 || !now.Before(deadline) {
			return out, nil
		}
		if next.IsZero() || next.After(deadline) {
			next = deadline
		}
		timer := time.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// take hides and gives what is visible, and the time when more will be.
func (f *fakeSQS) take(in *sqs.ReceiveMessageInput, now time.Time) (out *sqs.ReceiveMessageOutput, next time.Time) {
	out = &sqs.ReceiveMessageOutput{}
	hidden := 0
	for len(f.order) > 0 && f.messages[f.order[0]] == nil {
		f.order = f.order[1:]
	}
scan:
	for _, id := range f.order {
		m, ok := f.messages[id]
		switch {
		case !ok:
		case m.visible.After(now):
			if m.receives > 0 {
				hidden++
			}
			if next.IsZero() || m.visible.Before(next) {
				next = m.visible
			}
		case len(out.Messages) < int(in.MaxNumberOfMessages):
			m.receives++
			m.received = append(m.received, now)
			m.visible = now.Add(time.Duration(in.VisibilityTimeout) * time.Second)
			m.ReceiptHandle = aws.String(fmt.Sprintf("%s#%d", id, m.receives))
			delivered := m.Message
			delivered.Attributes = map[string]string{
				"SentTimestamp":           m.Attributes["SentTimestamp"],
				"ApproximateReceiveCount": strconv.Itoa(m.receives),
			}
			out.Messages = append(out.Messages, delivered)
			hidden++
		default:
			break scan
		}
	}
	f.inFlight = max(f.inFlight, hidden)
	return out, next
}

// entry looks up what a batch entry refers to, after injected failures.
func (f *fakeSQS) entry(op, id, receipt string) (*fakeMessage, *types.BatchResultErrorEntry) {
	name, _, _ := strings.Cut(receipt, "#")
	if f.failEntry != nil {
		if fails, sender := f.failEntry(op, name); fails {
			code := "Injected"
			if sender {
				code = "InvalidMessageContents"
			}
			return nil, &types.BatchResultErrorEntry{Id: &id, Code: &code, SenderFault: sender}
		}
	}
	return f.messages[name], nil
}

func (f *fakeSQS) DeleteMessageBatch(_ context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	if err := f.begin("delete"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out := &sqs.DeleteMessageBatchOutput{}
	for _, e := range in.Entries {
		m, failed := f.entry("delete", *e.Id, *e.ReceiptHandle)
		if failed != nil {
			out.Failed = append(out.Failed, *failed)
			continue
		}
		if m != nil {
			delete(f.messages, *m.MessageId)
		}
		out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: e.Id})
	}
	return out, nil
}

func (f *fakeSQS) ChangeMessageVisibilityBatch(_ context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	if err := f.begin("change"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out := &sqs.ChangeMessageVisibilityBatchOutput{}
	for _, e := range in.Entries {
		m, failed := f.entry("change", *e.Id, *e.ReceiptHandle)
		if failed == nil && (m == nil || *m.ReceiptHandle != *e.ReceiptHandle || !m.visible.After(time.Now())) {
			failed = &types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("MessageNotInflight"), SenderFault: true}
		}
		if failed != nil {
			out.Failed = append(out.Failed, *failed)
			continue
		}
		m.visible = time.Now().Add(time.Duration(e.VisibilityTimeout) * time.Second)
		out.Successful = append(out.Successful, types.ChangeMessageVisibilityBatchResultEntry{Id: e.Id})
	}
	f.wake()
	return out, nil
}

func (f *fakeSQS) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	if err := f.begin("send"); err != nil {
		return nil, err
	}
	total := 0
	for _, e := range in.Entries {
		total += len(*e.MessageBody)
		for name, value := range e.MessageAttributes {
			total += len(name) + len(*value.DataType) + len(aws.ToString(value.StringValue)) + len(value.BinaryValue)
		}
	}
	if len(in.Entries) > 10 || total > 1_048_576 {
		return nil, fmt.Errorf("%d entries of %d bytes are too many", len(in.Entries), total)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		if _, failed := f.entry("send", *e.Id, *e.MessageBody); failed != nil {
			out.Failed = append(out.Failed, *failed)
			continue
		}
		if *in.QueueUrl != queueURL {
			f.dead[*in.QueueUrl] = append(f.dead[*in.QueueUrl], e)
			out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id})
			continue
		}
		f.add(*e.MessageBody, e.MessageAttributes, time.Duration(e.DelaySeconds)*time.Second)
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id})
	}
	return out, nil
}

func (f *fakeSQS) GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	if err := f.begin("attributes"); err != nil {
		return nil, err
	}
	out := &sqs.GetQueueAttributesOutput{Attributes: map[string]string{}}
	if f.redrive != "" {
		out.Attributes["RedrivePolicy"] = f.redrive
	}
	return out, nil
}

// buried counts what was sent to other queues.
func (f *fakeSQS) buried() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, letters := range f.dead {
		n += len(letters)
	}
	return n
}

// called counts the calls of an operation so far.
func (f *fakeSQS) called(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

// left gives the number of messages that are not deleted.
func (f *fakeSQS) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.messages)
}

// visible counts the messages that a receive would find now.
func (f *fakeSQS) visible() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, m := range f.messages {
		if !m.visible.After(time.Now()) {
			n++
		}
	}
	return n
}

// most gives the highest receive count of the messages that are left.
func (f *fakeSQS) most() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, m := range f.messages {
		n = max(n, m.receives)
	}
	return n
}
