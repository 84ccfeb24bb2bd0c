package main

import (
	"flag"
	"fmt"
	"regexp"
	"runtime/debug"
	"time"
)

// parseAnywhere parses flags before and after the arguments; all that follows --
// is an argument.
func (f flags) parseAnywhere(args []string) error {
	var arguments []string
	for {
		if err := f.Parse(args); err != nil {
			return err
		}
		parsed := len(args) - f.NArg()
		if f.NArg() == 0 || parsed > 0 && args[parsed-1] == "--" {
			arguments = append(arguments, f.Args()...)
			return f.Parse(append([]string{"--"}, arguments...))
		}
		arguments = append(arguments, f.Arg(0))
		args = f.Args()[1:]
	}
}

var noValue = regexp.MustCompile(`^(invalid value ".*" for flag -(\S+): )parse error$`)

// mistake says what a flag wants where the flag package says only that it could not
// parse the value.
func (f flags) mistake(err error) string {
	found := noValue.FindStringSubmatch(err.Error())
	if found == nil {
		return err.Error()
	}
	wanted := f.Lookup(found[2])
	what, _ := flag.UnquoteUsage(wanted)
	form := "a whole number"
	if value, ok := wanted.Value.(flag.Getter); ok {
		switch value.Get().(type) {
		case float64:
			form = "a number"
		case time.Duration:
			form = "a duration such as 90s or 5m"
		}
	}
	return found[1] + "want " + what + ", " + form
}

// helpOn shows the flags of a command, or lists the commands.
func helpOn(std streams, names []string) (args []string, listed bool) {
	if len(names) == 0 {
		help(std.out)
		return nil, true
	}
	return []string{names[0], "-h"}, false
}

// unknownCommand is what is said of a name that no command has.
func unknownCommand(name string) string {
	best, least := "", 3 // more changes than that make another word
	for _, c := range commands() {
		if d := changes(name, c.name); d < least {
			best, least = c.name, d
		}
	}
	hint := "`headcount help` lists them"
	if best != "" {
		hint = "did you mean " + best + "? " + hint
	}
	return fmt.Sprintf("headcount: there is no command %q: %s", name, hint)
}

// changes is the Levenshtein distance: how many bytes must be inserted, deleted or
// replaced to make a of b.
func changes(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

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
