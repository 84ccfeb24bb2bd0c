package smoke

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Report is the outcome of a run.
type Report struct {
	// OK says that the headcounts are exactly those expected, that nothing is
	// missing at any hop, and that no check has failed.
	OK   bool   `json:"ok"`
	Flow string `json:"flow"`
	Run  string `json:"run"`
	// Expected and Rows are numbers of rows of headcounts.
	Expected int      `json:"expected"`
	Rows     int      `json:"rows"`
	Hops     hopTable `json:"hops"`
	Checks   []Check  `json:"checks"`
	Seconds  float64  `json:"seconds"`

	differences []string
}

// hopTable is an object in JSON, by the names of the hops.
type hopTable []Hop

// MarshalJSON writes {"topic": {…}, …}.
func (t hopTable) MarshalJSON() ([]byte, error) {
	byName := map[string]Hop{}
	for _, h := range t {
		byName[h.Name] = h
	}
	return json.Marshal(byName)
}

// report draws up the report.
func (r *runner) report(ctx context.Context) (*Report, error) {
	report := &Report{
		Flow: r.flowName, Run: r.run, Expected: len(r.want.rows), Rows: len(r.got.rows), Hops: r.hops(),
		differences: difference(r.want.rows, r.got.rows),
	}
	r.say("asking what only AWS can answer")
	report.Checks = r.check(ctx)
	report.OK = report.Fault() == nil
	report.Seconds = time.Since(r.begun).Seconds()
	return report, ctx.Err()
}

// Fault is why a report is not OK: the first hop at which something is missing, or
// the first check that has failed. Nil means that it is OK.
func (r *Report) Fault() error {
	for _, h := range r.Hops {
		if !h.OK {
			return fmt.Errorf("hop %s: %d %s, expected %d: %s", h.Name, h.Got, h.What, h.Expected, h.Detail)
		}
	}
	for _, c := range r.Checks {
		if c.Status == Fail {
			return fmt.Errorf("check %s: %s", c.Name, c.Detail)
		}
	}
	return nil
}

// maxDifferences is how many rows that differ are printed.
const maxDifferences = 50

// WriteTable prints the report for a person.
func (r *Report) WriteTable(w io.Writer) {
	for i, line := range r.differences {
		if i == maxDifferences {
			fmt.Fprintf(w, "… and %d more\n", len(r.differences)-i)
			break
		}
		fmt.Fprintln(w, line)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\nhop\tgot\texpected\t\t\n")
	for _, h := range r.Hops {
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\n", h.Name, h.Got, h.Expected, mark(h.OK), withDetail(h.What, h.Detail))
	}
	fmt.Fprint(t, "\ncheck\t\t\t\t\n")
	for _, c := range r.Checks {
		fmt.Fprintf(t, "%s\t\t\t%s\t%s\n", c.Name, c.Status, c.Detail)
	}
	_ = t.Flush() // like all output to a terminal
	fmt.Fprintf(w, "\nrun %s, flow %s: %d rows of headcounts, %d expected, %d differ; %.0f s\n", r.Run, r.Flow, r.Rows, r.Expected, len(r.differences), r.Seconds)
}

func mark(ok bool) string {
	if ok {
		return "holds"
	}
	return "MISSING"
}

func withDetail(what, detail string) string {
	if detail == "" {
		return what
	}
	return what + ": " + detail
}
