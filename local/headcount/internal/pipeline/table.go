package pipeline

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// WriteTable prints the balance for a person, hop by hop.
func (b *Balance) WriteTable(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, n int64, what string) { fmt.Fprintf(t, "%s\t%d\t  %s\n", name, n, what) }
	row("published", b.Published, "events, valid or not"+b.byOthers())
	row("valid", b.Valid, "kept the contract")
	for _, category := range slices.Sorted(maps.Keys(b.Rejected)) {
		row("rejected", b.Rejected[category], string(category))
	}
	row("aggregated", b.Aggregated, fmt.Sprintf("%d near a place, so counted; %d near none", b.near, b.Aggregated-b.near))
	row("lake", b.Lake, "rows added to the lake")
	row("unconverted", b.Unconverted, "in records that do not fit the lake's table")
	row("cells", b.Cells, "rows of headcounts in the folder")
	_ = t.Flush() // like all output to a terminal
	verdict := "the balance closes"
	if b.Check() != nil {
		verdict = "THE BALANCE DOES NOT CLOSE"
	}
	fmt.Fprintf(w, "%s; %.1f s, %.0f events/s\n", verdict, b.Seconds, b.EventsPerSecond)
}

// byOthers says how many events the run itself has not published.
func (b *Balance) byOthers() string {
	if b.Published <= b.own.Events {
		return ""
	}
	return fmt.Sprintf("; %d of them published by others", b.Published-b.own.Events)
}
