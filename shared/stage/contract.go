package stage

import (
	"time"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pack"
)

// Transform appends to dst what is sent on of the valid event that d stands on.
type Transform func(dst []byte, d *event.Decoder) []byte

// Contract gives a Func that reads the events of the contract in a record, one
// after another: it sends on what transform makes of each valid one, and rejects
// the others. maxAge refuses events older than that at arrival; 0 is off, and
// replayed events have no age. An event on which the code panics is rejected as
// an internal error.
func Contract(maxAge time.Duration, transform Transform) Func {
	return (&contract{decoder: event.NewDecoder(), maxAge: maxAge, transform: transform}).read
}

type contract struct {
	decoder   *event.Decoder
	maxAge    time.Duration
	transform Transform
	payload   []byte
	run       run
}

// run is rejected events that follow one another and become one line of the
// quarantine: malformed ones, since noise has no end of events; and any, where a
// message has too many. start and end are where it stands in the record.
type run struct {
	fault      event.Fault
	consent    event.ConsentState
	events     int
	start, end int
}

func (c *contract) read(r *pack.Record, out *Out) {
	arrival := event.Arrival{At: r.Origin.ReceivedAt, MaxAge: c.maxAge}
	if r.Origin.Replay {
		arrival.MaxAge = 0
	}
	c.run = run{}
	c.decoder.Reset(r.Payload)
	for {
		more, broken := c.next(out)
		if !more {
			c.endRun(r, out)
			return
		}
		fault := event.Fault{Category: event.InternalError}
		if !broken {
			fault = c.check(out, arrival)
		}
		if fault != (event.Fault{}) {
			c.reject(r, fault, out)
			continue
		}
		c.endRun(r, out)
		out.Send(c.payload)
	}
}

// reject makes the event part of a run.
func (c *contract) reject(r *pack.Record, fault event.Fault, out *Out) {
	same := c.run.fault == fault && fault.Category == event.MalformedJSON || out.crowded()
	if !same {
		c.endRun(r, out)
	}
	start, end := c.decoder.Span()
	consent := c.decoder.ConsentToKeep()
	if c.run.events == 0 {
		c.run = run{fault: fault, consent: consent, start: start}
	}
	c.run.events++
	c.run.end = end
	if consent != c.run.consent && c.run.consent != event.ConsentNone {
		c.run.consent = min(consent, event.ConsentNone) // unknown, or none
	}
}

// endRun rejects what the run holds.
func (c *contract) endRun(r *pack.Record, out *Out) {
	if n := c.run.events; n > 0 {
		out.reject(c.run.fault, c.run.consent, r.Payload[c.run.start:c.run.end], n)
		c.run = run{}
	}
}

// next moves to the next event. Should the framing itself panic, the rest of
// the body is one event that nothing can be said of: it is broken.
func (c *contract) next(out *Out) (more, broken bool) {
	defer func() {
		if out.panicked(recover()) {
			more, broken = c.decoder.Skip(), true
		}
	}()
	return c.decoder.Next(), false
}

// check finds the event's fault, or leaves what is sent on in c.payload.
func (c *contract) check(out *Out, arrival event.Arrival) (fault event.Fault) {
	defer func() {
		if out.panicked(recover()) {
			fault = event.Fault{Category: event.InternalError}
		}
	}()
	if fault = c.decoder.Check(arrival); fault == (event.Fault{}) {
		c.payload = c.transform(c.payload[:0], c.decoder)
	}
	return fault
}
