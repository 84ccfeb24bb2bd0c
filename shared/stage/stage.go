// Package stage is what the stages between two queues have in common: a batch of
// messages in, each record in them handled by itself, packs of what is sent on
// out, rejected events into the quarantine.
//
// A record is bytes and their origin. What the bytes are is the business of the
// stage's Func: those of the validator and the masker read the contract (see
// [Contract]), a later one what the stage before it wrote. So a stage can stand
// anywhere in the chain, which package pipeline describes.
//
// The unit of acceptance is the event, never the message: a faulty event, or
// one on which the code panics, costs its neighbours nothing. A message is done
// when all its events are durable elsewhere: accepted ones in the output queue,
// rejected ones in the quarantine. Else it has failed and comes again, and what
// was durable already is then there twice: the aggregator's sets do not mind,
// and quarantine lines carry (message_id, index).
package stage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/shared/queue"
	"github.com/headcount-etl/headcount/shared/service"
)

// Func handles one record: all that is in it is sent on or rejected by out, in
// order. It may keep state between calls, so each goroutine has one of its own.
// If it panics, the record's rest is one event, an internal error.
type Func func(r *pack.Record, out *Out)

// Observer is called for each event that is settled: durable in the output queue,
// with a zero fault, or rejected. (messageID, index) names the event; it
// is called again when the message is redelivered, and by many
// goroutines.
type Observer func(messageID string, index int, fault event.Fault)

// Stage handles batches for one service. A service sets New and what it needs
// of Attributes, Accepted and Observe; Run sets the others. New and Output are
// required.
type Stage struct {
	// New makes the Func of a goroutine.
	New func() Func
	// Attributes are added to those of every pack. The attributes of the message
	// that a record came in are passed on besides, but for those that package
	// pack reads; where they differ, records do not share a pack.
	Attributes map[string]string
	// Accepted counts the events that are sent on; zero counts none.
	Accepted metrics.Name
	// Observe, if set, is called for each event that is settled.
	Observe Observer

	// Public is whether strangers fill the input queue. Then a pack is only a
	// way to send bytes that SNS cannot carry: where its events came from is
	// what its message says, not what it says itself; a body that is no
	// pack although its attributes say so is a malformed event; and no attribute
	// is passed on. Elsewhere a body that is no pack is our fault, and the message
	// fails.
	Public bool
	// Output is the queue that packs are sent to.
	Output queue.Sender
	// Quarantine keeps rejected events; a nil one fails their messages.
	Quarantine *Quarantine
	// Alerts reports rejected events; a nil one does not.
	Alerts  *Alerts
	Metrics *metrics.Set
	Log     zerolog.Logger

	pool sync.Pool // of *Out
}

// Bounds of what a batch holds at once, whatever its messages are: what is beyond
// them is written before the next message is read.
const (
	// maxPending is how many bytes of records may be read and not yet written.
	maxPending = 8 << 20
	// maxLines is how many lines of the quarantine a message makes before
	// rejections that follow one another share a line.
	maxLines = 1000
	// lineBytes is what a rejection takes besides its payload, roughly.
	lineBytes = 200
)

// Out is where a Func puts what it has made of a record. It numbers the events
// in the order in which they come, so that (message id, index) names an event in
// all stages.
type Out struct {
	stage    *Stage
	handle   Func
	writer   pack.Writer
	results  []result
	rejected []Rejection
	accepted []named
	pending  int // bytes of what is read and not written
	// What is being handled: a record of a message of the batch, and the index
	// of the next event in it.
	source int
	origin pack.Origin
	next   int
	lines  int // of the quarantine, of this message
}

// result counts what was found in one message.
type result struct{ accepted, rejected int64 }

type named struct {
	source int
	id     string
	index  int
}

// Send sends an event on. payload is copied.
func (o *Out) Send(payload []byte) {
	o.writer.Add(o.source, o.origin, o.next, payload)
	o.results[o.source].accepted++
	if o.stage.Observe != nil {
		o.accepted = append(o.accepted, named{o.source, o.origin.MessageID, o.next})
	}
	o.next++
}

// Reject rejects an event. consent is what the event itself says; its payload is
// kept only where the event says yes, or says nothing where its message says yes,
// and neither says no.
func (o *Out) Reject(fault event.Fault, consent event.ConsentState, payload string) {
	o.reject(fault, consent, payload, 1)
}

// reject rejects events that follow one another, as one line.
func (o *Out) reject(fault event.Fault, consent event.ConsentState, payload string, events int) {
	yes := consent == event.ConsentAnalytics || o.origin.Consent == event.ConsentAnalytics
	if no := consent == event.ConsentNone || o.origin.Consent == event.ConsentNone; no || !yes {
		payload = ""
	}
	o.rejected = append(o.rejected, Rejection{Source: o.source, Fault: fault, Origin: o.origin, Index: o.next, Events: events, Payload: payload})
	o.results[o.source].rejected += int64(events)
	o.next += events
	o.lines++
	o.pending += lineBytes
}

// crowded reports whether the message has so many rejections that the next ones
// share a line.
func (o *Out) crowded() bool { return o.lines >= maxLines }

// panicked reports whether a recovered value is a panic, and logs its type: the
// value itself could quote an event.
func (o *Out) panicked(value any) bool {
	if value == nil {
		return false
	}
	o.stage.Metrics.Add(metrics.Panics, 1)
	o.stage.Log.Error().Str("panic", fmt.Sprintf("%T", value)).Msg("a panic on one event")
	return true
}

// Handle is a queue.Handler.
func (s *Stage) Handle(ctx context.Context, batch []queue.Message) []error {
	o, ok := s.pool.Get().(*Out)
	if !ok {
		o = &Out{stage: s, handle: s.New()}
	}
	defer s.pool.Put(o)
	o.results = append(o.results[:0], make([]result, len(batch))...)
	o.writer.Attributes(s.Attributes)
	errs := make([]error, len(batch))
	for source := range batch {
		errs[source] = o.message(source, &batch[source])
		if o.pending >= maxPending || source == len(batch)-1 {
			s.write(ctx, o, errs)
		}
	}
	s.account(o.results, errs)
	return errs
}

// write writes what was made of the messages so far.
func (s *Stage) write(ctx context.Context, o *Out, errs []error) {
	queue.Progress(ctx)
	s.send(ctx, o.writer.Close(), errs)
	s.Quarantine.Put(ctx, o.rejected, errs)
	s.settle(o, errs)
	clear(o.rejected) // its payloads are parts of messages
	o.rejected, o.accepted, o.pending = o.rejected[:0], o.accepted[:0], 0
}

// attributes gives the attributes of what is sent on of a message.
func (s *Stage) attributes(m *queue.Message) map[string]string {
	passed := pack.Foreign(m.Attributes)
	if passed == nil {
		return s.Attributes
	}
	maps.Copy(passed, s.Attributes)
	return passed
}

// message handles the records of one message.
func (o *Out) message(source int, m *queue.Message) (err error) {
	o.source, o.next, o.lines = source, 0, 0
	if !o.stage.Public {
		o.writer.Attributes(o.stage.attributes(m))
	}
	records, err := pack.Open(m)
	switch {
	case err != nil && o.stage.Public:
		o.origin = pack.OriginOf(m)
		o.Reject(event.Fault{Category: event.MalformedJSON}, event.ConsentUnknown, m.Body)
		return nil
	case err != nil:
		return queue.Unprocessable(fmt.Errorf("message %s: %w", m.ID, err))
	}
	last := -1 // index of the record before, if it came in the same delivery
	for r := range records {
		switch {
		case o.stage.Public:
			r.Origin = pack.OriginOf(m)
		case r.Index <= last || r.Origin != o.origin:
			o.next = r.Index // of another message, or the same one again
		default:
			o.next = max(o.next, r.Index)
		}
		last, o.origin = r.Index, r.Origin
		o.pending += len(r.Payload)
		o.record(&r)
	}
	return nil
}

// record handles one record. A panic is an internal error of its rest.
func (o *Out) record(r *pack.Record) {
	defer func() {
		if o.panicked(recover()) {
			o.Reject(event.Fault{Category: event.InternalError}, event.ConsentOf(r.Payload), r.Payload)
		}
	}()
	o.handle(r, o)
}

// send sends the packs; where one fails, so have all messages that gave it
// events.
func (s *Stage) send(ctx context.Context, packs []pack.Pack, errs []error) {
	if len(packs) == 0 {
		return
	}
	outs := make([]queue.Out, len(packs))
	for i := range packs {
		outs[i] = queue.Out{Body: packs[i].Body, Attributes: packs[i].Attributes()}
	}
	failed := s.Output.Send(ctx, outs)
	sent := int64(len(packs))
	for i, err := range failed {
		if err == nil {
			continue
		}
		sent--
		err = fmt.Errorf("send to %s: %w", s.Output.QueueURL, err)
		if refused := new(queue.RefusedError); errors.As(err, &refused) {
			err = queue.Unprocessable(err)
		}
		for source := packs[i].First; source <= packs[i].Last; source++ {
			errs[source] = err
		}
	}
	s.Metrics.Add(metrics.PacksSent, sent)
}

// settle reports and observes what was written, but for messages that have failed.
func (s *Stage) settle(o *Out, errs []error) {
	settled := slices.DeleteFunc(o.rejected, func(r Rejection) bool { return errs[r.Source] != nil })
	for _, r := range settled {
		s.Metrics.AddBy(metrics.EventsRejected, string(r.Fault.Category), int64(r.Events))
		if !r.Origin.Replay && r.Fault.Category.Treatment().Quarantine {
			s.Metrics.AddBy(metrics.EventsQuarantined, string(r.Fault.Category), int64(r.Events))
		}
		for i := 0; i < r.Events && s.Observe != nil; i++ {
			s.Observe(r.Origin.MessageID, r.Index+i, r.Fault)
		}
	}
	s.Alerts.Add(settled)
	for _, a := range o.accepted {
		if errs[a.source] == nil {
			s.Observe(a.id, a.index, event.Fault{})
		}
	}
}

// account counts the events of messages that are settled.
func (s *Stage) account(results []result, errs []error) {
	var total result
	for source, r := range results {
		if errs[source] == nil {
			total.accepted += r.accepted
			total.rejected += r.rejected
		}
	}
	s.Metrics.Add(metrics.EventsReceived, total.accepted+total.rejected)
	if s.Accepted != metrics.EventsReceived {
		s.Metrics.Add(s.Accepted, total.accepted)
	}
}

const (
	// linger is how long a message waits for company: enough to make large
	// packs of a steady stream, little beside the minutes of a window.
	linger = 100 * time.Millisecond
	// A batch has at most this many messages, and bytes of bodies.
	batchMessages, batchBytes = 1000, 8 << 20
	// concurrency is how many batches are judged or sent at once.
	concurrency = 4
)

// Run runs a stage as a service: it reads the settings of the stage of package
// pipeline that has the process's name, fills in what is not the service's own,
// and consumes the input queue until ctx ends. The caller has read its own
// settings from p.Env before; all faults are reported together.
func (s *Stage) Run(ctx context.Context, p *service.Process) error {
	place := pipeline.Named(p.Name)
	s.Public = place.Input == pipeline.Entry
	s.Metrics, s.Log = p.Metrics, p.Log
	input, output := p.Env.Queues("INPUT_QUEUE_URL", "OUTPUT_QUEUE_URL")
	var bucket, topic string
	if place.Can(pipeline.Quarantine) {
		bucket = p.Env.String("QUARANTINE_BUCKET")
	}
	if place.Can(pipeline.Alerts) {
		topic = p.Env.Optional("ALERT_TOPIC_ARN", "")
	}
	cfg, err := service.LoadAWS(ctx, p)
	if err != nil {
		return err
	}
	sqsClient := sqs.NewFromConfig(cfg)
	s.Output = queue.Sender{API: sqsClient, QueueURL: output}
	in, out := service.InputQueue(sqsClient, "INPUT_QUEUE_URL", input), service.OutputQueue(sqsClient, "OUTPUT_QUEUE_URL", output)
	given := []service.Given{in, out}
	if bucket != "" {
		client := s3.NewFromConfig(cfg)
		s.Quarantine = &Quarantine{API: client, Bucket: bucket, Stage: p.Name}
		given = append(given, service.Bucket(client, "QUARANTINE_BUCKET", bucket))
	}
	if topic != "" {
		client := sns.NewFromConfig(cfg)
		given = append(given, service.Topic(client, "ALERT_TOPIC_ARN", topic))
		s.Alerts = &Alerts{API: client, TopicARN: topic, Stage: p.Name, Flow: p.Flow, Bucket: bucket, Metrics: p.Metrics}
	}
	if err := p.Check(ctx, given...); err != nil {
		return err
	}
	consumer, err := queue.NewConsumer(sqsClient, queue.Settings{
		QueueURL: input, BatchMessages: batchMessages, BatchBytes: batchBytes, Linger: linger, Concurrency: concurrency,
		StopTimeout: p.StopTimeout, HeldMessages: p.HeldMessages, Log: p.Log, Metrics: p.Metrics,
		Refused: in.ReceiveRefused,
	}, s.Handle)
	if err != nil {
		return err
	}
	p.Health("consumer", consumer.Healthy)

	// The alerts outlive the consumer, so that the last of them are sent.
	alerting, stop := context.WithCancel(context.WithoutCancel(ctx))
	var alerts sync.WaitGroup
	alerts.Go(func() {
		s.Alerts.Run(alerting, func(err error) { p.Log.Warn().Err(err).Msg("alert not published") })
	})
	err = consumer.Run(ctx)
	stop()
	alerts.Wait()
	return err
}
