package sqs

import (
	"context"
	"net/http"
	"strings"

	"github.com/headcount-etl/headcount/local/standin/protocol"
	"github.com/headcount-etl/headcount/local/standin/usage"
)

// Target is what the header X-Amz-Target of a request to SQS begins with.
const Target = "AmazonSQS."

// maxRequest is the largest request that is read: a full batch, each of its
// characters written as \uXXXX, and the names around it.
const maxRequest = 8 << 20

// Handler speaks SQS's JSON protocol.
func (s *Service) Handler() http.Handler {
	return &protocol.JSON{
		Service: "sqs", Target: Target, Version: "1.0",
		MaxBody: maxRequest, TooLong: protocol.Refuse(protocol.BatchRequestTooLong, "Batch requests cannot be longer than %d bytes.", MaxMessageBytes),
		Malformed: InvalidParameterValue, Unknown: UnsupportedOperation, Internal: "InternalError", Names: names, Count: s.count,
		Actions: map[string]protocol.Action{
			"CreateQueue":                  protocol.On(s.createQueue),
			"GetQueueUrl":                  protocol.On(s.getQueueURL),
			"ListQueues":                   protocol.On(s.listQueues),
			"DeleteQueue":                  onQueue(s, s.deleteQueue),
			"PurgeQueue":                   onQueue(s, purgeQueue),
			"GetQueueAttributes":           onQueue(s, getQueueAttributes),
			"SetQueueAttributes":           onQueue(s, s.setQueueAttributes),
			"SendMessage":                  onQueue(s, sendMessage),
			"SendMessageBatch":             onQueue(s, sendMessageBatch),
			"ReceiveMessage":               onQueue(s, receiveMessage),
			"DeleteMessage":                onQueue(s, withHandle(deleteMessage)),
			"DeleteMessageBatch":           onQueue(s, withHandles(deleteMessage)),
			"ChangeMessageVisibility":      onQueue(s, withHandle(changeVisibility)),
			"ChangeMessageVisibilityBatch": onQueue(s, withHandles(changeVisibility)),
		},
	}
}

// count counts a request as AWS would bill it.
func (s *Service) count(action string, used protocol.Used, wire int64) {
	payload := int64(used.Payload)
	n := usage.Count{
		Requests: 1, Units: usage.Units(payload, usage.MessageChunk), Messages: int64(used.Messages), Payload: payload, Wire: wire,
	}
	if action == "ReceiveMessage" && n.Messages == 0 {
		n.Empty = 1
	}
	s.Usage.Add(usage.Key{Service: "sqs", Operation: action, Resource: used.Resource}, n)
}

// onQueueInput is in the input of every action on a queue.
type onQueueInput struct {
	QueueURL string `json:"QueueUrl"`
}

func (in *onQueueInput) url() string { return in.QueueURL }

// onQueue makes an action of a function that wants the queue that its input names.
// Only the last part of the URL counts, so that any name of this machine will do.
func onQueue[In any, P interface {
	*In
	url() string
}](s *Service, do func(context.Context, *Queue, *In, *protocol.Used) (any, error)) protocol.Action {
	return protocol.On(func(ctx context.Context, in *In, used *protocol.Used) (any, error) {
		url := P(in).url()
		if url == "" {
			return nil, protocol.Refuse(MissingParameter, "The request must contain the parameter QueueUrl.")
		}
		q, err := s.Queue(url[strings.LastIndexByte(url, '/')+1:])
		if err != nil {
			return nil, err
		}
		return do(ctx, q, in, used)
	})
}
