package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/headcount-etl/headcount/dashboards"
	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/preview"
	"github.com/headcount-etl/headcount/shared/service"
)

// previewAddress is where the preview listens if nothing else is said.
const previewAddress = "127.0.0.1:8080"

// ownViews are the views behind the data sets of our own dashboards, by their
// identifiers.
var ownViews = map[string]preview.View{
	"events":     {Name: "recent_events", Imported: true, Narrow: narrow}, // as ImportMode says in dashboards/datasets
	"headcounts": {Name: "published_headcounts", Narrow: narrow},
}

const narrow = "it shows the last days only, --days 0 shows all"

// show serves a definition until Ctrl-C.
func show(ctx context.Context, std streams, args []string) error {
	f := newFlags("preview", std.err)
	file := f.String("definition", "", "the JSON `file` of a QuickSight definition")
	dir := f.String("data", "", "the data `folder`, for the data sets headcounts and events")
	listen := f.String("listen", previewAddress, "loopback `address` of the page; port 0 chooses one")
	flow := f.String("flow", defaultFlow, "the `flow` of the data set headcounts")
	days := publishedDays(f)
	sets := map[string]string{}
	f.Func("dataset", "`id=SQL`: where the rows of a data set come from; may be repeated", func(text string) error {
		id, statement, ok := strings.Cut(text, "=")
		if !ok || id == "" || strings.TrimSpace(statement) == "" {
			return errors.New("want identifier=SELECT …")
		}
		sets[id] = statement
		return nil
	})
	if err := f.parse(args, "", "definition"); err != nil {
		return err
	}
	if err := checkListen(*listen); err != nil {
		return err
	}
	if *dir == "" && len(sets) == 0 {
		return usageError{"--data is missing, and so is any --dataset: `headcount preview -h` lists the flags"}
	}
	if !service.IsFlow(*flow) {
		return usageError{fmt.Sprintf("--flow %q is not 1 to 32 of a-z, 0-9 and -, not beginning with -", *flow)}
	}
	if _, err := os.Stat(*file); err != nil {
		return usageError{fmt.Sprintf("--definition %s: %s", *file, cause(err))}
	}
	if *dir != "" {
		if err := checkFolder("--data", *dir); err != nil {
			return err
		}
	}
	s, err := preview.Start(ctx, preview.Config{
		Listen: *listen, File: *file, Dir: *dir, Schema: pipeline.Schema(*flow, *days), Views: ownViews, DataSets: sets,
	})
	if err != nil {
		return orEnded(ctx, orTaken(err, *listen))
	}
	faults, err := s.Faults(ctx)
	err = orEnded(ctx, err)
	for _, fault := range faults {
		fmt.Fprintln(std.err, fault.Error())
	}
	if err == nil {
		fmt.Fprintf(std.err, "%s is shown at\n\n  %s\n\nIt follows the file and the data; Ctrl-C ends it.\n", *file, s.URL())
		<-ctx.Done()
	}
	return errors.Join(err, s.Close())
}

// checkListen refuses an address that others could reach.
func checkListen(address string) error {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usageError{fmt.Sprintf("--listen %s: whoever can reach it sees the data; use a loopback address with a port, such as 127.0.0.1:8080", address)}
	}
	return nil
}

// showDemo serves our own dashboard on the data of a demo, at the usual address or,
// where that is taken, on another port.
func showDemo(ctx context.Context, stderr io.Writer, dir, address string) (*preview.Server, error) {
	c := preview.Config{
		Listen: address, File: dashboards.HeadcountFile, Read: func() ([]byte, error) { return dashboards.Files.ReadFile(dashboards.HeadcountFile) },
		Dir: dir, Schema: pipeline.Schema(defaultFlow, views.Days), Views: ownViews, Filling: true,
	}
	s, err := preview.Start(ctx, c)
	if errors.Is(err, syscall.EADDRINUSE) {
		fmt.Fprintf(stderr, "%s is taken, so the dashboard is on another port.\n", address)
		c.Listen = "127.0.0.1:0"
		s, err = preview.Start(ctx, c)
	}
	return s, err
}

// orTaken is err, with what helps where the address of --listen is taken.
func orTaken(err error, address string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return usageError{fmt.Sprintf("--listen %s: the address is taken by another process: try --listen 127.0.0.1:0, which chooses a free port", address)}
	}
	return err
}
