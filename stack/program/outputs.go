package program

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// export says what an operator, a publisher and an analyst need. `make smoke`
// finds the stack by it.
func (s *stack) export(d *deployment) {
	flows := pulumi.Map{}
	for _, f := range d.flows {
		flows[f.settings.Name] = s.flowOutputs(d, f)
	}
	repositories := pulumi.Map{}
	for service, r := range d.repositories {
		repositories[service] = r.RepositoryUrl
	}
	for name, value := range map[string]pulumi.Input{
		"stack":                   pulumi.String(s.names.Stack),
		"region":                  pulumi.String(s.Region),
		"account":                 pulumi.String(s.names.Account),
		"bootstrap":               pulumi.Bool(s.Bootstrap),
		"topicArn":                d.events.Arn,
		"alertTopicArn":           d.alerts.Arn,
		"alarmTopicArn":           d.alarms.Arn,
		"publisherArn":            d.publisher.Arn,
		"analystArn":              d.analyst.Arn,
		"keyArn":                  d.key.Arn,
		"database":                d.database.Name,
		"workgroup":               d.workgroup.Name,
		"streamName":              d.stream.Name,
		"clusterName":             d.cluster.Name,
		"publishedFlow":           pulumi.String(s.PublishedFlow),
		"firstYear":               pulumi.Int(s.FirstYear),
		"dashboardUrl":            pulumi.String(d.dashboardURL),
		"flows":                   flows,
		"operationsUrl":           pulumi.String("https://" + s.Region + ".console.aws.amazon.com/cloudwatch/home?region=" + s.Region + "#dashboards/dashboard/" + s.names.Prefix()),
		"buckets":                 pulumi.Map{"lake": d.lake.bucket.Bucket, "aggregates": d.aggregates.bucket.Bucket, "quarantine": d.quarantine.bucket.Bucket, "results": d.results.bucket.Bucket, "logs": d.logs.bucket.Bucket},
		"repositories":            repositories,
		"deliveryDeadLetterQueue": d.delivery.Url,
	} {
		s.ctx.Export(name, value)
	}
}

func (s *stack) flowOutputs(d *deployment, f *flow) pulumi.Map {
	queues, dead, services := pulumi.Map{}, pulumi.Map{}, pulumi.Map{}
	for name, q := range f.queues {
		queues[name], dead[name] = q.main.Url, q.dead.Url
	}
	for _, w := range f.workers {
		services[w.name] = w.service.Name
	}
	return pulumi.Map{
		"queues": queues, "deadLetterQueues": dead, "services": services,
		"window": pulumi.String(f.settings.Window.String()), "maxAge": pulumi.String(f.settings.MaxAge.String()),
		"radiusM": pulumi.Float64(f.settings.RadiusM), "minPeople": pulumi.Int(f.settings.MinPeople),
		"placesKey": pulumi.String(d.placesKeys[f.settings.Name]),
	}
}
