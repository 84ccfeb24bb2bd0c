package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/internal/smoke"
	"github.com/headcount-etl/headcount/local/preview/sql"
	finals "github.com/headcount-etl/headcount/services/aggregator/results"
)

// queryCommand answers one SQL question.
type queryCommand struct {
	dataFlag
	shownFlags
	stackFlags
	SQL    []string `arg:"" optional:"" name:"sql" help:"The question, in quotes; without it, and without --file, it is read from stdin."`
	File   string   `short:"f" placeholder:"FILE" help:"A file that holds the question."`
	Format string   `enum:"table,json,csv" default:"table" help:"table, json or csv (${default})."`
}

// Help shows examples.
func (*queryCommand) Help() string {
	return `A data folder has the tables events (the lake: personal data), headcounts and quarantine, and the views events_safe, recent_events and published_headcounts. With --stack it is Athena that is asked, in Athena's SQL.

	headcount query "SELECT poi_name, sum(people) FROM published_headcounts GROUP BY 1 ORDER BY 2 DESC LIMIT 5"
	headcount query --data data/mine --days 0 --format csv -f busiest.sql
	headcount query --stack dev "SELECT count(*) FROM published_headcounts"`
}

// Run asks, and writes the answer to stdout.
func (q *queryCommand) Run(ctx context.Context, std streams) error {
	question, err := q.question(ctx, std)
	if err != nil {
		return err
	}
	if q.Stack != "" || q.Outputs != "" {
		return q.askAthena(ctx, std, question)
	}
	if err := checkFolder("--data", q.Data); err != nil {
		return err
	}
	if !holdsData(q.Data) {
		return usageError{fmt.Sprintf("--data %s holds %s", q.Data, noData)}
	}
	db, err := sql.Open(ctx, q.Data, pipeline.Schema(q.Flow, int(q.Days)))
	if err != nil {
		return orCutShort(ctx, err, "nothing was asked yet")
	}
	err = db.Query(ctx, std.out, q.Format, question)
	if err == nil {
		err = sayNarrow(ctx, std.err, db, question, q.Flow, int(q.Days))
	}
	if err = errors.Join(err, db.Close()); errors.As(err, new(*sql.MistakeError)) {
		return usageError{oneLine(err)}
	}
	return orCutShort(ctx, err, "the answer is not complete")
}

// question gives the SQL: the argument, or what a file or stdin holds.
func (q *queryCommand) question(ctx context.Context, std streams) (string, error) {
	from, in := "stdin", std.in
	switch {
	case len(q.SQL) > 1:
		return "", usageError{fmt.Sprintf("there are %d arguments, want one: put the SQL in quotes", len(q.SQL))}
	case len(q.SQL) == 1 && q.File != "":
		return "", usageError{"there is SQL both as an argument and in --file: give one of them"}
	case len(q.SQL) == 1:
		return q.SQL[0], nil
	case q.File != "":
		f, err := os.Open(q.File)
		if err != nil {
			return "", usageError{fmt.Sprintf("--file %s: %s", q.File, cause(err))}
		}
		defer f.Close() //nolint:errcheck // only read from
		from, in = "--file "+q.File, f
	case isTerminal(in):
		return "", usageError{"the SQL is missing: `headcount query --help` shows how"}
	}
	text, err := io.ReadAll(untilStopped(ctx, in))
	if err == nil && len(bytes.TrimSpace(text)) == 0 {
		err = usageError{"the SQL is missing: " + from + " is empty"}
	}
	return string(text), orCutShort(ctx, err, "nothing was asked")
}

// askAthena asks a deployed stack. A table is aligned as that of a data folder.
func (q *queryCommand) askAthena(ctx context.Context, std streams, question string) error {
	outputs, err := q.read(ctx, std)
	if err != nil {
		return err
	}
	target, err := smoke.OnAWS(ctx, outputs)
	if err != nil {
		return err
	}
	columns, rows, err := target.SQL.Ask(ctx, question)
	if err != nil {
		return orCutShort(ctx, err, "the query was stopped")
	}
	return sql.Write(std.out, q.Format, columns, rows)
}

// noData is what a folder holds that is not, or not yet, one of ours.
const noData = "no data of headcount: run, demo and cloud make some"

func holdsData(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, pipeline.BucketsFolder))
	return !errors.Is(err, fs.ErrNotExist)
}

// unpadded is a comparison of a part of a date that no row fulfils.
var unpadded = regexp.MustCompile(`(?i)\b(month|day) *= *'?[1-9]\b'?`)

// sayNarrow says so where a question can have no rows, or is about a view that hides
// all rows that there are: an empty answer looks as if there were none.
func sayNarrow(ctx context.Context, w io.Writer, db *sql.DB, question, flow string, days int) error {
	if wrong := unpadded.FindString(question); wrong != "" {
		fmt.Fprintf(w, "note: year, month and day are texts of 4, 2 and 2 digits, so that no row has %s: write two digits, as in day = '01'\n", wrong)
	}
	type view struct{ name, of, flows string } // flows asks for what to say of the flows
	views := []view{{"recent_events", "events_safe", "SELECT ''"}}
	for _, t := range finals.Tables {
		views = append(views, view{"published_" + t.Name, t.Name, "SELECT ', of the flows there: ' || string_agg(DISTINCT flow, ', ' ORDER BY flow) FROM " + t.Name})
	}
	for _, v := range views {
		if !strings.Contains(strings.ToLower(question), v.name) {
			continue
		}
		said, err := db.Ask(ctx, fmt.Sprintf("SELECT CASE WHEN NOT EXISTS (FROM %s) AND EXISTS (FROM %s) THEN (%s) END", v.name, v.of, v.flows))
		if err != nil {
			return err
		}
		if flows := said[0][0]; flows != nil {
			last := ""
			if days > 0 {
				last = ", and the last days only; --days 0 shows all days"
			}
			fmt.Fprintf(w, "note: %s has no rows, but %s has: with --flow %s --days %d it shows one flow%s%s\n", v.name, v.of, flow, days, flows, last)
		}
	}
	return nil
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
