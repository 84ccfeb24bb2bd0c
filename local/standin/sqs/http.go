package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/headcount-etl/headcount/local/standin/awsjson"
	"github.com/headcount-etl/headcount/local/standin/usage"
)

// Target is what the header X-Amz-Target of a request to SQS begins with.
const Target = "AmazonSQS."

// maxRequest is the largest request that is read: a full batch, each of its
// characters written as \uXXXX, and the names around it.
const maxRequest = 8 << 20

// Handler speaks SQS's JSON protocol. Signatures are not checked.
func (s *Service) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply, err := s.serve(w, r)
		if err != nil {
			reply = errorReply(err)
		}
		s.count(r, &reply)
		reply.Write(w, "1.0")
	})
}

// count counts the request as AWS would bill it.
func (s *Service) count(r *http.Request, reply *awsjson.Reply) {
	action, payload := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), Target), int64(reply.Used.Payload)
	n := usage.Count{
		Requests: 1, Units: usage.Units(payload, usage.MessageChunk), Messages: int64(reply.Used.Messages),
		Payload: payload, Wire: max(r.ContentLength, 0) + int64(len(reply.Body)),
	}
	if action == "ReceiveMessage" && n.Messages == 0 {
		n.Empty = 1
	}
	s.Usage.Add(usage.Key{Service: "sqs", Operation: action, Resource: reply.Used.Resource}, n)
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) (awsjson.Reply, error) {
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), Target)
	switch action {
	case "SendMessageBatch":
		return serveAction(w, r, s.sendMessageBatch)
	case "ReceiveMessage":
		return serveAction(w, r, s.receiveMessage)
	case "DeleteMessageBatch":
		return serveAction(w, r, s.deleteMessageBatch)
	case "SendMessage":
		return serveAction(w, r, s.sendMessage)
	case "DeleteMessage":
		return serveAction(w, r, s.deleteMessage)
	case "ChangeMessageVisibility":
		return serveAction(w, r, s.changeMessageVisibility)
	case "ChangeMessageVisibilityBatch":
		return serveAction(w, r, s.changeMessageVisibilityBatch)
	case "CreateQueue":
		return serveAction(w, r, s.createQueue)
	case "GetQueueUrl":
		return serveAction(w, r, s.getQueueURL)
	case "ListQueues":
		return serveAction(w, r, s.listQueues)
	case "DeleteQueue":
		return serveAction(w, r, s.deleteQueue)
	case "PurgeQueue":
		return serveAction(w, r, s.purgeQueue)
	case "GetQueueAttributes":
		return serveAction(w, r, s.getQueueAttributes)
	case "SetQueueAttributes":
		return serveAction(w, r, s.setQueueAttributes)
	default:
		reply := awsjson.Error(http.StatusNotImplemented, "com.amazonaws.sqs#"+UnsupportedOperation,
			"headcount's stand-in has no sqs "+action+".")
		reply.QueryError = (&Error{Code: UnsupportedOperation}).queryCode() + ";Sender"
		return reply, nil
	}
}

// serveAction decodes the input of one action and runs it.
func serveAction[In any](w http.ResponseWriter, r *http.Request, action func(context.Context, *In) (awsjson.Reply, error)) (awsjson.Reply, error) {
	var in In
	if err := awsjson.Decode(w, r, maxRequest, &in); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return awsjson.Reply{}, refuse(BatchRequestTooLong, "Batch requests cannot be longer than %d bytes.", MaxMessageBytes)
		}
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		if errors.As(err, &syntax) || errors.As(err, &kind) {
			return awsjson.Reply{}, refuse(InvalidParameterValue, "%s", err)
		}
		return awsjson.Reply{}, err
	}
	return action(r.Context(), &in)
}

func errorReply(err error) awsjson.Reply {
	var refusal *Error
	if !errors.As(err, &refusal) {
		// The client is gone, or the machine fails: the SDKs try again.
		reply := awsjson.Error(http.StatusInternalServerError, "com.amazonaws.sqs#InternalError", err.Error())
		reply.QueryError = "InternalError;Receiver"
		return reply
	}
	status := http.StatusBadRequest
	if refusal.Code == OverLimit {
		status = http.StatusForbidden
	}
	reply := awsjson.Error(status, refusal.wireType(), refusal.Message)
	reply.QueryError = refusal.queryCode() + ";Sender"
	return reply
}

// byURL finds the queue that a request names by its URL. Only the last part
// counts, so that any name of this machine will do.
func (s *Service) byURL(url string) (*Queue, error) {
	if url == "" {
		return nil, refuse(MissingParameter, "The request must contain the parameter QueueUrl.")
	}
	return s.Queue(url[strings.LastIndexByte(url, '/')+1:])
}

// done is the answer of an action that answers nothing.
func done() (awsjson.Reply, error) {
	return awsjson.Reply{Status: http.StatusOK, Body: []byte("{}")}, nil
}
