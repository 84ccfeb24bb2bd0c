package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/preview/sql"
)

// refreshEvery is how often the screen of a demo is drawn anew.
const refreshEvery = time.Second

// screen shows the busiest places of a data folder.
type screen struct {
	out  io.Writer
	live bool // on a terminal
	dir  string
	page string // where the dashboard is

	shown []place // at the last reading that went well
}

// columns is the width of a terminal that a line fits.
const columns = 80

// place is one of the busiest places.
type place struct {
	Name   string `json:"poi_name"`
	Window string `json:"window_start"`
	People int64  `json:"people"`
	Female int64  `json:"female"`
	Male   int64  `json:"male"`
	Young  int64  `json:"young"`
	Old    int64  `json:"old"`
}

// busiest asks for the ten busiest places of the newest window that has had time
// to fill: the one before the newest.
const busiest = `
WITH windows AS (SELECT DISTINCT window_start FROM headcounts WHERE flow = 'v1' ORDER BY 1 DESC LIMIT 2)
SELECT poi_name, strftime(window_start, '%Y-%m-%d %H:%M') AS window_start,
  sum(people)::BIGINT AS people,
  coalesce(sum(people) FILTER (gender = 'female'), 0)::BIGINT AS female,
  coalesce(sum(people) FILTER (gender = 'male'), 0)::BIGINT AS male,
  coalesce(sum(people) FILTER (age_band IN ('0-17', '18-24', '25-34')), 0)::BIGINT AS young,
  coalesce(sum(people) FILTER (age_band IN ('55-64', '65+')), 0)::BIGINT AS old
FROM headcounts
WHERE flow = 'v1' AND window_start = (SELECT min(window_start) FROM windows)
GROUP BY ALL ORDER BY people DESC, poi_name LIMIT 10`

// busiestPlaces asks for the busiest places.
func busiestPlaces(ctx context.Context, db *sql.DB) (places []place, err error) {
	var out bytes.Buffer
	if err := db.Query(ctx, &out, sql.FormatJSON, busiest); err != nil {
		return nil, err
	}
	return places, json.Unmarshal(out.Bytes(), &places)
}

// show draws the screen anew every second until ctx ends; where nobody watches
// it does nothing.
func (s *screen) show(ctx context.Context, p *pipeline.Pipeline, f *feed) (err error) {
	if !s.live {
		return nil
	}
	db, err := sql.Open(ctx, s.dir, pipeline.Schema(defaultFlow, views.Days))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		places := s.read(ctx, db)
		if ctx.Err() != nil {
			return nil // an interrupt is no error
		}
		totals := p.Tally.Totals()
		_, err := fmt.Fprintf(s.out, clearScreen+"Headcount demo   %s UTC   %s events settled, %.0f/s\n\n%s\n"+
			"see   %s\ndata  %s\nask   headcount query --data %s \"FROM headcounts LIMIT 10\"\nAWS   %s\nend   Ctrl-C\n",
			time.UnixMilli(f.clock.Load()).UTC().Format("Mon 2006-01-02 15:04:05"), pretty(totals.Settled), float64(totals.Settled)/time.Since(f.begun).Seconds(),
			places, s.page, s.dir, s.dir, p.Cloud.URL())
		if err != nil {
			return err
		}
	}
}

const clearScreen = "\033[H\033[2J" // home, and clear the terminal

// read draws the busiest places. If they cannot be read now, those that were there
// before stay, and why is said below them.
func (s *screen) read(ctx context.Context, db *sql.DB) string {
	newer, err := busiestPlaces(ctx, db)
	if err == nil {
		s.shown = newer
	}
	var text strings.Builder
	s.draw(&text, s.shown)
	if err != nil {
		said := []rune("These places may be old: " + oneLine(err))
		fmt.Fprintf(&text, "%s\n", string(said[:min(len(said), columns-1)]))
	}
	return text.String()
}

// last draws the screen for the last time.
func (s *screen) last(ctx context.Context) error {
	db, err := sql.Open(ctx, s.dir, pipeline.Schema(defaultFlow, views.Days))
	if err != nil {
		return err
	}
	last, err := busiestPlaces(ctx, db)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	var text strings.Builder
	if s.live {
		text.WriteString(clearScreen)
	}
	s.draw(&text, last)
	_, err = io.WriteString(s.out, text.String()+"\n")
	return err
}

// draw writes the table of the busiest places.
func (s *screen) draw(w io.Writer, places []place) {
	if len(places) == 0 {
		fmt.Fprintln(w, "Nobody has been counted yet: the first window is still filling.")
		return
	}
	// A line is the name, the bar, and 47 columns of numbers and gaps.
	const longest, numbers = 24, 47
	names := make([]string, len(places))
	width := 0 // of the longest name
	for i, p := range places {
		name := []rune(p.Name)
		if len(name) > longest {
			name = append(name[:longest-1:longest-1], '…')
		}
		names[i] = string(name)
		width = max(width, len(name))
	}
	bar := columns - 1 - numbers - width
	fmt.Fprintf(w, "The busiest places in the five minutes from %s UTC\n\n", places[0].Window)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "place\tpeople\t\tfemale\tmale\tunder 35\t55 and over\n")
	for i, p := range places {
		full := strings.Repeat("█", int(p.People*int64(bar)/max(places[0].People, 1)))
		fmt.Fprintf(t, "%s\t%6d\t%-*s\t%6d\t%4d\t%8d\t%11d\n", names[i], p.People, bar, full, p.Female, p.Male, p.Young, p.Old)
	}
	_ = t.Flush() // like all output to a terminal
}
