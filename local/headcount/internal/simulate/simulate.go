// Package simulate moves people along plausible paths through a real city and
// writes what their phones would send: events of the contract, and a share of
// faulty ones of every category.
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
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
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
	// TooOld adds too_old to the faults. Such events occurred three years
	// earlier, so that they are valid unless a MAX_AGE below that is set.
	TooOld bool
}

func (c Config) validate() error {
	var faults []error
	if c.People < 1 {
		faults = append(faults, fmt.Errorf("people is %d; give at least 1", c.People))
	}
	if c.Minutes < 1 {
		faults = append(faults, fmt.Errorf("minutes is %d; give at least 1", c.Minutes))
	}
	if y := c.Start.Year(); y < 1970 || y > 2900 {
		faults = append(faults, errors.New("start is not set to an instant between 1970 and 2900"))
	}
	if c.Interval < time.Second {
		faults = append(faults, fmt.Errorf("interval is %v; give at least 1s", c.Interval))
	}
	// Written so that NaN is refused too.
	if !(c.FaultShare >= 0 && c.FaultShare <= 1) {
		faults = append(faults, fmt.Errorf("faults is %v; give a share of 0 to 1", c.FaultShare))
	}
	if !(c.NoConsentShare >= 0 && c.NoConsentShare <= 1) {
		faults = append(faults, fmt.Errorf("no-consent is %v; give a share of 0 to 1", c.NoConsentShare))
	}
	if len(faults) > 0 {
		return &ConfigError{errors.Join(faults...)}
	}
	return nil
}

// ConfigError names every fault of a Config, each on a line that begins with the
// name of the flag of `headcount simulate`.
type ConfigError struct{ faults error }

func (e *ConfigError) Error() string { return e.faults.Error() }

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
	places []Place
}

// New checks the configuration. Its error names every fault.
func New(c Config) (*City, error) {
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	c.Start = c.Start.UTC()
	if err := c.validate(); err != nil {
		return nil, err
	}
	places, err := Places()
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
		people := c.populate(ctx)
		for ctx.Err() == nil && people[0].next < end {
			p := people[0]
			if !yield(c.send(p)) {
				return
			}
			p.next += int64(float64(c.config.Interval.Microseconds()) * between(p.rng, 0.8, 1.2))
			siftDown(people)
		}
	}
}

// Write writes all events to w, one a line, until ctx ends, and gives their
// number. Its error is that of the configuration (a *ConfigError), of ctx or of
// w.
func Write(ctx context.Context, w io.Writer, c Config) (events int64, err error) {
	city, err := New(c)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	for sent := range city.Events(ctx) {
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

// populate makes everybody, as a heap by the time of their next event; fewer if
// ctx ends before.
func (c *City) populate(ctx context.Context) []*person {
	var people []*person
	for i := range c.config.People {
		if ctx.Err() != nil {
			return people
		}
		people = append(people, c.newPerson(i))
	}
	slices.SortFunc(people, func(a, b *person) int {
		return cmp.Or(cmp.Compare(a.next, b.next), cmp.Compare(a.number, b.number))
	})
	return people
}

// siftDown restores the heap after its first person's time has changed. The
// number decides between equal times, so that the order never depends on luck.
func siftDown(people []*person) {
	before := func(a, b *person) bool {
		return a.next < b.next || a.next == b.next && a.number < b.number
	}
	p, i := people[0], 0
	for {
		child := 2*i + 1
		if child >= len(people) {
			break
		}
		if other := child + 1; other < len(people) && before(people[other], people[child]) {
			child = other
		}
		if before(p, people[child]) {
			break
		}
		people[i] = people[child]
		i = child
	}
	people[i] = p
}

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
		sent.Line, sent.Want = spoil(p.rng, line, at, c.config.TooOld)
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
