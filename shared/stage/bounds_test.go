package stage

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/smithy-go"

	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/queue"
)

// TestWhoseFaultItIs: only what lies in a message is unprocessable. Whatever fails
// outside of it, or says that the sender has no right, is an outage.
func TestWhoseFaultItIs(t *testing.T) {
	// The codec of packs makes its lasting channels once, outside of a bubble.
	newStage(&downstream{}).Handle(t.Context(), []queue.Message{message("a", valid("u"))})
	refused := strings.Replace(valid("x"), `"male"`, `"m"`, 1)
	whole := func(err error) func(*downstream) { return func(f *downstream) { f.sendErr = err } }
	entry := func(code string) func(*downstream) { return func(f *downstream) { f.queueDown, f.code = true, code } }
	put := func(err error) func(*downstream) { return func(f *downstream) { f.s3Err = err } }
	denied := &smithy.GenericAPIError{Code: "AccessDenied"}
	for name, tt := range map[string]struct {
		fail          func(*downstream)
		body          string
		unprocessable bool
	}{
		"the queue does not answer":        {whole(errors.New("reset")), valid("u"), false},
		"the queue denies":                 {whole(denied), valid("u"), false},
		"the queue's key denies":           {entry("KMS.AccessDeniedException"), valid("u"), false},
		"the queue throttles":              {entry("ThrottlingException"), valid("u"), false},
		"the queue refuses the message":    {entry("InvalidMessageContents"), valid("u"), true},
		"the quarantine denies":            {put(denied), refused, false},
		"the quarantine's key is disabled": {put(&smithy.GenericAPIError{Code: "KMS.DisabledException"}), refused, false},
		"the quarantine throttles":         {put(&smithy.GenericAPIError{Code: "SlowDown"}), refused, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &downstream{}
				tt.fail(f)
				errs := newStage(f).Handle(t.Context(), []queue.Message{message("a", tt.body)})
				if unprocessable := errors.As(errs[0], new(*queue.UnprocessableError)); errs[0] == nil || unprocessable != tt.unprocessable {
					t.Errorf("got %v", errs)
				}
			})
		})
	}
	s := newStage(&downstream{})
	s.Public = false
	if errs := s.Handle(t.Context(), []queue.Message{message("a", "zz", "encoding", pack.Encoding)}); !errors.As(errs[0], new(*queue.UnprocessableError)) {
		t.Errorf("a damaged pack: %v", errs)
	}
}

// TestRunsShareALine: malformed events that follow one another are one line, with
// all their text; and so is all that is rejected once a message has many lines. A
// no in one of them is a no for the line.
func TestRunsShareALine(t *testing.T) {
	noise, denied := strings.Repeat("0 ", 5), `{"analytics":false,"analytics":false}`
	f := &downstream{}
	errs := newStage(f).Handle(t.Context(), []queue.Message{
		message("a", noise+valid("u1")+noise+"[]"+valid("u2"), "consent", "analytics"),
		message("b", noise+denied+noise, "consent", "analytics"),
		message("c", strings.Repeat("{}0", maxLines), "consent", "analytics"),
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got, want := f.sent(t), []string{"a/5 u1", "a/12 u2"}; !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	events, lines := map[string]int{}, map[string]int{}
	for _, l := range f.lines {
		events[l.MessageID] += l.Events
		lines[l.MessageID]++
		switch name := fmt.Sprintf("%s/%d", l.MessageID, l.Index); {
		case name == "a/0" && string(l.Payload) != strings.TrimSpace(noise), name == "a/6" && string(l.Payload) != noise+"[]":
			t.Errorf("%s holds %q", name, l.Payload)
		case l.MessageID == "b" && len(l.Payload) != 0:
			t.Errorf("%q is kept", l.Payload)
		}
	}
	if want := map[string]int{"a": 11, "b": 11, "c": 2 * maxLines}; !maps.Equal(events, want) {
		t.Errorf("%v events, want %v", events, want)
	}
	if want := map[string]int{"a": 2, "b": 1, "c": maxLines + 1}; !maps.Equal(lines, want) {
		t.Errorf("%v lines, want %v", lines, want)
	}
}
