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
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/settings"
)

// Run is the command: it compiles the services, builds their images, pushes
// them to the stack's repositories in ECR with the caller's credentials, and
// writes their digests to images.<stack>.json, after all are pushed.
//
// args are the flags: --stack NAME, required, and --dry-run, which builds but
// needs no stack, pushes nothing and writes nothing. stdout gets a line for each
// image, stderr what the go command says. The error is flag.ErrHelp where help
// was asked for.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	stack, dryRun, err := parse(args, stderr)
	if err != nil {
		return err
	}
	root, err := settings.Root()
	if err != nil {
		return err
	}
	var to registry
	if !dryRun {
		// Before the minutes that compiling may take: what can fail early, shall.
		if to, err = login(ctx, root, stack); err != nil {
			return err
		}
	}
	built, err := build(ctx, root, pipeline.Names(nil), stderr)
	if err != nil {
		return err
	}
	if dryRun {
		for _, i := range built {
			if _, err := fmt.Fprintln(stdout, i); err != nil {
				return err
			}
		}
		return nil
	}
	return publish(ctx, root, stack, built, to, stdout)
}

// parse reads the flags; the error names every fault.
func parse(args []string, stderr io.Writer) (stack string, dryRun bool, err error) {
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&stack, "stack", "", "the name of the stack whose repositories get the images")
	flags.BoolVar(&dryRun, "dry-run", false, "only build: print digests and sizes, push nothing")
	if err := flags.Parse(args); err != nil {
		return "", false, err
	}
	var faults []string
	if flags.NArg() > 0 {
		faults = append(faults, fmt.Sprintf("unexpected argument %q", flags.Arg(0)))
	}
	if stack == "" && !dryRun {
		faults = append(faults, "--stack is missing: the name of the stack whose repositories get the images")
	}
	if faults != nil {
		return "", false, errors.New("images: " + strings.Join(faults, "; "))
	}
	return stack, dryRun, nil
}

// login gives access to the registry of the caller's account in the stack's
// region.
func login(ctx context.Context, root, stack string) (registry, error) {
	s, err := settings.Load(root, stack)
	if err != nil {
		return registry{}, err
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(s.Region))
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
	if err := compile(ctx, root, dir, services, stderr); err != nil {
		return nil, err
	}
	programs, err := readPrograms(dir, services)
	if err != nil {
		return nil, err
	}
	var built []image
	for _, service := range services {
		i, err := assemble(service, programs[service])
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
	digests := Digests{}
	for _, i := range built {
		repository := names.Names{Stack: stack}.Repository(i.service)
		pushed, err := to.push(ctx, repository, i)
		if err != nil {
			return err
		}
		what := "is there already"
		if pushed {
			what = "pushed"
		}
		if _, err := fmt.Fprintf(stdout, "%v: %s\n", i, what); err != nil {
			return err
		}
		digests[i.service] = i.digest.String()
	}
	changed, err := Write(root, stack, digests)
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
