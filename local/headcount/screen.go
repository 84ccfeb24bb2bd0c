package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/preview/sql"
)

// refreshEvery is how often the screen of a demo is drawn anew.
const refreshEvery = time.Second

// screen shows the busiest places and cells of a data folder.
type screen struct {
	out  io.Writer
	live bool // on a terminal
	db   *sql.DB
	dir  string
	page string // where the dashboard is

	shown string // at the last reading that went well
}

// columns is the width of a terminal that a line fits.
const columns = 80

// newest asks for the newest window that has had time to fill: the one before the
// newest. It is null where there is none.
const newest = `SELECT strftime(min(window_start), '%Y-%m-%d %H:%M:%S')
FROM (SELECT DISTINCT window_start FROM headcounts WHERE flow = 'v1' ORDER BY 1 DESC LIMIT 2)`

// busiest asks for the ten places of a window with the most different people, as a table
// that fits the columns. Where the total of a place is suppressed, or is not there, its
// people are those of the cells.
var busiest = `SELECT if(length(h.poi_name) > 24, left(h.poi_name, 23) || '…', h.poi_name) AS place,
  lpad(coalesce(any_value(t.people)::VARCHAR, trim(` + shown("true", 6) + `)), 6, ' ') AS people,
  repeat('█', floor(8 * coalesce(any_value(t.people), sum(h.people), 0) / max(coalesce(any_value(t.people), sum(h.people))) OVER ())::BIGINT) AS " ",
  ` + shown("gender = 'female'", 6) + ` AS female, ` + shown("gender = 'male'", 5) + ` AS male,
  ` + shown("age_band IN ('0-17', '18-24', '25-34')", 8) + ` AS "under 35", ` + shown("age_band IN ('55-64', '65+')", 11) + ` AS "55 and over"
FROM headcounts h LEFT JOIN totals t USING (flow, window_start, poi_id) WHERE flow = 'v1' AND window_start = TIMESTAMP '%s'
GROUP BY h.poi_name ORDER BY coalesce(any_value(t.people), sum(h.people)) DESC NULLS LAST, h.poi_name LIMIT 10`

// shown adds up the cells of a place that fit. Cells that are suppressed are a + behind
// the others, or few.
func shown(fit string, width int) string {
	return fmt.Sprintf(`lpad(if(count(*) FILTER (%[1]s AND h.suppressed) = 0, coalesce(sum(h.people) FILTER (%[1]s), 0)::VARCHAR,
  coalesce(sum(h.people) FILTER (%[1]s) || '+', 'few')), %[2]d, ' ')`, fit, width)
}

// elsewhere asks for how many different people were near any place in a window, and
// for the three fullest cells of the ground, whether a place is there or not.
const elsewhere = `SELECT (SELECT max(people) FROM totals WHERE flow = 'v1' AND window_start = TIMESTAMP '%[1]s' AND poi_id IS NULL),
  (SELECT string_agg(format('{:.4f}, {:.4f}: {}', latitude, longitude, most), '  ' ORDER BY most DESC, cell) FROM (
    SELECT cell, latitude, longitude, max(cell_people) AS most FROM hotspots WHERE flow = 'v1' AND window_start = TIMESTAMP '%[1]s' GROUP BY ALL ORDER BY most DESC, cell LIMIT 3))`

// show draws the screen anew every second until ctx ends; where nobody watches
// it does nothing.
func (s *screen) show(ctx context.Context, p *pipeline.Pipeline, f *feed) error {
	if !s.live {
		return nil
	}
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		places, err := s.read(ctx)
		if ctx.Err() != nil {
			return nil // an interrupt is no error
		}
		if err != nil {
			places += oldNote(err)
		}
		_, settled := p.Progress()
		_, err = fmt.Fprintf(s.out, clearScreen+"Headcount demo   %s UTC   %s events settled, %.0f/s\n\n%s\n"+
			"see   %s\ndata  %s\nask   headcount query --data %s \"FROM headcounts LIMIT 10\"\nAWS   %s\nend   Ctrl-C\n",
			time.UnixMilli(f.clock.Load()).UTC().Format("Mon 2006-01-02 15:04:05"), pretty(settled), float64(settled)/time.Since(f.begun).Seconds(),
			places, s.page, s.dir, s.dir, p.Cloud.URL())
		if err != nil {
			return err
		}
	}
}

const clearScreen = "\033[H\033[2J" // home, and clear the terminal

// oldNote says why what is shown is not what is there, in a line.
func oldNote(err error) string {
	said := []rune("These places may be old: " + oneLine(err))
	return string(said[:min(len(said), columns-1)]) + "\n"
}

// read draws the busiest places. If they cannot be read now, those that were there
// before stay.
func (s *screen) read(ctx context.Context) (string, error) {
	var text strings.Builder
	window, err := s.db.Ask(ctx, newest)
	switch {
	case err != nil:
		return s.shown, err
	case window[0][0] == nil:
		text.WriteString("Nobody has been counted yet: the first window is still filling.\n")
	default:
		fmt.Fprintf(&text, "The busiest places in the five minutes from %.16s UTC\n\n", window[0][0])
		if err := s.db.Query(ctx, &text, sql.FormatTable, fmt.Sprintf(busiest, window[0][0])); err != nil {
			return s.shown, err
		}
		rows, err := s.db.Ask(ctx, fmt.Sprintf(elsewhere, window[0][0]))
		if err != nil {
			return s.shown, err
		}
		if people := rows[0][0]; people != nil {
			fmt.Fprintf(&text, "\nDifferent people near any place: %v\n", people)
		}
		if cells := rows[0][1]; cells != nil {
			fmt.Fprintf(&text, "Hot spots: %v\n", cells)
		}
	}
	s.shown = text.String()
	return s.shown, nil
}

// last draws the screen for the last time.
func (s *screen) last(ctx context.Context) error {
	text, err := s.read(ctx)
	if err != nil {
		return err
	}
	if s.live {
		text = clearScreen + text
	}
	_, err = io.WriteString(s.out, text+"\n")
	return err
}
