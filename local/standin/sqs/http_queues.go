package sqs

import (
	"context"
	"encoding/base64"
	"sort"
	"strings"

	"github.com/headcount-etl/headcount/local/standin/awsjson"
)

// The handlers of the actions on queues. The names of the fields are AWS's.

type createQueueInput struct {
	QueueName  string
	Attributes map[string]string
}

type queueURLOutput struct {
	QueueURL string `json:"QueueUrl"`
}

func (s *Service) createQueue(_ context.Context, in *createQueueInput) (awsjson.Reply, error) {
	q, err := s.Create(in.QueueName, in.Attributes)
	if err != nil {
		return awsjson.Reply{}, err
	}
	return awsjson.Marshal(queueURLOutput{q.url})
}

func (s *Service) getQueueURL(_ context.Context, in *struct{ QueueName string }) (awsjson.Reply, error) {
	q, err := s.Queue(in.QueueName)
	if err != nil {
		return awsjson.Reply{}, err
	}
	return awsjson.Marshal(queueURLOutput{q.url})
}

type queueInput struct {
	QueueURL string `json:"QueueUrl"`
}

func (s *Service) deleteQueue(_ context.Context, in *queueInput) (awsjson.Reply, error) {
	q, err := s.byURL(in.QueueURL)
	if err != nil {
		return awsjson.Reply{}, err
	}
	if err := s.Delete(q.name); err != nil {
		return awsjson.Reply{}, err
	}
	return done()
}

// purgeQueue is not limited to one call a minute, as it is on AWS.
func (s *Service) purgeQueue(_ context.Context, in *queueInput) (awsjson.Reply, error) {
	q, err := s.byURL(in.QueueURL)
	if err != nil {
		return awsjson.Reply{}, err
	}
	q.Purge()
	return done()
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
func (s *Service) listQueues(_ context.Context, in *listQueuesInput) (awsjson.Reply, error) {
	limit := 1000
	if in.MaxResults != nil {
		if limit = *in.MaxResults; limit < 1 || limit > 1000 {
			return awsjson.Reply{}, refuse(InvalidParameterValue, "MaxResults must be an integer between 1 and 1000.")
		}
	}
	names := s.Names(in.QueueNamePrefix)
	if in.NextToken != "" {
		last, err := base64.URLEncoding.DecodeString(in.NextToken)
		if err != nil {
			return awsjson.Reply{}, refuse(InvalidParameterValue, "Invalid NextToken value.")
		}
		names = names[sort.Search(len(names), func(i int) bool { return names[i] > string(last) }):]
	}
	var out listQueuesOutput
	for _, name := range names[:min(limit, len(names))] {
		out.QueueURLs = append(out.QueueURLs, s.baseURL+"/"+Account+"/"+name)
	}
	if len(names) > limit && in.MaxResults != nil {
		out.NextToken = base64.URLEncoding.EncodeToString([]byte(names[limit-1]))
	}
	return awsjson.Marshal(out)
}

type getQueueAttributesInput struct {
	QueueURL       string `json:"QueueUrl"`
	AttributeNames []string
}

func (s *Service) getQueueAttributes(_ context.Context, in *getQueueAttributesInput) (awsjson.Reply, error) {
	q, err := s.byURL(in.QueueURL)
	if err != nil {
		return awsjson.Reply{}, err
	}
	attributes, err := q.Attributes(in.AttributeNames)
	if err != nil {
		return awsjson.Reply{}, err
	}
	return awsjson.Marshal(struct {
		Attributes map[string]string `json:",omitempty"`
	}{attributes})
}

type setQueueAttributesInput struct {
	QueueURL   string `json:"QueueUrl"`
	Attributes map[string]string
}

func (s *Service) setQueueAttributes(_ context.Context, in *setQueueAttributesInput) (awsjson.Reply, error) {
	q, err := s.byURL(in.QueueURL)
	if err != nil {
		return awsjson.Reply{}, err
	}
	if err := s.SetAttributes(q, in.Attributes); err != nil {
		return awsjson.Reply{}, err
	}
	return done()
}

// checkBatch applies the rules that all batches have: 1 to 10 entries, each
// with an id of its own.
func checkBatch(ids []string) error {
	switch {
	case len(ids) == 0:
		return refuse(EmptyBatchRequest, "There should be at least one entry in the request.")
	case len(ids) > MaxBatchEntries:
		return refuse(TooManyEntriesInBatchRequest,
			"Maximum number of entries per request are %d. You have sent %d.", MaxBatchEntries, len(ids))
	}
	for i, id := range ids {
		bad := func(c rune) bool { return !isWord(c) }
		if id == "" || len(id) > maxBatchEntryName || strings.ContainsFunc(id, bad) {
			return refuse(InvalidBatchEntryID,
				"A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		for _, other := range ids[:i] {
			if id == other {
				return refuse(BatchEntryIDsNotDistinct, "Id %s repeated.", id)
			}
		}
	}
	return nil
}
