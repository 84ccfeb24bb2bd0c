// Package images builds the images of the services, and pushes them to ECR.
//
// It needs no Docker: the go command compiles the services, and the images are
// put together here from nothing but the program, the certificates of the
// authorities that it trusts, and a user that is not root. The version of Go is
// the one that go.work names. So the same source gives the same digests, on any
// machine and at any time: a preview knows the digest without a registry, and a
// digest that did not change is a service that did not change.
package images

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/headcount-etl/headcount/shared/pipeline"
)

// Build compiles the services of the repository at root, and gives the image of
// each by its service's name. stderr gets what the go command says.
func Build(ctx context.Context, root string, stderr io.Writer) (map[string]Image, error) {
	built := map[string]Image{}
	services := pipeline.Names(nil)
	dir, err := os.MkdirTemp("", "headcount-images-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	if err := compile(ctx, root, dir, architecture, services, stderr); err != nil {
		return nil, err
	}
	programs, err := readPrograms(dir, architecture, services)
	if err != nil {
		return nil, err
	}
	for _, service := range services {
		if built[service], err = assemble(service, architecture, programs[service]); err != nil {
			return nil, fmt.Errorf("image of %s: %w", service, err)
		}
	}
	return built, nil
}

// Print builds the images, and writes a line for each to stdout.
func Print(ctx context.Context, root string, stdout, stderr io.Writer) error {
	built, err := Build(ctx, root, stderr)
	if err != nil {
		return err
	}
	for _, service := range pipeline.Names(nil) {
		if _, err := fmt.Fprintln(stdout, built[service]); err != nil {
			return err
		}
	}
	return nil
}
