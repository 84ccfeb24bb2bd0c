package sqs

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// The handlers of the actions on messages. The names of the fields are AWS's. As in
// all answers of AWS, a list that is empty is absent.

type attributeValue struct {
	DataType    string
	StringValue string `json:",omitempty"`
	BinaryValue []byte `json:",omitempty"`
}

type outgoingInput struct {
	ID                      string `json:"Id"` // of a batch entry
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]attributeValue
	MessageSystemAttributes map[string]attributeValue
	MessageGroupID          string `json:"MessageGroupId"`
	MessageDeduplicationID  string `json:"MessageDeduplicationId"`
}

// outgoing translates one message; with an error it still has its size.
func (in *outgoingInput) outgoing() (out Outgoing, err error) {
	out.Body = in.MessageBody
	for name, value := range in.MessageAttributes {
		out.Attributes = append(out.Attributes, Attribute{Name: name, DataType: value.DataType, String: value.StringValue, Binary: value.BinaryValue})
	}
	if in.MessageDeduplicationID != "" {
		return out, protocol.Refuse(InvalidParameterValue,
			"Value %s for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type.", in.MessageDeduplicationID)
	}
	if out.Delay, err = duration("DelaySeconds", in.DelaySeconds, MaxDelay); err == nil {
		out.System, err = in.system()
	}
	return out, err
}

const traceHeader = "AWSTraceHeader" // the only system attribute that a sender may set

// system translates what a sender may say beside the message.
func (in *outgoingInput) system() (System, error) {
	header, given := in.MessageSystemAttributes[traceHeader]
	switch {
	case len(in.MessageSystemAttributes) > 1 || !given && len(in.MessageSystemAttributes) > 0:
		return System{}, protocol.Refuse(InvalidParameterValue, "Message system attribute names are invalid: only %s is allowed.", traceHeader)
	case given && (header.DataType != "String" || header.StringValue == "" || !Text(header.StringValue)):
		return System{}, protocol.Refuse(InvalidParameterValue, "Message system attribute '%s' must be a String that is not empty.", traceHeader)
	case len(in.MessageGroupID) > 128 || strings.ContainsFunc(in.MessageGroupID, func(c rune) bool { return c <= ' ' || c > '~' }):
		return System{}, protocol.Refuse(InvalidParameterValue,
			"Value for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	return System{GroupID: in.MessageGroupID, TraceHeader: header.StringValue}, nil
}

// duration reads a number of seconds, 0 to most. Nil is not given: the queue's own
// holds.
func duration(name string, seconds *int, most time.Duration) (*time.Duration, error) {
	if seconds == nil {
		return nil, nil // See above.
	}
	if n := *seconds; n < 0 || n > int(most/time.Second) { // before it is nanoseconds, which could overflow
		return nil, protocol.Refuse(InvalidParameterValue, "Value %d for parameter %s is invalid. Reason: Must be >= 0 and <= %d.", n, name, int(most/time.Second))
	}
	given := time.Duration(*seconds) * time.Second
	return &given, nil
}

type sendMessageInput struct {
	onQueueInput
	outgoingInput
}

type sendMessageBatchInput struct {
	onQueueInput
	Entries []outgoingInput
}

type sentOutput struct {
	ID                           string `json:"Id,omitempty"`
	MessageID                    string `json:"MessageId"`
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
}

// sent is the answer for a message that was accepted.
func (r *Result) sent(id string, message *Outgoing) sentOutput {
	out := sentOutput{ID: id, MessageID: r.ID, MD5OfMessageBody: r.BodyMD5, MD5OfMessageAttributes: r.AttributesMD5}
	if message.TraceHeader != "" {
		out.MD5OfMessageSystemAttributes = attributesMD5([]Attribute{{Name: traceHeader, DataType: "String", String: message.TraceHeader}})
	}
	return out
}

func sendMessage(_ context.Context, q *Queue, in *sendMessageInput, used *protocol.Used) (any, error) {
	message, err := in.outgoing()
	if err != nil {
		return nil, err
	}
	result := q.Send([]Outgoing{message})[0]
	if result.Err != nil {
		return nil, result.Err
	}
	*used = protocol.Used{Resource: q.name, Messages: 1, Payload: message.Size()}
	return result.sent("", &message), nil
}

func sendMessageBatch(_ context.Context, q *Queue, in *sendMessageBatchInput, used *protocol.Used) (any, error) {
	var out batchOutput
	size, ids := 0, make([]string, len(in.Entries))
	var good []string
	var messages []Outgoing
	for i := range in.Entries {
		ids[i] = in.Entries[i].ID
		message, err := in.Entries[i].outgoing()
		size += message.Size()
		if err != nil {
			out.fail(ids[i], err)
			continue
		}
		messages, good = append(messages, message), append(good, ids[i])
	}
	if err := protocol.CheckBatch(ids, size, MaxMessageBytes); err != nil {
		return nil, err
	}
	for i, result := range q.Send(messages) {
		if result.Err != nil {
			out.fail(good[i], result.Err)
			continue
		}
		out.Successful = append(out.Successful, result.sent(good[i], &messages[i]))
	}
	*used = protocol.Used{Resource: q.name, Messages: len(ids), Payload: size}
	return out, nil
}

// batchOutput is what became of the entries.
type batchOutput struct {
	Successful []any          `json:",omitempty"`
	Failed     []failedOutput `json:",omitempty"`
}

type doneOutput struct {
	ID string `json:"Id"`
}

type failedOutput struct {
	ID          string `json:"Id"`
	SenderFault bool
	Code        string
	Message     string
}

func (b *batchOutput) fail(id string, err error) {
	refusal := protocol.As(err, "InternalError")
	b.Failed = append(b.Failed, failedOutput{id, refusal.Side() == "Sender", queryCode(refusal.Code), refusal.Message})
}

type handleInput struct {
	ID                string `json:"Id"` // of a batch entry
	ReceiptHandle     string
	VisibilityTimeout *int
}

type oneHandleInput struct {
	onQueueInput
	handleInput
}

type handlesInput struct {
	onQueueInput
	Entries []handleInput
}

func deleteMessage(q *Queue, in *handleInput) error { return q.Delete(in.ReceiptHandle) }

func changeVisibility(q *Queue, in *handleInput) error {
	if in.VisibilityTimeout == nil {
		return protocol.Refuse(MissingParameter, "The request must contain the parameter VisibilityTimeout.")
	}
	visibility, err := duration("VisibilityTimeout", in.VisibilityTimeout, MaxVisibility)
	if err != nil {
		return err
	}
	return q.ChangeVisibility(in.ReceiptHandle, *visibility)
}

func withHandle(do func(*Queue, *handleInput) error) func(context.Context, *Queue, *oneHandleInput, *protocol.Used) (any, error) {
	return func(_ context.Context, q *Queue, in *oneHandleInput, used *protocol.Used) (any, error) {
		if err := do(q, &in.handleInput); err != nil {
			return nil, err
		}
		*used = protocol.Used{Resource: q.name, Messages: 1}
		return nil, nil
	}
}

func withHandles(do func(*Queue, *handleInput) error) func(context.Context, *Queue, *handlesInput, *protocol.Used) (any, error) {
	return func(_ context.Context, q *Queue, in *handlesInput, used *protocol.Used) (any, error) {
		ids := make([]string, len(in.Entries))
		for i := range in.Entries {
			ids[i] = in.Entries[i].ID
		}
		if err := protocol.CheckBatch(ids, 0, 0); err != nil {
			return nil, err
		}
		var out batchOutput
		for i := range in.Entries {
			if err := do(q, &in.Entries[i]); err != nil {
				out.fail(ids[i], err)
				continue
			}
			out.Successful = append(out.Successful, doneOutput{ids[i]})
		}
		*used = protocol.Used{Resource: q.name, Messages: len(ids)}
		return out, nil
	}
}

type receiveMessageInput struct {
	onQueueInput
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
}

type receiveMessageOutput struct {
	Messages []messageOutput `json:",omitempty"`
}

type messageOutput struct {
	MessageID              string `json:"MessageId"`
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             map[string]string         `json:",omitempty"`
	MD5OfMessageAttributes string                    `json:",omitempty"`
	MessageAttributes      map[string]attributeValue `json:",omitempty"`
}

func (in *receiveMessageInput) options() (options ReceiveOptions, err error) {
	options.Max = 1
	if in.MaxNumberOfMessages != nil {
		if options.Max = *in.MaxNumberOfMessages; options.Max < 1 || options.Max > protocol.MaxBatchEntries {
			return options, protocol.Refuse(InvalidParameterValue,
				"Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", options.Max)
		}
	}
	if options.Visibility, err = duration("VisibilityTimeout", in.VisibilityTimeout, MaxVisibility); err == nil {
		options.Wait, err = duration("WaitTimeSeconds", in.WaitTimeSeconds, MaxWait)
	}
	return options, err
}

func receiveMessage(ctx context.Context, q *Queue, in *receiveMessageInput, used *protocol.Used) (any, error) {
	options, err := in.options()
	if err != nil {
		return nil, err
	}
	messages, err := q.Receive(ctx, options)
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	// When the client is gone, or the stand-in is closing, there is nothing.
	system := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	used.Resource, used.Messages = q.name, len(messages)
	var out receiveMessageOutput
	for i := range messages {
		m := &messages[i]
		m.Select(in.MessageAttributeNames)
		used.Payload += Size(m.Body, m.Attributes)
		one := messageOutput{
			MessageID: m.ID, ReceiptHandle: m.Handle, MD5OfBody: m.BodyMD5, Body: m.Body, MD5OfMessageAttributes: m.AttributesMD5,
			Attributes: m.system(system), MessageAttributes: make(map[string]attributeValue, len(m.Attributes)),
		}
		for _, a := range m.Attributes {
			one.MessageAttributes[a.Name] = attributeValue{a.DataType, a.String, a.Binary}
		}
		out.Messages = append(out.Messages, one)
	}
	return out, nil
}

// sender is the principal that sent every message here.
const sender = "AIDAHEADCOUNTLOCALUSER"

// system gives the system attributes of those names; All gives every one.
func (m *Message) system(names []string) map[string]string {
	if len(names) == 0 {
		return nil
	}
	all := map[string]string{
		"SenderId":                         sender,
		"SentTimestamp":                    strconv.FormatInt(m.Sent.UnixMilli(), 10),
		"ApproximateReceiveCount":          strconv.Itoa(m.Receives),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.FirstReceived.UnixMilli(), 10),
		"DeadLetterQueueSourceArn":         m.SourceARN,
		"MessageGroupId":                   m.GroupID,
		traceHeader:                        m.TraceHeader,
	}
	for name, value := range all {
		if value == "" || !slices.Contains(names, "All") && !slices.Contains(names, name) {
			delete(all, name)
		}
	}
	return all
}
