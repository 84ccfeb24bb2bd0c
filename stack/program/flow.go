package program

import (
	"fmt"
	"maps"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/services/aggregator/results"
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

// platform is what all flows stand on.
type platform struct {
	buckets *buckets
	topics  *topics
	fargate *fargate
	keyRing keyRing
}

// flows creates the configured flows, side by side on the same topic.
func (s *stack) flows(on platform) (all []*Flow) {
	for _, f := range s.Flows {
		all = append(all, s.newFlow(&FlowArgs{on, f}))
	}
	return all
}

// FlowArgs says what a flow is.
type FlowArgs struct {
	platform
	Settings settings.Flow
}

// newFlow creates a flow.
func (s *stack) newFlow(args *FlowArgs) *Flow {
	name := args.Settings.Name
	f := &Flow{Settings: args.Settings, Queues: map[string]*Queue{}}
	s.component("Flow", name, f)
	own := pulumi.Parent(f)
	for _, queue := range pipeline.Queues() {
		reader := args.Settings.Workers[pipeline.Reader(queue).Name]
		of := &QueueArgs{Name: s.names.Queue(name, queue), VisibilitySeconds: reader.VisibilityTimeoutSeconds}
		if queue == pipeline.Entry {
			of.Source = args.topics.events
		}
		f.Queues[queue] = s.newQueue(name+"-"+queue, of, own)
	}
	places := s.places(args, own)
	for _, stage := range pipeline.Stages {
		f.Workers = append(f.Workers, s.newWorker(s.worker(f, stage, args, places), own))
	}
	// Raw, since the services read the app's own bytes, and the message's
	// attributes with them.
	ingest := f.Queues[pipeline.Entry]
	add(s, sns.NewTopicSubscription, name, &sns.TopicSubscriptionArgs{
		Topic: args.topics.events.Arn, Protocol: pulumi.String("sqs"), Endpoint: ingest.Main.Arn, RawMessageDelivery: pulumi.Bool(true),
		RedrivePolicy: pulumi.JSONMarshal(pulumi.Map{"deadLetterTargetArn": ingest.Dead.Arn}),
	}, own, pulumi.DependsOn([]pulumi.Resource{ingest.Policy}))
	check(s.ctx.RegisterResourceOutputs(f, pulumi.Map{}))
	return f
}

// places puts the flow's list where its aggregators read it, and gives its URL. The
// key is made of the content, so that nothing that an aggregator may read just now is
// overwritten, and another list is another setting of the aggregator. Lists stay:
// tasks of before read them until they are gone, and a roll-back needs them again.
func (s *stack) places(args *FlowArgs, own pulumi.ResourceOption) pulumi.StringInput {
	c, aggregates := args.Settings, args.buckets.aggregates
	object := add(s, s3.NewBucketObjectv2, c.Name+"-places", &s3.BucketObjectv2Args{
		Bucket: aggregates.Bucket.ID(), Key: pulumi.String(names.PlacesKey(c.Name, c.PlacesData)),
		Content: pulumi.String(string(c.PlacesData)), ContentType: pulumi.String("text/csv; charset=utf-8"),
	}, own, pulumi.RetainOnDelete(true), pulumi.DependsOn([]pulumi.Resource{aggregates.Policy, aggregates.encryption}))
	return pulumi.Sprintf("s3://%s/%s", object.Bucket, object.Key)
}

// worker says what the service of a stage is: what it reads, what its environment
// names, and what it may do. Nothing else is its own.
func (s *stack) worker(f *Flow, stage pipeline.Stage, args *FlowArgs, places pulumi.StringInput) *WorkerArgs {
	c, urls := f.Settings, map[string]pulumi.StringInput{}
	for name, q := range f.Queues {
		urls[name] = q.Main.Url
	}
	aggregates := args.buckets.aggregates
	w := &WorkerArgs{
		platform: args.platform, Stage: stage, Flow: c, Settings: c.Workers[stage.Name], Input: f.Queues[stage.Input],
		Environment: pipeline.Environment(stage, urls, map[pipeline.Resource]pulumi.StringInput{
			pipeline.Quarantine: pulumi.String(args.buckets.quarantine.Name), pipeline.Alerts: args.topics.alerts.Arn, pipeline.Aggregates: pulumi.String(aggregates.Name),
			pipeline.Places: places,
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
	w.May = append(w.May, s.useKey())
	if stage.Buries {
		w.May = append(w.May, f.Queues[stage.Input].bury("Bury"))
	}
	if stage.Can(pipeline.Aggregates) {
		maps.Copy(w.Environment, pulumi.StringMap{
			"WINDOW": pulumi.String(c.Window.String()), "RADIUS_M": pulumi.String(fmt.Sprint(c.RadiusM)), "MIN_PEOPLE": pulumi.String(fmt.Sprint(c.MinPeople)),
			"HOTSPOT_LEVEL":  pulumi.String(fmt.Sprint(c.HotspotLevel)),
			"FLUSH_INTERVAL": pulumi.String(c.FlushInterval.String()), "REFRESH_INTERVAL": pulumi.String(c.RefreshInterval.String()),
		})
	}
	return w
}

// grants gives the rights that it needs to use each resource in the flow. The keys
// are for who starts the task, not for the task.
func (args *FlowArgs) grants() map[pipeline.Resource][]policy.Statement {
	flow, aggregates, quarantine := args.Settings.Name, args.buckets.aggregates, args.buckets.quarantine
	var finals []pulumi.StringInput
	for _, table := range results.Tables {
		finals = append(finals, aggregates.objects(table.Name+"/flow="+flow+"/"))
	}
	return map[pipeline.Resource][]policy.Statement{
		pipeline.Quarantine: {
			{Sid: "Quarantine", Actions: []string{"s3:PutObject"}, Resources: []pulumi.StringInput{quarantine.objects("quarantine/")}},
			quarantine.list(),
		},
		pipeline.Alerts: {{Sid: "Alert", Actions: []string{"sns:Publish"}, Resources: []pulumi.StringInput{args.topics.alerts.Arn}}},
		pipeline.Aggregates: {
			{
				Sid: "Results", Actions: []string{"s3:GetObject", "s3:PutObject"}, Resources: append(finals,
					aggregates.objects("partials/flow="+flow+"/"), aggregates.objects("snapshots/flow="+flow+"/"), pulumi.String(aggregates.ARN+"/flows/"+flow+".json")),
			},
			aggregates.list(),
		},
		// Of all versions, since tasks of the last one run until the new ones do.
		pipeline.Places: {{Sid: "Places", Actions: []string{"s3:GetObject"}, Resources: []pulumi.StringInput{aggregates.objects("places/" + flow + "-")}}},
	}
}
