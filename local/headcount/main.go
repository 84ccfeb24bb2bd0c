// Command headcount runs the whole pipeline on one machine, without an AWS
// account, answers questions about its data, and works with a stack that is on AWS.
// `headcount --help` lists its commands.
//
// Each command is a struct with its flags and a method Run, in a file of its name.
// internal/ has what they need: pipeline, the resources on the stand-in, the
// services and the balance of a run; publish, which sends events to the topic;
// simulate, people who walk around a city; lake, the conversion of records to
// Parquet; smoke, a check of a deployed stack; cost, the bill of a stack; e2e, the
// tests of the whole.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/local/headcount/internal/simulate"
)

// defaultFlow is the flow that is run, and shown, when no other is named.
const defaultFlow = "v1"

// commands are headcount's.
type commands struct {
	Run      runCommand      `cmd:"" help:"Put a file of events through the pipeline on this machine, and print the balance."`
	Demo     demoCommand     `cmd:"" help:"A simulated city, live, with the dashboard in the browser, until Ctrl-C."`
	Query    queryCommand    `cmd:"" help:"Ask a data folder, or Athena, in SQL."`
	Preview  previewCommand  `cmd:"" help:"Show a QuickSight definition in the browser, on local data."`
	Simulate simulateCommand `cmd:"" help:"Write simulated events to stdout."`
	Publish  publishCommand  `cmd:"" help:"Publish a file of events to a deployed stack."`
	Smoke    smokeCommand    `cmd:"" help:"Publish to a deployed stack, and wait for exactly what must come of it."`
	Cloud    cloudCommand    `cmd:"" help:"Only the stand-in for AWS, for any SDK or CLI, until Ctrl-C."`
	Cost     costCommand     `cmd:"" help:"What a stack costs on AWS, from what runs on the stand-in use."`

	Version kong.VersionFlag `help:"Print what was built, and exit."`
}

// dataFlag is the folder that a command works on.
type dataFlag struct {
	Data string `default:"${data}" env:"HEADCOUNT_DATA" placeholder:"DIR" help:"The data folder (default: $$HEADCOUNT_DATA, then ./data)."`
}

// defaultData is the data folder when none is named.
const defaultData = "data"

// shownFlags narrow what the views show.
type shownFlags struct {
	Flow string `default:"${flow}" help:"The flow that the views published_… show (${default})."`
	Days uint16 `default:"${days}" help:"The last days that published_headcounts shows, as on AWS (${default}); recent_events shows the last ${imported}; 0 shows all of both."`
}

// listenFlag is the address of a page.
type listenFlag struct {
	Listen string `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Loopback address of the page; port 0 chooses one (${default})."`
}

// vars are the defaults that are constants elsewhere.
var vars = kong.Vars{
	"flow": defaultFlow, "data": defaultData, "days": fmt.Sprint(views.Days), "imported": fmt.Sprint(views.ImportedDays),
	"faults": fmt.Sprint(simulate.DefaultFaultShare), "noconsent": fmt.Sprint(simulate.DefaultNoConsentShare), "interval": simulate.DefaultInterval.String(),
}

// streams are the standard streams, so that tests can give others.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// memoryLimit is when Go's collector begins to hurry. What a run holds at once is some
// 200 MiB, however many events there are; without a limit there would be as much again
// of garbage.
const memoryLimit = 280 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
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

// mistakes are the faults of a command's values.
type mistakes []string

// where adds a fault where it is one.
func (m *mistakes) where(wrong bool, format string, args ...any) {
	if wrong {
		*m = append(*m, fmt.Sprintf(format, args...))
	}
}

// found is one error of all faults, or nothing.
func (m mistakes) found() error {
	if len(m) == 0 {
		return nil
	}
	return usageError{strings.Join(m, "; ")}
}

// execute runs a command and gives the exit code. Results that could not be
// written are an error too.
func execute(ctx context.Context, std streams, args []string) int {
	r := &results{Writer: std.out}
	std.out = r
	command, err := parse(std, args)
	if err == nil && command != nil {
		command.BindTo(ctx, (*context.Context)(nil))
		err = command.Run(std)
	}
	code := exitCode(ctx, std, err)
	if code == exitDone && r.err != nil {
		fmt.Fprintf(std.err, "headcount: the results are not complete: %v\n", r.err)
		return exitFailed
	}
	return code
}

// parse parses a command line; without a command it has printed what was asked for.
func parse(std streams, args []string) (command *kong.Context, err error) {
	args, shown := slices.Clone(args), false
	switch {
	case len(args) == 0:
		_, err := parse(streams{out: std.err, err: std.err}, []string{"--help"})
		return nil, errors.Join(err, usageError{}, errSaid)
	case args[0] == "help":
		args = append(args[1:], "--help")
	case args[0] == "version":
		args[0] = "--version"
	}
	for i, arg := range args {
		// SQL that begins with a comment is no flag: a flag has neither a blank after
		// its dashes nor a second line.
		if strings.HasPrefix(arg, "-- ") || strings.HasPrefix(arg, "--") && strings.Contains(arg, "\n") {
			args[i] = "\n" + arg
		}
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	parser := kong.Must(&commands{}, kong.Name("headcount"), kong.Description("How many people are around each place of interest, from the positions that an app's users send."),
		kong.Writers(std.out, std.err), kong.Exit(func(int) { shown = true }), kong.WithHyphenPrefixedParameters(true),
		vars, kong.Vars{"version": version(info)}, kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 110}))
	command, err = parser.Parse(args)
	if r, ok := std.out.(*results); shown || ok && r.err != nil { // where the help is lost, execute reports it
		return nil, nil //nolint:nilerr // what was asked for is shown, whatever else is on the line
	}
	var mistake *kong.ParseError
	if !errors.As(err, &mistake) {
		return command, err
	}
	help, text := "headcount --help", oneLine(err)
	if mistake.Context.Selected() != nil {
		help = "headcount " + mistake.Context.Selected().Name + " --help"
	}
	for _, f := range mistake.Context.Flags() {
		if strings.HasPrefix(text, "--"+f.Name+": ") && f.Default != "" {
			text += fmt.Sprintf(": want it as in --%s %s", f.Name, f.Default)
		}
	}
	return nil, usageError{fmt.Sprintf("%s: `%s` shows how", text, help)}
}

// exitCode says what is wrong, if anything is, and gives the exit code. After a
// signal that is the signal's only where it has cut something short.
func exitCode(ctx context.Context, std streams, err error) int {
	stop, stopped := stopOf(ctx)
	err = orCutShort(ctx, err, "it has not finished")
	switch {
	case err == nil:
		return exitDone
	case stopped && errors.As(err, new(cutShort)):
		if !errors.Is(err, errSaid) {
			fmt.Fprintf(std.err, "headcount: interrupted by %s: %s\n", stop, oneLine(err))
		}
		return stop.code()
	case !errors.Is(err, errSaid):
		fmt.Fprintf(std.err, "headcount: %s\n", oneLine(err))
	}
	if errors.As(err, new(usageError)) {
		return exitInput
	}
	return exitFailed
}

// oneLine puts joined errors behind one another.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// version says what the binary was built of: in a workspace Go gives the module no
// version, but the commit where there is one.
func version(info *debug.BuildInfo) string {
	commit, changed := "an unknown commit", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = "commit " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	return fmt.Sprintf("headcount of %s%s, %s", commit, changed, info.GoVersion)
}
