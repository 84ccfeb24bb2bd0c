package program

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/names"
)

// export says what an operator, a publisher and an analyst need. `make smoke`
// finds the stack by it.
func (s *stack) export(b *buckets, t *topics, c *catalog, l *lake, w *fargate, all []*Flow, q *queries, shown *shown) {
	flows := pulumi.Map{}
	for _, f := range all {
		flows[f.Settings.Name] = f.outputs()
	}
	repositories := pulumi.Map{}
	for service, r := range w.repositories {
		repositories[service] = r.RepositoryUrl
	}
	for name, value := range map[string]pulumi.Input{
		"stack":                   pulumi.String(s.names.Stack),
		"region":                  pulumi.String(s.Region),
		"account":                 pulumi.String(s.names.Account),
		"topicArn":                t.events.Arn,
		"alertTopicArn":           t.alerts.Arn,
		"alarmTopicArn":           t.alarms.Arn,
		"publisherArn":            t.publisher.Arn,
		"analystArn":              q.analyst.Arn,
		"keyArn":                  s.key.Arn,
		"database":                c.database.Name,
		"workgroup":               q.workgroup.Name,
		"streamName":              l.stream.Name,
		"clusterName":             w.cluster.Name,
		"publishedFlow":           pulumi.String(s.PublishedFlow),
		"firstYear":               pulumi.Int(s.FirstYear),
		"dashboardUrl":            pulumi.String(shown.url),
		"flows":                   flows,
		"operationsUrl":           pulumi.String("https://" + s.Region + ".console.aws.amazon.com/cloudwatch/home?region=" + s.Region + "#dashboards/dashboard/" + s.names.Prefix()),
		"buckets":                 pulumi.Map{"lake": b.lake.Bucket.Bucket, "aggregates": b.aggregates.Bucket.Bucket, "quarantine": b.quarantine.Bucket.Bucket, "results": b.results.Bucket.Bucket, "logs": b.logs.Bucket.Bucket},
		"repositories":            repositories,
		"deliveryDeadLetterQueue": l.deadLetters.Url,
	} {
		s.ctx.Export(name, value)
	}
}

func (f *Flow) outputs() pulumi.Map {
	queues, dead, services := pulumi.Map{}, pulumi.Map{}, pulumi.Map{}
	for name, q := range f.Queues {
		queues[name], dead[name] = q.Main.Url, q.Dead.Url
	}
	for _, w := range f.Workers {
		services[w.Name] = w.Service.Name
	}
	return pulumi.Map{
		"queues": queues, "deadLetterQueues": dead, "services": services,
		"window": pulumi.String(f.Settings.Window.String()), "maxAge": pulumi.String(f.Settings.MaxAge.String()),
		"radiusM": pulumi.Float64(f.Settings.RadiusM), "minPeople": pulumi.Int(f.Settings.MinPeople), "hotspotLevel": pulumi.Int(f.Settings.HotspotLevel),
		"placesKey": pulumi.String(names.PlacesKey(f.Settings.Name, f.Settings.PlacesData)),
	}
}
