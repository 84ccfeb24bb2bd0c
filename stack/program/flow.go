package program

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/policy"
	"github.com/headcount-etl/headcount/stack/settings"
)

// Flow is one version of the data flow: the queues and workers of package
// pipeline, and the topic's subscription. When it leaves the configuration all of
// them go, and what it has written stays.
type Flow struct {
	pulumi.ResourceState

	Settings settings.Flow
	// Queues are by their names in package pipeline, Workers in its order.
	Queues  map[string]*Queue
	Workers []*Worker
}

// Platform is what all flows stand on.
type Platform struct {
	Names   names.Names
	Key     *kms.Key
	LogDays int
	Network *network
	Cluster *cluster
	// Capacity is what the tasks of a service run on.
	Capacity ecs.ServiceCapacityProviderStrategyArray
	// Images are the digests of the services' images.
	Images  map[string]string
	KeyRing keyRing
	Topics  *topics
	Buckets *buckets
}

// FlowArgs says what a flow is.
type FlowArgs struct {
	Platform
	Settings settings.Flow
	// PlacesKey is the key of the flow's places in the aggregates bucket.
	PlacesKey string
	// Stages are those that run; none in a bootstrap.
	Stages []pipeline.Stage
}

// flows creates the configured flows, side by side on the same topic.
func (s *stack) flows(platform Platform, placesKeys map[string]string) (all []*Flow, err error) {
	stages := pipeline.Stages
	if s.Bootstrap {
		stages = nil
	}
	for _, f := range s.Flows {
		created, err := NewFlow(s.ctx, f.Name, &FlowArgs{Platform: platform, Settings: f, PlacesKey: placesKeys[f.Name], Stages: stages}, s.opts()...)
		if err != nil {
			return nil, fmt.Errorf("flow %s: %w", f.Name, err)
		}
		all = append(all, created)
	}
	return all, nil
}

// NewFlow creates a flow.
func NewFlow(ctx *pulumi.Context, name string, args *FlowArgs, opts ...pulumi.ResourceOption) (*Flow, error) {
	f := &Flow{Settings: args.Settings, Queues: map[string]*Queue{}}
	if err := ctx.RegisterComponentResource("headcount:stack:Flow", name, f, opts...); err != nil {
		return nil, err
	}
	for _, queue := range pipeline.Queues() {
		reader := args.Settings.Workers[pipeline.Reader(queue).Name]
		of := &QueueArgs{Name: args.Names.Queue(name, queue), Key: args.Key, VisibilitySeconds: reader.VisibilityTimeoutSeconds}
		if queue == pipeline.Entry {
			of.Source = args.Topics.events
		}
		var err error
		if f.Queues[queue], err = NewQueue(ctx, name+"-"+queue, of, pulumi.Parent(f)); err != nil {
			return nil, err
		}
	}
	for _, stage := range args.Stages {
		w, err := NewWorker(ctx, args.Names.Service(name, stage.Name), f.worker(stage, args), pulumi.Parent(f))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", stage.Name, err)
		}
		f.Workers = append(f.Workers, w)
	}
	// Raw, since the services read the app's own bytes, and the message's
	// attributes with them.
	ingest := f.Queues[pipeline.Entry]
	return f, errors.Join(leaf(sns.NewTopicSubscription(ctx, name, &sns.TopicSubscriptionArgs{
		Topic: args.Topics.events.Arn, Protocol: pulumi.String("sqs"), Endpoint: ingest.Main.Arn, RawMessageDelivery: pulumi.Bool(true),
		RedrivePolicy: pulumi.JSONMarshal(pulumi.Map{"deadLetterTargetArn": ingest.Dead.Arn}),
	}, pulumi.Parent(f), pulumi.DependsOn([]pulumi.Resource{ingest.Policy}))), ctx.RegisterResourceOutputs(f, pulumi.Map{}))
}

// worker says what the service of a stage is: what it reads, what its environment
// names, and what it may do. Nothing else is its own.
func (f *Flow) worker(stage pipeline.Stage, args *FlowArgs) *WorkerArgs {
	c, urls := f.Settings, map[string]pulumi.StringInput{}
	for name, q := range f.Queues {
		urls[name] = q.Main.Url
	}
	aggregates := args.Buckets.aggregates
	w := &WorkerArgs{
		Platform: args.Platform, Stage: stage, Flow: c, Settings: c.Workers[stage.Name], Input: f.Queues[stage.Input],
		Environment: pipeline.Environment(stage, urls, map[pipeline.Resource]pulumi.StringInput{
			pipeline.Quarantine: pulumi.String(args.Buckets.quarantine.Name), pipeline.Alerts: args.Topics.alerts.Arn, pipeline.Aggregates: pulumi.String(aggregates.Name),
			pipeline.Places: pulumi.String("s3://" + aggregates.Name + "/" + args.PlacesKey),
		}),
		May: policy.Document{f.Queues[stage.Input].receive("Receive")},
	}
	if q := f.Queues[stage.Output]; q != nil {
		w.May = append(w.May, q.send("Send"))
	}
	if q := f.Queues[stage.Own]; q != nil {
		title := strings.ToUpper(stage.Own[:1]) + stage.Own[1:]
		w.May = append(w.May, q.receive(title), q.send("Send"+title))
	}
	grants := args.grants()
	for _, r := range stage.May {
		w.May = append(w.May, grants[r]...)
	}
	w.May = append(w.May, useKey(args.Key))
	if stage.Can(pipeline.Aggregates) {
		maps.Copy(w.Environment, pulumi.StringMap{
			"WINDOW": pulumi.String(c.Window.String()), "RADIUS_M": pulumi.String(fmt.Sprint(c.RadiusM)), "MIN_PEOPLE": pulumi.String(fmt.Sprint(c.MinPeople)),
			"FLUSH_INTERVAL": pulumi.String(c.FlushInterval.String()), "REFRESH_INTERVAL": pulumi.String(c.RefreshInterval.String()),
		})
	}
	return w
}

// grants gives the rights that it needs to use each resource in the flow. The keys
// are for who starts the task, not for the task.
func (args *FlowArgs) grants() map[pipeline.Resource][]policy.Statement {
	flow, aggregates, quarantine := args.Settings.Name, args.Buckets.aggregates, args.Buckets.quarantine
	return map[pipeline.Resource][]policy.Statement{
		pipeline.Quarantine: {
			{Sid: "Quarantine", Actions: []string{"s3:PutObject"}, Resources: []pulumi.StringInput{quarantine.objects("quarantine/")}},
			quarantine.list(),
		},
		pipeline.Alerts: {{Sid: "Alert", Actions: []string{"sns:Publish"}, Resources: []pulumi.StringInput{args.Topics.alerts.Arn}}},
		pipeline.Aggregates: {
			{
				Sid: "Results", Actions: []string{"s3:GetObject", "s3:PutObject"}, Resources: []pulumi.StringInput{
					aggregates.objects("partials/flow=" + flow + "/"), aggregates.objects("headcounts/flow=" + flow + "/"),
					pulumi.String(aggregates.ARN + "/flows/" + flow + ".json"),
				},
			},
			aggregates.list(),
		},
		// Of all versions, since tasks of the last one run until the new ones do.
		pipeline.Places: {{Sid: "Places", Actions: []string{"s3:GetObject"}, Resources: []pulumi.StringInput{aggregates.objects("places/" + flow + "-")}}},
	}
}
