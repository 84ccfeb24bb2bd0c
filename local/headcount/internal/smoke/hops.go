package smoke

import (
	"fmt"
	"strings"

	"github.com/headcount-etl/headcount/shared/pipeline"
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
// wrong do the queues say at which hop.
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
	done, between := r.rowsHold(), pipeline.Stages[1:len(pipeline.Stages)-1]
	hops := []Hop{
		{Name: "topic", Expected: w.events, Got: w.events, What: "events published", OK: true},
		{Name: pipeline.Entry, Expected: w.messages, Got: w.messages, What: "messages for the queue " + pipeline.Entry, OK: true},
		{Name: "validator", Expected: wantRejected, Got: rejected, What: "events quarantined since the beginning, by anyone", OK: r.quarantineHolds()},
	}
	for _, s := range between {
		hops = append(hops, Hop{Name: s.Name, Got: g.waiting[s.Input] + g.dead[s.Input], What: "messages left for it, by anyone", OK: true})
	}
	hops = append(hops, []Hop{
		{Name: "aggregator", Expected: w.pairs, Got: max(g.partialRows, g.covered(done, w)), What: "rows in partials, at least", OK: true},
		{Name: "finals", Expected: int64(len(w.rows)), Got: int64(len(g.rows)), What: "rows of headcounts in the run's windows", OK: done},
		{Name: "lake", Expected: w.lake, Got: g.lake, What: "rows in the lake", OK: r.lakeHolds()},
		{Name: "unconverted", Expected: w.misfits, Got: g.unconverted, What: "events under the lake's error prefix", OK: r.unconvertedHolds()},
	}...)
	ingest, validator, waiting, end := &hops[1], &hops[2], hops[3:3+len(between)], hops[3+len(between):]
	aggregator, finals, lake := &end[0], &end[1], &end[2]
	if !validator.OK {
		validator.Detail = g.stuck(pipeline.Stages[0])
		if validator.Detail == "" && rejected == 0 && g.partialRows == 0 {
			ingest.Got, ingest.OK = 0, false
			ingest.Detail = "none came to the validator, none waits and none is dead: is the queue subscribed to the topic, and may the topic send to it?"
		} else if validator.Detail == "" {
			validator.Detail = "nothing waits and nothing is dead: see the metrics and logs of the validator, and whether the queue ingest is subscribed to the topic"
		}
	}
	if !done {
		if aggregator.OK = g.partialRows >= w.pairs; !aggregator.OK {
			last := pipeline.Named("aggregator")
			aggregator.Detail = g.stuck(pipeline.Stage{Name: last.Name, Input: last.Input})
			wellBefore := ingest.OK
			for i := range between {
				if text := g.stuck(between[i]); text != "" {
					waiting[i].OK, waiting[i].Detail, wellBefore = false, text, false
				}
			}
			if aggregator.Detail == "" && wellBefore {
				aggregator.Detail = "nothing waits and nothing is dead: see the metrics and logs of the stages from the second to the aggregator"
			}
		}
		finals.Detail = fmt.Sprintf("%d rows are not as expected", len(difference(w.rows, g.rows)))
		if text := g.stuck(pipeline.Stage{Name: "aggregator", Input: pipeline.Named("aggregator").Own}); text != "" {
			finals.Detail += ", " + text
		}
	}
	if !lake.OK {
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

// stuck says what is left for a stage in the queue that it reads, or nothing.
func (g *findings) stuck(s pipeline.Stage) string {
	var parts []string
	queue := s.Input
	if n := g.waiting[queue]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d messages wait in the queue %s for the %s", n, queue, s.Name))
	}
	if n := g.dead[queue]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d messages came into the dead-letter queue of %s", n, queue))
	}
	return strings.Join(parts, ", ")
}
