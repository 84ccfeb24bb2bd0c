package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/headcount-etl/headcount/stack/settings"
)

// flags is a flag set whose help is printed only when it is asked for: after a
// mistake one line says more.
type flags struct {
	*flag.FlagSet
	stack string
}

func newFlags(name string) *flags {
	f := &flags{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError)}
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.StringVar(&f.stack, "stack", "", "the name of the stack: Pulumi.`NAME`.yaml is its configuration")
	return f
}

// load parses the flags, which may stand before and after arguments, and reads
// the configuration of the stack that they name. check gives what is wrong with
// the flags and arguments. The error names every fault.
func (f *flags) load(args []string, help io.Writer, check func(rest []string) []string) (s *settings.Settings, rest []string, err error) {
	for {
		if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
			f.SetOutput(help)
			f.PrintDefaults()
			return nil, nil, err
		} else if err != nil {
			return nil, nil, f.wrong(err.Error())
		}
		if f.NArg() == 0 {
			break
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
	var faults []string
	if f.stack == "" {
		faults = append(faults, "--stack is missing")
	}
	if faults = append(faults, check(rest)...); faults != nil {
		return nil, nil, f.wrong(strings.Join(faults, "; "))
	}
	root, err := settings.Root()
	if err != nil {
		return nil, nil, err
	}
	s, err = settings.Load(root, f.stack)
	return s, rest, err
}

func (f *flags) wrong(what string) error {
	return fmt.Errorf("%s: `ops %s -h` lists the flags", what, f.Name())
}

// unexpected names arguments where none are wanted.
func unexpected(rest []string) (faults []string) {
	for _, argument := range rest {
		faults = append(faults, fmt.Sprintf("unexpected argument %q", argument))
	}
	return faults
}
