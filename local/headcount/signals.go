package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// stopWithin is the longest time from a signal to the end of a command. Then the
	// process ends as it is: whatever is on disk is whole at any moment.
	stopWithin = 4800 * time.Millisecond
	// sameSignal is how soon after the first signal another one is no second wish:
	// timeout(1) sends its signal to the process and then to its group.
	sameSignal = 300 * time.Millisecond
	// settleWithin is how much of that is for what was published already.
	settleWithin = 2 * time.Second
)

// stopSignal is the signal that has ended a context: its cause.
type stopSignal struct{ syscall.Signal }

func (s stopSignal) Error() string { return unix.SignalName(s.Signal) }

// code is the exit code of a command that a signal has cut short, as a shell
// gives it: 129 for SIGHUP, 130 for SIGINT, 143 for SIGTERM.
func (s stopSignal) code() int { return 128 + int(s.Signal) }

// stopOf gives the signal that has ended ctx, if one has.
func stopOf(ctx context.Context) (s stopSignal, stopped bool) {
	return s, errors.As(context.Cause(ctx), &s)
}

// cutShort is the error of a command that a signal has ended early: what is done
// and what is not.
type cutShort struct{ text string }

func (e cutShort) Error() string { return e.text }

// orCutShort is err, in which a cutShort stands for what a signal has ended. What
// has failed besides stays.
func orCutShort(ctx context.Context, err error, format string, args ...any) error {
	failed, ended := besides(err)
	if _, stopped := stopOf(ctx); !stopped || !ended {
		return err
	}
	if !errors.As(failed, new(cutShort)) {
		failed = errors.Join(cutShort{fmt.Sprintf(format, args...)}, failed)
	}
	return failed
}

// besides gives the joined errors that are not the end of a context, nor the signal
// that has ended it, and whether there were others.
func besides(err error) (failed error, ended bool) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // one in another error is a part of that
		var all []error
		for _, e := range joined.Unwrap() {
			part, partEnded := besides(e)
			all, ended = append(all, part), ended || partEnded
		}
		return errors.Join(all...), ended
	}
	if errors.Is(err, context.Canceled) || errors.As(err, new(stopSignal)) {
		return nil, true
	}
	return err, false
}

// orEnded is err, or nothing where a signal is behind it: of what a command does
// before it waits for a signal, which is its end as a rule.
func orEnded(ctx context.Context, err error) error {
	if _, stopped := stopOf(ctx); stopped {
		return nil
	}
	return err
}

// untilSignal does work, whose context the first signal ends, and gives its exit
// code: that of the signal when the work has not ended soon after.
func untilSignal(signals <-chan os.Signal, stderr io.Writer, work func(context.Context) int) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	ended := make(chan int, 1)
	go func() { ended <- work(ctx) }()
	var stop stopSignal
	select {
	case code := <-ended:
		return code
	case s := <-signals:
		stop.Signal, _ = s.(syscall.Signal)
		cancel(stop)
	}
	begun := time.Now()
	overdue := time.After(stopWithin)
	for {
		select {
		case code := <-ended:
			return code
		case <-overdue:
			fmt.Fprintf(stderr, "headcount: not at an end %s after %s, so it ends as it is; every file that is written is whole\n", stopWithin, stop)
			return stop.code()
		case <-signals:
			if time.Since(begun) < sameSignal {
				continue
			}
			fmt.Fprintln(stderr, "headcount: ended at once by the second signal; every file that is written is whole")
			return stop.code()
		}
	}
}

// outlive gives a context that ends no sooner than the time d after ctx.
func outlive(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(d, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}

// untilStopped reads from r until ctx ends, also while r has nothing to give: a
// terminal or a pipe cannot be asked to return. What r gives later is lost.
func untilStopped(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, r)
		_ = in.CloseWithError(err) // it never fails
	}()
	context.AfterFunc(ctx, func() { _ = in.CloseWithError(context.Cause(ctx)) })
	return out
}
