// Package program is the Pulumi program: it creates everything that Headcount is
// made of on AWS, for one stack. program.go reads like the diagram in the
// README; each concern has a file of its own.
package program

import (
	"errors"
	"fmt"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/quicksight"
	"github.com/headcount-etl/headcount/stack/settings"
)

// Run reads the configuration and deploys it. Bad configuration, and dashboards
// that fail their checks, stop it with every fault named before anything is
// registered.
func Run(ctx *pulumi.Context) error {
	root, err := settings.Root()
	if err != nil {
		return err
	}
	values, err := configured()
	if err != nil {
		return err
	}
	s, err := settings.ForUp(ctx.Stack(), values, root)
	if err := errors.Join(err, quicksight.Check()); err != nil {
		return err
	}
	if year := time.Now().UTC().Year(); year >= s.LastYear {
		err := ctx.Log.Warn(fmt.Sprintf("Athena sees nothing after %d (headcount:lastYear): raise it before the year ends", s.LastYear), nil)
		if err != nil {
			return err
		}
	}
	return Deploy(ctx, s)
}

// stack is what all parts of the program share.
type stack struct {
	*settings.Settings
	names names.Names
	ctx   *pulumi.Context
	// provider is for every resource and function, so that nothing is created
	// in a region by accident.
	provider *aws.Provider
}

// Deploy registers the resources of a stack, in the order of an event's path,
// and its outputs.
func Deploy(ctx *pulumi.Context, configured *settings.Settings) error {
	s, err := begin(ctx, configured)
	if err != nil {
		return err
	}
	if faults := s.OtherAccount(s.names.Account); faults != nil {
		return &settings.FaultsError{Stack: s.Stack, Faults: faults}
	}
	d := &deployment{}
	for _, part := range []struct {
		name   string
		create func(*deployment) error
	}{
		{"what the workers start with", s.lookUp},
		{"key", s.key},
		{"buckets", s.buckets},
		{"topics", s.topics},
		{"catalog", s.catalog},
		{"lake", s.lake},
		{"network", s.createNetwork},
		{"cluster", s.cluster},
		{"flows", s.flows},
		{"crawler", s.crawler},
		{"athena", s.athena},
		{"quicksight", s.quickSight},
		{"alarms", s.alarms},
		{"budget", s.budget},
		{"dashboard", s.dashboard},
	} {
		if err := part.create(d); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	s.export(d)
	return nil
}
