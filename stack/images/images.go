// Package images builds the images of the three services and pushes them to the
// repositories of a stack: what `make images` does.
//
// It needs no Docker: the go command compiles the services, and the images are
// put together here from nothing but the program, the certificates of the
// authorities that it trusts, and a user that is not root. The same source
// compiled by the same version of Go gives the same digests, on any machine and
// at any time, so that a digest that did not change is a service that did not
// change, and pushing again does nothing.
package images

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/settings"
)

// Print compiles the services and builds their images, and writes a line for each
// to stdout; stderr gets what the go command says.
func Print(ctx context.Context, stdout, stderr io.Writer) error {
	root, err := settings.Root()
	if err != nil {
		return err
	}
	built, err := build(ctx, root, pipeline.Names(nil), stderr)
	for _, i := range built {
		if _, err := fmt.Fprintln(stdout, i); err != nil {
			return err
		}
	}
	return err
}

// Push builds the images as Print does, pushes them to the repositories of a stack
// in ECR with the caller's credentials, and writes their digests to
// images.<stack>.json, after all are pushed.
func Push(ctx context.Context, stack string, stdout, stderr io.Writer) error {
	root, err := settings.Root()
	if err != nil {
		return err
	}
	s, err := settings.Load(root, stack)
	if err != nil {
		return err
	}
	// Before the minutes of compiling: what can fail early, shall.
	to, err := login(ctx, s.Region)
	if err != nil {
		return err
	}
	built, err := build(ctx, root, pipeline.Names(nil), stderr)
	if err != nil {
		return err
	}
	return publish(ctx, root, stack, built, to, stdout)
}

// login gives access to the registry of the caller's account in a region.
func login(ctx context.Context, region string) (registry, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return registry{}, err
	}
	return access(ctx, ecr.NewFromConfig(cfg))
}

// build compiles the services and gives an image for each, in their order.
func build(ctx context.Context, root string, services []string, stderr io.Writer) ([]image, error) {
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
	var built []image
	for _, service := range services {
		i, err := assemble(service, architecture, programs[service])
		if err != nil {
			return nil, fmt.Errorf("image of %s: %w", service, err)
		}
		built = append(built, i)
	}
	return built, nil
}

// publish pushes images to the stack's repositories, and then writes their
// digests to the stack's file under root.
func publish(ctx context.Context, root, stack string, built []image, to registry, stdout io.Writer) error {
	digests := map[string]string{}
	for _, i := range built {
		repository := names.Names{Stack: stack}.Repository(i.service)
		if err := to.push(ctx, repository, i); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(stdout, "%v is in %s\n", i, repository); err != nil {
			return err
		}
		digests[i.service] = i.digest.String()
	}
	changed, err := write(filepath.Join(root, settings.ImagesFile(stack)), digests)
	if err != nil {
		return err
	}
	what := "is as it was"
	if changed {
		what = "written: commit it"
	}
	_, err = fmt.Fprintln(stdout, settings.ImagesFile(stack), what)
	return err
}

// write writes the digest of each service's image, sha256: and 64
// hexadecimal digits, to a file: an object, a line for each service, in the order
// of their names. The file is replaced as a whole or not at all, and not touched
// where it says the same: changed is false then. settings reads it.
func write(path string, digests map[string]string) (changed bool, err error) {
	data, err := json.MarshalIndent(digests, "", "  ")
	if err != nil {
		return false, err
	}
	data = append(data, '\n')
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) { //nolint:gosec // the stack's own file
		return false, nil
	}
	temp := path + ".tmp"
	err = os.WriteFile(temp, data, 0o644) //nolint:gosec // it is committed: everyone may read it
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp) // there may be none
	}
	return err == nil, err
}
