// Package program is the Pulumi program: it creates everything that Headcount is
// made of on AWS, for one stack. Deploy reads like the diagram in the README. Each
// part of it has a file of its own, gets what it needs of the parts before it, and
// returns what the parts after it need. What there are several of is a component:
// Bucket, Queue, Worker, Flow.
package program

import (
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
	// key encrypts everything at rest.
	key *kms.Key
}

// Deploy registers the resources of a stack, in the order of an event's path,
// and its outputs.
func Deploy(ctx *pulumi.Context, configured *settings.Settings) error {
	s, err := begin(ctx, configured)
	if err != nil {
		return err
	}
	found, err := s.lookUp()
	if err != nil {
		return fmt.Errorf("what the workers start with: %w", err)
	}
	if s.key, err = s.newKey(); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	buckets, err := s.buckets()
	if err != nil {
		return fmt.Errorf("buckets: %w", err)
	}
	topics, err := s.topics()
	if err != nil {
		return fmt.Errorf("topics: %w", err)
	}
	catalog, err := s.catalog(buckets)
	if err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	lake, err := s.lake(buckets.lake, topics.events, catalog)
	if err != nil {
		return fmt.Errorf("lake: %w", err)
	}
	network, err := s.network()
	if err != nil {
		return fmt.Errorf("network: %w", err)
	}
	cluster, err := s.cluster()
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	flows, err := s.flows(Platform{
		Names: s.names, Key: s.key, LogDays: s.LogDays, Network: network, Cluster: cluster, Capacity: s.capacity(), Images: s.Images,
		KeyRing: found.keyRing, Topics: topics, Buckets: buckets,
	}, found.placesKeys)
	if err != nil {
		return err
	}
	queries, err := s.athena(buckets, catalog.database)
	if err != nil {
		return fmt.Errorf("athena: %w", err)
	}
	shown, err := s.quickSight(buckets, catalog, queries.workgroup)
	if err != nil {
		return fmt.Errorf("quicksight: %w", err)
	}
	if err := errors.Join(s.crawler(buckets.aggregates, catalog), s.alarms(topics.alarms, flows, shown.imported), s.budget(topics), s.dashboard(flows)); err != nil {
		return fmt.Errorf("crawler, alarms, budget and dashboard: %w", err)
	}
	s.export(buckets, topics, catalog, lake, cluster, flows, found.placesKeys, queries, shown)
	return nil
}
