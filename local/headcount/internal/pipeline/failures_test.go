package pipeline

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/rs/zerolog"
)

// TestLastFailure: of what services log, the last failure is remembered, and all of
// it reaches the log.
func TestLastFailure(t *testing.T) {
	var p Pipeline
	var log bytes.Buffer
	as := func(service string) *zerolog.Logger {
		l := zerolog.New(io.MultiWriter(&log, &p.failures)).With().Str("service", service).Logger()
		return &l
	}
	if got := p.withFailure("stuck"); got != "stuck" {
		t.Errorf("before any failure: %q", got)
	}
	as("masker").Warn().Err(errors.New("no key")).Msg("messages failed")
	as("aggregator").Warn().Err(&os.PathError{Op: "open", Path: "x.parquet", Err: os.ErrInvalid}).Msg("messages failed")
	as("aggregator").Info().Msg("aggregating")
	if got, want := p.withFailure("stuck"), "stuck; the aggregator says: messages failed: open x.parquet: invalid argument"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := bytes.Count(log.Bytes(), []byte("\n")); n != 3 {
		t.Errorf("%d lines in the log, want 3", n)
	}
}
