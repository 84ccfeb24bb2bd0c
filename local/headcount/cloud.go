package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/local/standin"
	"github.com/headcount-etl/headcount/shared/service"
)

// stopTimeout is how long the stand-in may take to write what it holds.
const stopTimeout = 4 * time.Second

// standIn runs only the stand-in for AWS, until Ctrl-C.
func standIn(ctx context.Context, std streams, args []string) (err error) {
	f := newFlags("cloud", std.err)
	listen := f.String("listen", "127.0.0.1:4566", "loopback `address` to listen on")
	dir := f.String("data", "", "the data `folder`; made if need be")
	flow := f.String("flow", defaultFlow, "`name` of the data flow")
	if err := f.parse(args, "", "data"); err != nil {
		return err
	}
	if !service.IsFlow(*flow) {
		return usageError{fmt.Sprintf("--flow %q is not 1 to 32 of a-z, 0-9 and -, not beginning with -", *flow)}
	}
	if err := checkListen(*listen); err != nil {
		return err
	}
	if err := sql.CheckFolder(*dir); err != nil {
		return usageError{fmt.Sprintf("--data %s: %s", *dir, err)}
	}
	if err := os.MkdirAll(*dir, 0o750); err != nil {
		return err
	}
	unlock, err := pipeline.Lock(*dir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := keepFolder(*dir); err != nil {
		return err
	}
	c, err := standin.Start(ctx, standin.Config{Listen: *listen, Dir: *dir, Log: zerolog.New(std.err).With().Timestamp().Logger()})
	if err != nil {
		return orEnded(ctx, orTaken(err, *listen))
	}
	r, err := pipeline.Create(ctx, c, *flow)
	if err = orEnded(ctx, err); err == nil && r != nil {
		r.Describe(std.out)
		<-ctx.Done()
		fmt.Fprintln(std.err, "stopping")
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if closeErr := c.Close(closing); err == nil {
		err = closeErr
	}
	return err
}
