// Command ops does what an operator needs besides Pulumi; `go run ./stack/ops --help`
// lists what. It knows no Pulumi, so that it is built in a moment.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/headcount-etl/headcount/stack/images"
	"github.com/headcount-etl/headcount/stack/keys"
	"github.com/headcount-etl/headcount/stack/preflight"
	"github.com/headcount-etl/headcount/stack/settings"
)

// commands are ops'. Credentials are those of the AWS CLI.
type commands struct {
	Preflight preflightCommand `cmd:"" help:"Look for what would stop an up: credentials, quotas, names that are taken; change nothing."`
	Keys      keysCommand      `cmd:"" help:"List the masking keys: ids, first days and fingerprints, never a key; or add one from a day on."`
	Images    imagesCommand    `cmd:"" help:"Build the services' images as an up does: print digests and sizes, push nothing."`
	Config    configCommand    `cmd:"" help:"Check the stack's configuration and print it as JSON."`
}

// stackFlag names the stack that a command works on.
type stackFlag struct {
	Stack string `required:"" placeholder:"NAME" help:"The name of the stack: Pulumi.NAME.yaml is its configuration."`
}

// ProvideSettings gives a command the stack's configuration.
func (f *stackFlag) ProvideSettings() (*settings.Settings, error) {
	root, err := settings.Root()
	if err != nil {
		return nil, err
	}
	return settings.Load(root, f.Stack)
}

type preflightCommand struct{ stackFlag }

func (*preflightCommand) Run(ctx context.Context, s *settings.Settings, stdout io.Writer) error {
	root, err := settings.Root()
	if err != nil {
		return err
	}
	return preflight.Run(ctx, root, s, stdout)
}

type keysCommand struct {
	stackFlag
	keys.Options
}

func (c *keysCommand) Run(ctx context.Context, s *settings.Settings, stdout io.Writer) error {
	return keys.Run(ctx, s, c.Options, stdout)
}

type imagesCommand struct{}

func (*imagesCommand) Run(ctx context.Context, stdout io.Writer) error {
	root, err := settings.Root()
	if err != nil {
		return err
	}
	return images.Print(ctx, root, stdout, os.Stderr)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(execute(ctx, os.Stdout, os.Stderr, os.Args[1:]))
}

// execute runs a command and gives the exit code: 0, 1 for an error, 2 for a
// mistake on the command line.
func execute(ctx context.Context, stdout, stderr io.Writer, args []string) int {
	if len(args) == 0 || args[0] == "help" {
		args = []string{"--help"}
	}
	helped := false
	parser := kong.Must(&commands{}, kong.Name("ops"), kong.Description("What an operator needs besides Pulumi. Credentials are those of the AWS CLI."),
		kong.Writers(stdout, stderr), kong.BindTo(ctx, (*context.Context)(nil)), kong.BindTo(stdout, (*io.Writer)(nil)), kong.Exit(func(int) { helped = true }))
	command, err := parser.Parse(args)
	if helped {
		return 0
	}
	if err == nil {
		err = command.Run()
	}
	return report(stderr, err)
}

// report writes an error in one line, and gives the exit code.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "ops: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
	if errors.As(err, new(*kong.ParseError)) {
		return 2
	}
	return 1
}
