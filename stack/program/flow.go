package program

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/stack/policy"
	"github.com/headcount-etl/headcount/stack/settings"
)

// flow is one version of the data flow: the queues and workers of package
// pipeline, and the topic's subscription. When it leaves the configuration all of them go, and
// what it has written stays.
type flow struct {
	pulumi.ResourceState

	settings settings.Flow
	queues   map[string]*queueComponent
	workers  []*worker
}

// flows creates the configured flows, side by side on the same topic.
func (s *stack) flows(d *deployment) error {
	for _, f := range s.Flows {
		created, err := s.newFlow(d, f)
		if err != nil {
			return fmt.Errorf("flow %s: %w", f.Name, err)
		}
		d.flows = append(d.flows, created)
	}
	return nil
}

func (s *stack) newFlow(d *deployment, f settings.Flow) (*flow, error) {
	created := &flow{settings: f, queues: map[string]*queueComponent{}}
	if err := s.ctx.RegisterComponentResource("headcount:stack:Flow", f.Name, created); err != nil {
		return nil, err
	}
	for _, name := range pipeline.Queues() {
		reader := f.Workers[pipeline.Reader(name).Name]
		args := queueArgs{logical: f.Name + "-" + name, name: s.names.Queue(f.Name, name), key: d.key, visibility: reader.VisibilityTimeoutSeconds}
		if name == pipeline.Entry {
			args.source = d.events
		}
		var err error
		if created.queues[name], err = s.newQueue(created, args); err != nil {
			return nil, err
		}
	}
	if !s.Bootstrap {
		for _, args := range s.workers(d, created) {
			w, err := s.newWorker(d, created, args)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", args.Name, err)
			}
			created.workers = append(created.workers, w)
		}
	}
	if err := s.feed(d, created); err != nil {
		return nil, err
	}
	return created, s.ctx.RegisterResourceOutputs(created, pulumi.Map{})
}

// feed subscribes the flow to the topic. Raw, since the services take the app's
// own bytes, and the message's attributes with them.
func (s *stack) feed(d *deployment, f *flow) error {
	ingest := f.queues[pipeline.Entry]
	_, err := sns.NewTopicSubscription(s.ctx, f.settings.Name, &sns.TopicSubscriptionArgs{
		Topic: d.events.Arn, Protocol: pulumi.String("sqs"), Endpoint: ingest.main.Arn, RawMessageDelivery: pulumi.Bool(true),
		RedrivePolicy: pulumi.JSONMarshal(pulumi.Map{"deadLetterTargetArn": ingest.dead.Arn}),
	}, s.under(f, pulumi.DependsOn([]pulumi.Resource{ingest.policy}))...)
	return err
}

// workers says what the services of a flow are: what they read, what their
// environment names, and what they may do. Nothing else is theirs.
func (s *stack) workers(d *deployment, f *flow) (all []workerArgs) {
	c, urls := f.settings, map[string]pulumi.StringInput{}
	for name, q := range f.queues {
		urls[name] = q.main.Url
	}
	given := map[pipeline.Resource]pulumi.StringInput{
		pipeline.Quarantine: pulumi.String(d.quarantine.name), pipeline.Alerts: d.alerts.Arn, pipeline.Aggregates: pulumi.String(d.aggregates.name),
		pipeline.Places: pulumi.String("s3://" + d.aggregates.name + "/" + d.placesKeys[c.Name]),
	}
	grants := s.grants(d, c.Name)
	for _, stage := range pipeline.Stages {
		a := workerArgs{
			Stage: stage, settings: c.Workers[stage.Name], input: f.queues[stage.Input],
			environment: pulumi.StringMap(pipeline.Environment(stage, urls, given)), may: policy.Document{f.queues[stage.Input].receive()},
		}
		if q := f.queues[stage.Output]; q != nil {
			a.may = append(a.may, q.send())
		}
		if q := f.queues[stage.Own]; q != nil {
			title := strings.ToUpper(stage.Own[:1]) + stage.Own[1:]
			a.may = append(a.may, as(title, q.receive()), as("Send"+title, q.send()))
		}
		for _, r := range stage.May {
			a.may = append(a.may, grants[r]...)
		}
		a.may = append(a.may, d.useKey())
		if stage.Can(pipeline.Keys) {
			a.secret = &d.keyRing
		}
		if stage.Can(pipeline.Aggregates) {
			a.environment = merge(a.environment, pulumi.StringMap{
				"WINDOW": pulumi.String(c.Window.String()), "RADIUS_M": pulumi.String(fmt.Sprint(c.RadiusM)), "MIN_PEOPLE": pulumi.String(fmt.Sprint(c.MinPeople)),
				"FLUSH_INTERVAL": pulumi.String(c.FlushInterval.String()), "REFRESH_INTERVAL": pulumi.String(c.RefreshInterval.String()),
			})
		}
		all = append(all, a)
	}
	return all
}

// grants says what it takes to use each resource in a flow. The keys are for who
// starts the task, not for the task.
func (s *stack) grants(d *deployment, flow string) map[pipeline.Resource][]policy.Statement {
	return map[pipeline.Resource][]policy.Statement{
		pipeline.Quarantine: {
			{Sid: "Quarantine", Actions: []string{"s3:PutObject"}, Resources: []pulumi.StringInput{d.quarantine.objects("quarantine/")}},
			d.quarantine.list(),
		},
		pipeline.Alerts: {{Sid: "Alert", Actions: []string{"sns:Publish"}, Resources: []pulumi.StringInput{d.alerts.Arn}}},
		pipeline.Aggregates: {
			{
				Sid: "Results", Actions: []string{"s3:GetObject", "s3:PutObject"}, Resources: []pulumi.StringInput{
					d.aggregates.objects("partials/flow=" + flow + "/"), d.aggregates.objects("headcounts/flow=" + flow + "/"),
					pulumi.String(d.aggregates.arn + "/flows/" + flow + ".json"),
				},
			},
			d.aggregates.list(),
		},
		// Of all versions, since tasks of the last one run until the new ones do.
		pipeline.Places: {{Sid: "Places", Actions: []string{"s3:GetObject"}, Resources: []pulumi.StringInput{d.aggregates.objects("places/" + flow + "-")}}},
	}
}

// as gives a statement another id: they are unique within a document.
func as(sid string, statement policy.Statement) policy.Statement {
	statement.Sid = sid
	return statement
}

func merge(maps ...pulumi.StringMap) pulumi.StringMap {
	all := pulumi.StringMap{}
	for _, m := range maps {
		for name, value := range m {
			all[name] = value
		}
	}
	return all
}
