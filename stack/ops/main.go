// Command ops does what a deployment needs besides Pulumi: masking keys, images,
// lists of places. The Makefile calls it; `go run ./stack/ops help` lists what
// it does. It knows no Pulumi, so that it is built in a moment.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(execute(ctx, os.Stdout, os.Stderr, os.Args[1:]))
}
