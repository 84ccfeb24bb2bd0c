// Package count runs the pipeline on the stand-in for AWS and counts what it
// uses: the measured part of what Headcount costs.
package count

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/cost"
	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/internal/simulate"
	"github.com/headcount-etl/headcount/local/headcount/sample"
	"github.com/headcount-etl/headcount/services/aggregator/places"
)

const (
	// minutes of simulated time in a run at full speed; they are in one hour.
	minutes = 10
	// window is the length of the windows, and flow the name of the flow.
	window, flow = 5 * time.Minute, "v1"
	// flush is FLUSH_INTERVAL's default. A run at full speed refreshes finals at
	// once, as `headcount run` does.
	flush = 10 * time.Second
)

// begin is when simulated people begin to move: a whole hour, as partials and
// finals are made by the hour.
var begin = time.Date(2026, 1, 12, 7, 0, 0, 0, time.UTC)

// All counts all runs with about so many events each. dir is an empty folder
// for their data.
func All(ctx context.Context, dir string, events int) (c cost.Counted, err error) {
	for _, perMessage := range []int{1, cost.Many} {
		full, err := Full(ctx, filepath.Join(dir, fmt.Sprintf("full-%d", perMessage)), events, perMessage)
		if err != nil {
			return c, fmt.Errorf("count a run with %d events in a message: %w", perMessage, err)
		}
		c.Full = append(c.Full, full)
	}
	for _, rate := range []float64{5, 100} {
		paced, err := Paced(ctx, filepath.Join(dir, fmt.Sprintf("paced-%.0f", rate)), rate, 12*time.Second)
		if err != nil {
			return c, fmt.Errorf("count a run at %.0f messages a second: %w", rate, err)
		}
		c.Paced = append(c.Paced, paced)
	}
	return c, nil
}

// Full counts a run of about so many simulated events at full speed.
func Full(ctx context.Context, dir string, events, perMessage int) (full cost.Full, err error) {
	if full, err = fullSpeed(ctx, dir, events, perMessage); err != nil {
		return full, err
	}
	if full.FinalBytes, err = largest(filepath.Join(dir, "buckets", pipeline.AggregatesBucket, "headcounts")); err != nil {
		return full, err
	}
	// The services write their last metrics when they stop.
	full.LogLineBytes, err = logLine(dir)
	return full, err
}

// fullSpeed is the run itself.
func fullSpeed(ctx context.Context, dir string, events, perMessage int) (full cost.Full, err error) {
	lines, err := simulated(ctx, simulate.Config{
		People: max(1, events*int(simulate.DefaultInterval/time.Second)/60/minutes), Minutes: minutes,
		FaultShare: simulate.DefaultFaultShare, NoConsentShare: simulate.DefaultNoConsentShare,
	})
	if err != nil {
		return full, err
	}
	p, err := start(ctx, dir, flush, 0)
	if err != nil {
		return full, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	before := cpuSeconds()
	published, err := p.Publisher(perMessage).Publish(ctx, bytes.NewReader(lines))
	if err != nil {
		return full, err
	}
	if err := p.Settle(ctx, published.Events); err != nil {
		return full, err
	}
	totals := p.Tally.Totals()
	quarantined, categories := int64(0), int64(0)
	for category, n := range totals.Rejected {
		if category.Treatment().Quarantine {
			quarantined += n
			categories++
		}
	}
	return cost.Full{
		PerMessage: perMessage, Events: published.Events, Messages: published.Messages, Valid: totals.Valid,
		Quarantined: quarantined, Categories: categories, CPUSeconds: cpuSeconds() - before,
		FinalWindows: int64(minutes * time.Minute / window), Usage: p.Cloud.Usage(),
	}, nil
}

func start(ctx context.Context, dir string, flush, refresh time.Duration) (*pipeline.Pipeline, error) {
	list, err := places.ReadCSV(strings.NewReader(sample.Places), 200)
	if err != nil {
		return nil, err
	}
	return pipeline.Start(ctx, pipeline.Settings{
		Dir: dir, Listen: "127.0.0.1:0", Places: list, Flow: flow, Window: window, MinPeople: 1, Flush: flush, Refresh: refresh,
	})
}

// simulated gives the events of a city, a line each.
func simulated(ctx context.Context, c simulate.Config) ([]byte, error) {
	c.Seed, c.Start, c.Interval = 1, begin, simulate.DefaultInterval
	var lines bytes.Buffer
	_, err := simulate.Write(ctx, &lines, c)
	return lines.Bytes(), err
}

// cpuSeconds is the processor time of this process so far.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // it knows this argument
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// largest is the size of the largest file in a folder.
func largest(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size = max(size, info.Size())
		}
		return err
	})
	return size, err
}

// logLine gives the mean length of the lines of metrics that services have
// logged in a data folder, in bytes with the newline.
func logLine(dir string) (int64, error) {
	logs, err := filepath.Glob(filepath.Join(dir, "logs", "*.log"))
	if err != nil {
		return 0, err
	}
	lines, size := 0, 0
	for _, path := range logs {
		content, err := os.ReadFile(path) //nolint:gosec // in the folder that was given
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(content)) {
			if strings.Contains(line, `"_aws":`) {
				lines++
				size += len(line)
			}
		}
	}
	if lines == 0 {
		return 0, fmt.Errorf("no metrics in the logs in %s", filepath.Join(dir, "logs"))
	}
	return int64(size / lines), nil
}
