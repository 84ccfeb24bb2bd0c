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
	"strconv"
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

	// settling is held while queues come, go or change their settings. It is
	// locked before the lock of a queue; mu, which guards the map, after it.
	settling sync.Mutex
	mu       sync.Mutex
	queues   map[string]*Queue
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
	if err := checkName(name); err != nil {
		return nil, err
	}
	s.settling.Lock()
	defer s.settling.Unlock()
	parsed, err := merge(nil, attributes)
	if err != nil {
		return nil, err
	}
	if q, err := s.Queue(name); err == nil {
		if !q.agrees(attributes) {
			return nil, protocol.Refuse(QueueNameExists,
				"A queue already exists with the same name and a different value for an attribute.")
		}
		return q, nil
	}
	if err := s.checkTarget(parsed); err != nil {
		return nil, err
	}
	now := time.Now()
	q := &Queue{
		name: name, nonce: strings.ReplaceAll(uuid.NewString(), "-", ""), created: now, modified: now, find: s.byARN,
		settings: parsed, messages: make(map[uint64]*entry),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queues[name] = q
	return q, nil
}

func checkName(name string) error {
	if strings.HasSuffix(name, ".fifo") {
		return protocol.Refuse(UnsupportedOperation, "headcount's stand-in has no FIFO queues.")
	}
	if !protocol.IsName(name, 80) {
		return protocol.Refuse(InvalidParameterValue,
			"Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	return nil
}

// checkTarget refuses a dead-letter queue that is not there. It may be the queue
// itself, as on AWS: its messages go round until they expire.
func (s *Service) checkTarget(parsed settings) error {
	if parsed.deadLetter == "" {
		return nil
	}
	if s.byARN(parsed.deadLetter) == nil {
		return protocol.Refuse(InvalidParameterValue,
			"Value %s for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.", parsed.given["RedrivePolicy"])
	}
	return nil
}

func (s *Service) byARN(arn string) *Queue {
	name, ok := strings.CutPrefix(arn, ARN(""))
	if !ok {
		return nil
	}
	q, err := s.Queue(name)
	if err != nil {
		return nil
	}
	return q
}

// Queue finds the queue of that name, or refuses with QueueDoesNotExist.
func (s *Service) Queue(name string) (*Queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.queues[name]; q != nil {
		return q, nil
	}
	return nil, doesNotExist()
}

// ByARN finds the queue of that resource name, or refuses with
// QueueDoesNotExist.
func (s *Service) ByARN(arn string) (*Queue, error) {
	if q := s.byARN(arn); q != nil {
		return q, nil
	}
	return nil, doesNotExist()
}

// names lists the queues whose names have the prefix, sorted.
func (s *Service) names(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := slices.Sorted(maps.Keys(s.queues))
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) })
}

// Delete removes the queue and its messages.
func (s *Service) Delete(name string) error {
	s.settling.Lock()
	defer s.settling.Unlock()
	q, err := s.Queue(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.queues, name)
	s.mu.Unlock()
	q.mu.Lock()
	q.gone = true
	q.mu.Unlock()
	q.Purge()
	return nil
}

// SetAttributes changes attributes of the queue.
func (s *Service) SetAttributes(q *Queue, changes map[string]string) error {
	s.settling.Lock()
	defer s.settling.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	parsed, err := merge(q.settings.given, changes)
	if err != nil {
		return err
	}
	if err := s.checkTarget(parsed); err != nil {
		return err
	}
	q.settings, q.modified = parsed, time.Now()
	q.wake() // dead letters may be due now, or no longer
	return nil
}

func (q *Queue) agrees(attributes map[string]string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.settings.agrees(attributes)
}

// Attributes gives the attributes of those names; All gives every one.
func (q *Queue) Attributes(names []string) (map[string]string, error) {
	counts := q.Counts()
	q.mu.Lock()
	defer q.mu.Unlock()
	all := maps.Clone(q.settings.given)
	if all == nil {
		all = make(map[string]string)
	}
	for _, name := range byDefault {
		all[name] = q.settings.value(name)
	}
	all["ApproximateNumberOfMessages"] = strconv.Itoa(counts.Visible)
	all["ApproximateNumberOfMessagesNotVisible"] = strconv.Itoa(counts.NotVisible)
	all["ApproximateNumberOfMessagesDelayed"] = strconv.Itoa(counts.Delayed)
	all["CreatedTimestamp"] = strconv.FormatInt(q.created.Unix(), 10)
	all["LastModifiedTimestamp"] = strconv.FormatInt(q.modified.Unix(), 10)
	all["QueueArn"] = ARN(q.name)
	if slices.Contains(names, "All") {
		return all, nil
	}
	chosen := make(map[string]string, len(names))
	for _, name := range names {
		value, ok := all[name]
		if ok {
			chosen[name] = value
			continue
		}
		if !isKnown(name) && !slices.Contains(computed, name) {
			return nil, protocol.Refuse(InvalidAttributeName, "Unknown Attribute %s.", name)
		}
	}
	return chosen, nil
}
