// Package stage is what the validator and the masker have in common: a batch of
// messages in, each event judged by itself, packs of accepted events out, the
// rejected ones into the quarantine.
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
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/quarantine"
	"github.com/headcount-etl/headcount/shared/queue"
)

// Transform appends to dst what is sent on of the valid event that d stands on.
// It may keep state between calls, so each goroutine has one of its own.
type Transform func(dst []byte, d *event.Decoder) []byte

// Observer is called for each event that is settled: durable in the output queue,
// with a zero fault, or rejected. (messageID, index) names the event; it
// is called again when the message is redelivered, and by many
// goroutines.
type Observer func(messageID string, index int, fault event.Fault)

// Stage handles batches for one service. All fields but Alerts, Attributes,
// Observe and Metrics are required.
type Stage struct {
	// MaxAge refuses events older than that at arrival; 0 is off. Replayed
	// events have no age.
	MaxAge time.Duration
	// NewTransform makes the Transform of a goroutine.
	NewTransform func() Transform
	// Public is whether strangers fill the input queue. Then a pack is only a
	// way to send bytes that SNS cannot carry: where its events came from is
	// what its message says, not what it says itself; and a body that is no
	// pack although its attributes say so is a malformed event. Elsewhere that
	// is our fault, and the message fails.
	Public bool
	// Attributes are added to those of every pack.
	Attributes map[string]string
	Output     queue.Sender
	Quarantine *quarantine.Store
	Alerts     *quarantine.Alerts
	Accepted   metrics.Name // counts accepted events
	Metrics    *metrics.Set
	Observe    Observer
	Log        zerolog.Logger

	pool sync.Pool // of *worker
}

// worker is what one goroutine needs; reused from batch to batch.
type worker struct {
	decoder   *event.Decoder
	transform Transform
	writer    pack.Writer
	records   []pack.Record
	payload   []byte
	results   []result
	rejected  []quarantine.Rejection
	accepted  []named
	broken    bool // the decoder panicked on where the event ends
}

// result counts what was found in one message.
type result struct{ accepted, rejected int64 }

type named struct {
	source int
	id     string
	index  int
}

func (s *Stage) worker() *worker {
	if w, ok := s.pool.Get().(*worker); ok {
		return w
	}
	return &worker{decoder: event.NewDecoder(), transform: s.NewTransform()}
}

// Handle is a queue.Handler.
func (s *Stage) Handle(ctx context.Context, batch []queue.Message) []error {
	w := s.worker()
	defer s.pool.Put(w)
	w.results = append(w.results[:0], make([]result, len(batch))...)
	w.rejected, w.accepted = w.rejected[:0], w.accepted[:0]

	errs := make([]error, len(batch))
	for source := range batch {
		errs[source] = s.read(w, source, &batch[source])
	}
	s.send(ctx, w.writer.Close(), errs)
	s.Quarantine.Put(ctx, w.rejected, errs)
	s.account(w, errs)
	return errs
}

// read judges the events of one message.
func (s *Stage) read(w *worker, source int, m *queue.Message) (err error) {
	w.records, err = pack.Open(m, w.records[:0])
	if err != nil {
		if !s.Public {
			return fmt.Errorf("message %s: %w", m.ID, err)
		}
		s.reject(w, source, pack.OriginOf(m), 0, event.Fault{Category: event.MalformedJSON}, event.ConsentUnknown, m.Body)
		return nil
	}
	next := 0
	for i := range w.records {
		r := &w.records[i]
		switch {
		case s.Public:
			r.Origin = pack.OriginOf(m)
		case i == 0 || r.Origin != w.records[i-1].Origin:
			next = r.Index // of another message
		default:
			next = max(next, r.Index)
		}
		w.decoder.Reset(r.Payload)
		for s.next(w) {
			s.judge(w, source, r.Origin, next)
			next++
		}
	}
	return nil
}

// next moves to the next event. Should the framing itself panic, the rest of
// the body is one event that nothing can be said of.
func (s *Stage) next(w *worker) (more bool) {
	defer func() {
		if s.panicked(recover()) {
			more = w.decoder.Skip()
			w.broken = true
		}
	}()
	w.broken = false
	return w.decoder.Next()
}

// judge accepts or rejects the event that the decoder stands on.
func (s *Stage) judge(w *worker, source int, o pack.Origin, index int) {
	fault := s.check(w, o)
	if fault != (event.Fault{}) {
		s.reject(w, source, o, index, fault, w.decoder.Consent(), w.decoder.Raw())
		return
	}
	w.writer.Add(source, o, index, w.payload)
	w.results[source].accepted++
	if s.Observe != nil {
		w.accepted = append(w.accepted, named{source, o.MessageID, index})
	}
}

// check finds the event's fault, or leaves what is sent on in w.payload. A
// panic is that one event's internal error.
func (s *Stage) check(w *worker, o pack.Origin) (fault event.Fault) {
	defer func() {
		if s.panicked(recover()) {
			fault = event.Fault{Category: event.InternalError}
		}
	}()
	if w.broken {
		return event.Fault{Category: event.InternalError}
	}
	arrival := event.Arrival{At: o.ReceivedAt, MaxAge: s.MaxAge}
	if o.Replay {
		arrival.MaxAge = 0
	}
	if fault = w.decoder.Check(arrival); fault == (event.Fault{}) {
		w.payload = w.transform(w.payload[:0], w.decoder)
	}
	return fault
}

// panicked tells whether a recovered value is a panic, and logs its type: the
// value itself could quote an event.
func (s *Stage) panicked(value any) bool {
	if value == nil {
		return false
	}
	s.Metrics.Add(metrics.Panics, 1)
	s.Log.Error().Str("panic", fmt.Sprintf("%T", value)).Msg("a panic on one event")
	return true
}

// mayKeep tells whether the payload of a rejected event may be kept: the event
// itself says yes, or says nothing where its message says yes; and neither says
// no.
func mayKeep(own, message event.ConsentState) bool {
	if own == event.ConsentNone || message == event.ConsentNone {
		return false
	}
	return own == event.ConsentAnalytics || message == event.ConsentAnalytics
}

func (s *Stage) reject(w *worker, source int, o pack.Origin, index int, fault event.Fault, own event.ConsentState, payload string) {
	if !mayKeep(own, o.Consent) {
		payload = ""
	}
	w.rejected = append(w.rejected, quarantine.Rejection{Source: source, Fault: fault, Origin: o, Index: index, Payload: payload})
	w.results[source].rejected++
}

// send sends the packs; where one fails, so have all messages that gave it
// events.
func (s *Stage) send(ctx context.Context, packs []pack.Pack, errs []error) {
	if len(packs) == 0 {
		return
	}
	outs := make([]queue.Out, len(packs))
	for i := range packs {
		attributes := packs[i].Attributes()
		maps.Copy(attributes, s.Attributes)
		outs[i] = queue.Out{Body: packs[i].Body, Attributes: attributes}
	}
	failed := s.Output.Send(ctx, outs)
	sent := int64(len(packs))
	for i, err := range failed {
		if err == nil {
			continue
		}
		sent--
		for source := packs[i].First; source <= packs[i].Last; source++ {
			errs[source] = fmt.Errorf("send to %s: %w", s.Output.QueueURL, err)
		}
	}
	s.Metrics.Add(metrics.PacksSent, sent)
}

// account counts, tells and observes the messages that are settled.
func (s *Stage) account(w *worker, errs []error) {
	var total result
	for source, r := range w.results {
		if errs[source] == nil {
			total.accepted += r.accepted
			total.rejected += r.rejected
		}
	}
	s.Metrics.Add(metrics.EventsReceived, total.accepted+total.rejected)
	s.Metrics.Add(s.Accepted, total.accepted)
	settled := w.rejected[:0]
	for _, r := range w.rejected {
		if errs[r.Source] != nil {
			continue
		}
		settled = append(settled, r)
		s.Metrics.AddBy(metrics.EventsRejected, string(r.Fault.Category), 1)
		if !r.Origin.Replay && r.Fault.Category.Treatment().Quarantine {
			s.Metrics.AddBy(metrics.EventsQuarantined, string(r.Fault.Category), 1)
		}
		if s.Observe != nil {
			s.Observe(r.Origin.MessageID, r.Index, r.Fault)
		}
	}
	s.Alerts.Add(settled)
	for _, a := range w.accepted {
		if errs[a.source] == nil {
			s.Observe(a.id, a.index, event.Fault{})
		}
	}
}
