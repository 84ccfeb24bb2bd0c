package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/internal/simulate"
	"github.com/headcount-etl/headcount/local/preview/sql"
)

// query answers one SQL question about a data folder.
func query(ctx context.Context, std streams, args []string) error {
	f := newFlags("query", std.err)
	dir := f.String("data", "", "the data `folder`")
	format := f.String("format", sql.FormatTable, "table, json or csv")
	flow := f.String("flow", defaultFlow, "the `flow` that the view published_headcounts shows")
	days := publishedDays(f)
	if err := f.parse(commented(args), "SQL", "data"); err != nil {
		return err
	}
	if err := checkFolder("--data", *dir); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(*dir, pipeline.BucketsFolder)); errors.Is(err, fs.ErrNotExist) {
		return usageError{fmt.Sprintf("--data %s holds no data of headcount: run, demo and cloud make some", *dir)}
	}
	db, err := sql.Open(ctx, *dir, pipeline.Schema(*flow, *days))
	if err != nil {
		return orCutShort(ctx, err, "nothing was asked yet")
	}
	err = db.Query(ctx, std.out, *format, f.Arg(0))
	if err == nil {
		err = sayNarrow(ctx, std.err, db, f.Arg(0), *flow, *days)
	}
	if err = errors.Join(err, db.Close()); errors.As(err, new(*sql.MistakeError)) {
		return usageError{oneLine(err)}
	}
	return orCutShort(ctx, err, "the answer is not complete")
}

// sayNarrow says so where a question is about a view that hides all rows that there
// are: an empty answer looks as if there were none.
func sayNarrow(ctx context.Context, w io.Writer, db *sql.DB, question, flow string, days int) error {
	for view, of := range map[string]string{"published_headcounts": "headcounts", "recent_events": "events_safe"} {
		if !strings.Contains(strings.ToLower(question), view) {
			continue
		}
		var hides strings.Builder
		err := db.Query(ctx, &hides, sql.FormatCSV, fmt.Sprintf("SELECT NOT EXISTS (FROM %s) AND EXISTS (FROM %s) AS hides", view, of))
		if err != nil {
			return err
		}
		if hides.String() == "hides\ntrue\n" {
			fmt.Fprintf(w, "note: %s has no rows, but %s has: with --flow %s --days %d it shows one flow and the last days only; --days 0 shows all days\n", view, of, flow, days)
		}
	}
	return nil
}

// publishedDays adds the flag that narrows published_headcounts and recent_events,
// as on AWS.
func publishedDays(f flags) *int {
	days := views.Days
	f.Func("days", fmt.Sprintf("the last `days` that the view published_headcounts shows, as on AWS (default %d); recent_events shows the last %d; 0 shows all of both", views.Days, views.ImportedDays), func(text string) error {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return errors.New("want a whole number from 0 to 65535")
		}
		days = int(n)
		return nil
	})
	return &days
}

// commented has SQL that begins with a comment not be read as a flag: a flag has
// neither a blank after its dashes nor a second line.
func commented(args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		if strings.HasPrefix(arg, "-- ") || strings.HasPrefix(arg, "--") && strings.Contains(arg, "\n") {
			args[i] = "\n" + arg
		}
	}
	return args
}

// simulateEvents writes simulated events to stdout.
func simulateEvents(ctx context.Context, std streams, args []string) error {
	f := newFlags("simulate", std.err)
	c := simulate.Config{}
	city(f, &c)
	if err := f.parse(args, ""); err != nil {
		return err
	}
	n, err := simulate.Write(ctx, std.out, c)
	var bad *simulate.ConfigError
	if errors.As(err, &bad) {
		return usageError{"--" + strings.ReplaceAll(bad.Error(), "\n", "; --")}
	}
	return orCutShort(ctx, err, "%s written, to the end of a line", counted(n, "event"))
}

// city adds the flags of a simulated city.
func city(f flags, c *simulate.Config) {
	f.IntVar(&c.People, "people", 1000, "`number` of people")
	f.IntVar(&c.Minutes, "minutes", 10, "simulated `minutes`")
	f.Uint64Var(&c.Seed, "seed", 1, "same `seed`, same events")
	f.Float64Var(&c.FaultShare, "faults", simulate.DefaultFaultShare, "`share` of faulty events, 0 to 1")
	f.Float64Var(&c.NoConsentShare, "no-consent", simulate.DefaultNoConsentShare, "`share` of people without consent, 0 to 1")
	f.DurationVar(&c.Interval, "interval", simulate.DefaultInterval, "mean `time` between two events of a person")
	// A fixed day, so that a command gives the same events whenever it is run.
	c.Start = time.Date(2026, 1, 12, 7, 0, 0, 0, time.UTC)
	f.Func("start", "first `instant`, such as 2026-01-12T07:00:00Z (the default)", func(text string) (err error) {
		if c.Start, err = time.Parse(time.RFC3339, text); err != nil {
			return errors.New("want an instant such as 2026-01-12T07:00:00Z")
		}
		return nil
	})
}

// checkFolder gives an error where the folder that a flag names is not there.
func checkFolder(name, dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return usageError{fmt.Sprintf("%s %s: %s", name, dir, cause(err))}
	case !info.IsDir():
		return usageError{fmt.Sprintf("%s %s is a file, want a folder", name, dir)}
	}
	if err := sql.CheckFolder(dir); err != nil {
		return usageError{fmt.Sprintf("%s %s: %s", name, dir, err)}
	}
	return nil
}
