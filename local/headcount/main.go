// Command headcount runs the whole pipeline on one machine, without an AWS
// account: it is for trying it out, for development and for tests, and keeps its
// queues in memory. `headcount help` lists what it does.
//
// Each command is a file here, and internal/ has what they need: pipeline, the
// resources on the stand-in, the services and the balance of a run; publish, which
// sends a file of events; simulate, people who walk around a city; lake, the
// conversion of records to Parquet; smoke, a check of a deployed stack; cost, the
// bill of a stack; e2e, the tests of the whole.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
)

// defaultFlow is the flow that is run, and shown, when no other is named.
const defaultFlow = "v1"

// command is one of headcount's.
type command struct {
	name, usage, does string
	run               func(ctx context.Context, std streams, args []string) error
}

// streams are the standard streams, so that tests can give others.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func commands() []command {
	return []command{
		{"run", "--events FILE|- --pois FILE --data DIR", "put a file of events through the pipeline and print the balance", run},
		{"demo", "", "a simulated city, live, with the dashboard in the browser, until Ctrl-C", demo},
		{"query", `--data DIR [--format table|json|csv] "SQL"`, "ask the data folder: events, headcounts, quarantine", query},
		{"preview", "--definition FILE --data DIR [--dataset id=SQL …]", "a QuickSight definition in the browser, on the data folder", show},
		{"simulate", "--people N --minutes M --seed S", "simulated events on stdout", simulateEvents},
		{"smoke", "--outputs FILE|- [--flow NAME --events 1000]", "publish to a deployed stack, and wait for what must come of it", checkStack},
		{"cloud", "[--listen 127.0.0.1:4566] --data DIR", "only the stand-in for AWS", standIn},
		{"cost", "[--events N] [--write FILE]", "what it costs on AWS, from what runs on the stand-in use", bill},
	}
}

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	os.Exit(untilSignal(signals, os.Stderr, func(ctx context.Context) int {
		return execute(ctx, streams{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])
	}))
}

// The exit codes, besides those of a signal.
const (
	exitDone   = 0
	exitFailed = 1 // something has failed, or is not equal that must be
	exitInput  = 2 // a mistake on the command line or in the input
)

// errSaid is an error that was written already.
var errSaid = errors.New("")

// usageError is a mistake on the command line, or in the input that it names.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// execute runs a command and gives the exit code. Results that could not be
// written are an error too.
func execute(ctx context.Context, std streams, args []string) int {
	return withResults(std, func(std streams) int { return dispatch(ctx, std, args) })
}

func dispatch(ctx context.Context, std streams, args []string) int {
	if len(args) == 0 {
		args = []string{"help"}
	}
	switch args[0] {
	case "help", "-h", "--help":
		var listed bool
		if args, listed = helpOn(std, args[1:]); listed {
			return exitDone
		}
	case "version", "--version":
		if info, ok := debug.ReadBuildInfo(); ok {
			fmt.Fprintln(std.out, version(info))
		}
		return exitDone
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		return exitCode(ctx, std, c.name, c.run(ctx, std, args[1:]))
	}
	fmt.Fprintln(std.err, unknownCommand(args[0]))
	return exitInput
}

// exitCode says what is wrong, if anything is, and gives the exit code. After a
// signal that is the signal's only where it has cut something short.
func exitCode(ctx context.Context, std streams, command string, err error) int {
	var mistake usageError
	stop, stopped := stopOf(ctx)
	err = orCutShort(ctx, err, "it has not finished")
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitDone
	case stopped && errors.As(err, new(cutShort)):
		if !errors.Is(err, errSaid) {
			fmt.Fprintf(std.err, "headcount %s: interrupted by %s: %s\n", command, stop, oneLine(err))
		}
		return stop.code()
	case errors.As(err, &mistake):
		fmt.Fprintf(std.err, "headcount %s: %s\n", command, mistake.text)
		return exitInput
	case !errors.Is(err, errSaid):
		fmt.Fprintf(std.err, "headcount %s: %s\n", command, oneLine(err))
	}
	return exitFailed
}

// oneLine puts joined errors behind one another.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func help(w io.Writer) {
	fmt.Fprint(w, "Headcount on one machine.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  headcount %-8s %s\n  %18s %s\n", c.name, c.usage, "", c.does)
	}
	fmt.Fprint(w, "\n`headcount help COMMAND` lists a command's flags, `headcount version` says what was built. Exit codes: 0 done; 1 failed, or not equal; 2 a mistake on the\n"+
		"command line, or nothing useful in the input; 129, 130, 143 cut short by SIGHUP, SIGINT, SIGTERM.\n")
}

// flags is a flag set whose help is printed only when it is asked for: after a
// mistake one line says more.
type flags struct {
	*flag.FlagSet
	help io.Writer
}

func newFlags(name string, help io.Writer) flags {
	f := flags{flag.NewFlagSet(name, flag.ContinueOnError), help}
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	return f
}

// parse parses the flags, of which those named must be given. The argument, if the
// command has one, is what it is called; there must be exactly one.
func (f flags) parse(args []string, argument string, required ...string) error {
	if err := f.parseAnywhere(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(f.help, "headcount %s:\n", f.Name())
			f.SetOutput(f.help)
			f.PrintDefaults()
			return err
		}
		return usageError{f.mistake(err) + ": `headcount " + f.Name() + " -h` lists the flags"}
	}
	var faults []string
	for _, name := range required {
		if f.Lookup(name).Value.String() == "" {
			faults = append(faults, "--"+name+" is missing")
		}
	}
	switch n := f.NArg(); {
	case argument == "" && n > 0:
		faults = append(faults, fmt.Sprintf("%q is no flag", f.Arg(0)))
	case argument != "" && n == 0:
		faults = append(faults, "the "+argument+" is missing")
	case argument != "" && n > 1:
		faults = append(faults, fmt.Sprintf("there are %d arguments, want one: put the %s in quotes", n, argument))
	}
	if len(faults) > 0 {
		return usageError{strings.Join(faults, "; ") + ": `headcount " + f.Name() + " -h` lists the flags"}
	}
	return nil
}
