// Package program is the Pulumi program: it creates everything that Headcount is
// made of on AWS, for one stack. Deploy reads like the diagram in the README. Each
// part of it has a file of its own, gets what it needs of the parts before it, and
// returns what the parts after it need. What there are several of is a component:
// Bucket, Queue, Worker, Flow.
package program

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/quicksight"
	"github.com/headcount-etl/headcount/stack/settings"
)

// Means is what a deployment needs besides Pulumi. The digests of the images are
// asked for in a preview and an update alike; the rest is called in an update only,
// again in each, and at once for all.
type Means interface {
	// Digest gives the digest of a service's image: sha256: and 64 hexadecimal digits.
	Digest(service string) string
	// Push pushes a service's image to a repository, by its URL.
	Push(ctx context.Context, stack names.Names, service, url string) error
	// Key gives the current version of the masking keys in a secret, and makes the first
	// key where there is none.
	Key(ctx context.Context, stack names.Names, secretARN string) (version string, err error)
	// Role makes ECS's service-linked role.
	Role(ctx context.Context, stack names.Names) error
}

// With gives the program, which reads the configuration, has the services compiled
// from the repository at root, and deploys. Bad configuration, dashboards that fail
// their checks, and services that do not compile stop it, with every fault named,
// before anything is registered.
func With(build func(ctx context.Context, root string) (Means, error)) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		s, root, err := read(ctx)
		if err != nil {
			return err
		}
		means, err := build(ctx.Context(), root)
		if err != nil {
			return err
		}
		return Deploy(ctx, s, means)
	}
}

// read reads the configuration, and checks the dashboards.
func read(ctx *pulumi.Context) (s *settings.Settings, root string, err error) {
	if root, err = settings.Root(); err != nil {
		return nil, "", err
	}
	values, err := configured()
	if err != nil {
		return nil, "", err
	}
	s, err = settings.ForUp(ctx.Stack(), values, root)
	_, wrong := quicksight.Load()
	if err := errors.Join(err, wrong); err != nil {
		return nil, "", err
	}
	for _, warning := range s.Warnings(time.Now().UTC().Year()) {
		if err := ctx.Log.Warn(warning, nil); err != nil {
			return nil, "", err
		}
	}
	return s, root, nil
}

// stack is what all parts of the program share.
type stack struct {
	*settings.Settings
	means Means
	names names.Names
	ctx   *pulumi.Context
	// provider is for every resource and function, so that nothing is created
	// in a region by accident.
	provider *aws.Provider
	// key encrypts everything at rest.
	key *kms.Key
}

// Deploy registers the resources of a stack, in the order of an event's path,
// and its outputs.
func Deploy(ctx *pulumi.Context, configured *settings.Settings, means Means) (err error) {
	defer caught(&err)
	s := begin(ctx, configured)
	s.means = means
	s.key = s.newKey()
	buckets := s.buckets()
	topics := s.topics()
	catalog := s.catalog(buckets)
	lake := s.lake(buckets.lake, topics.events, catalog)
	fargate := s.fargate()
	flows := s.flows(platform{buckets, topics, fargate, s.keyRing()})
	queries := s.athena(buckets, catalog.database)
	shown := s.quickSight(buckets, catalog, queries.workgroup)
	s.crawler(buckets.aggregates, catalog)
	s.alarms(topics.alarms, flows, shown.imported)
	s.budget(topics)
	s.dashboard(flows)
	s.export(buckets, topics, catalog, lake, fargate, flows, queries, shown)
	return nil
}

// failure is an error on its way to Deploy, as a panic. Whatever registers or asks
// anything may fail, and after any failure there is nothing to go on with: so the
// parts of the program give what they make, and no errors.
type failure struct{ error }

// caught is deferred where failures end: it gives them back as errors.
func caught(err *error) {
	switch reason := recover().(type) {
	case nil:
	case failure:
		*err = reason.error
	default:
		panic(reason)
	}
}

// check ends Deploy with an error.
func check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// must gives what was made, or ends Deploy with the error.
func must[T any](made T, err error) T {
	check(err)
	return made
}

// constructor is one of the SDK's, which makes a resource T of arguments A.
type constructor[T, A any] func(*pulumi.Context, string, *A, ...pulumi.ResourceOption) (*T, error)

// add registers a resource: it calls the constructor of the SDK, which names in
// its errors the argument that is wrong, but not the resource.
func add[T, A any](s *stack, create constructor[T, A], name string, args *A, more ...pulumi.ResourceOption) *T {
	made, err := create(s.ctx, name, args, s.opts(more...)...)
	if err != nil {
		check(fmt.Errorf("%T %s: %w", made, name, err))
	}
	return made
}

// component registers a component, whose children have it as their parent.
func (s *stack) component(kind, name string, c pulumi.ComponentResource, more ...pulumi.ResourceOption) {
	check(s.ctx.RegisterComponentResource("headcount:stack:"+kind, name, c, s.opts(more...)...))
}
