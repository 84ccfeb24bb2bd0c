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
	"os"
	"os/signal"
	"syscall"
)

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
