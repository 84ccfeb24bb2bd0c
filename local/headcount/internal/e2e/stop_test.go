package e2e

import (
	"testing"
	"time"
)

// underWay is how many messages the receives of a process can be bringing when
// it ends: four, of ten each. On a busy machine it may not wait for them.
const underWay = 40

// TestSIGTERM: the real binaries report that they are well, stop on SIGTERM, and
// leave nothing that they held hidden in a queue.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	tr := simulated(t, 4, 60, 45)
	// So long a flush that the aggregator holds all there is at SIGTERM.
	s := newSite(t, samplePlacesWithRadius(t), map[string]string{"FLUSH_INTERVAL": "10m"})
	s.publish(1, tr.lines)

	// The validator is stopped in the middle of its work.
	busy := s.start("validator", "")
	s.until("the validator to be at work", func() bool { return s.queue("valid").Counts().Total() > 0 })
	if code := s.end(busy); code != 0 {
		t.Errorf("the validator ends with exit code %d", code)
	}
	n := s.queue("ingest").Counts()
	t.Logf("the validator leaves %+v", n)
	if n.NotVisible > underWay || n.Visible == 0 {
		t.Errorf("the validator leaves %+v in its queue, want all of it visible", n)
	}

	var all []*process
	for _, service := range services {
		all = append(all, s.start(service.Name, ""))
	}
	s.drained("ingest", "valid")
	s.until("the aggregator to receive everything", func() bool {
		n := s.queue("masked").Counts()
		return n.NotVisible > 0 && n.Visible == 0
	})
	for _, p := range all {
		if code, said := s.healthy(p.name); code != 0 {
			t.Errorf("%s is not well: %d, %s", p.name, code, said)
		}
	}
	for _, p := range all {
		begun := time.Now()
		if code := s.end(p); code != 0 {
			t.Errorf("%s ends with exit code %d", p.name, code)
		}
		t.Logf("%s stops in %s", p.name, time.Since(begun))
		if code, said := s.healthy(p.name); code != 1 || said == "" {
			t.Errorf("%s, which has ended, says: %d, %s", p.name, code, said)
		}
	}
	for _, short := range queueNames {
		if n := s.queue(short).Counts(); n.NotVisible > underWay {
			t.Errorf("%s: %d messages stay hidden", short, n.NotVisible)
		}
	}
	if n := s.queue("masked").Counts().Total(); n > 0 {
		t.Errorf("the aggregator has not written %d messages that it held", n)
	}
	// The next one makes the finals.
	s.start("aggregator", "")
	s.drained(queueNames...)
	s.nothingGivenUp()
	checkOracle(t, s.dir, options{pois: s.pois, window: 5 * time.Minute, minPeople: 1}, tr.valid)
}
