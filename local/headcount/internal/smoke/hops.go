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
	w, g, done := &r.want, &r.got, r.rowsHold()
	first, last, between := pipeline.Stages[0], pipeline.Named("aggregator"), pipeline.Stages[1:len(pipeline.Stages)-1]
	topic := Hop{Name: "topic", Expected: w.events, Got: w.events, What: "events published", OK: true}
	ingest := Hop{Name: pipeline.Entry, Expected: w.messages, Got: w.messages, What: "messages for the queue " + pipeline.Entry, OK: true}
	validator := Hop{
		Name: first.Name, Expected: total(w.quarantined()), Got: total(g.quarantined), What: "events quarantined since the beginning, by anyone",
		OK: r.quarantineHolds(),
	}
	aggregator := Hop{Name: last.Name, Expected: w.pairs, Got: g.partialRows, What: "rows in partials, at least", OK: done || g.partialRows >= w.pairs}
	if done { // the partials were not read then
		aggregator.Got = max(g.partialRows, w.pairs)
	}
	finals := Hop{Name: "finals", Expected: int64(len(w.rows)), Got: int64(len(g.rows)), What: "rows of headcounts in the run's windows", OK: done}
	lake := Hop{Name: "lake", Expected: w.lake, Got: g.lake, What: "rows in the lake", OK: r.lakeHolds()}
	unconverted := Hop{Name: "unconverted", Expected: w.misfits, Got: g.unconverted, What: "events under the lake's error prefix", OK: r.unconvertedHolds()}

	if !validator.OK {
		validator.Detail = g.stuck(first.Name, first.Input)
		switch {
		case validator.Detail != "":
		case validator.Got == 0 && g.partialRows == 0:
			ingest.Got, ingest.OK = 0, false
			ingest.Detail = "none came to the validator, none waits and none is dead: is the queue subscribed to the topic, and may the topic send to it?"
		default:
			validator.Detail = "nothing waits and nothing is dead: see the metrics and logs of the validator, and whether the queue ingest is subscribed to the topic"
		}
	}
	hops, wellBefore := []Hop{topic, ingest, validator}, ingest.OK
	for _, s := range between {
		h := Hop{Name: s.Name, Got: g.waiting[s.Input] + g.dead[s.Input], What: "messages left for it, by anyone", OK: true}
		if text := g.stuck(s.Name, s.Input); text != "" && !aggregator.OK {
			h.OK, h.Detail, wellBefore = false, text, false
		}
		hops = append(hops, h)
	}
	if !aggregator.OK {
		if aggregator.Detail = g.stuck(last.Name, last.Input); aggregator.Detail == "" && wellBefore {
			aggregator.Detail = "nothing waits and nothing is dead: see the metrics and logs of the stages from the second to the aggregator"
		}
	}
	if !done {
		finals.Detail = fmt.Sprintf("%d rows are not as expected", len(difference(w.rows, g.rows)))
		if text := g.stuck(last.Name, last.Own); text != "" {
			finals.Detail += ", " + text
		}
	}
	if !lake.OK {
		lake.Detail = fmt.Sprintf("%d different events of %d: is the stream subscribed to the topic, with its filter, and when does it write?", g.different, w.different)
		if n := g.dead[delivery]; n > 0 {
			lake.Detail = fmt.Sprintf("SNS gave up on %d messages for Firehose: see the dead-letter queue of the delivery", n)
		}
	}
	return append(hops, aggregator, finals, lake, unconverted)
}

// stuck says what is left for a service in a queue that it reads, or nothing.
func (g *findings) stuck(service, queue string) string {
	var parts []string
	if n := g.waiting[queue]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d messages wait in the queue %s for the %s", n, queue, service))
	}
	if n := g.dead[queue]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d messages came into the dead-letter queue of %s", n, queue))
	}
	return strings.Join(parts, ", ")
}
