package service

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// healthTimeout bounds one question and its answer.
const healthTimeout = 5 * time.Second

const well = "ok"

// socket names the Unix socket on which a running service answers. It depends
// on the input queue and the flow, so that several can run on one machine.
// Linux has names without a file, which suits a read-only root file system and
// leaves nothing behind.
func socket(name string, lookup func(string) (string, bool)) string {
	env := NewEnv(lookup)
	key := strings.Join([]string{name, env.Optional("INPUT_QUEUE_URL", ""), env.Optional("FLOW", "v1")}, "\x00")
	unique := fmt.Sprintf("headcount-%s-%x", name, sha256.Sum256([]byte(key)))[:len("headcount--")+len(name)+16]
	if runtime.GOOS == "linux" {
		return "@" + unique
	}
	return filepath.Join(os.TempDir(), unique+".sock")
}

// serveHealth answers health checks until stop is called, which may always be.
func (p *Process) serveHealth(ctx context.Context, address string) (stop func(), err error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", address)
	if err != nil && !strings.HasPrefix(address, "@") {
		// A process that was killed leaves its file behind.
		if _, ill := askHealth(ctx, address); errors.Is(ill, errNotRunning) && os.Remove(address) == nil {
			listener, err = config.Listen(ctx, "unix", address)
		}
	}
	if err != nil {
		return func() {}, fmt.Errorf("health check: %w", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			p.answerHealth(conn)
		}
	}()
	return func() {
		_ = listener.Close()
		<-done
	}, nil
}

// answerHealth writes ok, or one line that names the checks that fail. An
// answer that cannot be written is the asker's problem.
func (p *Process) answerHealth(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // see above
	_ = conn.SetDeadline(time.Now().Add(healthTimeout))
	_, _ = io.WriteString(conn, p.health(time.Now()))
}

func (p *Process) health(now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ill []string
	for _, c := range p.checks {
		if err := c.ask(now); err != nil {
			ill = append(ill, c.name+": "+err.Error())
		}
	}
	if ill == nil {
		return well
	}
	return strings.ReplaceAll(strings.Join(ill, "; "), "\n", "; ")
}

var errNotRunning = errors.New("the service does not run with these settings")

// askHealth asks the service that listens at address. The error says in one
// line why it is not well.
func askHealth(ctx context.Context, address string) (string, error) {
	dialer := net.Dialer{Timeout: healthTimeout}
	conn, err := dialer.DialContext(ctx, "unix", address)
	if err != nil {
		return "", errNotRunning
	}
	defer conn.Close() //nolint:errcheck // nothing was written
	_ = conn.SetDeadline(time.Now().Add(healthTimeout))
	answer, err := io.ReadAll(conn)
	switch {
	case err != nil:
		return "", fmt.Errorf("the service does not answer: %w", err)
	case string(answer) != well:
		return "", errors.New(string(answer))
	}
	return well, nil
}
