package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/smoke"
)

const (
	// athenaEvery is how often Athena is asked while waiting; a query costs a
	// twentieth of a cent at least
	// (https://aws.amazon.com/athena/pricing/: 10 MB).
	athenaEvery = 5 * time.Second
	// metricsTimeout is how long CloudWatch may take with what it reads from logs.
	metricsTimeout = 3 * time.Minute
)

// smokeFlags are the flags of `headcount smoke`.
type smokeFlags struct {
	outputs string
	options smoke.Options
}

func readSmokeFlags(args []string, help io.Writer) (s smokeFlags, err error) {
	s.options = smoke.Options{Every: athenaEvery, MetricsTimeout: metricsTimeout}
	f := newFlags("smoke", help)
	f.StringVar(&s.outputs, "outputs", "", "`file` with what `pulumi stack output --json` writes; - is stdin")
	f.StringVar(&s.options.Flow, "flow", "", "`name` of the data flow; the published one if none is named")
	f.IntVar(&s.options.Events, "events", 1000, "`number` of events to publish")
	f.Uint64Var(&s.options.Seed, "seed", 1, "same `seed`, same people at the same places")
	f.DurationVar(&s.options.Timeout, "timeout", 10*time.Minute, "`time` to wait for the headcounts and the lake, which gathers for minutes")
	if err := f.parse(args, "", "outputs"); err != nil {
		return s, err
	}
	var faults []string
	if n := s.options.Events; n < smoke.MinEvents || n > smoke.MaxEvents {
		faults = append(faults, fmt.Sprintf("--events %d is not %d to %d", n, smoke.MinEvents, smoke.MaxEvents))
	}
	if t := s.options.Timeout; t < time.Minute || t > 12*time.Hour {
		faults = append(faults, fmt.Sprintf("--timeout %s is not 1m to 12h", t))
	}
	if len(faults) > 0 {
		return s, usageError{strings.Join(faults, "; ")}
	}
	return s, nil
}

// checkStack publishes events to a deployed stack and waits for what they must
// become.
func checkStack(ctx context.Context, std streams, args []string) error {
	flags, err := readSmokeFlags(args, std.err)
	if err != nil {
		return err
	}
	in := std.in
	if flags.outputs != "-" {
		file, err := os.Open(flags.outputs)
		if err != nil {
			return usageError{fmt.Sprintf("--outputs %s: %s", flags.outputs, cause(err))}
		}
		defer file.Close() //nolint:errcheck // only read from
		in = file
	}
	outputs, err := smoke.ReadOutputs(untilStopped(ctx, in))
	if _, ended := besides(err); ended {
		return orCutShort(ctx, err, "nothing was published")
	}
	if err != nil {
		return usageError{fmt.Sprintf("--outputs %s: %s", flags.outputs, oneLine(err))}
	}
	target, err := smoke.OnAWS(ctx, outputs)
	if err != nil {
		return err
	}
	last := "nothing was published"
	flags.options.Say = func(line string) {
		last = line
		fmt.Fprintln(std.err, line)
	}
	report, err := smoke.Run(ctx, target, flags.options)
	if report == nil {
		return orCutShort(ctx, err, "no verdict was reached; last: %s", last)
	}
	report.WriteTable(std.err)
	line, bad := json.Marshal(report)
	if bad == nil {
		fmt.Fprintf(std.out, "%s\n", line)
	}
	return errors.Join(err, bad, report.Fault())
}
