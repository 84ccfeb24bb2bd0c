package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/standin"
	"github.com/headcount-etl/headcount/shared/service"
)

// stopTimeout is how long the stand-in may take to write what it holds.
const stopTimeout = 4 * time.Second

// cloudCommand runs only the stand-in for AWS.
type cloudCommand struct {
	dataFlag
	Listen string `default:"127.0.0.1:4566" placeholder:"ADDR" help:"Loopback address; port 0 chooses one (${default})."`
	Flow   string `default:"${flow}" help:"Name of the data flow (${default})."`
}

// Help shows examples.
func (*cloudCommand) Help() string {
	return `It makes the topic, the queues, the stream and the buckets of a flow, and prints what each service needs to run on them. Any credentials are accepted.

	headcount cloud --data data/cloud
	aws --endpoint-url http://127.0.0.1:4566 --region us-east-1 sqs list-queues`
}

// Run serves until Ctrl-C.
func (c *cloudCommand) Run(ctx context.Context, std streams) (err error) {
	if !service.IsFlow(c.Flow) {
		return badFlow(c.Flow, 32)
	}
	if err := checkListen(c.Listen); err != nil {
		return err
	}
	if err := checkOwn(c.Data).found(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o750); err != nil {
		return err
	}
	unlock, err := pipeline.Lock(c.Data)
	if err != nil {
		return err
	}
	defer unlock()
	if err := keepFolder(c.Data); err != nil {
		return err
	}
	aws, err := standin.Start(ctx, standin.Config{Listen: c.Listen, Dir: c.Data, Log: zerolog.New(std.err).With().Timestamp().Logger()})
	if err != nil {
		return orEnded(ctx, orTaken(err, c.Listen))
	}
	r, err := pipeline.Create(ctx, aws, c.Flow)
	if err = orEnded(ctx, err); err == nil && ctx.Err() == nil {
		r.Describe(std.out)
		<-ctx.Done()
		fmt.Fprintln(std.err, "stopping")
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if closeErr := aws.Close(closing); err == nil {
		err = closeErr
	}
	return err
}
