package smoke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pipeline"
)

// The outcomes of a check.
const (
	Pass    = "pass"
	Fail    = "fail"
	Unknown = "unknown" // there is nothing here to ask
)

// Check is one thing that must hold: what has come out of a hop of the events' path,
// or the answer to a question that only AWS can settle.
type Check struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	// Detail is a line of why; where a hop has failed it says where to look.
	Detail string `json:"detail"`
}

// Report is the outcome of a run.
type Report struct {
	// OK says that the headcounts are exactly those expected, and that no check has
	// failed.
	OK   bool   `json:"ok"`
	Flow string `json:"flow"`
	Run  string `json:"run"`
	// Expected and Rows are numbers of rows of the results.
	Expected int `json:"expected"`
	Rows     int `json:"rows"`
	// Checks are the hops, in the order of the path, and then the questions.
	Checks  []Check `json:"checks"`
	Seconds float64 `json:"seconds"`

	differences []string
}

// report draws up the report.
func (r *runner) report(ctx context.Context) (*Report, error) {
	report := &Report{
		Flow: r.flowName, Run: r.run, Expected: len(r.want.rows), Rows: len(r.got.rows), Checks: r.hops(), differences: difference(r.want.rows, r.got.rows),
	}
	r.say("asking what only AWS can answer")
	for _, q := range questions {
		status, detail, err := q.ask(r, ctx)
		if err != nil {
			status, detail = Fail, strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		report.Checks = append(report.Checks, Check{q.name, status, detail})
	}
	report.OK = report.Fault() == nil
	report.Seconds = time.Since(r.begun).Seconds()
	return report, ctx.Err()
}

// Fault is why a report is not OK: the first check that has failed. Nil means that
// it is OK.
func (r *Report) Fault() error {
	for _, c := range r.Checks {
		if c.Status == Fail {
			return errors.New(c.Name + ": " + c.Detail)
		}
	}
	return nil
}

// maxDifferences is how many rows that differ are printed.
const maxDifferences = 50

// WriteTable prints the report for a person.
func (r *Report) WriteTable(w io.Writer) {
	shown := min(len(r.differences), maxDifferences)
	for _, line := range r.differences[:shown] {
		fmt.Fprintln(w, line)
	}
	if more := len(r.differences) - shown; more > 0 {
		fmt.Fprintf(w, "… and %d more\n", more)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\ncheck\t\t\n")
	for _, c := range r.Checks {
		fmt.Fprintf(t, "%s\t%s\t%s\n", c.Name, c.Status, c.Detail)
	}
	_ = t.Flush() // like all output to a terminal
	fmt.Fprintf(w, "\nrun %s, flow %s: %d rows of results, %d expected, %d differ; %.0f s\n", r.Run, r.Flow, r.Rows, r.Expected, len(r.differences), r.Seconds)
}

// hops follow the events, the lake last. What holds at the end of the path vouches
// for what is before it: only where the headcounts or the quarantine are wrong do
// the queues say at which hop.
func (r *runner) hops() (hops []Check) {
	w, g := &r.want, &r.got
	blamed := false
	hop := func(name string, got, expected int64, what string, ok bool, advice string) {
		c := Check{"hop " + name, Pass, fmt.Sprintf("%d %s, expected %d", got, what, expected)}
		if !ok {
			blamed = true
			c.Status, c.Detail = Fail, c.Detail+": "+advice
		}
		hops = append(hops, c)
	}
	hop("topic", w.events, w.events, "events published", true, "")
	arrived, counted := r.messages, r.rowsHold()
	if total(g.quarantined) == 0 && len(g.rows) == 0 && g.stuck(pipeline.Entry) == "" {
		arrived = 0
	}
	hop(pipeline.Entry, arrived, r.messages, "messages for the queue "+pipeline.Entry, arrived == r.messages,
		"none came to the validator, none waits and none is dead: is the queue subscribed to the topic, and may the topic send to it?")
	for _, queue := range pipeline.Queues() {
		stage := pipeline.Reader(queue)
		if queue != stage.Input {
			continue // its own, of which its output says more
		}
		stuck := g.stuck(queue)
		hop(stage.Name, g.waiting[queue]+g.dead[queue], 0, "messages left for it, by anyone", stuck == "" || counted && r.quarantineHolds(), stuck)
	}
	const nothing = "nothing waits and nothing is dead: see the metrics and logs of the services, and whether the queue ingest is subscribed"
	hop("quarantine", total(g.quarantined), total(w.quarantined), "events quarantined since the beginning, by anyone", r.quarantineHolds(), nothing)
	advice := fmt.Sprintf("%d rows are not as expected", len(difference(w.rows, g.rows)))
	if stuck := g.stuck("finals"); stuck != "" {
		advice += ", " + stuck
	} else if !blamed {
		advice += "; " + nothing
	}
	hop("finals", int64(len(g.rows)), int64(len(w.rows)), "rows of results in the run's windows", counted, advice)
	advice = fmt.Sprintf("%d different events of %d: is the stream subscribed to the topic, with its filter, and when does it write?", g.different, w.different)
	if n := g.dead[delivery]; n > 0 {
		advice = fmt.Sprintf("SNS gave up on %d messages for Firehose: see the dead-letter queue of the delivery", n)
	}
	hop("lake", g.lake, w.lake, "rows in the lake", r.lakeHolds(), advice)
	hop("unconverted", g.unconverted, w.misfits, "events under the lake's error prefix", r.unconvertedHolds(), "see errors/ in the bucket of the lake")
	return hops
}

// stuck says what is left in a queue for the service that reads it, or nothing.
func (g *findings) stuck(queue string) string {
	var parts []string
	if n := g.waiting[queue]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d messages wait in the queue %s for the %s", n, queue, pipeline.Reader(queue).Name))
	}
	if n := g.dead[queue]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d messages came into the dead-letter queue of %s", n, queue))
	}
	return strings.Join(parts, ", ")
}

func total(counts map[event.Category]int64) (n int64) {
	for _, count := range counts {
		n += count
	}
	return n
}
