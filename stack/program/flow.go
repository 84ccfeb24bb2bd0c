package program

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/policy"
	"github.com/headcount-etl/headcount/stack/settings"
)

// queueNames are the queues of a flow, in the order in which events pass them.
var queueNames = []string{"ingest", "valid", "masked", "finals"}

// flow is one version of the data flow: four queues, three workers, and the
// topic's subscription. When it leaves the configuration all of them go, and
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
	// A queue's visibility timeout is the affair of who reads it.
	readers := map[string]settings.Worker{"ingest": f.Validator, "valid": f.Masker, "masked": f.Aggregator, "finals": f.Aggregator}
	for _, name := range queueNames {
		args := queueArgs{logical: f.Name + "-" + name, name: s.names.Queue(f.Name, name), key: d.key, visibility: readers[name].VisibilityTimeoutSeconds}
		if name == "ingest" {
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
				return nil, fmt.Errorf("%s: %w", args.service, err)
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
	ingest := f.queues["ingest"]
	_, err := sns.NewTopicSubscription(s.ctx, f.settings.Name, &sns.TopicSubscriptionArgs{
		Topic: d.events.Arn, Protocol: pulumi.String("sqs"), Endpoint: ingest.main.Arn, RawMessageDelivery: pulumi.Bool(true),
		RedrivePolicy: pulumi.JSONMarshal(pulumi.Map{"deadLetterTargetArn": ingest.dead.Arn}),
	}, s.under(f, pulumi.DependsOn([]pulumi.Resource{ingest.policy}))...)
	return err
}

// workers says what the three services of a flow are: whom they read from, what
// they are told, and what they may do. Nothing else is theirs.
func (s *stack) workers(d *deployment, f *flow) []workerArgs {
	c, q := f.settings, f.queues
	alerts := policy.Statement{Sid: "Alert", Actions: []string{"sns:Publish"}, Resources: []pulumi.StringInput{d.alerts.Arn}}
	reject := policy.Statement{Sid: "Quarantine", Actions: []string{"s3:PutObject"}, Resources: []pulumi.StringInput{d.quarantine.objects("quarantine/")}}
	rejecting := pulumi.StringMap{"QUARANTINE_BUCKET": pulumi.String(d.quarantine.name), "ALERT_TOPIC_ARN": d.alerts.Arn}
	return []workerArgs{
		{
			service: "validator", settings: c.Validator, input: q["ingest"],
			environment: merge(rejecting, pulumi.StringMap{"OUTPUT_QUEUE_URL": q["valid"].main.Url}),
			may:         policy.Document{q["ingest"].receive(), q["valid"].send(), reject, d.quarantine.list(), alerts, d.useKey()},
		},
		{
			service: "masker", settings: c.Masker, input: q["valid"],
			environment: merge(rejecting, pulumi.StringMap{"OUTPUT_QUEUE_URL": q["masked"].main.Url}),
			may:         policy.Document{q["valid"].receive(), q["masked"].send(), reject, d.quarantine.list(), alerts, d.useKey()},
			secret:      &d.keyRing,
		},
		{
			service: "aggregator", settings: c.Aggregator, input: q["masked"],
			// It holds messages until what they became is durable.
			holds: true,
			environment: pulumi.StringMap{
				"FINALS_QUEUE_URL": q["finals"].main.Url, "AGGREGATES_BUCKET": pulumi.String(d.aggregates.name),
				"POIS":   pulumi.String("s3://" + d.aggregates.name + "/" + d.placesKeys[c.Name]),
				"WINDOW": pulumi.String(c.Window.String()), "RADIUS_M": pulumi.String(fmt.Sprint(c.RadiusM)), "MIN_PEOPLE": pulumi.String(fmt.Sprint(c.MinPeople)),
				"FLUSH_INTERVAL": pulumi.String(c.FlushInterval.String()), "REFRESH_INTERVAL": pulumi.String(c.RefreshInterval.String()),
			},
			may: policy.Document{
				q["masked"].receive(), as("Finals", q["finals"].receive()), as("SendFinals", q["finals"].send()),
				{
					Sid: "Results", Actions: []string{"s3:GetObject", "s3:PutObject"}, Resources: []pulumi.StringInput{
						d.aggregates.objects("partials/flow=" + c.Name + "/"), d.aggregates.objects("headcounts/flow=" + c.Name + "/"),
						pulumi.String(d.aggregates.arn + "/flows/" + c.Name + ".json"),
					},
				},
				// Of all versions, since tasks of the last one run until the new ones do.
				{Sid: "Places", Actions: []string{"s3:GetObject"}, Resources: []pulumi.StringInput{d.aggregates.objects("places/" + c.Name + "-")}},
				d.aggregates.list(), d.useKey(),
			},
		},
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
