// Command ops does what a deployment needs besides Pulumi: masking keys, images,
// lists of places. The Makefile calls it; `go run ./stack/ops --help` lists what
// it does. It knows no Pulumi, so that it is built in a moment.
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
	"github.com/headcount-etl/headcount/stack/places"
	"github.com/headcount-etl/headcount/stack/settings"
)

// commands are ops'. Credentials are those of the AWS CLI.
type commands struct {
	Keys   keysCommand   `cmd:"" help:"Make the masking keys if there are none; list them; add one from a day on."`
	Images imagesCommand `cmd:"" help:"Build the services' images, push them, and write their digests to images.NAME.json."`
	Places placesCommand `cmd:"" help:"Check the lists of places and upload them."`
	Config configCommand `cmd:"" help:"Check the stack's configuration and print it as JSON."`
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

type keysCommand struct {
	stackFlag
	keys.Options
}

func (c *keysCommand) Run(ctx context.Context, s *settings.Settings, stdout io.Writer) error {
	return keys.Run(ctx, s, c.Options, stdout)
}

type imagesCommand struct {
	Stack  string `required:"" xor:"to" placeholder:"NAME" help:"The stack whose repositories get the images."`
	DryRun bool   `required:"" xor:"to" help:"Only build: print digests and sizes, push nothing."`
}

func (c *imagesCommand) Run(ctx context.Context, stdout io.Writer) error {
	if c.DryRun {
		return images.Print(ctx, stdout, os.Stderr)
	}
	return images.Push(ctx, c.Stack, stdout, os.Stderr)
}

type placesCommand struct{ stackFlag }

func (c *placesCommand) Run(ctx context.Context, s *settings.Settings, stdout io.Writer) error {
	return places.Run(ctx, s, stdout)
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
	parser := kong.Must(&commands{}, kong.Name("ops"), kong.Description("What a deployment needs besides Pulumi. Credentials are those of the AWS CLI."),
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
