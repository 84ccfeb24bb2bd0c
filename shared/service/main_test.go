package service

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headcount-etl/headcount/shared/metrics"
)

// TestMain makes of this test binary a service, when a test starts it as one.
func TestMain(m *testing.M) {
	if mode := os.Getenv("SERVICE_TEST_MODE"); mode != "" {
		Main("tester", func(ctx context.Context, p *Process) error { return tester(ctx, p, mode) })
		return
	}
	goleak.VerifyTestMain(m)
}

func tester(ctx context.Context, p *Process, mode string) error {
	p.Metrics.Add(metrics.EventsReceived, 5)
	switch mode {
	case "fails":
		return errors.New("the queue is gone")
	case "settings":
		p.Env.URL("INPUT_QUEUE_URL")
		p.Env.String("BUCKET")
		return p.Env.Err()
	case "ill":
		p.Health("queue", func(time.Time) error { return errors.New("stuck") })
	}
	p.Log.Info().Msg("ready")
	<-ctx.Done()
	if mode == "hangs" {
		p.Log.Info().Msg("hanging")
		select {}
	}
	return nil
}

// started is a service in a process of its own.
type started struct {
	*exec.Cmd
	lines *bufio.Scanner
	log   strings.Builder
}

func startMain(t *testing.T, mode string, env ...string) *started {
	t.Helper()
	s := &started{Cmd: command(t, mode, env)}
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.lines = bufio.NewScanner(out)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

func command(t *testing.T, mode string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, self, args...) //nolint:gosec // this very binary
	// The test's name keeps the health check's socket apart from others'.
	c.Env = append(os.Environ(), "SERVICE_TEST_MODE="+mode, "INPUT_QUEUE_URL=http://127.0.0.1/"+t.Name())
	c.Env = append(c.Env, env...)
	return c
}

// until reads the log up to a line that holds text.
func (s *started) until(t *testing.T, text string) {
	t.Helper()
	for s.lines.Scan() {
		s.log.WriteString(s.lines.Text() + "\n")
		if strings.Contains(s.lines.Text(), text) {
			return
		}
	}
	t.Fatalf("the log ended without %q: %s", text, s.log.String())
}

// end reads the rest of the log and gives it all, and the exit code.
func (s *started) end(t *testing.T) (log string, code int) {
	t.Helper()
	for s.lines.Scan() {
		s.log.WriteString(s.lines.Text() + "\n")
	}
	_ = s.Wait()
	return s.log.String(), s.ProcessState.ExitCode()
}

func (s *started) signal(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := s.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

func TestMainStopsOnSignals(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		s := startMain(t, "runs")
		s.until(t, "ready")
		s.signal(t, signal)
		log, code := s.end(t)
		if code != 0 || !strings.Contains(log, `"EventsReceived":5`) || strings.Contains(log, `"level":"error"`) {
			t.Errorf("%s: exit %d, %s", signal, code, log)
		}
	}
}

func TestMainEndsAtTheSecondSignal(t *testing.T) {
	s := startMain(t, "hangs")
	s.until(t, "ready")
	s.signal(t, syscall.SIGTERM)
	s.until(t, "hanging")
	s.signal(t, syscall.SIGTERM)
	if log, code := s.end(t); code != 130 {
		t.Errorf("exit %d, %s", code, log)
	}
}

func TestMainErrors(t *testing.T) {
	log, code := startMain(t, "fails").end(t)
	if code != 1 || strings.Count(log, "the queue is gone") != 1 || !strings.Contains(log, `"EventsReceived":5`) {
		t.Errorf("exit %d, %s", code, log)
	}
	log, code = startMain(t, "settings", "INPUT_QUEUE_URL=nowhere", "FLOW=V1").end(t)
	if code != 2 || strings.Count(log, "bad settings") != 1 {
		t.Errorf("exit %d, %s", code, log)
	}
	for _, name := range []string{"INPUT_QUEUE_URL", "BUCKET", "FLOW"} {
		if !strings.Contains(log, name+" is") {
			t.Errorf("%s is not named: %s", name, log)
		}
	}
}

func TestMainHealthcheck(t *testing.T) {
	for _, test := range []struct {
		mode, want string
		code       int
	}{
		{"runs", "ok\n", 0},
		{"ill", "queue: stuck\n", 1},
	} {
		s := startMain(t, test.mode)
		s.until(t, "ready")
		ask := command(t, test.mode, nil, "healthcheck")
		out, _ := ask.Output()
		if string(out) != test.want || ask.ProcessState.ExitCode() != test.code {
			t.Errorf("%s: exit %d, %s", test.mode, ask.ProcessState.ExitCode(), out)
		}
		second := startMain(t, test.mode)
		second.until(t, "ready")
		if !strings.Contains(second.log.String(), "no health check") {
			t.Errorf("the second process does not say that it has no health check: %s", second.log.String())
		}
		for _, p := range []*started{second, s} {
			p.signal(t, syscall.SIGTERM)
			if log, code := p.end(t); code != 0 {
				t.Errorf("exit %d, %s", code, log)
			}
		}
	}
	ask := command(t, "runs", nil, "healthcheck")
	if out, _ := ask.Output(); string(out) != errNotRunning.Error()+"\n" || ask.ProcessState.ExitCode() != 1 {
		t.Errorf("nothing runs: exit %d, %s", ask.ProcessState.ExitCode(), out)
	}
}

func TestMainUsage(t *testing.T) {
	c := command(t, "runs", nil, "--help")
	out, _ := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 2 || !strings.HasPrefix(string(out), "usage: tester [healthcheck]") {
		t.Errorf("exit %d, %s", c.ProcessState.ExitCode(), out)
	}
}
