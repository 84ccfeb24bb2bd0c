package sqs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/headcount-etl/headcount/local/standin/protocol"
	"github.com/headcount-etl/headcount/local/standin/usage"
)

// Target is what the header X-Amz-Target of a request to SQS begins with.
const Target = "AmazonSQS."

// maxRequest is the largest request that is read: a full batch, each of its
// characters written as \uXXXX, and the names around it.
const maxRequest = 8 << 20

// onService are the actions that are not on one queue, onQueue those that are.
var (
	onService = map[string]func(s *Service, in *input, out *output) error{
		"CreateQueue": createQueue,
		"GetQueueUrl": getQueueURL,
		"ListQueues":  listQueues,
	}
	onQueue = map[string]func(ctx context.Context, q *Queue, in *input, out *output) error{
		"DeleteQueue":                  deleteQueue,
		"PurgeQueue":                   purgeQueue,
		"GetQueueAttributes":           getQueueAttributes,
		"SetQueueAttributes":           setQueueAttributes,
		"SendMessage":                  each(sendAll).one,
		"SendMessageBatch":             each(sendAll).batch,
		"ReceiveMessage":               receiveMessage,
		"DeleteMessage":                each(deleteAll).one,
		"DeleteMessageBatch":           each(deleteAll).batch,
		"ChangeMessageVisibility":      each(hideAll).one,
		"ChangeMessageVisibilityBatch": each(hideAll).batch,
	}
)

// input has the members of the inputs of all actions. The names are AWS's; other
// members are ignored, as AWS does.
type input struct {
	QueueURL                    string `json:"QueueUrl"`
	QueueName                   string
	QueueNamePrefix             string
	MaxResults                  *int
	NextToken                   string
	Attributes                  map[string]string
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *int
	WaitTimeSeconds             *int

	item
	Entries []item
}

// item is one message of an action on messages.
type item struct {
	ID string `json:"Id"` // in a batch
	Outgoing
	ReceiptHandle     string
	VisibilityTimeout *int
}

// output has the members of the outputs of all actions. As in all answers of AWS, a
// list that is empty is absent.
type output struct {
	QueueURL   string            `json:"QueueUrl,omitempty"`
	QueueURLs  []string          `json:"QueueUrls,omitempty"`
	NextToken  string            `json:",omitempty"`
	Attributes map[string]string `json:",omitempty"`
	Messages   []Message         `json:",omitempty"`
	Result
	Successful []Result `json:",omitempty"`
	Failed     []failed `json:",omitempty"`

	used usage.Count // messages and payload
}

type failed struct {
	ID          string `json:"Id"`
	SenderFault bool
	Code        string
	Message     string
}

// Handler speaks SQS's JSON protocol: every action is a POST of one JSON object, named
// by the header X-Amz-Target, and an error is an object with a `__type`. Signatures are
// not checked.
func (s *Service) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		action, status := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), Target), http.StatusOK
		out, queue, err := s.run(w, r, action)
		body := protocol.JSON(out)
		if err != nil {
			refusal := protocol.As(err)
			errorType, queryError := names(refusal)
			w.Header().Set("X-Amzn-Query-Error", queryError)
			out, queue, status, body = output{}, "", refusal.HTTPStatus(), refusal.JSON(errorType)
		}
		n := out.used
		n.Requests, n.Units, n.Wire = 1, usage.Units(n.Payload, usage.MessageChunk), max(r.ContentLength, 0)+int64(len(body))
		if action == "ReceiveMessage" && n.Messages == 0 {
			n.Empty = 1
		}
		s.Usage.Add(usage.Key{Service: "sqs", Operation: action, Resource: queue}, n)
		protocol.Write(w, "application/x-amz-json-1.0", uuid.NewString(), status, body)
	})
}

// run does the action, on a queue perhaps. Of a queue's URL only the last part counts,
// so that any name of this machine will do.
func (s *Service) run(w http.ResponseWriter, r *http.Request, action string) (out output, queue string, err error) {
	alone, here := onService[action], onQueue[action]
	if alone == nil && here == nil {
		return out, "", protocol.Missing(UnsupportedOperation, "sqs "+action)
	}
	body, err := protocol.ReadAll(w, r, maxRequest)
	if errors.As(err, new(*http.MaxBytesError)) {
		return out, "", protocol.Refuse(protocol.BatchRequestTooLong, "Batch requests cannot be longer than %d bytes.", MaxMessageBytes)
	}
	if err != nil {
		return out, "", err
	}
	var in input
	if err := json.Unmarshal(body, &in); err != nil && len(body) > 0 {
		return out, "", invalid("the request is not the JSON that was expected: %s", err)
	}
	if alone != nil {
		err = alone(s, &in, &out)
		return out, "", err
	}
	if in.QueueURL == "" {
		return out, "", protocol.Refuse(MissingParameter, "The request must contain the parameter QueueUrl.")
	}
	q, err := s.Queue(in.QueueURL[strings.LastIndexByte(in.QueueURL, '/')+1:])
	if err != nil {
		return out, "", err
	}
	err = here(r.Context(), q, &in, &out)
	return out, q.name, err
}

func createQueue(s *Service, in *input, out *output) error {
	_, err := s.Create(in.QueueName, in.Attributes)
	out.QueueURL = s.url(in.QueueName)
	return err
}

func getQueueURL(s *Service, in *input, out *output) error {
	_, err := s.Queue(in.QueueName)
	out.QueueURL = s.url(in.QueueName)
	return err
}

func (s *Service) url(name string) string { return s.baseURL + "/" + protocol.Account + "/" + name }

// listQueues answers at most 1,000 queues, or MaxResults of them with a token
// for the next page.
func listQueues(s *Service, in *input, out *output) error {
	limit := 1000
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	if limit < 1 || limit > 1000 {
		return invalid("MaxResults must be an integer between 1 and 1000.")
	}
	page, next, err := protocol.Page(s.names(in.QueueNamePrefix), in.NextToken, limit)
	if err != nil {
		return invalid("Invalid NextToken value.")
	}
	for _, name := range page {
		out.QueueURLs = append(out.QueueURLs, s.url(name))
	}
	if in.MaxResults != nil {
		out.NextToken = next
	}
	return nil
}

func deleteQueue(_ context.Context, q *Queue, _ *input, _ *output) error {
	return q.service.Delete(q.name)
}

// purgeQueue is not limited to one call a minute, as it is on AWS.
func purgeQueue(_ context.Context, q *Queue, _ *input, _ *output) error {
	return q.Purge()
}

func getQueueAttributes(_ context.Context, q *Queue, in *input, out *output) (err error) {
	out.Attributes, err = q.Attributes(in.AttributeNames)
	return err
}

func setQueueAttributes(_ context.Context, q *Queue, in *input, _ *output) error {
	return q.SetAttributes(in.Attributes)
}

// each does something with each of some messages and says what became of it.
type each func(q *Queue, entries []item) []Result

// one is the action on one message.
func (do each) one(_ context.Context, q *Queue, in *input, out *output) error {
	out.Result = do(q, []item{in.item})[0]
	out.used = usage.Count{Messages: 1, Payload: int64(in.Size())}
	return out.Err
}

// batch is the action on a batch of them.
func (do each) batch(_ context.Context, q *Queue, in *input, out *output) error {
	ids, size := make([]string, len(in.Entries)), 0
	for i := range in.Entries {
		ids[i] = in.Entries[i].ID
		size += in.Entries[i].Size()
	}
	if err := protocol.CheckBatch(ids, size, MaxMessageBytes); err != nil {
		return err
	}
	for i, result := range do(q, in.Entries) {
		if result.EntryID = ids[i]; result.Err == nil {
			out.Successful = append(out.Successful, result)
			continue
		}
		refusal := protocol.As(result.Err)
		out.Failed = append(out.Failed, failed{ids[i], refusal.Side() == "Sender", queryCode(refusal.Code), refusal.Message})
	}
	out.used = usage.Count{Messages: int64(len(ids)), Payload: int64(size)}
	return nil
}

func sendAll(q *Queue, entries []item) []Result {
	messages := make([]Outgoing, len(entries))
	for i := range entries {
		messages[i] = entries[i].Outgoing
	}
	return q.Send(messages)
}

func deleteAll(q *Queue, entries []item) []Result {
	results := make([]Result, len(entries))
	for i := range entries {
		results[i].Err = q.Delete(entries[i].ReceiptHandle)
	}
	return results
}

func hideAll(q *Queue, entries []item) []Result {
	results := make([]Result, len(entries))
	for i := range entries {
		timeout := entries[i].VisibilityTimeout
		err := checkSeconds("VisibilityTimeout", timeout, maxVisibility)
		switch {
		case timeout == nil:
			err = protocol.Refuse(MissingParameter, "The request must contain the parameter VisibilityTimeout.")
		case err == nil:
			err = q.ChangeVisibility(entries[i].ReceiptHandle, time.Duration(*timeout)*time.Second)
		}
		results[i].Err = err
	}
	return results
}

func receiveMessage(ctx context.Context, q *Queue, in *input, out *output) (err error) {
	options := ReceiveOptions{Max: 1, Visibility: in.VisibilityTimeout, Wait: in.WaitTimeSeconds}
	if in.MaxNumberOfMessages != nil {
		options.Max = *in.MaxNumberOfMessages
	}
	if options.Max < 1 || options.Max > protocol.MaxBatchEntries {
		return invalid(
			"Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", options.Max)
	}
	err = cmp.Or(checkSeconds("VisibilityTimeout", options.Visibility, maxVisibility), checkSeconds("WaitTimeSeconds", options.Wait, maxWait))
	if err != nil {
		return err
	}
	out.Messages, err = q.Receive(ctx, options)
	if err != nil && ctx.Err() != nil {
		return nil //nolint:nilerr // The client is gone, or the stand-in is closing: there is nothing.
	}
	for i := range out.Messages {
		m := &out.Messages[i]
		m.Select(in.MessageAttributeNames)
		m.tell(slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames))
		out.used.Messages++
		out.used.Payload += int64(Size(m.Body, m.Attributes))
	}
	return err
}
