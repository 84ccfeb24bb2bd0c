package service

import (
	"bytes"
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headcount-etl/headcount/shared/metrics"
)

func TestNewProcess(t *testing.T) {
	var log bytes.Buffer
	p := NewProcess("masker", from(nil), &log)
	if p.Name != "masker" || p.Flow != "v1" || p.MaxAge != DefaultMaxAge || p.HeldMessages != 0 || p.StopTimeout != 25*time.Second || p.Env.Err() != nil {
		t.Errorf("defaults: %+v, %v", p, p.Env.Err())
	}
	p.Log.Debug().Msg("quiet")
	p.Log.Info().Msg("loud")
	if got := log.String(); strings.Contains(got, "quiet") || !strings.Contains(got, `"service":"masker","flow":"v1"`) {
		t.Errorf("log: %s", got)
	}

	log.Reset()
	p = NewProcess("masker", from(map[string]string{
		"FLOW": "v2-try", "MAX_AGE": "48h", "STOP_TIMEOUT": "5s", "LOG_LEVEL": "error",
	}), &log)
	if p.Flow != "v2-try" || p.MaxAge != 48*time.Hour || p.StopTimeout != 5*time.Second || p.Env.Err() != nil {
		t.Errorf("settings: %+v, %v", p, p.Env.Err())
	}
	p.Log.Warn().Msg("quiet")
	if log.Len() > 0 {
		t.Errorf("log: %s", log.String())
	}

	p = NewProcess("masker", from(map[string]string{
		"FLOW": "V2/x", "MAX_AGE": "-1s", "STOP_TIMEOUT": "soon", "LOG_LEVEL": "INFO", "STACK": "a b",
	}), &log)
	if p.Flow != "v1" {
		t.Errorf("a bad flow's name is in use: %q", p.Flow)
	}
	for _, name := range []string{"FLOW", "MAX_AGE", "STOP_TIMEOUT", "LOG_LEVEL", "STACK"} {
		if err := p.Env.Err(); err == nil || !strings.Contains(err.Error(), name+" is") {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}

func TestRunWritesMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := NewProcess("masker", from(nil), &log)
		wrong := errors.New("wrong")
		err := p.Run(t.Context(), func(_ context.Context, p *Process) error {
			p.Metrics.Add(metrics.EventsMasked, 3)
			<-time.After(11 * time.Second)
			synctest.Wait()
			if !strings.Contains(log.String(), `"EventsMasked":3`) {
				t.Errorf("after 11 s: %s", log.String())
			}
			p.Metrics.Add(metrics.EventsMasked, 4)
			return wrong
		})
		if !errors.Is(err, wrong) || !strings.Contains(log.String(), `"EventsMasked":4`) {
			t.Errorf("at the end: %v, %s", err, log.String())
		}
	})
}

// TestMetricsOfStacksAreApart: the metrics of two stacks in one account have
// another dimension, which is never empty.
func TestMetricsOfStacksAreApart(t *testing.T) {
	for given, want := range map[string]string{"": "local", "dev": "dev", "prod": "prod"} {
		var log bytes.Buffer
		p := NewProcess("masker", from(map[string]string{"STACK": given}), &log)
		p.Metrics.Add(metrics.EventsMasked, 1)
		p.Metrics.AddBy(metrics.EventsRejected, "too_old", 1)
		p.flush(time.Now())
		if n := strings.Count(log.String(), `"Dimensions":[["Stack",`); n != 2 || strings.Count(log.String(), `"Stack":"`+want+`"`) != n || p.Env.Err() != nil {
			t.Errorf("STACK=%s: %v, %s", given, p.Env.Err(), log.String())
		}
	}
}

func TestHealthOverSockets(t *testing.T) {
	// A file, as where there are no abstract sockets, left behind by a process
	// that was killed.
	file := filepath.Join(t.TempDir(), "health.sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: file})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{file, socket("masker", from(map[string]string{"INPUT_QUEUE_URL": t.Name()}))} {
		p := NewProcess("masker", from(nil), &bytes.Buffer{})
		stop, err := p.serveHealth(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		ask := func() string {
			answer, err := askHealth(t.Context(), address)
			if err != nil {
				return err.Error()
			}
			return answer
		}
		if got := ask(); got != "ok" {
			t.Errorf("without checks: %q", got)
		}
		var ill atomic.Bool
		p.Health("queue", func(time.Time) error {
			if ill.Load() {
				return errors.Join(errors.New("stuck"), errors.New("twice"))
			}
			return nil
		})
		p.Health("other", func(time.Time) error { return nil })
		if got := ask(); got != "ok" {
			t.Errorf("well: %q", got)
		}
		ill.Store(true)
		if got := ask(); got != "queue: stuck; twice" {
			t.Errorf("ill: %q", got)
		}
		if _, err := p.serveHealth(t.Context(), address); err == nil {
			t.Error("two processes listen at one address")
		}
		stop()
		if got := ask(); got != errNotRunning.Error() {
			t.Errorf("after the end: %q", got)
		}
	}
}

func TestSocketsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for _, settings := range []map[string]string{
		nil, {"FLOW": "v2"}, {"INPUT_QUEUE_URL": "http://x/a"}, {"INPUT_QUEUE_URL": "http://x/b"},
	} {
		for _, name := range []string{"masker", "validator"} {
			address := socket(name, from(settings))
			if seen[address] || len(address) > 100 {
				t.Errorf("%q is taken or too long", address)
			}
			seen[address] = true
		}
	}
	if socket("masker", from(nil)) != socket("masker", from(map[string]string{"FLOW": "v1"})) {
		t.Error("the default flow has another socket")
	}
}
