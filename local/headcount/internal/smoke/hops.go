package smoke

import (
	"fmt"
	"strings"
)

// Hop is a step of an event's path, and what came out of it.
type Hop struct {
	Name string `json:"-"`
	// Expected and Got are numbers of What.
	Expected int64  `json:"expected"`
	Got      int64  `json:"got"`
	What     string `json:"what"`
	OK       bool   `json:"ok"`
	// Detail says more where it is not OK.
	Detail string `json:"detail,omitempty"`
}

// hops draws the balance, in the order of the path, the lake last. What holds at
// the end of the path vouches for what is before it: only where the headcounts are
// wrong do the queues tell at which hop.
func (r *runner) hops() []Hop {
	w, g := &r.want, &r.got
	rejected := int64(0)
	for _, n := range g.quarantined {
		rejected += n
	}
	wantRejected := int64(0)
	for _, n := range w.quarantined() {
		wantRejected += n
	}
	done := r.rowsHold()
	hops := []Hop{
		{Name: "topic", Expected: w.events, Got: w.events, What: "events published", OK: true},
		{Name: "ingest", Expected: w.messages, Got: w.messages, What: "messages for the queue ingest", OK: true},
		{Name: "validator", Expected: wantRejected, Got: rejected, What: "events quarantined since the beginning, by anyone", OK: r.quarantineHolds()},
		{Name: "masker", Expected: 0, Got: g.waiting["valid"] + g.dead["valid"], What: "messages left for it, by anyone", OK: true},
		{Name: "aggregator", Expected: w.pairs, Got: max(g.partialRows, g.covered(done, w)), What: "rows in partials, at least", OK: true},
		{Name: "finals", Expected: int64(len(w.rows)), Got: int64(len(g.rows)), What: "rows of headcounts in the run's windows", OK: done},
		{Name: "lake", Expected: w.lake, Got: g.lake, What: "rows in the lake", OK: r.lakeHolds()},
		{Name: "unconverted", Expected: w.misfits, Got: g.unconverted, What: "events under the lake's error prefix", OK: r.unconvertedHolds()},
	}
	ingest, validator, masker, aggregator, finals := &hops[1], &hops[2], &hops[3], &hops[4], &hops[5]
	if !validator.OK {
		validator.Detail = g.stuck("ingest", "the validator")
		if validator.Detail == "" && rejected == 0 && g.partialRows == 0 {
			ingest.Got, ingest.OK = 0, false
			ingest.Detail = "none came to the validator, none waits and none is dead: is the queue subscribed to the topic, and may the topic send to it?"
		} else if validator.Detail == "" {
			validator.Detail = "nothing waits and nothing is dead: see the metrics and logs of the validator, and whether the queue ingest is subscribed to the topic"
		}
	}
	if !done {
		if aggregator.OK = g.partialRows >= w.pairs; !aggregator.OK {
			aggregator.Detail = g.stuck("masked", "the aggregator")
			if text := g.stuck("valid", "the masker"); text != "" {
				masker.OK, masker.Detail = false, text
			} else if aggregator.Detail == "" && ingest.OK {
				aggregator.Detail = "nothing waits and nothing is dead: see the metrics and logs of masker and aggregator"
			}
		}
		finals.Detail = fmt.Sprintf("%d rows are not as expected", len(difference(w.rows, g.rows)))
		if text := g.stuck("finals", "the aggregator"); text != "" {
			finals.Detail += ", " + text
		}
	}
	if lake := &hops[6]; !lake.OK {
		lake.Detail = fmt.Sprintf("%d different events of %d: is the stream subscribed to the topic, with its filter, and when does it write?", g.different, w.different)
		if n := g.dead[delivery]; n > 0 {
			lake.Detail = fmt.Sprintf("SNS gave up on %d messages for Firehose: see the dead-letter queue of the delivery", n)
		}
	}
	return hops
}

// covered is what the partials must hold when the headcounts are right: they were
// not read then.
func (g *findings) covered(done bool, w *expectation) int64 {
	if done {
		return w.pairs
	}
	return 0
}

// stuck tells what is left in a queue, or nothing.
func (g *findings) stuck(queue, service string) string {
	var parts []string
	if n := g.waiting[queue]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d messages wait in the queue %s for %s", n, queue, service))
	}
	if n := g.dead[queue]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d messages came into the dead-letter queue of %s", n, queue))
	}
	return strings.Join(parts, ", ")
}
