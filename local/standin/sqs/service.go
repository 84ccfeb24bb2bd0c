// Package sqs is a stand-in for Amazon SQS: standard queues in memory, with
// long polling, delays, visibility timeouts and dead-letter queues, and the
// JSON protocol on top. Delivery is at least once, as on AWS: a message that is
// not deleted in time is received again.
//
// Service and Queue know nothing of HTTP, and their clock is package time alone, so
// testing/synctest drives them. Handler is the protocol.
package sqs

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/headcount-etl/headcount/local/standin/protocol"
	"github.com/headcount-etl/headcount/local/standin/usage"
)

// Service is all queues.
type Service struct {
	// Usage counts the requests, unless it is nil. It is set before the first.
	Usage *usage.Counters

	baseURL string

	// mu guards the map and all that changes in the queues: dead letters go from
	// one queue into another in one step. It is never held while a message is
	// checked, hashed or written.
	mu     sync.Mutex
	queues map[string]*Queue // by ARN
}

// New starts without queues. The base is the address of the listener, such as
// http://127.0.0.1:4566; queue URLs begin with it.
func New(baseURL string) *Service {
	return &Service{baseURL: baseURL, queues: make(map[string]*Queue)}
}

// ARN gives the Amazon resource name of the queue of that name.
func ARN(name string) string { return protocol.ARN("sqs", name) }

// Create makes a queue, or gives the one of that name if its attributes have
// the same values. The attributes are those of AWS's CreateQueue.
func (s *Service) Create(name string, attributes map[string]string) (*Queue, error) {
	if strings.HasSuffix(name, ".fifo") {
		return nil, noFIFO()
	}
	if !protocol.IsName(name, 80) {
		return nil, invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	given, err := settings(nil).with(attributes)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.queues[ARN(name)]; q != nil {
		if !q.settings.agrees(given, attributes) {
			return nil, protocol.Refuse(QueueNameExists, "A queue already exists with the same name and a different value for an attribute.")
		}
		return q, nil
	}
	q := &Queue{
		service: s, name: name, nonce: strings.ReplaceAll(uuid.NewString(), "-", ""), created: time.Now(), messages: make(map[uint64]*entry),
	}
	if err := q.set(given); err != nil {
		return nil, err
	}
	s.queues[ARN(name)] = q
	return q, nil
}

// Queue finds the queue of that name, or refuses with QueueDoesNotExist.
func (s *Service) Queue(name string) (*Queue, error) { return s.ByARN(ARN(name)) }

// ByARN finds the queue of that resource name, or refuses with
// QueueDoesNotExist.
func (s *Service) ByARN(arn string) (*Queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.queues[arn]; q != nil {
		return q, nil
	}
	return nil, doesNotExist()
}

// names lists the queues whose names have the prefix, sorted.
func (s *Service) names(prefix string) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, arn := range slices.Sorted(maps.Keys(s.queues)) {
		if name := s.queues[arn].name; strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names
}

// Delete removes the queue and its messages.
func (s *Service) Delete(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[ARN(name)]
	if q == nil {
		return doesNotExist()
	}
	delete(s.queues, ARN(name))
	q.gone = true
	q.purge()
	return nil
}

func doesNotExist() *protocol.Error {
	return protocol.Refuse(QueueDoesNotExist, "The specified queue does not exist.")
}
