// Package queue is the one way in which Headcount's services consume and fill
// SQS queues.
//
// # Delivery
//
// Delivery is at least once, in no order. A message is deleted only after the
// handler has said that it is done, so what a handler does must bear to be done
// twice: a task may die between the work and the deletion, a deletion may fail,
// and SQS itself delivers some messages twice. No message is lost: whatever is
// not deleted becomes visible again.
//
// For each message of a batch the handler gives one of five outcomes:
//
//   - nil: done. The message is deleted.
//   - an error: not done, since something that the handler writes to or reads
//     from did not do its part. The message stays held and is handed over again.
//   - an error wrapped by [Unprocessable]: another try would fail too. The message
//     goes back to the queue alone, hidden for a time that doubles with each
//     receive, until the queue's maxReceiveCount moves it to its dead-letter queue.
//   - an error wrapped by [Dead]: as Unprocessable, and nobody needs to try again to
//     know. The message goes to the queue's dead-letter queue at once, with all its
//     attributes, and is then deleted. Where it cannot be sent there it is not done.
//   - an error wrapped by [Stop]: the service cannot go on. The message goes
//     back at once, and [Consumer.Run] ends with the error.
//
// A rejection is no outcome of its own: the handler puts a faulty event away
// and says done. A batch of several on which the handler panics is handed over
// again message by message; a message on which it panics alone is unprocessable.
//
// # Outages
//
// What an outage costs is time: messages that are not done stay in flight, kept
// invisible, and are handed over again after pauses that grow to a minute. While
// no message of a batch can be done, nothing else is handed over, and no more is
// received than one call brings: the new ones show whether it is the outage or the
// messages. So an outage of any kind costs no message a second receive, as long as
// it does not last [holdFor], after which SQS would end the delivery anyway: then
// messages are given back, to be received again.
//
// A receive that fails is tried again, with pauses that grow to 30 s. Before the
// first that succeeds, Settings.Refused decides which answers are final: there is no
// such queue, or it is not for this service.
//
// # Stopping
//
// A cancelled context is a soft stop: nothing more is received, what waits is
// handed over at once, and work in progress is finished. After
// Settings.StopTimeout the handlers' context is cancelled too, and what is not
// settled is given back to the queue, visible at once.
package queue

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/shared/metrics"
)

// API is what this package calls of *sqs.Client.
type API interface {
	ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, opts ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(ctx context.Context, in *sqs.DeleteMessageBatchInput, opts ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	GetQueueAttributes(ctx context.Context, in *sqs.GetQueueAttributesInput, opts ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
	ChangeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, opts ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
	SendAPI
}

// SendAPI is the part of API that a Sender calls.
type SendAPI interface {
	SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, opts ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// Message is one delivery of a message.
type Message struct {
	// ID is SQS's id: the same at each delivery of a message.
	ID string
	// Body is the message's text.
	Body string
	// Attributes holds the message attributes of the types String and Number.
	Attributes map[string]string
	// SentAt is when SQS accepted the message, to the millisecond.
	SentAt time.Time
	// Receives counts the deliveries so far, this one included.
	Receives int

	receipt string
	as      map[string]types.MessageAttributeValue // the attributes as they came
}

// size is what the message takes of Settings.HeldBytes.
func (m *Message) size() int {
	n := len(m.Body)
	for name, value := range m.Attributes {
		n += len(name) + len(value)
	}
	return n
}

// Handler works on a batch and gives the outcome of each message: nil when all
// are done, else one element for each message, nil for done. The package
// comment says what the outcomes mean. A handler that panics, or whose answer
// has another length, has failed the whole batch. When ctx is cancelled the
// stop timeout is over: what the handler then still does in time counts.
//
// Errors are logged, so they must not hold a payload or a personal value.
type Handler func(ctx context.Context, batch []Message) []error

// Unprocessable wraps an error that lies in the message itself.
func Unprocessable(err error) error { return &UnprocessableError{err} }

// UnprocessableError is what Unprocessable gives.
type UnprocessableError struct{ err error }

func (e *UnprocessableError) Error() string { return e.err.Error() }
func (e *UnprocessableError) Unwrap() error { return e.err }

// Dead wraps an error that lies in the message itself, where the dead-letter queue is to
// have it at once: such messages are many, and each would be received for hours. In a
// queue without one it is the same as Unprocessable.
func Dead(err error) error { return &DeadError{err} }

// DeadError is what Dead gives.
type DeadError struct{ err error }

func (e *DeadError) Error() string { return e.err.Error() }
func (e *DeadError) Unwrap() error { return e.err }

// Stop wraps an error that must stop the service: a retry would not help, and
// nor would another message.
func Stop(err error) error { return &stopError{err} }

type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }
func (e *stopError) Unwrap() error { return e.err }

// Progress notes that the batch of a handler's context makes progress: it is not
// overdue for another five minutes.
func Progress(ctx context.Context) {
	if progress, ok := ctx.Value(progressKey{}).(func()); ok {
		progress()
	}
}

type progressKey struct{}

// Settings say how a Consumer works. A zero value stands for the default.
type Settings struct {
	// QueueURL is the queue to consume; required.
	QueueURL string
	// BatchMessages and BatchBytes bound a batch: 100 messages and 4 MiB of
	// bodies and attributes. A message larger than BatchBytes is a batch alone.
	BatchMessages, BatchBytes int
	// Linger is how long the first message of a batch waits for company while
	// the batch is not full: none. Without it a batch is what has gathered
	// while the handlers were busy.
	Linger time.Duration
	// Concurrency is the number of batches that are handled at once: 1.
	Concurrency int
	// Pollers is the number of receive calls at once: 4. Each call brings up to
	// 10 messages, and waits up to 20 s for the first.
	Pollers int
	// HeldMessages and HeldBytes bound what is received and not settled: twice
	// what the handlers can have, plus a receive for each poller. Nothing is
	// received above them; receives that had begun may pass HeldBytes by 10
	// messages for each poller. SQS allows 120,000 messages in flight for all
	// consumers of a queue. A batch has no more messages than may be held.
	HeldMessages, HeldBytes int
	// Visibility is how long SQS hides a message that nobody cares for any
	// more, because the process has died: 60 s, in whole seconds. It is renewed
	// at a third of it for all held messages.
	Visibility time.Duration
	// StopTimeout is how long work in progress may take after a stop: 25 s. Run
	// may need 5 s more to give messages back, so the process must not be
	// killed before.
	StopTimeout time.Duration
	// Refused judges the error of a receive while none has succeeded: an error
	// that it gives ends Run, since no receive ever will; nil means that the next
	// one may. Without it every error is tried again.
	Refused func(error) error
	// Log gets what goes wrong, with the queue's URL; nothing by default.
	Log zerolog.Logger
	// Metrics gets the metrics of messages and batches; may be nil.
	Metrics *metrics.Set
}

const (
	perCall      = 10                     // messages in one call to SQS
	longPoll     = 20 * time.Second       // the longest that SQS allows
	callTimeout  = 40 * time.Second       // for one call to SQS, a long poll included
	receiveGrace = 500 * time.Millisecond // for receives in progress at a stop
	handlerGrace = 3 * time.Second        // for handlers to end once their context is cancelled
	returnGrace  = 2 * time.Second        // to give back what is left

	// holdFor is how long a message is held at most; SQS allows 12 hours.
	holdFor  = 11 * time.Hour
	retryMax = time.Minute // the longest pause between two tries

	pollOverdue  = 2 * time.Minute
	batchOverdue = 5 * time.Minute
)

// withDefaults fills in what is zero.
func (s Settings) withDefaults() Settings {
	or := func(value *int, def int) {
		if *value == 0 {
			*value = def
		}
	}
	or(&s.BatchMessages, 100)
	or(&s.BatchBytes, 4<<20)
	or(&s.Concurrency, 1)
	or(&s.Pollers, 4)
	or(&s.HeldMessages, min(2*s.Concurrency*s.BatchMessages+s.Pollers*perCall, 120_000))
	if s.HeldMessages > 0 {
		s.BatchMessages = min(s.BatchMessages, s.HeldMessages)
	}
	or(&s.HeldBytes, 2*s.Concurrency*s.BatchBytes)
	if s.Visibility == 0 {
		s.Visibility = time.Minute
	}
	if s.StopTimeout == 0 {
		s.StopTimeout = 25 * time.Second
	}
	return s
}

// validate joins all faults in one error.
func (s Settings) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	u, err := url.Parse(s.QueueURL)
	check(err == nil && u.Scheme != "" && u.Host != "", "QueueURL %q is not an absolute URL", s.QueueURL)
	check(s.BatchMessages > 0, "BatchMessages is %d, must be at least 1", s.BatchMessages)
	check(s.BatchBytes > 0, "BatchBytes is %d, must be at least 1", s.BatchBytes)
	check(s.Linger >= 0, "Linger is %s, must not be negative", s.Linger)
	check(s.Concurrency > 0, "Concurrency is %d, must be at least 1", s.Concurrency)
	check(s.Pollers > 0, "Pollers is %d, must be at least 1", s.Pollers)
	check(s.HeldMessages >= s.BatchMessages && s.HeldMessages <= 120_000,
		"HeldMessages is %d, must be between BatchMessages (%d) and 120000", s.HeldMessages, s.BatchMessages)
	check(s.HeldBytes >= s.BatchBytes, "HeldBytes is %d, must be at least BatchBytes (%d)", s.HeldBytes, s.BatchBytes)
	check(s.Visibility >= 3*time.Second && s.Visibility <= 12*time.Hour && s.Visibility%time.Second == 0,
		"Visibility is %s, must be whole seconds between 3s and 12h", s.Visibility)
	check(s.StopTimeout > 0, "StopTimeout is %s, must be positive", s.StopTimeout)
	return errors.Join(errs...)
}

// Consumer consumes one queue.
type Consumer struct {
	api      API
	settings Settings
	handler  Handler
	activity activity
	flush    chan struct{}
	dead     deadLetters
}

// NewConsumer checks the settings and names every fault in one error.
func NewConsumer(api API, settings Settings, handler Handler) (*Consumer, error) {
	settings = settings.withDefaults()
	err := settings.validate()
	if api == nil || handler == nil {
		err = errors.Join(err, errors.New("api and handler must not be nil"))
	}
	if err != nil {
		return nil, fmt.Errorf("queue settings: %w", err)
	}
	settings.Log = settings.Log.With().Str("queue", settings.QueueURL).Logger()
	return &Consumer{api: api, settings: settings, handler: handler, flush: make(chan struct{}, 1)}, nil
}

// Flush hands over what was received so far without waiting for Linger to end.
// It does not wait for it.
func (c *Consumer) Flush() {
	select {
	case c.flush <- struct{}{}:
	default: // one is asked for already
	}
}

// Healthy reports whether the consumer makes progress: no receive is without an
// answer for 2 minutes, and no batch is in work for more than 5. A downstream service
// that is down is not ill health: a new task would find it down too. A handler whose
// batch takes long says so by [Progress].
func (c *Consumer) Healthy(now time.Time) error {
	return c.activity.overdue(now)
}
