package e2e

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// death is a moment at which a process is killed: at its nth call of that kind,
// before the call reaches AWS or after AWS has done it, but before the process
// knows.
type death struct {
	action, where string
	nth           int32
	after         bool
}

func (d death) String() string {
	when := "before"
	if d.after {
		when = "after"
	}
	return fmt.Sprintf("%s %s %s #%d", when, d.action, d.where, d.nth)
}

// deaths are the moments between which a service's state differs: each call that
// makes something durable, or lets something go.
var deaths = map[string][]death{
	"validator": {
		{"ReceiveMessage", "ingest", 3, true},
		{"SendMessageBatch", "valid", 1, false},
		{"SendMessageBatch", "valid", 1, true},
		{"PUT", "headcount-quarantine/", 2, true},
		{"DeleteMessageBatch", "ingest", 1, false},
		{"DeleteMessageBatch", "ingest", 3, true},
	},
	"masker": {
		{"ReceiveMessage", "valid", 2, true},
		{"SendMessageBatch", "masked", 1, false},
		{"SendMessageBatch", "masked", 2, true},
		{"DeleteMessageBatch", "valid", 1, false},
		{"DeleteMessageBatch", "valid", 1, true},
	},
	"aggregator": {
		{"ReceiveMessage", "masked", 2, true},
		{"PUT", "headcount-aggregates/partials/", 1, false},
		{"PUT", "headcount-aggregates/partials/", 2, true},
		{"SendMessageBatch", "finals", 1, false},
		{"SendMessageBatch", "finals", 1, true},
		{"DeleteMessageBatch", "masked", 1, false},
		{"PUT", "headcount-aggregates/headcounts/", 1, false},
		{"PUT", "headcount-aggregates/headcounts/", 2, true},
		{"DeleteMessageBatch", "finals", 1, false},
		{"DeleteMessageBatch", "finals", 1, true},
	},
}

// respite is how long a service that is to die waits in vain for an answer: long
// enough to let go of something too early, if that is what it does.
const respite = 150 * time.Millisecond

// until runs a service until it dies that death.
func (d death) until(s *site, name string) error {
	var p *process
	var err error
	var calls atomic.Int32
	started, dead := make(chan struct{}), make(chan struct{})
	w := newWire(s.t, s.Cloud.URL(), func(c *call, forward func()) {
		<-started
		here := c.action == d.action && strings.HasPrefix(c.where, d.where) && calls.Add(1) == d.nth
		if !here || d.after {
			forward()
		}
		if here {
			// What it does without the answer, if anything, must be no harm.
			<-time.After(respite)
			close(dead)
			p.kill()
		}
	})
	defer func() {
		w.CloseClientConnections()
		w.Close()
	}()
	p, err = s.launch(name, w.URL)
	close(started)
	if err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		p.kill()
		return fmt.Errorf("%s did not come to its death %s", name, d)
	}
	select {
	case <-dead:
		return nil
	default:
		return fmt.Errorf("%s ended by itself: %s", name, p.cmd.ProcessState)
	}
}

// TestTheSameRowsWhoeverIsKilled kills each service's real binary again and
// again by SIGKILL while all three work.
func TestTheSameRowsWhoeverIsKilled(t *testing.T) {
	t.Parallel()
	// Everybody sends about once an hour: no event makes up for another one's loss,
	// nor the final of one chunk of events for that of another.
	const chunk = 200
	tr := simulatedEvery(t, time.Hour, 5, chunk, 36*60)
	s := newSite(t, samplePlacesWithRadius(t), nil)
	// A message that is there at every death is received more often than a queue
	// of the stack allows.
	for _, short := range queueNames {
		s.receives(short, 1000)
	}
	var dying sync.WaitGroup
	var redelivered atomic.Int64
	for _, service := range services {
		dying.Go(func() {
			for _, d := range deaths[service.Name] {
				if err := d.until(s, service.Name); err != nil {
					t.Errorf("%v; its log ends with\n%s", err, tail(t, s.dir, service.Name))
				}
				for _, short := range service.Reads() {
					redelivered.Add(int64(s.queue(short).ShowAll()))
				}
			}
			if _, err := s.launch(service.Name, ""); err != nil {
				t.Error(err)
			}
		})
	}
	over := make(chan struct{})
	go func() {
		dying.Wait()
		close(over)
	}()

	// As long as somebody has yet to die there is work, but no more than is needed,
	// lest there be none left. Should there be, events come again, which changes
	// nothing.
	var published []string
	left := func() (n int) {
		for _, short := range queueNames {
			n += s.queue(short).Counts().Total()
		}
		return n
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	begun := time.Now()
	for at, dead := 0, false; !dead || at < len(tr.lines); at += chunk {
		from := at % len(tr.lines)
		lines := tr.lines[from:min(from+chunk, len(tr.lines))]
		published = append(published, lines...)
		s.publish(3, lines)
		s.until("something to do", func() bool {
			select {
			case <-over:
				if !dead {
					t.Logf("all deaths were died after %d events, %.1f s", len(published), time.Since(begun).Seconds())
				}
				dead = true
			case <-tick.C: // somebody may wait for more than there is
				return true
			default:
			}
			return dead || left() == 0
		})
	}
	t.Logf("%d events were published, %d of them again", len(published), max(0, len(published)-len(tr.lines)))
	// A receive that was under way at a death may have hidden messages after
	// ShowAll.
	s.until("all to be done", func() bool {
		select {
		case <-tick.C:
			for _, short := range queueNames {
				s.queue(short).ShowAll()
			}
		default:
		}
		return left() == 0
	})
	t.Logf("%d messages were in the hands of a process that was killed", redelivered.Load())
	if redelivered.Load() == 0 {
		t.Error("nobody had anything to lose")
	}
	s.nothingGivenUp()
	if err := s.CheckFinals(t.Context()); err != nil {
		t.Error(err)
	}
	checkOracle(t, s.dir, options{pois: s.pois, window: 5 * time.Minute, minPeople: 1}, tr.valid)
	checkQuarantine(t, s.dir, tr.rejected(published))
}
