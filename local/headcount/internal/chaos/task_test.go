package chaos

import (
	"bytes"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	tasksEach = 2
	// stopTimeout is shorter than on AWS, as there is one after another.
	stopTimeout = 5 * time.Second
	// visibility is the consumers' own.
	visibility = time.Minute
	radiusM    = 200
	window     = 5 * time.Minute
)

// task is a place for a service's process. One runs there at a time.
type task struct {
	w       *world
	service string
	place   int
	proxy   *httptest.Server
	killing sync.Mutex // held by who kills it
	config  config     // of the next process

	mu    sync.Mutex
	cmd   *exec.Cmd
	done  chan struct{}
	asked bool              // a signal was sent
	held  map[string]string // receipt handles that it was given, and their queues
	runs  int
	works bool // it has received
	since time.Time
}

func (t *task) String() string { return fmt.Sprintf("%s-%d", t.service, t.place) }

func (t *task) environ() (list []string) {
	env := t.w.Env(t.service)
	maps.Copy(env, map[string]string{
		"MASKING_KEYS": "[" + t.config.keys + "]", "POIS": t.config.places, "HOTSPOT_LEVEL": strconv.Itoa(t.config.level), "WINDOW": window.String(), "RADIUS_M": fmt.Sprint(radiusM), "MIN_PEOPLE": "1",
		"FLUSH_INTERVAL": "500ms", "REFRESH_INTERVAL": "1s", "STOP_TIMEOUT": stopTimeout.String(),
	})
	for key, value := range env {
		// All calls go by the task's proxy, and the health checks of two tasks differ.
		list = append(list, key+"="+strings.ReplaceAll(value, t.w.Cloud.URL(), t.proxy.URL))
	}
	return list
}

// start starts a process in the place, which must be free.
func (t *task) start() error {
	log, err := os.OpenFile(t.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(binaries, t.service))
	cmd.Env, cmd.Stdout, cmd.Stderr = t.environ(), log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = log.Close() // the process has a file of its own
	t.mu.Lock()
	defer t.mu.Unlock()
	done := make(chan struct{})
	t.cmd, t.done, t.asked, t.works, t.since = cmd, done, false, false, time.Now()
	t.runs++
	run := t.runs
	go func() {
		_ = cmd.Wait() // how it ended is asked of its state
		close(done)
		t.again(run)
	}()
	return nil
}

// again starts a process anew that could not start for all the faults, as ECS does.
func (t *task) again(run int) {
	t.killing.Lock()
	defer t.killing.Unlock()
	t.mu.Lock()
	failed := t.runs == run && !t.asked && !t.works && t.w.ctx.Err() == nil
	t.mu.Unlock()
	if failed {
		t.w.logf("%s could not start: %s", t, t.tail())
		t.w.unstarted.Add(1)
		if strings.Contains(t.tail(), "was made with other settings") {
			t.w.t.Errorf("%s has ended, as its settings are not the flow's", t)
		}
		if err := t.start(); err != nil {
			t.w.logf("%s is not started again: %v", t, err)
		}
	}
}

func (t *task) logPath() string { return filepath.Join(t.w.logs, t.String()+".log") }

func (t *task) signal(s syscall.Signal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked = true
	if t.cmd != nil {
		_ = t.cmd.Process.Signal(s) // it may have ended
	}
}

// kill kills that process, if it still runs: the call after which it was to die may have
// taken longer than it was waited for.
func (t *task) kill(run int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.runs == run {
		t.asked = true
		_ = t.cmd.Process.Kill() // it may have ended
	}
}

// run gives the number of the process that runs there.
func (t *task) run() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.runs
}

// gone reports whether that process was asked to end.
func (t *task) gone(run int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked || t.runs != run
}

func (t *task) ended() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.done
}

// alive gives an error where the process has ended by itself.
func (t *task) alive() error {
	select {
	case <-t.ended():
	default:
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked || !t.works {
		return nil
	}
	return fmt.Errorf("%s has ended by itself: %s; its log ends with\n%s", t, t.cmd.ProcessState, t.tail())
}

func (t *task) state() *os.ProcessState {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cmd.ProcessState
}

func (t *task) tail() string {
	text, _ := os.ReadFile(t.logPath()) // empty says it
	return string(text[max(0, len(text)-1500):])
}

// usage is what a process takes.
type usage struct {
	rss, peak int // KiB
	files     int // descriptors
	sockets   int // of those
}

func (t *task) usage() (u usage) {
	t.mu.Lock()
	proc := filepath.Join("/proc", strconv.Itoa(t.cmd.Process.Pid))
	t.mu.Unlock()
	status, _ := os.ReadFile(filepath.Join(proc, "status")) // nothing, where it has ended
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmRSS: %d kB", &u.rss)
		_, _ = fmt.Sscanf(line, "VmHWM: %d kB", &u.peak)
	}
	files, _ := os.ReadDir(filepath.Join(proc, "fd"))
	u.files = len(files)
	for _, f := range files {
		if to, err := os.Readlink(filepath.Join(proc, "fd", f.Name())); err == nil && strings.HasPrefix(to, "socket:") {
			u.sockets++
		}
	}
	return u
}

var goroutine = regexp.MustCompile(`(?m)^goroutine \d+ .*\n(.*)`)

// goroutines ends the process by SIGQUIT, on which Go's runtime says what all its
// goroutines do, and gives their number by the innermost function.
func (t *task) goroutines() (n int, byName map[string]int, err error) {
	before, err := os.Stat(t.logPath())
	if err != nil {
		return 0, nil, err
	}
	t.signal(syscall.SIGQUIT)
	<-t.ended()
	text, err := os.ReadFile(t.logPath())
	if err != nil {
		return 0, nil, err
	}
	byName = map[string]int{}
	for _, found := range goroutine.FindAllSubmatch(text[before.Size():], -1) {
		name, _, _ := bytes.Cut(found[1], []byte("("))
		byName[string(name)]++
		n++
	}
	return n, byName, nil
}
