package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/dashboards"
	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
)

// running is a command of the real binary whose output is read as it comes.
type running struct {
	*process
	stdin          io.WriteCloser
	stdout, stderr *bufio.Reader
}

// attach launches the command and connects to its streams.
func attach(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{}
	var theirs []*os.File // the ends that the process writes to
	pipe := func(stream *io.Writer) *bufio.Reader {
		ours, their, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ours.Close() }) // only read from
		*stream, theirs = their, append(theirs, their)
		return bufio.NewReader(ours)
	}
	r.process = launchHeadcount(t, func(cmd *exec.Cmd) {
		var err error
		if r.stdin, err = cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		r.stdout, r.stderr = pipe(&cmd.Stdout), pipe(&cmd.Stderr)
	}, args...)
	for _, their := range theirs { // so that the end of the process is the end of the stream
		if err := their.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// stop sends the signal and gives what it printed from then on, and its exit code.
func (r *running) stop(t *testing.T, s os.Signal) (code int, stdout, stderr string) {
	t.Helper()
	begun := time.Now()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(patience, func() {
		t.Errorf("%s is still there %s after %s", r.name, patience, s)
		_ = r.cmd.Process.Kill()
	})
	defer overdue.Stop()
	rest := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(r.stderr)
		rest <- string(text)
	}()
	out, _ := io.ReadAll(r.stdout)
	stderr = <-rest
	<-r.done
	t.Logf("%s: %s after %s", r.name, r.cmd.ProcessState, time.Since(begun))
	return r.cmd.ProcessState.ExitCode(), string(out), stderr
}

// TestSignals: each command ends on SIGINT, SIGTERM and SIGHUP, by itself, with the exit
// code that says so.
func TestSignals(t *testing.T) {
	t.Parallel()
	tr := simulatedEvery(t, 2*time.Hour, 10, 3000, 100)
	pois := samplePlacesWithRadius(t)
	fed := t.TempDir()
	o := options{pois: pois, window: 5 * time.Minute, minPeople: 1}
	run(t, fed, o, tr.valid[:100])
	definition := writeFile(t, "headcount.json", readDashboard(t))
	t.Run("run, stdin idle", func(t *testing.T) {
		dir := t.TempDir()
		r := attach(t, "run", "--events", "-", "--pois", pois, "--data", dir)
		if _, err := io.WriteString(r.stdin, tr.valid[0]+"\n"); err != nil { // nothing is made before the input's form is known
			t.Fatal(err)
		}
		awaitFiles(t, 3, dir, "logs")
		code, out, stderr := r.stop(t, os.Interrupt)
		if code != 130 || out != "" || !strings.Contains(stderr, "interrupted by SIGINT") {
			t.Errorf("exit %d, %q, %q", code, out, stderr)
		}
	})
	t.Run("run, at work", func(t *testing.T) {
		dir := t.TempDir()
		r := attach(t, "run", "--events", "-", "--pois", pois, "--data", dir, "--radius", "200")
		// Its stdin stays open: the end of the input cannot be what ends it.
		if _, err := io.WriteString(r.stdin, strings.Join(tr.valid, "\n")+"\n"); err != nil {
			t.Fatal(err)
		}
		code, out, stderr := r.stop(t, syscall.SIGTERM)
		if code != 143 || out != "" || !strings.Contains(stderr, "interrupted by SIGTERM") || !strings.Contains(stderr, "not counted yet") {
			t.Errorf("exit %d, %q, %q", code, out, stderr)
		}
		run(t, dir, o, tr.valid)
		checkOracle(t, dir, o, tr.valid)
	})
	t.Run("simulate", func(t *testing.T) {
		r := attach(t, "simulate", "--people", "20000", "--minutes", "600")
		line(t, r.stdout, "{")
		code, out, stderr := r.stop(t, syscall.SIGHUP)
		last := out[strings.LastIndexByte(strings.TrimSuffix(out, "\n"), '\n')+1:]
		if code != 129 || !strings.HasSuffix(last, "\n") || !strings.Contains(stderr, "events written") {
			t.Errorf("exit %d, %q, last line %q", code, stderr, last)
		}
	})
	t.Run("cloud", func(t *testing.T) {
		r := attach(t, "cloud", "--listen", "127.0.0.1:0", "--data", t.TempDir())
		line(t, r.stdout, "Ctrl-C ends it")
		if code, _, stderr := r.stop(t, syscall.SIGTERM); code != 0 {
			t.Errorf("exit %d: %s", code, stderr)
		}
	})
	t.Run("preview", func(t *testing.T) {
		r := attach(t, "preview", "--listen", "127.0.0.1:0", "--definition", definition, "--data", fed)
		line(t, r.stderr, "Ctrl-C ends it")
		if code, _, stderr := r.stop(t, os.Interrupt); code != 0 {
			t.Errorf("exit %d: %s", code, stderr)
		}
	})
	t.Run("demo", func(t *testing.T) {
		dir := t.TempDir()
		r := attach(t, "demo", "--data", dir)
		awaitFiles(t, 1, dir, aggregates, "headcounts")
		code, out, stderr := r.stop(t, os.Interrupt)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		var balance pipeline.Balance
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &balance); err != nil {
			t.Error(err)
		}
		if code != 0 || balance.Aggregated == 0 || !strings.Contains(stderr, "the balance closes") {
			t.Errorf("exit %d, %+v, %s", code, balance, stderr)
		}
	})
}

// line reads up to a line that holds a text.
func line(t *testing.T, r *bufio.Reader, holds string) {
	t.Helper()
	for {
		text, err := r.ReadString('\n')
		if strings.Contains(text, holds) {
			return
		}
		if err != nil {
			t.Fatalf("%v before %q; last %q", err, holds, text)
		}
	}
}

// awaitFiles waits until a folder below the data folder has so many files.
func awaitFiles(t *testing.T, least int, dir string, below ...string) {
	t.Helper()
	c := command{dir: dir}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for overdue := time.After(patience); c.files(below...) < least; {
		select {
		case <-tick.C:
		case <-overdue:
			t.Fatalf("%v has %d files after %s, want %d", below, c.files(below...), patience, least)
		}
	}
}

func readDashboard(t *testing.T) string {
	t.Helper()
	text, err := dashboards.Files.ReadFile(dashboards.HeadcountFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(text))
}
