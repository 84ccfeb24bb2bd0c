package queue

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		outs := make([]Out, 25)
		for i := range outs {
			outs[i] = Out{Body: numbered(25)[i], Attributes: map[string]string{"n": "v", "of": "25"}, Delay: 1500 * time.Millisecond}
		}
		if errs := (Sender{f, queueURL}).Send(t.Context(), outs); errs != nil {
			t.Fatal(errs)
		}
		if f.called("send") != 3 || f.left() != 25 {
			t.Errorf("%d calls, %d messages", f.called("send"), f.left())
		}
		later(1900 * time.Millisecond)
		if f.visible() != 0 {
			t.Error("the delay is rounded down")
		}
		later(100 * time.Millisecond)
		if f.visible() != 25 {
			t.Error("the delay is longer than the next second")
		}
		r := start(t, f, Settings{}, func(_ context.Context, batch []Message) []error {
			for _, m := range batch {
				if len(m.Attributes) != 2 || m.Attributes["n"] != "v" || m.Attributes["of"] != "25" {
					t.Errorf("attributes came as %v", m.Attributes)
				}
			}
			return nil
		})
		later(time.Second)
		r.end(t)
		if errs := (Sender{f, queueURL}).Send(t.Context(), nil); errs != nil {
			t.Error(errs)
		}
	})
}

func TestSendFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		tries := map[string]int{}
		f.failEntry = func(_, body string) (bool, bool) {
			tries[body]++
			switch body {
			case "twice":
				return tries[body] <= 2, false
			case "always":
				return true, false
			default:
				return body == "refused", true
			}
		}
		errs := Sender{f, queueURL}.Send(t.Context(), []Out{
			{Body: "good"},
			{Body: "twice"},
			{Body: "always"},
			{Body: "refused"},
			{Body: strings.Repeat("x", MaxBytes+1)},
			{Body: strings.Repeat("x", MaxBytes-10), Attributes: map[string]string{"a": "1234"}}, // 1+6+4: one too many
			{Body: "late", Delay: MaxDelay + 1},
		})
		var got []string
		for _, err := range errs {
			var refused *RefusedError
			switch {
			case err == nil:
				got = append(got, "sent")
			case errors.As(err, &refused):
				got = append(got, "refused")
			default:
				got = append(got, "failed")
			}
		}
		want := []string{"sent", "sent", "failed", "refused", "refused", "refused", "refused"}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", errs, want)
		}
		if tries["refused"] != 1 || tries["always"] != sendAttempts || tries["good"] != 1 {
			t.Errorf("tries: %v", tries)
		}

		f.failCall = func(string) error { return errDown }
		errs = Sender{f, queueURL}.Send(t.Context(), make([]Out, 2))
		if len(errs) != 2 || !errors.Is(errs[0], errDown) || !errors.Is(errs[1], errDown) {
			t.Errorf("a failed call gave %v", errs)
		}
	})
}

// TestSendGroups is the law of grouping: whatever the sizes, every message is
// sent once, in calls that the fake, as SQS, accepts.
func TestSendGroups(t *testing.T) {
	text := strings.Repeat("x", MaxBytes)
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(1, 100), rapid.IntRange(1, MaxBytes)), 0, 40).Draw(t, "sizes")
		f := newFake()
		outs := make([]Out, len(sizes))
		for i, n := range sizes {
			outs[i].Body = text[:n]
		}
		if errs := (Sender{f, queueURL}).Send(context.Background(), outs); errs != nil {
			t.Fatal(errs)
		}
		if f.left() != len(outs) {
			t.Fatalf("%d of %d sent", f.left(), len(outs))
		}
	})
}
