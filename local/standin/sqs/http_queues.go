package sqs

import (
	"context"
	"encoding/base64"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// The handlers of the actions on queues. The names of the fields are AWS's.

type createQueueInput struct {
	QueueName  string
	Attributes map[string]string
}

type queueURLOutput struct {
	QueueURL string `json:"QueueUrl"`
}

func (s *Service) createQueue(_ context.Context, in *createQueueInput, _ *protocol.Used) (any, error) {
	q, err := s.Create(in.QueueName, in.Attributes)
	if err != nil {
		return nil, err
	}
	return queueURLOutput{s.url(q.name)}, nil
}

func (s *Service) getQueueURL(_ context.Context, in *struct{ QueueName string }, _ *protocol.Used) (any, error) {
	q, err := s.Queue(in.QueueName)
	if err != nil {
		return nil, err
	}
	return queueURLOutput{s.url(q.name)}, nil
}

func (s *Service) url(name string) string { return s.baseURL + "/" + protocol.Account + "/" + name }

func (s *Service) deleteQueue(_ context.Context, q *Queue, _ *onQueueInput, _ *protocol.Used) (any, error) {
	return nil, s.Delete(q.name)
}

// purgeQueue is not limited to one call a minute, as it is on AWS.
func purgeQueue(_ context.Context, q *Queue, _ *onQueueInput, _ *protocol.Used) (any, error) {
	q.Purge()
	return nil, nil
}

type listQueuesInput struct {
	QueueNamePrefix string
	MaxResults      *int
	NextToken       string
}

type listQueuesOutput struct {
	QueueURLs []string `json:"QueueUrls,omitempty"`
	NextToken string   `json:",omitempty"`
}

// listQueues answers at most 1,000 queues, or MaxResults of them with a token
// for the next page: the name of the last queue.
func (s *Service) listQueues(_ context.Context, in *listQueuesInput, _ *protocol.Used) (any, error) {
	limit := 1000
	if in.MaxResults != nil {
		if limit = *in.MaxResults; limit < 1 || limit > 1000 {
			return nil, protocol.Refuse(InvalidParameterValue, "MaxResults must be an integer between 1 and 1000.")
		}
	}
	last, err := base64.URLEncoding.DecodeString(in.NextToken)
	if err != nil {
		return nil, protocol.Refuse(InvalidParameterValue, "Invalid NextToken value.")
	}
	page, more := protocol.Page(s.names(in.QueueNamePrefix), string(last), limit)
	var out listQueuesOutput
	for _, name := range page {
		out.QueueURLs = append(out.QueueURLs, s.url(name))
	}
	if more && in.MaxResults != nil {
		out.NextToken = base64.URLEncoding.EncodeToString([]byte(page[len(page)-1]))
	}
	return out, nil
}

type getQueueAttributesInput struct {
	onQueueInput
	AttributeNames []string
}

type attributesOutput struct {
	Attributes map[string]string `json:",omitempty"`
}

func getQueueAttributes(_ context.Context, q *Queue, in *getQueueAttributesInput, _ *protocol.Used) (any, error) {
	attributes, err := q.Attributes(in.AttributeNames)
	return attributesOutput{attributes}, err
}

type setQueueAttributesInput struct {
	onQueueInput
	Attributes map[string]string
}

func (s *Service) setQueueAttributes(_ context.Context, q *Queue, in *setQueueAttributesInput, _ *protocol.Used) (any, error) {
	return nil, s.SetAttributes(q, in.Attributes)
}
