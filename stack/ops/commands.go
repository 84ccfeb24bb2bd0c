package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/headcount-etl/headcount/stack/images"
	"github.com/headcount-etl/headcount/stack/keys"
	"github.com/headcount-etl/headcount/stack/places"
)

// command is one of ops'. Where run's error is flag.ErrHelp, help was printed.
type command struct {
	name, usage, does string
	run               func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

var commands = []command{
	{"keys", "--stack NAME [--list | --rotate [DAY]]", "make the masking keys if there are none; list them; add one from a day on (tomorrow)", runKeys},
	{"images", "--stack NAME [--dry-run]", "build the services' images, push them, and write their digests to images.<stack>.json", images.Run},
	{"places", "--stack NAME", "check the lists of places and upload them", runPlaces},
	{"config", "--stack NAME", "check the stack's configuration and print it as JSON", runConfig},
	{"changes", "--base REVISION", "print, as Markdown, what differs from a revision in the committed lists of resources and templates", runChanges},
}

// execute runs a command and gives the exit code: 0, 1 for an error, 2 for a
// command that there is not.
func execute(ctx context.Context, stdout, stderr io.Writer, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		help(stdout)
		return 0
	}
	for _, c := range commands {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, args[1:], stdout, stderr)
		if err == nil || errors.Is(err, flag.ErrHelp) {
			return 0
		}
		text := strings.ReplaceAll(err.Error(), "\n", "; ")
		if !strings.HasPrefix(text, c.name+":") {
			text = c.name + ": " + text
		}
		fmt.Fprintf(stderr, "ops %s\n", text)
		return 1
	}
	fmt.Fprintf(stderr, "ops: there is no command %q: `ops help` lists them\n", args[0])
	return 2
}

func help(w io.Writer) {
	fmt.Fprint(w, "What a deployment needs besides Pulumi. Credentials are those of the AWS CLI.\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  ops %-7s %s\n  %11s %s\n", c.name, c.usage, "", c.does)
	}
	fmt.Fprint(w, "\n`ops COMMAND -h` lists a command's flags.\n")
}

func runKeys(ctx context.Context, args []string, stdout, _ io.Writer) error {
	var o keys.Options
	f := newFlags("keys")
	f.BoolVar(&o.List, "list", false, "list the keys: ids, first days and fingerprints, never a key; fail if there are none")
	f.BoolVar(&o.Rotate, "rotate", false, "add a key from DAY on: YYYY-MM-DD in UTC, tomorrow if it is left out")
	s, rest, err := f.load(args, stdout, func(rest []string) []string {
		var faults []string
		if o.List && o.Rotate {
			faults = append(faults, "--list and --rotate exclude each other")
		}
		if o.Rotate && len(rest) > 0 {
			rest = rest[1:]
		}
		return append(faults, unexpected(rest)...)
	})
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		o.Day = rest[0]
	}
	return keys.Run(ctx, s, o, stdout)
}

func runPlaces(ctx context.Context, args []string, stdout, _ io.Writer) error {
	s, _, err := newFlags("places").load(args, stdout, unexpected)
	if err != nil {
		return err
	}
	return places.Run(ctx, s, stdout)
}

func runConfig(_ context.Context, args []string, stdout, _ io.Writer) error {
	s, _, err := newFlags("config").load(args, stdout, unexpected)
	if err != nil {
		return err
	}
	return printConfig(s, stdout)
}
