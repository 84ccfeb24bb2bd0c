package e2e

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/internal/publish"
	"github.com/headcount-etl/headcount/local/standin"
	"github.com/headcount-etl/headcount/local/standin/sqs"
	chain "github.com/headcount-etl/headcount/shared/pipeline"
)

// services are the real binaries, in the order in which events pass them.
var services = chain.Stages

// queueNames are the flow's queues, in the order in which events pass them.
var queueNames = chain.Queues()

// patience bounds every wait for something that must happen.
const patience = 60 * time.Second

// binaries is the folder that build builds into; TestMain removes it.
var binaries string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if binaries, err = os.MkdirTemp("", "headcount-e2e-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(binaries) //nolint:errcheck // a temporary folder
		return m.Run()
	}())
}

// build builds the services, once. They need no cgo, and are shipped without it;
// but with the flags of this test its own compiled packages serve for them too,
// which saves minutes where nothing is compiled yet.
var build = sync.OnceValue(func() error {
	args := []string{"build", "-o", binaries}
	for _, s := range services {
		args = append(args, "github.com/headcount-etl/headcount/services/"+s.Name)
	}
	cmd := exec.Command("go", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
})

// site is the stand-in with all that the services need, and a data folder.
type site struct {
	*pipeline.Resources
	t    testing.TB
	dir  string
	pois string
	env  map[string]string // added to every service's
}

func newSite(t testing.TB, pois string, env map[string]string) *site {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: t.TempDir(), pois: pois, env: env}
	standIn, err := standin.Start(t.Context(), standin.Config{Dir: s.dir, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := standIn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if s.Resources, err = pipeline.Create(t.Context(), standIn, "v1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.dir, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

// process is a service's real binary at work.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// environ gives a service's environment, and nothing of this process's own.
// endpoint, if not empty, is where it finds AWS.
func (s *site) environ(name, endpoint string) (list []string) {
	env := s.Env(name)
	maps.Copy(env, map[string]string{
		"MASKING_KEYS": `[{"id":"k1","from":"2026-01-01","key":"` + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))) + `"}]`,
		"POIS":         s.pois, "WINDOW": "5m", "RADIUS_M": fmt.Sprint(radiusM), "MIN_PEOPLE": "1",
		"FLUSH_INTERVAL": "200ms", "REFRESH_INTERVAL": "0s",
	})
	maps.Copy(env, s.env)
	if endpoint != "" {
		env["AWS_ENDPOINT_URL"] = endpoint
	}
	for key, value := range env {
		list = append(list, key+"="+value)
	}
	return list
}

// start starts a service.
func (s *site) start(name, endpoint string) *process {
	s.t.Helper()
	p, err := s.launch(name, endpoint)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// launch is start for goroutines other than the test's. The log is appended to a
// file of the data folder.
func (s *site) launch(name, endpoint string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(s.dir, "logs", name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(binaries, name))
	cmd.Env, cmd.Stdout, cmd.Stderr = s.environ(name, endpoint), log, log
	p, err := begin(s.t, name, cmd)
	return p, errors.Join(err, log.Close()) // the process has a file of its own
}

// begin starts a command, which is killed at the end of the test at the latest.
func begin(t testing.TB, name string, cmd *exec.Cmd) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{name: name, cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended is asked of its state
	}()
	t.Cleanup(p.kill)
	return p, nil
}

// kill ends the process by SIGKILL, and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// end ends the process by SIGTERM and gives its exit code.
func (s *site) end(p *process) int {
	s.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		s.t.Errorf("%s does not end on SIGTERM", p.name)
		p.kill()
	}
	return p.cmd.ProcessState.ExitCode()
}

// healthy runs `<service> healthcheck`: its exit code, and what it said.
func (s *site) healthy(name string) (int, string) {
	cmd := exec.Command(filepath.Join(binaries, name), "healthcheck")
	cmd.Env = s.environ(name, "")
	out, _ := cmd.CombinedOutput() // the exit code says it
	return cmd.ProcessState.ExitCode(), strings.TrimSpace(string(out))
}

// publish publishes lines as `headcount run` does.
func (s *site) publish(perMessage int, lines []string) {
	s.t.Helper()
	p := publish.Publisher{API: sns.NewFromConfig(s.Config), TopicARN: s.TopicARN, PerMessage: perMessage}
	if _, err := p.Publish(s.t.Context(), reader(lines)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) queue(short string) *sqs.Queue {
	s.t.Helper()
	q, err := s.Cloud.SQS.Queue("headcount-v1-" + short)
	if err != nil {
		s.t.Fatal(err)
	}
	return q
}

// receives sets how often a message may be received before it is given up.
func (s *site) receives(short string, most int) {
	s.t.Helper()
	if err := s.queue(short).SetAttributes(map[string]string{
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, sqs.ARN("headcount-v1-"+short+"-dlq"), most),
	}); err != nil {
		s.t.Fatal(err)
	}
}

// until waits until what is asked for has come about.
func (s *site) until(what string, ask func() bool) {
	s.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for overdue := time.After(patience); !ask(); {
		select {
		case <-tick.C:
		case <-overdue:
			for _, short := range queueNames {
				s.t.Logf("%s: %+v, given up: %+v", short, s.queue(short).Counts(), s.queue(short+"-dlq").Counts())
			}
			s.t.Fatalf("waited for %s: %s", patience, what)
		}
	}
}

// drained waits until no queue of those holds anything. A stage deletes its
// input only when its output is in the next queue, so a queue that is empty
// after all before it were stays empty.
//
// A receive that was under way when a process ended may have hidden messages
// from the next one for a minute, on AWS as here. That is not waited for.
func (s *site) drained(queues ...string) {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	s.until(fmt.Sprint("nothing in ", queues), func() bool {
		show := false
		select {
		case <-tick.C:
			show = true
		default:
		}
		left := 0
		for _, short := range queues {
			if show {
				s.queue(short).ShowAll()
			}
			left += s.queue(short).Counts().Total()
		}
		return left == 0
	})
}

// nothingGivenUp: no message is in a dead-letter queue.
func (s *site) nothingGivenUp() {
	s.t.Helper()
	for _, short := range queueNames {
		if n := s.queue(short + "-dlq").Counts().Total(); n > 0 {
			s.t.Errorf("%d messages are in the dead-letter queue of %s", n, short)
		}
	}
}

// tail gives the last lines of a service's log.
func tail(t testing.TB, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "logs", name+".log"))
	if err != nil {
		t.Error(err)
	}
	return string(text[max(0, len(text)-2000):])
}
