package keys

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// TestRotateAtOnce: another one rotates between our look and our write. Whoever
// comes second changes nothing, and says so.
func TestRotateAtOnce(t *testing.T) {
	for _, call := range []string{"put", "move"} {
		m := &manager{}
		m.set(firstRing(noon))
		var theirs string
		m.before = func(now string) error {
			if now != call {
				return nil
			}
			m.before = nil // theirs is not disturbed
			if _, err := m.keeper(noon).do(t.Context(), Options{Rotate: true, Day: "2026-12-01"}); err != nil {
				t.Fatal(err)
			}
			theirs = m.value()
			return nil
		}
		_, err := m.do(t, noon, Options{Rotate: true, Day: "2026-12-02"})
		if !errors.Is(err, errChanged) || !strings.Contains(err.Error(), "ops keys --stack dev") {
			t.Errorf("before our %s: %v", call, err)
		}
		if m.value() != theirs || theirs == "" {
			t.Errorf("before our %s: their key is gone", call)
		}
	}
}

// TestLostAnswers: whatever call fails before or after its effect, the
// ring is the old one or the new one, and what is said is true.
func TestLostAnswers(t *testing.T) {
	down := errors.New("down")
	for _, call := range []string{"get", "put", "move", "unlabel"} {
		for _, when := range []string{"before", "after"} {
			m := &manager{}
			m.set(firstRing(noon))
			old := m.value()
			m.failAt(when, call, down)
			text, err := m.keeper(noon).do(t.Context(), Options{Rotate: true})
			if changed := m.value() != old; changed != (err == nil) || changed != strings.Contains(text, "added key k2") {
				t.Errorf("%s %s: changed %t, but %v and %q", when, call, changed, err, text)
			}
			if err != nil && (!errors.Is(err, down) || !strings.Contains(err.Error(), name)) {
				t.Errorf("%s %s: got %v", when, call, err)
			}
			if call != "unlabel" && m.left() != nil {
				t.Errorf("%s %s: leaves the labels %v", when, call, m.left())
			}
		}
	}
}

// TestInterrupt: Ctrl-C between the calls leaves the old ring and no label; and
// where only the answer was not waited for, the new ring, which is printed.
func TestInterrupt(t *testing.T) {
	for _, last := range []string{"put", "move"} {
		ctx, stop := context.WithCancel(t.Context())
		m := &manager{}
		m.set(firstRing(noon))
		m.after = func(call string) error {
			if call == last {
				stop()
			}
			if call == "move" {
				return ctx.Err()
			}
			return nil
		}
		k := m.keeper(noon)
		k.secret.api = interrupted{m}
		_, err := k.do(ctx, Options{Rotate: true})
		if keys := len(m.keys(t)); last == "put" && (!errors.Is(err, context.Canceled) || keys != 1) || last == "move" && (err != nil || keys != 2) {
			t.Errorf("after the %s: %v, %d keys", last, err, keys)
		}
		if m.left() != nil {
			t.Errorf("after the %s: left %v", last, m.left())
		}
	}
}

// TestRotateBesideADeadOne: another one has written a version and died. It does
// not remove the label from ours, which would let Secrets Manager delete it.
func TestRotateBesideADeadOne(t *testing.T) {
	m := &manager{}
	m.set(firstRing(noon))
	down := errors.New("down")
	m.before = func(call string) error {
		if call != "move" {
			return nil
		}
		m.before = func(call string) error {
			if call == "move" || call == "unlabel" {
				return down
			}
			return nil
		}
		if _, err := m.keeper(noon).do(t.Context(), Options{Rotate: true, Day: "2026-12-01"}); !errors.Is(err, down) {
			t.Errorf("the other one: %v", err)
		}
		m.before = nil
		return nil
	}
	_, err := m.keeper(noon).do(t.Context(), Options{Rotate: true, Day: "2026-12-02"})
	if keys := m.keys(t); err != nil || len(keys) != 2 || keys[1].From != "2026-12-02" {
		t.Errorf("%v, %d keys", err, len(keys))
	}
}

// TestUnknownOutcome: the move fails, and then nothing answers any more.
func TestUnknownOutcome(t *testing.T) {
	down := errors.New("down")
	m := &manager{}
	m.set(firstRing(noon))
	m.before = func(call string) error {
		if call == "move" {
			m.before = func(string) error { return down }
			return down
		}
		return nil
	}
	_, err := m.keeper(noon).do(t.Context(), Options{Rotate: true})
	if !errors.Is(err, down) || !strings.Contains(err.Error(), "could not be seen") {
		t.Errorf("got %v", err)
	}
}
