package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/headcount-etl/headcount/local/pipeline"
	"github.com/headcount-etl/headcount/shared/event"
)

// findings is what the input of a run shows of its faults: where they are, never
// what stands there.
type findings struct {
	lines map[event.Fault]int // of the first event with that fault
	hint  string              // what the input may be instead
	begun bool
}

// faulty is a publisher's Faulty.
func (f *findings) faulty(line int, text string, fault event.Fault) {
	if f.lines == nil {
		f.lines = map[event.Fault]int{}
	}
	if _, had := f.lines[fault]; !had {
		f.lines[fault] = line
	}
	if !f.begun && line == 1 && fault.Category == event.MalformedJSON {
		f.hint = insteadOfEvents(text)
	}
	f.begun = true
}

// insteadOfEvents says what an input may be that begins with this malformed event.
func insteadOfEvents(text string) string {
	text = strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"):
		return "the input is UTF-16, want UTF-8: `iconv -f UTF-16 -t UTF-8 FILE` converts it"
	case strings.HasPrefix(text, "["):
		return "the input begins with a JSON array, want an event a line: `jq -c '.[]' FILE` writes it so"
	case strings.HasPrefix(text, "{") && !strings.HasSuffix(text, "}"):
		return "the input's first line is only the beginning of a JSON object, want an event a line: `jq -c . FILE` writes it so"
	case !strings.Contains(text, "{") && strings.ContainsAny(text, ",;\t"):
		return "the input looks like CSV, want a JSON object a line"
	}
	return ""
}

// write lists the rejected events by category and field.
func (f *findings) write(w io.Writer, b *pipeline.Balance) {
	faults := b.Faults()
	if len(faults) == 0 {
		return
	}
	order := slices.SortedFunc(maps.Keys(faults), func(x, y event.Fault) int {
		return cmp.Or(cmp.Compare(faults[y], faults[x]), cmp.Compare(x.Category, y.Category), cmp.Compare(x.Field, y.Field))
	})
	fmt.Fprintln(w, "rejected:")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, fault := range order {
		example := ""
		if line := f.lines[fault]; line > 0 {
			example = fmt.Sprintf(", first in line %d", line)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s%s\n", pretty(faults[fault]), fault.Category, fault.Field, fault.Reason(), example)
	}
	_ = t.Flush() // like all output to a terminal
	if f.hint != "" {
		fmt.Fprintf(w, "hint: %s\n", f.hint)
	}
}

// useful gives an error where nothing of the input counts, with the likely reason.
func useful(b *pipeline.Balance, events string) error {
	what := "--events " + events
	switch {
	case b.Published == 0:
		return usageError{what + " holds no events"}
	case b.Valid == 0:
		return usageError{fmt.Sprintf("%s: all %s events were rejected, so there is nothing to count", what, pretty(b.Published))}
	case b.Near() == 0:
		return usageError{fmt.Sprintf("%s: 0 of %s valid events near any place, so there is nothing to count: are latitude and longitude swapped, there or in --pois, or is --radius too short?", what, pretty(b.Valid))}
	}
	return nil
}
