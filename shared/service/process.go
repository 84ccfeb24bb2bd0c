// Package service is what the main functions of Headcount's services share:
// settings, logs, metrics, signals and the health check. A main.go is wiring:
//
//	func main() { service.Main("masker", run) }
//
//	func run(ctx context.Context, p *service.Process) error {
//		queueURL := p.Env.URL("INPUT_QUEUE_URL")
//		cfg, err := service.LoadAWS(ctx, p) // names every bad setting
//		…
//	}
package service

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"sync"
	"syscall"
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
	// or 0 for any age. It is DefaultMaxAge by default.
	MaxAge time.Duration
	// HeldMessages is the setting HELD_MESSAGES: how many messages of a queue the
	// process may have in flight, or 0 for what suits it. SQS allows 120,000 for all
	// tasks together.
	HeldMessages int
	// StopTimeout is the setting STOP_TIMEOUT: how long work in progress may
	// take after a signal.
	StopTimeout time.Duration

	mu     sync.Mutex
	checks []check
}

// DefaultMaxAge is a day less than partials are kept: an older event would make a final
// that lacks the people of partials that have expired.
const DefaultMaxAge = 34 * 24 * time.Hour

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
		Name:         name,
		Env:          env,
		Flow:         env.Optional("FLOW", "v1"),
		MaxAge:       env.Duration("MAX_AGE", DefaultMaxAge, 0, 100*365*24*time.Hour),
		HeldMessages: env.Int("HELD_MESSAGES", 0, 20, 100_000),
		StopTimeout:  env.Duration("STOP_TIMEOUT", 25*time.Second, time.Second, time.Hour),
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

// Exit codes of a service, besides 0.
const (
	exitFailed      = 1
	exitUsage       = 2   // wrong arguments or settings: starting again will not help
	exitInterrupted = 130 // a second signal, as shells report it
)

// Main is the main function of a service. Without arguments it runs the
// service until SIGTERM or SIGINT cancels its context; a second signal ends the
// process at once. The argument healthcheck asks the service that runs with the
// same settings on this machine, and exits with 0 when it is well, else 1 after
// one line with the reason. An error of run is logged, once, and gives the exit
// code 1, or 2 for bad settings.
func Main(name string, run func(ctx context.Context, p *Process) error) {
	args := os.Args[1:]
	switch {
	case len(args) == 0:
		os.Exit(serve(name, run))
	case len(args) == 1 && args[0] == "healthcheck":
		answer, err := askHealth(context.Background(), socket(name, os.LookupEnv))
		if err != nil {
			fmt.Println(err)
			os.Exit(exitFailed)
		}
		fmt.Println(answer)
	default:
		fmt.Fprintf(os.Stderr, "usage: %s [healthcheck]\nRuns the service; its settings are environment variables.\n", name)
		os.Exit(exitUsage)
	}
}

// serve runs the service and gives the exit code.
func serve(name string, run func(ctx context.Context, p *Process) error) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := NewProcess(name, os.LookupEnv, os.Stdout)

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() {
		p.Log.Info().Stringer("signal", <-signals).Msg("stopping")
		cancel()
		p.Log.Error().Stringer("signal", <-signals).Msg("stopped at once by a second signal")
		os.Exit(exitInterrupted)
	}()

	stopHealth, err := p.serveHealth(ctx, socket(name, os.LookupEnv))
	if err != nil {
		p.Log.Warn().Err(err).Msg("no health check: does the service already run with these settings?")
	}
	defer stopHealth()

	p.Log.Info().Msg("started")
	err = p.Run(ctx, run)
	switch {
	case isSettings(err):
		p.Log.Error().Err(err).Msg("not started")
		return exitUsage
	case err != nil:
		p.Log.Error().Err(err).Msg("failed")
		return exitFailed
	}
	p.Log.Info().Msg("stopped")
	return 0
}
