package e2e

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/shared/pack"
)

// TestPoisonIsGivenUpAndHarmsNoNeighbour puts messages that nobody can read into
// the queues between the services: each ends in its dead-letter queue, Settle
// says so, the log does not quote it, and all events around it are counted.
func TestPoisonIsGivenUpAndHarmsNoNeighbour(t *testing.T) {
	t.Parallel()
	tr := simulated(t, 6, 40, 20)
	o := options{pois: samplePlacesWithRadius(t), window: 5 * time.Minute, minPeople: 1, perMessage: 3, flush: 50 * time.Millisecond}
	dir := t.TempDir()
	p, _, stop := start(t, dir, o)
	s := &site{Resources: p.Flows[0].Resources, t: t, dir: dir}

	for _, short := range queueNames {
		s.receives(short, 5)
	}

	packed := map[string]string{pack.AttributeEncoding: pack.Encoding, pack.AttributeCount: "1"}
	poison := map[string][]string{
		"valid":  {marker, "bm8genN0ZA==" + marker},
		"masked": {marker, "bm8genN0ZA=="},
		"finals": {marker, `{"flow":"` + marker + `","hour":"2026-05-31T23","writer":"x","n":1}`, `{"flow":"v1","hour":"yesterday","writer":"x","n":1}`},
	}
	for short, bodies := range poison {
		for _, body := range bodies {
			put(t, s.queue(short), body, packed)
		}
	}
	put(t, s.queue("masked"), `{"`+marker+`":"`+marker+`"}`, nil) // plain, but no masked event
	poison["masked"] = append(poison["masked"], "")
	published, err := p.Publisher(o.perMessage).Publish(t.Context(), reader(tr.lines))
	if err != nil {
		t.Fatal(err)
	}
	// Each failure makes a message wait longer. Waiting is not what is tested.
	tick := time.NewTicker(300 * time.Millisecond) // which is more than a batch waits for company
	defer tick.Stop()
	// Nor is the minute for which a receive that was cut off hides messages: a
	// failure makes the service cut those that are under way.
	rarely := time.NewTicker(5 * time.Second)
	defer rarely.Stop()
	s.until("the poison to be given up, and all else to be done", func() bool {
		show, all := false, false
		select {
		case <-tick.C:
			show = true
		case <-rarely.C:
			all = true
		default:
		}
		done := p.Flows[0].Tally.Totals().Settled == published.Events
		for _, short := range queueNames {
			left := len(poison[short]) - s.queue(short+"-dlq").Counts().Total()
			q := s.queue(short)
			if n := q.Counts(); all || show && n.Total() == left && n.NotVisible == left {
				q.ShowAll()
			}
			done = done && q.Counts().Total() == 0
		}
		return done
	})
	for _, short := range queueNames {
		if n := s.queue(short + "-dlq").Counts().Total(); n != len(poison[short]) {
			t.Errorf("%s: %d messages are given up, want %d", short, n, len(poison[short]))
		}
	}
	err = p.Settle(t.Context(), published.Events)
	if err == nil || !strings.Contains(err.Error(), "3 in headcount-v1-finals-dlq") {
		t.Errorf("Settle says %v", err)
	}
	if err := p.CheckFinals(t.Context()); err != nil {
		t.Error(err)
	}
	stop()
	checkOracle(t, dir, o, tr.valid)
	logs := 0
	newOpener(t).files(dir, func(name string, content []byte) {
		if got := found(content, slices.Concat(texts, forbidden)); strings.HasPrefix(name, "logs/") && got != nil {
			t.Errorf("%s quotes a message: %v", name, got)
		}
		if bytes.Contains(content, []byte("message")) && bytes.Contains(content, []byte(`"error"`)) {
			logs++ // it says what has failed
		}
	})
	if logs != 2 {
		t.Errorf("%d logs report a failure, want the masker's and the aggregator's", logs)
	}
}
