package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// ownViews are the views behind the data sets of our own dashboards, by their
// identifiers, in a data folder.
func ownViews(dir string) map[string]preview.View {
	narrow := "it shows the last days only, --days 0 shows all"
	flow := "it shows one flow, which --flow names; " + narrow
	if !holdsData(dir) {
		narrow = "the folder holds " + noData
		flow = narrow
	}
	return map[string]preview.View{
		"events":     {Name: "recent_events", Imported: true, Narrow: narrow}, // as ImportMode says in dashboards/datasets
		"headcounts": {Name: "published_headcounts", Narrow: flow},
		"totals":     {Name: "published_totals", Narrow: flow},
		"hotspots":   {Name: "published_hotspots", Sparse: true},
	}
}

// previewCommand shows a QuickSight definition in the browser.
type previewCommand struct {
	dataFlag
	shownFlags
	listenFlag
	Definition string            `placeholder:"FILE" help:"JSON of a QuickSight definition; Headcount's own without it."`
	Dataset    map[string]string `mapsep:"none" placeholder:"ID=SQL" help:"Where the rows of a data set come from; may be repeated. The SQL may read any file."`
}

// Help shows examples.
func (*previewCommand) Help() string {
	return `The page follows the definition's file and the data while both change. The data sets headcounts, totals, hotspots and events are in the data folder.

	headcount preview --data data/mine --days 0
	headcount preview --definition other.json --dataset "sales=SELECT * FROM 'sales.parquet'" --listen 127.0.0.1:0`
}

// Run serves the page until Ctrl-C.
func (c *previewCommand) Run(ctx context.Context, std streams) error {
	if err := c.check(); err != nil {
		return err
	}
	config := preview.Config{
		Listen: c.Listen, File: c.Definition, Dir: c.Data, Schema: pipeline.Schema(c.Flow, int(c.Days)), Views: ownViews(c.Data), DataSets: c.Dataset,
	}
	if c.Definition == "" {
		config.File, config.Read = dashboards.HeadcountFile, ourDefinition
	}
	s, err := preview.Start(ctx, config)
	if err != nil {
		return orEnded(ctx, orTaken(err, c.Listen))
	}
	faults, err := s.Faults(ctx)
	err = orEnded(ctx, err)
	for _, fault := range faults {
		fmt.Fprintln(std.err, fault.Error())
	}
	if err == nil {
		fmt.Fprintf(std.err, "%s is shown at\n\n  %s\n\nIt follows the file and the data; Ctrl-C ends it.\n", config.File, s.URL())
		<-ctx.Done()
	}
	return errors.Join(err, s.Close())
}

// check names a fault of the values. Where every data set is given, the default
// folder need not be there.
func (c *previewCommand) check() error {
	if err := checkListen(c.Listen); err != nil {
		return err
	}
	for id, statement := range c.Dataset {
		if id == "" || strings.TrimSpace(statement) == "" {
			return usageError{fmt.Sprintf("--dataset %s=%s: want identifier=SELECT …", id, statement)}
		}
		if _, err := os.Stat(statement); err == nil {
			return usageError{fmt.Sprintf("--dataset %s=%s: that is a file, not SQL: write --dataset \"%s=SELECT * FROM '%s'\"", id, statement, id, statement)}
		}
	}
	if !service.IsFlow(c.Flow) {
		return badFlow(c.Flow, 32)
	}
	if c.Definition != "" {
		if _, err := os.Stat(c.Definition); err != nil {
			return usageError{fmt.Sprintf("--definition %s: %s", c.Definition, cause(err))}
		}
	}
	if _, err := os.Stat(c.Data); c.Data == defaultData && len(c.Dataset) > 0 && errors.Is(err, fs.ErrNotExist) {
		c.Data = ""
		return nil
	}
	return checkFolder("--data", c.Data)
}

// badFlow is the error of a name that no flow can have.
func badFlow(name string, most int) error {
	return usageError{fmt.Sprintf("--flow %q is not 1 to %d of a-z, 0-9 and -, not beginning with -", name, most)}
}

func ourDefinition() ([]byte, error) { return dashboards.Files.ReadFile(dashboards.HeadcountFile) }

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
		Listen: address, File: dashboards.HeadcountFile, Read: ourDefinition,
		Dir: dir, Schema: pipeline.Schema(defaultFlow, views.Days), Views: ownViews(dir), Filling: true,
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
