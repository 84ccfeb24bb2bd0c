package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestUntilSignal: a signal ends the work's context, and the process ends soon
// whether the work does or not.
func TestUntilSignal(t *testing.T) {
	endless := func(context.Context) int {
		time.Sleep(time.Hour)
		return exitDone
	}
	for name, tt := range map[string]struct {
		work    func(context.Context) int
		signals []os.Signal
		code    int
		within  time.Duration
		says    string
	}{
		"no signal": {work: func(context.Context) int { return exitInput }, code: exitInput},
		"it ends by itself": {
			work: func(ctx context.Context) int {
				<-ctx.Done()
				stop, _ := stopOf(ctx)
				return stop.code()
			},
			signals: []os.Signal{os.Interrupt}, code: 130,
		},
		"it ignores SIGINT":  {work: endless, signals: []os.Signal{os.Interrupt}, code: 130, within: stopWithin, says: "after SIGINT"},
		"it ignores SIGTERM": {work: endless, signals: []os.Signal{syscall.SIGTERM}, code: 143, within: stopWithin, says: "after SIGTERM"},
		"a second signal":    {work: endless, signals: []os.Signal{syscall.SIGTERM, os.Interrupt}, code: 143, says: "second signal"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals := make(chan os.Signal, 2)
				for _, s := range tt.signals {
					signals <- s
				}
				var stderr bytes.Buffer
				begun := time.Now()
				code := untilSignal(signals, &stderr, tt.work)
				if took := time.Since(begun); code != tt.code || took != tt.within || took >= 5*time.Second || !strings.Contains(stderr.String(), tt.says) {
					t.Errorf("exit %d after %s, %q; want %d after %s", code, took, &stderr, tt.code, tt.within)
				}
				time.Sleep(2 * time.Hour) // of the bubble, until the endless work has ended too
			})
		})
	}
}

// TestUntilStopped: all that was given is read, in order, and an input that has
// nothing to give holds nobody back.
func TestUntilStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.Repeat("0123456789", 100_000)
		if got, err := io.ReadAll(untilStopped(t.Context(), strings.NewReader(text))); string(got) != text || err != nil {
			t.Errorf("%d bytes of %d, %v", len(got), len(text), err)
		}
		idle, end := io.Pipe()
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := stopSignal{syscall.SIGTERM}
		time.AfterFunc(time.Minute, func() { cancel(stop) })
		if _, err := untilStopped(ctx, idle).Read(make([]byte, 1)); !errors.Is(err, stop) {
			t.Errorf("an idle input: %v", err)
		}
		_ = end.Close()
	})
}

// TestOutlive: the longer context ends d after the other, and no sooner.
func TestOutlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		longer, cancel := outlive(ctx, 3*time.Second)
		defer cancel()
		stop()
		begun := time.Now()
		synctest.Wait()
		if longer.Err() != nil {
			t.Error("it ended at once")
		}
		<-longer.Done()
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("it ended after %s", took)
		}
	})
}

// TestCutShort: long commands end when their context does, with
// the exit code of the signal, and say so in one line.
func TestCutShort(t *testing.T) {
	t.Chdir("..") // where cost finds what it counts
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"query": {[]string{"query", "--data", dir, "SELECT count(*) FROM range(100000000) a, range(100000000) b"}, "the answer is not complete"},
		"cost":  {[]string{"cost", "--events", "1000000"}, "it has not finished"},
		"smoke": {[]string{"smoke", "--outputs", "-"}, "nothing was published"},
		"run":   {[]string{"run", "--events", "-", "--pois", "local/simulate/sample/places.csv", "--data", dir}, " published"}, // not yet, or 0 events
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(100*time.Millisecond, func() { cancel(stopSignal{syscall.SIGTERM}) })
			idle, end := io.Pipe()
			defer end.Close() //nolint:errcheck // nobody writes to it
			var out, stderr bytes.Buffer
			code := execute(ctx, streams{idle, &out, &stderr}, tt.args)
			want := "headcount " + name + ": interrupted by SIGTERM: "
			if code != 143 || out.Len() > 0 || strings.Count(stderr.String(), "\n") != 1 || !strings.HasPrefix(stderr.String(), want) {
				t.Errorf("exit %d, stdout %q, stderr %q", code, &out, &stderr)
			}
			if !strings.Contains(stderr.String(), tt.says) {
				t.Errorf("%q does not say %q", &stderr, tt.says)
			}
		})
	}
}
