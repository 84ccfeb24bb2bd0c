// Package simulate moves people along plausible paths through a real city, to its
// places and to gatherings beside them, and writes what their phones would send:
// events of the contract, and a share of faulty ones of every category.
//
// The same Config gives the same events, byte for byte, on processors of one
// kind (some fuse a multiplication with an addition, which may move a person by
// the last digit). Events are made one at
// a time, so memory grows with the number of people and not with the number of
// events.
//
// Everybody is made up. Phone numbers come from ranges reserved for fiction,
// e-mail addresses and IP addresses from those reserved for documentation
// (RFC 2606, RFC 5737, RFC 3849).
package simulate

import (
	"bufio"
	"cmp"
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/headcount-etl/headcount/shared/event"
)

// What callers use unless something else is asked for.
const (
	DefaultInterval       = 30 * time.Second
	DefaultFaultShare     = 0.02
	DefaultNoConsentShare = 0.03
)

// Config says whom to simulate, and for how long.
type Config struct {
	// People is how many there are, at least 1.
	People int
	// Minutes is how much simulated time passes, at least 1.
	Minutes int
	// Seed picks one of many cities full of people.
	Seed uint64
	// Start is the first simulated instant; it must be set. The last one is
	// Start + Minutes: where the events are to be accepted, this must not lie
	// in the future.
	Start time.Time
	// Interval is the mean time between two events of one person, at least a
	// second. 0 means DefaultInterval. Single intervals differ by up to 20 %.
	Interval time.Duration
	// FaultShare is the share of the events of consenting people, 0 to 1, that
	// have a fault. 0 means none.
	FaultShare float64
	// NoConsentShare is the share of people, 0 to 1, who do not consent to
	// analytics. 0 means that all do.
	NoConsentShare float64
}

// Sent is one event as an app sent it.
type Sent struct {
	// At is the simulated instant of sending.
	At time.Time
	// Line is the event's text, without a newline in it or after it. It is
	// valid UTF-8, and the framing reads exactly one event from it, be it valid
	// or not. It belongs to the receiver.
	Line []byte
	// Want is the category that the event is rejected for; empty if it is
	// valid.
	Want event.Category
}

// City is a number of people, ready to move.
type City struct {
	config Config
	places []point
}

// New checks the configuration. Its error names every fault, each on a line that
// begins with the name of the flag of `headcount simulate`.
func New(c Config) (*City, error) {
	c.Interval, c.Start = cmp.Or(c.Interval, DefaultInterval), c.Start.UTC()
	var faults []error
	for _, f := range []struct {
		bad  bool
		text string
	}{
		{c.People < 1, fmt.Sprintf("people is %d; give at least 1", c.People)},
		{c.Minutes < 1, fmt.Sprintf("minutes is %d; give at least 1", c.Minutes)},
		{c.Start.Year() < 1970 || c.Start.Year() > 2900, "start is not set to an instant between 1970 and 2900"},
		{c.Interval < time.Second, fmt.Sprintf("interval is %v; give at least 1s", c.Interval)},
		// Written so that NaN is refused too.
		{!(c.FaultShare >= 0 && c.FaultShare <= 1), fmt.Sprintf("faults is %v; give a share of 0 to 1", c.FaultShare)},
		{!(c.NoConsentShare >= 0 && c.NoConsentShare <= 1), fmt.Sprintf("no-consent is %v; give a share of 0 to 1", c.NoConsentShare)},
	} {
		if f.bad {
			faults = append(faults, errors.New(f.text))
		}
	}
	if faults != nil {
		return nil, errors.Join(faults...)
	}
	places, err := samplePlaces()
	if err != nil {
		return nil, err
	}
	return &City{config: c, places: places}, nil
}

// Events gives all events in the order of their sending, until ctx ends. Every call
// starts anew, with the same events.
func (c *City) Events(ctx context.Context) iter.Seq[Sent] {
	return func(yield func(Sent) bool) {
		end := c.config.Start.Add(time.Duration(c.config.Minutes) * time.Minute).UnixMicro()
		var people crowd
		for i := 0; i < c.config.People && ctx.Err() == nil; i++ {
			people = append(people, c.newPerson(i))
		}
		heap.Init(&people)
		for ctx.Err() == nil && people[0].next < end {
			p := people[0]
			if !yield(c.send(p)) {
				return
			}
			p.next += int64(float64(c.config.Interval.Microseconds()) * between(p.rng, 0.8, 1.2))
			heap.Fix(&people, 0)
		}
	}
}

// Write writes all events to w, one a line, until ctx ends, and gives their
// number. Its error is that of ctx or of w.
func (c *City) Write(ctx context.Context, w io.Writer) (events int64, err error) {
	out := bufio.NewWriterSize(w, 64<<10)
	for sent := range c.Events(ctx) {
		// An error stays with the writer; asking for it here ends the work.
		_, _ = out.Write(sent.Line)
		if err := out.WriteByte('\n'); err != nil {
			return events, fmt.Errorf("write the simulated events: %w", err)
		}
		events++
	}
	if err := out.Flush(); err != nil {
		return events, fmt.Errorf("write the simulated events: %w", err)
	}
	return events, ctx.Err()
}

// crowd is a heap of people by the time of their next event. The number decides
// between equal times, so that the order never depends on luck.
type crowd []*person

func (c crowd) Len() int { return len(c) }
func (c crowd) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(c[i].next, c[j].next), cmp.Compare(c[i].number, c[j].number)) < 0
}
func (c crowd) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *crowd) Push(p any)   { *c = append(*c, p.(*person)) }
func (c *crowd) Pop() any     { panic("nobody leaves") }

// send moves the person to where they are at their next time, and makes the
// event.
func (c *City) send(p *person) Sent {
	at := time.UnixMicro(p.next).UTC()
	p.advance(c.places, p.next)
	p.observe(p.next)

	e := &p.event
	e.EventID = newUUID(p.rng)
	e.OccurredAt = at.Format(p.layout)
	line, err := json.Marshal(e)
	if err != nil { // Unreachable: every number is finite, every string is UTF-8.
		panic(fmt.Errorf("simulate: encode an event: %w", err))
	}
	sent := Sent{At: at, Line: line}
	switch {
	case !e.Consent.Analytics:
		sent.Want = event.NoConsent
	case p.rng.Float64() < c.config.FaultShare:
		sent.Line, sent.Want = spoil(p.rng, line)
	}
	return sent
}

// between is uniform in [low, high).
func between(rng *rand.Rand, low, high float64) float64 { return low + (high-low)*rng.Float64() }

// pick takes one element, each with the same probability.
func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

// weighted takes an index with a probability in proportion to its weight.
func weighted(rng *rand.Rand, weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	x := rng.Float64() * sum
	for i, w := range weights {
		if x < w {
			return i
		}
		x -= w
	}
	return len(weights) - 1
}
