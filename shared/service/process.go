package service

import (
	"context"
	"io"
	"regexp"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/shared/metrics"
)

// flushInterval is how often metrics are written: CloudWatch keeps minutes, so
// six times a minute lose little when a process dies.
const flushInterval = 10 * time.Second

// flowPattern keeps a flow's name fit for S3 keys, queue names and partitions.
var flowPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// IsFlow reports whether a text can be the name of a flow.
func IsFlow(name string) bool { return flowPattern.MatchString(name) }

// stackPattern is what Pulumi allows as the name of a stack.
var stackPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)

// Process is a service at run time: what every service has, whether it runs in
// a process of its own or with others in one.
type Process struct {
	// Name is the service's name: validator, masker or aggregator.
	Name string
	// Env reads the settings of the service itself.
	Env *Env
	// Log writes JSON lines with the service and the flow. It must get no
	// payload and no personal value.
	Log zerolog.Logger
	// Metrics is written to the log's writer while Run lasts.
	Metrics *metrics.Set

	// Flow is the setting FLOW: the name of the data flow, v1 by default.
	Flow string
	// MaxAge is the setting MAX_AGE: how old an event may be when it arrives,
	// or 0 for any age.
	MaxAge time.Duration
	// StopTimeout is the setting STOP_TIMEOUT: how long work in progress may
	// take after a signal.
	StopTimeout time.Duration

	mu     sync.Mutex
	checks []check
}

// check is one answer to whether the process is well.
type check struct {
	name string
	ask  func(now time.Time) error
}

// NewProcess reads the settings that all services share. Faults in them are
// found again in Env.Err, so that all settings' faults are named together.
// Nothing of this process's own environment is read: only lookup. The setting
// STACK, local by default, keeps the metrics of an account's stacks apart.
func NewProcess(name string, lookup func(string) (string, bool), logTo io.Writer) *Process {
	env := NewEnv(lookup)
	p := &Process{
		Name:        name,
		Env:         env,
		Flow:        env.Optional("FLOW", "v1"),
		MaxAge:      env.Duration("MAX_AGE", 0, 0, 100*365*24*time.Hour),
		StopTimeout: env.Duration("STOP_TIMEOUT", 25*time.Second, time.Second, time.Hour),
	}
	if !IsFlow(p.Flow) {
		env.bad("FLOW", p.Flow, "1 to 32 of a-z, 0-9 and -, and not begin with -")
		p.Flow = "v1"
	}
	stack := env.Optional("STACK", "local")
	if !stackPattern.MatchString(stack) {
		env.bad("STACK", stack, "1 to 100 of A-Z, a-z, 0-9, _, . and -")
		stack = "local"
	}
	level, err := zerolog.ParseLevel(env.Choice("LOG_LEVEL", "info", "debug", "info", "warn", "error"))
	if err != nil {
		level = zerolog.InfoLevel
	}
	out := zerolog.SyncWriter(logTo) // log lines and metrics must not mix
	p.Log = zerolog.New(out).Level(level).With().Timestamp().Str("service", name).Str("flow", p.Flow).Logger()
	p.Metrics = metrics.New(out, stack, name, p.Flow)
	return p
}

// Health adds a check to what the health check asks: nil means well. It is
// called while the service works, at any time.
func (p *Process) Health(name string, ask func(now time.Time) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checks = append(p.checks, check{name, ask})
}

// Run runs a service and writes its metrics every 10 s and at the end. The
// error is that of run.
func (p *Process) Run(ctx context.Context, run func(ctx context.Context, p *Process) error) error {
	done := make(chan struct{})
	var flusher sync.WaitGroup
	flusher.Go(func() {
		tick := time.NewTicker(flushInterval)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				p.flush(now)
			case <-done:
				return
			}
		}
	})
	defer func() {
		close(done)
		flusher.Wait()
		p.flush(time.Now())
	}()
	return run(ctx, p)
}

func (p *Process) flush(now time.Time) {
	if err := p.Metrics.Flush(now); err != nil {
		p.Log.Warn().Err(err).Msg("metrics not written")
	}
}
