package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

var errNoQueue = errors.New("there is no such queue")

// refuse is as a service has it.
func refuse(err error) error {
	if errors.Is(err, errNoQueue) {
		return fmt.Errorf("refused: %w", err)
	}
	return nil
}

// TestRefusedReceiveEndsRun: a queue that does not exist is no outage, unless it
// did exist.
func TestRefusedReceiveEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.failCall = func(string) error { return errNoQueue }
		r := start(t, f, Settings{Refused: refuse}, func(context.Context, []Message) []error { return nil })
		if err := r.wait(t); !errors.Is(err, errNoQueue) || strings.Count(err.Error(), "refused") != 1 {
			t.Errorf("Run gave %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := newFake(numbered(30)...)
		begun := time.Now()
		// First an outage, then an hour of work, then an hour in which SQS denies the queue.
		f.failCall = func(string) error {
			switch at := time.Since(begun); {
			case at < time.Minute:
				return errDown
			case at > time.Hour && at < 2*time.Hour:
				return errNoQueue
			}
			return nil
		}
		var log bytes.Buffer
		r := start(t, f, Settings{Refused: refuse, Log: zerolog.New(zerolog.SyncWriter(&log))}, func(context.Context, []Message) []error { return nil })
		later(3 * time.Hour)
		f.put("late", nil)
		later(time.Minute)
		r.end(t)
		if f.left() != 0 {
			t.Errorf("%d left", f.left())
		}
		for line := range strings.Lines(log.String()) {
			if !strings.Contains(line, `"queue":"`+queueURL+`"`) {
				t.Errorf("which queue? %s", line)
			}
		}
		if n := strings.Count(log.String(), errNoQueue.Error()); n == 0 || n > 4*260 {
			t.Errorf("%d lines in an hour, want one in 15 to 30 s for each poller", n)
		}
	})
}
