package main

import (
	"context"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/simulate"
)

// simulateCommand writes simulated events to stdout.
type simulateCommand struct {
	People    int           `default:"1000" placeholder:"N" help:"Number of people (${default})."`
	Minutes   int           `default:"10" placeholder:"M" help:"Simulated minutes (${default})."`
	Seed      uint64        `default:"1" placeholder:"S" help:"The same seed gives the same events (${default})."`
	Faults    float64       `default:"${faults}" help:"Share of faulty events, 0 to 1 (${default})."`
	NoConsent float64       `default:"${noconsent}" help:"Share of people without consent, 0 to 1 (${default})."`
	Interval  time.Duration `default:"${interval}" help:"Mean time between two events of a person (${default})."`
	// A fixed day, so that a command gives the same events whenever it is run.
	Start time.Time `default:"2026-01-12T07:00:00Z" placeholder:"INSTANT" help:"First instant, in RFC 3339 (${default})."`
}

// Help shows examples.
func (*simulateCommand) Help() string {
	return `The same flags give the same events, byte for byte. The people walk among the places of local/headcount/sample/places.csv, and some gather where none of them is: at a market (06:00 to 12:30 UTC), along a demonstration (09:00 to 11:00) and at a concert (19:30 to 22:00).

	headcount simulate --people 500 --minutes 30 --seed 7 > events.ndjson
	headcount simulate --faults 0 --no-consent 0 | headcount publish --events - --stack dev`
}

// Run writes one event a line.
func (c *simulateCommand) Run(ctx context.Context, std streams) error {
	city, err := simulate.New(simulate.Config{
		People: c.People, Minutes: c.Minutes, Seed: c.Seed, FaultShare: c.Faults, NoConsentShare: c.NoConsent, Interval: c.Interval, Start: c.Start,
	})
	if err != nil {
		return usageError{"--" + strings.ReplaceAll(err.Error(), "\n", "; --")}
	}
	n, err := city.Write(ctx, std.out)
	return orCutShort(ctx, err, "%s written, to the end of a line", counted(n, "event"))
}
