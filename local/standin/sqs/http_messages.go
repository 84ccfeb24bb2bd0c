package sqs

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/headcount-etl/headcount/local/standin/awsjson"
)

// The handlers of the actions on messages. The names of the fields are AWS's.
// What a receiver gets is appended by hand: this is the hot path of a pipeline.

type attributeValue struct {
	DataType    string
	StringValue string
	BinaryValue []byte
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

type sendMessageInput struct {
	QueueURL string `json:"QueueUrl"`
	outgoingInput
}

type sendMessageBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []outgoingInput
}

type sentOutput struct {
	ID                           string `json:"Id,omitempty"`
	MessageID                    string `json:"MessageId"`
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
}

type failedOutput struct {
	ID          string `json:"Id"`
	SenderFault bool
	Code        string
	Message     string
}

func (s *Service) sendMessage(_ context.Context, in *sendMessageInput) (awsjson.Reply, error) {
	q, err := s.byURL(in.QueueURL)
	if err != nil {
		return awsjson.Reply{}, err
	}
	message, err := in.outgoing()
	if err != nil {
		return awsjson.Reply{}, err
	}
	sent := q.Send([]Outgoing{message})[0]
	if sent.Err != nil {
		return awsjson.Reply{}, sent.Err
	}
	reply, err := awsjson.Marshal(sentOutput{
		MessageID: sent.ID, MD5OfMessageBody: sent.BodyMD5, MD5OfMessageAttributes: sent.AttributesMD5,
		MD5OfMessageSystemAttributes: message.md5(),
	})
	reply.Used = awsjson.Used{Resource: q.name, Messages: 1, Payload: message.Size()}
	return reply, err
}

func (s *Service) sendMessageBatch(_ context.Context, in *sendMessageBatchInput) (awsjson.Reply, error) {
	q, err := s.byURL(in.QueueURL)
	if err != nil {
		return awsjson.Reply{}, err
	}
	ids := make([]string, len(in.Entries))
	for i := range in.Entries {
		ids[i] = in.Entries[i].ID
	}
	if err := checkBatch(ids); err != nil {
		return awsjson.Reply{}, err
	}
	var out batchOutput[sentOutput]
	size, good := 0, make([]string, 0, len(ids))
	messages := make([]Outgoing, 0, len(ids))
	for i := range in.Entries {
		message, err := in.Entries[i].outgoing()
		size += message.Size()
		if err != nil {
			out.fail(ids[i], err)
			continue
		}
		messages, good = append(messages, message), append(good, ids[i])
	}
	if size > MaxMessageBytes {
		return awsjson.Reply{}, refuse(BatchRequestTooLong,
			"Batch requests cannot be longer than %d bytes. You have sent %d bytes.", MaxMessageBytes, size)
	}
	for i, sent := range q.Send(messages) {
		if sent.Err != nil {
			out.fail(good[i], sent.Err)
			continue
		}
		out.Successful = append(out.Successful, sentOutput{good[i], sent.ID, sent.BodyMD5, sent.AttributesMD5, messages[i].md5()})
	}
	reply, err := awsjson.Marshal(out)
	reply.Used = awsjson.Used{Resource: q.name, Messages: len(ids), Payload: size}
	return reply, err
}

// batchOutput is what became of the entries. As in all answers of AWS, a list
// that is empty is absent.
type batchOutput[Done any] struct {
	Successful []Done         `json:",omitempty"`
	Failed     []failedOutput `json:",omitempty"`
}

type doneOutput struct {
	ID string `json:"Id"`
}

func (b *batchOutput[Done]) fail(id string, err error) {
	failed := failedOutput{ID: id, Code: "InternalError", Message: err.Error()}
	var refusal *Error
	if errors.As(err, &refusal) {
		failed = failedOutput{ID: id, SenderFault: true, Code: refusal.queryCode(), Message: refusal.Message}
	}
	b.Failed = append(b.Failed, failed)
}

type handleInput struct {
	ID                string `json:"Id"` // of a batch entry
	ReceiptHandle     string
	VisibilityTimeout *int
}

type deleteMessageInput struct {
	QueueURL string `json:"QueueUrl"`
	handleInput
}

type handleBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []handleInput
}

func (s *Service) deleteMessage(_ context.Context, in *deleteMessageInput) (awsjson.Reply, error) {
	return s.withHandle(in, deleteOne)
}

func (s *Service) changeMessageVisibility(_ context.Context, in *deleteMessageInput) (awsjson.Reply, error) {
	return s.withHandle(in, changeOne)
}

func (s *Service) deleteMessageBatch(_ context.Context, in *handleBatchInput) (awsjson.Reply, error) {
	return s.withHandles(in, deleteOne)
}

func (s *Service) changeMessageVisibilityBatch(_ context.Context, in *handleBatchInput) (awsjson.Reply, error) {
	return s.withHandles(in, changeOne)
}

func deleteOne(q *Queue, in *handleInput) error { return q.Delete(in.ReceiptHandle) }

func changeOne(q *Queue, in *handleInput) error {
	if in.VisibilityTimeout == nil {
		return refuse(MissingParameter, "The request must contain the parameter VisibilityTimeout.")
	}
	visibility, err := duration("VisibilityTimeout", in.VisibilityTimeout, MaxVisibility)
	if err != nil {
		return err
	}
	return q.ChangeVisibility(in.ReceiptHandle, *visibility)
}

func (s *Service) withHandle(in *deleteMessageInput, do func(*Queue, *handleInput) error) (awsjson.Reply, error) {
	q, err := s.byURL(in.QueueURL)
	if err != nil {
		return awsjson.Reply{}, err
	}
	if err := do(q, &in.handleInput); err != nil {
		return awsjson.Reply{}, err
	}
	reply, err := done()
	reply.Used = awsjson.Used{Resource: q.name, Messages: 1}
	return reply, err
}

func (s *Service) withHandles(in *handleBatchInput, do func(*Queue, *handleInput) error) (awsjson.Reply, error) {
	q, err := s.byURL(in.QueueURL)
	if err != nil {
		return awsjson.Reply{}, err
	}
	ids := make([]string, len(in.Entries))
	for i := range in.Entries {
		ids[i] = in.Entries[i].ID
	}
	if err := checkBatch(ids); err != nil {
		return awsjson.Reply{}, err
	}
	var out batchOutput[doneOutput]
	for i := range in.Entries {
		if err := do(q, &in.Entries[i]); err != nil {
			out.fail(ids[i], err)
			continue
		}
		out.Successful = append(out.Successful, doneOutput{ids[i]})
	}
	reply, err := awsjson.Marshal(out)
	reply.Used = awsjson.Used{Resource: q.name, Messages: len(ids)}
	return reply, err
}

type receiveMessageInput struct {
	QueueURL                    string `json:"QueueUrl"`
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
}

func (in *receiveMessageInput) options() (ReceiveOptions, error) {
	options := ReceiveOptions{Max: 1}
	if in.MaxNumberOfMessages != nil {
		if options.Max = *in.MaxNumberOfMessages; options.Max < 1 || options.Max > MaxBatchEntries {
			return options, refuse(InvalidParameterValue,
				"Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", options.Max)
		}
	}
	var err error
	if options.Visibility, err = duration("VisibilityTimeout", in.VisibilityTimeout, MaxVisibility); err != nil {
		return options, err
	}
	options.Wait, err = duration("WaitTimeSeconds", in.WaitTimeSeconds, MaxWait)
	return options, err
}

func (s *Service) receiveMessage(ctx context.Context, in *receiveMessageInput) (awsjson.Reply, error) {
	q, err := s.byURL(in.QueueURL)
	if err != nil {
		return awsjson.Reply{}, err
	}
	options, err := in.options()
	if err != nil {
		return awsjson.Reply{}, err
	}
	messages, err := q.Receive(ctx, options)
	if err != nil && ctx.Err() == nil {
		return awsjson.Reply{}, err
	}
	// When the client is gone, or the stand-in is closing, there is nothing.
	system := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	size := 64
	for i := range messages {
		size += len(messages[i].Body)*5/4 + 768
	}
	used := awsjson.Used{Resource: q.name, Messages: len(messages)}
	if len(messages) == 0 {
		reply, err := done()
		reply.Used = used
		return reply, err
	}
	body := append(make([]byte, 0, size), `{"Messages":[`...)
	for i := range messages {
		if i > 0 {
			body = append(body, ',')
		}
		messages[i].Select(in.MessageAttributeNames)
		used.Payload += messages[i].size()
		body = messages[i].appendJSON(body, system)
	}
	return awsjson.Reply{Status: http.StatusOK, Body: append(body, "]}"...), Used: used}, nil
}

// appendJSON appends the message in the form that ReceiveMessage answers.
func (m *Message) appendJSON(to []byte, system []string) []byte {
	to = appendMember(to, `{"MessageId":`, m.ID)
	to = appendMember(to, `,"ReceiptHandle":`, m.Handle)
	to = appendMember(to, `,"MD5OfBody":`, m.BodyMD5)
	to = appendMember(to, `,"Body":`, m.Body)
	to = m.appendSystem(to, system)
	if len(m.Attributes) == 0 {
		return append(to, '}')
	}
	to = appendMember(to, `,"MD5OfMessageAttributes":`, m.AttributesMD5)
	to = append(to, `,"MessageAttributes":{`...)
	for i := range m.Attributes {
		a := &m.Attributes[i]
		if i > 0 {
			to = append(to, ',')
		}
		to = awsjson.AppendString(to, a.Name)
		to = appendMember(to, `:{"DataType":`, a.DataType)
		if a.IsBinary() {
			to = append(to, `,"BinaryValue":"`...)
			to = base64.StdEncoding.AppendEncode(to, a.Binary)
			to = append(to, `"}`...)
			continue
		}
		to = append(appendMember(to, `,"StringValue":`, a.String), '}')
	}
	return append(to, "}}"...)
}

func appendMember(to []byte, name, value string) []byte {
	return awsjson.AppendString(append(to, name...), value)
}

// sender is the principal that sent every message here.
const sender = "AIDAHEADCOUNTLOCALUSER"

// appendSystem appends the system attributes that the receiver asked for.
func (m *Message) appendSystem(to []byte, names []string) []byte {
	if len(names) == 0 {
		return to
	}
	all := slices.Contains(names, "All")
	separator := `,"Attributes":{`
	add := func(name, value string) {
		if value == "" || (!all && !slices.Contains(names, name)) {
			return
		}
		to = append(to, separator...)
		separator = ","
		to = awsjson.AppendString(to, name)
		to = appendMember(to, ":", value)
	}
	add("SenderId", sender)
	add("SentTimestamp", strconv.FormatInt(m.Sent.UnixMilli(), 10))
	add("ApproximateReceiveCount", strconv.Itoa(m.Receives))
	add("ApproximateFirstReceiveTimestamp", strconv.FormatInt(m.FirstReceived.UnixMilli(), 10))
	add("DeadLetterQueueSourceArn", m.SourceARN)
	add("MessageGroupId", m.GroupID)
	add("AWSTraceHeader", m.TraceHeader)
	if separator == "," {
		to = append(to, '}')
	}
	return to
}
