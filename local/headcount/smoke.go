package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
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

// stackFlags name a deployed stack.
type stackFlags struct {
	Stack   string `placeholder:"NAME" help:"A deployed stack, whose outputs Pulumi's CLI reads."`
	Outputs string `placeholder:"FILE" help:"What pulumi stack output --json wrote, in place of --stack; - is stdin."`
}

// read gives the outputs of the stack.
func (f *stackFlags) read(ctx context.Context, std streams) (outputs smoke.Outputs, err error) {
	name, in := "--outputs "+f.Outputs, std.in
	switch {
	case f.Stack != "" && f.Outputs != "":
		return outputs, usageError{"--stack and --outputs name a stack both: give one of them"}
	case f.Stack == "" && f.Outputs == "":
		return outputs, usageError{"--stack is missing, or --outputs"}
	case f.Stack != "":
		name = "--stack " + f.Stack
		command := exec.CommandContext(ctx, "pulumi", "stack", "output", "--json", "--stack", f.Stack) // #nosec G204 -- one argument of a program, no shell
		var stderr bytes.Buffer
		command.Stderr = &stderr
		text, err := command.Output()
		if errors.Is(err, exec.ErrNotFound) {
			return outputs, usageError{name + ": Pulumi's CLI is missing: https://www.pulumi.com/docs/install/, or --outputs with what it writes elsewhere"}
		}
		if err != nil {
			return outputs, orCutShort(ctx, usageError{fmt.Sprintf("%s: pulumi stack output: %s %s", name, err, strings.Join(strings.Fields(stderr.String()), " "))}, "nothing was read")
		}
		in = bytes.NewReader(text)
	case f.Outputs != "-":
		file, err := os.Open(f.Outputs)
		if err != nil {
			return outputs, usageError{fmt.Sprintf("%s: %s", name, cause(err))}
		}
		defer file.Close() //nolint:errcheck // only read from
		in = file
	}
	outputs, err = smoke.ReadOutputs(untilStopped(ctx, in))
	if _, ended := besides(err); ended {
		return outputs, orCutShort(ctx, err, "nothing was read")
	}
	if err != nil {
		return outputs, usageError{fmt.Sprintf("%s: %s", name, oneLine(err))}
	}
	return outputs, nil
}

// smokeCommand checks a deployed stack.
type smokeCommand struct {
	stackFlags
	Flow    string        `help:"Name of the data flow; the published one without it."`
	Events  int           `default:"1000" placeholder:"N" help:"Number of events to publish (${default})."`
	Seed    uint64        `default:"1" placeholder:"S" help:"The same seed has the same people at the same places (${default})."`
	Timeout time.Duration `default:"10m" help:"How long to wait for the headcounts and the lake, whose stream gathers for minutes (${default})."`
}

// Help shows examples.
func (*smokeCommand) Help() string {
	return `It needs credentials of the stack's account. The report is a table on stderr, and a line of JSON on stdout.

	headcount smoke --stack dev
	pulumi stack output --json --stack dev | headcount smoke --outputs - --events 5000`
}

// Run publishes events and waits for what they must become.
func (s *smokeCommand) Run(ctx context.Context, std streams) error {
	var m mistakes
	m.where(s.Events < smoke.MinEvents || s.Events > smoke.MaxEvents, "--events %d is not %d to %d", s.Events, smoke.MinEvents, smoke.MaxEvents)
	m.where(s.Timeout < time.Minute || s.Timeout > 12*time.Hour, "--timeout %s is not 1m to 12h", s.Timeout)
	if err := m.found(); err != nil {
		return err
	}
	outputs, err := s.read(ctx, std)
	if err != nil {
		return err
	}
	target, err := smoke.OnAWS(ctx, outputs)
	if err != nil {
		return err
	}
	last := "nothing was published"
	report, err := smoke.Run(ctx, target, smoke.Options{
		Flow: s.Flow, Events: s.Events, Seed: s.Seed, Timeout: s.Timeout, Every: athenaEvery, MetricsTimeout: metricsTimeout,
		Say: func(line string) {
			last = line
			fmt.Fprintln(std.err, line)
		},
	})
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
