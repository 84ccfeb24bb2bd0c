package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/internal/publish"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/shared/event"
)

// findings is what the input of a run shows of its faults: where they are, never
// what stands there.
type findings map[event.Fault]int // the lines of the first events with each

// faulty is a publisher's Faulty.
func (f findings) faulty(line int, fault event.Fault) {
	if _, had := f[fault]; !had {
		f[fault] = line
	}
}

// write lists the rejected events by category and field.
func (f findings) write(w io.Writer, b *pipeline.Balance) {
	faults := b.Faults
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
		if line := f[fault]; line > 0 {
			example = fmt.Sprintf(", first in line %d", line)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s%s\n", pretty(faults[fault]), fault.Category, fault.Field, fault.Reason(), example)
	}
	_ = t.Flush() // like all output to a terminal
}

// writePublished lists the faults by category and field, with the line of the first
// event that has it.
func (f findings) writePublished(w io.Writer) {
	for _, fault := range slices.SortedFunc(maps.Keys(f), func(x, y event.Fault) int { return cmp.Compare(f[x], f[y]) }) {
		fmt.Fprintf(w, "headcount: %s %s, first in line %d: the stack will reject it\n", fault.Category, fault.Field, f[fault])
	}
}

// useful gives an error where nothing of the input counts, with the likely reason.
func useful(balances []*pipeline.Balance, events string) error {
	what := "--events " + events
	for _, b := range balances {
		near := "near any place"
		if len(balances) > 1 {
			near += " of flow " + b.Flow
		}
		switch {
		case b.Published == 0:
			return usageError{what + " holds no events"}
		case b.Valid == 0:
			return usageError{fmt.Sprintf("%s: 0 of %s are valid, so there is nothing to count: docs/event.schema.json describes a valid one, and README.md shows one", what, counted(b.Published, "event"))}
		case b.Near == 0:
			return usageError{fmt.Sprintf("%s: 0 of %s %s, so there is nothing to count: are latitude and longitude swapped, there or in --pois, or is --radius too short?", what, counted(b.Valid, "valid event"), near)}
		}
	}
	return nil
}

// unusable is the error of an input of which nothing was published.
func unusable(events string, err error) error {
	var input *publish.InputError
	if errors.As(err, &input) {
		return usageError{"--events " + events + ": it " + err.Error() + "; nothing was published"}
	}
	return err
}

// otherFlow says what helps where a flow was made with other settings, or gives err.
func otherFlow(data string, err error) error {
	var conflict *flow.ConflictError
	if errors.As(err, &conflict) {
		return usageError{fmt.Sprintf("--data %s: %s. Name another folder (--data) or another flow (--flow), or restore the old settings", data, conflict.Differences())}
	}
	return err
}

// unread is the error of an input that could not be read to its end, or err.
func unread(events string, b *pipeline.Balance, err error) error {
	var input *publish.InputError
	if errors.As(err, &input) {
		lines := strings.TrimSuffix(oneLine(err), input.Error()) // that were left out before
		return usageError{fmt.Sprintf("%s--events %s: it %s: the balance has the %s before that, and not the rest", lines, events, input, counted(b.Published, "event"))}
	}
	return err
}
