package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
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
		signals []os.Signal // the first at once, the others after gap
		gap     time.Duration
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
		"a second signal":    {work: endless, signals: []os.Signal{syscall.SIGTERM, os.Interrupt}, gap: time.Second, code: 143, within: time.Second, says: "second signal"},
		"the same one twice": {work: endless, signals: []os.Signal{os.Interrupt, os.Interrupt}, gap: time.Millisecond, code: 130, within: stopWithin, says: "after SIGINT"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals := make(chan os.Signal, 2)
				go func() {
					for i, s := range tt.signals {
						if i > 0 {
							time.Sleep(tt.gap)
						}
						signals <- s
					}
				}()
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

// onRead is an input whose first reading does something, and then gives nothing until
// the test ends.
type onRead struct {
	do   func()
	ever <-chan struct{}
}

func (r onRead) Read([]byte) (int, error) {
	r.do()
	<-r.ever
	return 0, io.EOF
}

// onWrite is an output whose writings do something.
type onWrite struct {
	io.Writer
	do func(text string)
}

func (w onWrite) Write(p []byte) (int, error) {
	w.do(string(p))
	return w.Writer.Write(p)
}

// TestCutShort: long commands end when their context does, with the exit code of the
// signal, and say so in one line.
func TestCutShort(t *testing.T) {
	t.Chdir("../..") // where cost finds what it counts
	dir := t.TempDir()
	fill(t, dir, "buckets/empty")
	for name, tt := range map[string]struct {
		args  []string
		when  string // the signal comes: before, or with the first reading after the input or the first writing
		says  string
		input string
	}{
		"query, opening":   {[]string{"query", "--data", dir, "SELECT 1"}, "before", "nothing was asked yet", ""},
		"query, answering": {[]string{"query", "--data", dir, "--format", "csv", "FROM range(5000000)"}, "write", "the answer is not complete", ""},
		"simulate":         {[]string{"simulate", "--people", "1000", "--minutes", "100000"}, "write", " events written, to the end of a line", ""},
		"cost":             {[]string{"cost", "--events", "1000000"}, "before", "it has not finished", ""},
		"smoke":            {[]string{"smoke", "--outputs", "-"}, "read", "nothing was read", ""},
		"run": {
			[]string{"run", "--events", "-", "--pois", "local/headcount/sample/places.csv", "--data", dir},
			"read",
			" not counted yet. Run the same events again to count the rest: none is counted twice",
			// More than is looked at before anything is published.
			strings.Repeat(`{"pad":"`+strings.Repeat("x", 10_000)+"\"}\n", 200),
		},
		"run, starting": {[]string{"run", "--events", "-", "--pois", "local/headcount/sample/places.csv", "--data", dir}, "before", "nothing was published", ""},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := func(when string) {
				if when == tt.when {
					cancel(stopSignal{syscall.SIGTERM})
				}
			}
			ever := make(chan struct{})
			defer close(ever)
			var out, stderr bytes.Buffer
			stop("before")
			stdin := io.MultiReader(strings.NewReader(tt.input+"\n"), onRead{func() { stop("read") }, ever})
			code := execute(ctx, streams{stdin, onWrite{&out, func(string) { stop("write") }}, &stderr}, tt.args)
			want := "headcount: interrupted by SIGTERM: "
			if code != 143 || out.Len() > 0 != (tt.when == "write") || strings.Count(stderr.String(), "\n") != 1 || !strings.HasPrefix(stderr.String(), want) {
				t.Errorf("exit %d, %d bytes on stdout, stderr %q", code, out.Len(), &stderr)
			}
			if !strings.HasSuffix(stderr.String(), tt.says+"\n") {
				t.Errorf("%q does not say %q", &stderr, tt.says)
			}
		})
	}
}

// TestFailuresBesideASignal: what has failed is named although a signal has cut the
// command short.
func TestFailuresBesideASignal(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	ever := make(chan struct{})
	defer close(ever)
	// A line that does not compress is over SNS's limit.
	long := make([]byte, 400_000)
	random := rand.NewChaCha8([32]byte{})
	for i := range long {
		long[i] = '!' + byte(random.Uint64()%90)
	}
	long = append(append([]byte("{}\n"), long...), '\n')
	// In pieces, as a terminal gives it.
	stdin := struct{ io.Reader }{io.MultiReader(bytes.NewReader(long), onRead{func() { cancel(stopSignal{syscall.SIGTERM}) }, ever})}
	var out, stderr bytes.Buffer
	code := execute(ctx, streams{stdin, &out, &stderr}, []string{"run", "--events", "-", "--pois", "sample/places.csv", "--data", t.TempDir()})
	if code != 143 || out.Len() > 0 || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("exit %d, stdout %q", code, &out)
	}
	for _, want := range []string{"interrupted by SIGTERM: ", "none is counted twice; line 2 was not published: an event of 400000 bytes"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("%q does not say %q", &stderr, want)
		}
	}
}

// TestFailuresAfterASignal: a command that a signal ends as it should has failed where
// something is wrong.
func TestFailuresAfterASignal(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	var out, stderr bytes.Buffer
	stop := func(text string) {
		if strings.HasPrefix(text, "A simulated city") {
			cancel(stopSignal{syscall.SIGINT})
		}
	}
	// The screen is drawn for the last time before the balance is.
	spoil := func(string) { unconverted(t, dir) }
	code := execute(ctx, streams{strings.NewReader(""), onWrite{&out, spoil}, onWrite{&stderr, stop}}, []string{"demo", "--data", dir})
	if code != exitFailed || !strings.Contains(stderr.String(), "headcount: the balance does not close") || strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit %d, %s", code, &stderr)
	}
}

// unconverted puts an object into a data folder that says that an event could not be
// converted, which no balance knows of.
func unconverted(t *testing.T, dir string) {
	folder := filepath.Join(dir, pipeline.BucketsFolder, pipeline.LakeBucket, "errors")
	if err := errors.Join(os.MkdirAll(folder, 0o750), os.WriteFile(filepath.Join(folder, "x"), []byte(`{"rawData":"e30="}`), 0o600)); err != nil {
		t.Error(err)
	}
}

// TestRejectedEventsOfABalance: they are listed also where the balance does not close.
func TestRejectedEventsOfABalance(t *testing.T) {
	dir := t.TempDir()
	ever := make(chan struct{})
	close(ever)
	// So much is read only when the run has looked at what the folder held before it.
	stdin := struct{ io.Reader }{io.MultiReader(strings.NewReader(strings.Repeat(events, 1000)), onRead{func() { unconverted(t, dir) }, ever})}
	var out, stderr bytes.Buffer
	code := execute(t.Context(), streams{stdin, &out, &stderr}, []string{"run", "--events", "-", "--pois", "sample/places.csv", "--data", dir})
	if code != exitFailed || !strings.Contains(stderr.String(), "the balance does not close") || !strings.Contains(stderr.String(), "rejected:\n") || !strings.Contains(stderr.String(), "malformed_json") {
		t.Errorf("exit %d, %s", code, &stderr)
	}
}

// TestBesides: the end of a context is no failure of its own, wherever it stands.
func TestBesides(t *testing.T) {
	full, stop := errors.New("the disk is full"), stopSignal{syscall.SIGINT}
	for _, tt := range []struct {
		err   error
		want  string
		ended bool
	}{
		{nil, "", false},
		{full, "the disk is full", false},
		{fmt.Errorf("line 3: %w", stop), "", true},
		{errors.Join(fmt.Errorf("settle: %w", context.Canceled), errors.Join(full, context.Canceled)), "the disk is full", true},
		{errors.Join(full, cutShort{"nothing"}), "the disk is full; nothing", false},
	} {
		failed, ended := besides(tt.err)
		text := ""
		if failed != nil {
			text = oneLine(failed)
		}
		if text != tt.want || ended != tt.ended {
			t.Errorf("%v: %q, %v", tt.err, text, ended)
		}
	}
}
