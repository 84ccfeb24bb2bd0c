package standin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/local/standin/firehose"
	"github.com/headcount-etl/headcount/local/standin/s3"
	"github.com/headcount-etl/headcount/local/standin/sns"
	"github.com/headcount-etl/headcount/local/standin/sqs"
	"github.com/headcount-etl/headcount/local/standin/usage"
)

// Config says where the stand-in listens and keeps its files.
type Config struct {
	// Listen is a loopback address with a port; default 127.0.0.1:0, any free
	// port.
	Listen string
	// Dir is required. Buckets are folders in Dir/buckets, e-mails are files in
	// Dir/mail. One stand-in at a time may use it.
	Dir string
	// Log gets what fails in the background; default nothing.
	Log zerolog.Logger
}

// Cloud is a running stand-in. Its services can be used within the process too,
// as if by a further client.
type Cloud struct {
	SQS      *sqs.Service
	SNS      *sns.Service
	Firehose *firehose.Service
	S3       *s3.Store

	usage    usage.Counters
	url      string
	listener net.Listener
	server   *http.Server
	unused   sync.Map           // the connections that no request has come on yet
	hangUp   context.CancelFunc // ends what clients wait for
	served   chan error
}

// Start opens the listener. The context bounds no more than that; Close ends
// the stand-in.
func Start(ctx context.Context, config Config) (*Cloud, error) {
	if config.Dir == "" {
		return nil, errors.New("the stand-in for AWS needs a folder")
	}
	listener, err := listen(ctx, config.Listen)
	if err != nil {
		return nil, err
	}
	store, err := s3.Open(filepath.Join(config.Dir, "buckets"))
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	c := &Cloud{S3: store, url: "http://" + listener.Addr().String(), listener: listener, served: make(chan error, 1)}
	c.SQS = sqs.New(c.url)
	c.Firehose = firehose.New(c.deliver, config.Log)
	c.SNS = sns.New(c.SQS, c.Firehose, filepath.Join(config.Dir, "mail"), config.Log)
	c.SQS.Usage, c.Firehose.Usage, c.SNS.Usage = &c.usage, &c.usage, &c.usage
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.hangUp = cancel
	c.server = &http.Server{
		Handler:           c.handler(),
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: 10 * time.Second,
		ConnState: func(conn net.Conn, state http.ConnState) {
			if c.unused.Delete(conn); state == http.StateNew {
				c.unused.Store(conn, nil)
			}
		},
	}
	go func() { c.served <- c.server.Serve(listener) }()
	return c, nil
}

// listen refuses addresses that others could reach.
func listen(ctx context.Context, address string) (net.Listener, error) {
	at, err := netip.ParseAddrPort(strings.Replace(cmp.Or(address, "127.0.0.1:0"), "localhost:", "127.0.0.1:", 1))
	if err != nil {
		return nil, fmt.Errorf("listen address %q: it must be like 127.0.0.1:4566", address)
	}
	if !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("listen address %q: the stand-in checks no permissions, so it listens on this machine's loopback only: "+
			"use 127.0.0.1:%d", address, at.Port())
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", at.String())
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return listener, nil
}

// URL is the endpoint for SDKs and the CLI, such as http://127.0.0.1:4566.
func (c *Cloud) URL() string { return c.url }

// Usage gives what AWS would bill of all that was done so far.
func (c *Cloud) Usage() []usage.Line { return c.usage.Snapshot() }

// Close stops accepting requests, ends those that wait for messages, delivers
// what Firehose holds and lets the folder go. An error says that something was
// not delivered, or that ctx ended first.
func (c *Cloud) Close(ctx context.Context) error {
	c.hangUp()
	closing := c.listener.Close()
	served := <-c.served // no further connection comes
	if errors.Is(served, net.ErrClosed) {
		served = nil
	}
	// Clients open some connections in advance. Shutdown would wait 5 s for each to
	// become idle.
	c.unused.Range(func(conn, _ any) bool {
		_ = conn.(net.Conn).Close() // nobody has said anything on it
		return true
	})
	stopped := c.server.Shutdown(ctx)
	if stopped != nil {
		stopped = errors.Join(fmt.Errorf("stop the listener: %w", stopped), c.server.Close())
	}
	return errors.Join(closing, served, stopped, c.Firehose.Close(ctx), c.S3.Close())
}
