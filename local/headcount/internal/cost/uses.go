package cost

import (
	"fmt"
	"math"
	"slices"

	"github.com/headcount-etl/headcount/local/standin/usage"
	"github.com/headcount-etl/headcount/shared/metrics"
)

// What AWS does by itself, and other assumptions about what a stack costs while
// it stands.
const (
	crawlHours, crawlDPU = 10.0 / 60, 2.0 // of a run: the least, and a crawler's usual size
	imageBytes           = 12 << 20       // of an image of a service, compressed
	imagesKept           = 10             // versions of each, about
	secrets              = 1              // the masking keys, which `make keys` makes
	partialBytes         = 1024           // of a partial without rows
	daysInMonth          = month / day

	// Container Insights sends 8 metrics of a cluster, 6 of each task definition
	// and 11 of each service, and logs 13 KB a task and minute
	// (https://aws.amazon.com/cloudwatch/pricing/, the example for ECS).
	insightsCluster, insightsTask, insightsService = 8, 6, 11
	insightsBytes                                  = 13 << 10 / 60.0 // a second
)

// Idle is what a stack uses in a month in which nothing is published.
func Idle(s Stack) []Use {
	uses := standing(s)
	for _, services := range s.Flows {
		uses = append(uses, flowUses(s, services, steady(Load{}, sizes{events: 1, message: 1}, services, s), sizes{events: 1}, Load{})...)
	}
	return uses
}

// Steady is what a stack uses in a month at a load that never ends. Storage is
// what has gathered after a year.
func Steady(s Stack, c Counted, l Load) ([]Use, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	full, _ := c.run(l.PerMessage)
	z := full.sizes()
	uses := standing(s)
	for i, services := range s.Flows {
		r := steady(l, z, services, s)
		uses = append(uses, flowUses(s, services, r, z, l)...)
		if i == 0 { // the topic and the lake are one for all flows
			uses = append(uses, lakeUses(s, r, z, l)...)
		}
		uses = append(uses, metricsUses(z)...)
	}
	return uses, nil
}

// standing is what costs by the hour whatever happens, but for tasks.
func standing(s Stack) []Use {
	hours := month / 3600
	uses := []Use{
		{"nat-hour", "NAT gateways", float64(s.NATs) * hours},
		{"public-ipv4", "addresses of NAT gateways", float64(s.Addresses) * hours},
		{"endpoint-hour", "interface endpoints", float64(s.Endpoints) * hours},
		{"alarm-metric", "alarms, those of autoscaling too", float64(s.AlarmMetrics)},
		{"dashboard", "dashboards", float64(s.Dashboards)},
		{"kms-key", "keys", float64(s.Keys)},
		{"secret", "the masking keys", secrets},
		{"ecr-storage", "images", float64(s.Repositories * imageBytes * imagesKept)},
		{"glue-dpu-hour", "crawlers", s.CrawlsPerDay * daysInMonth * crawlHours * crawlDPU},
	}
	if s.Insights {
		services := 3 * len(s.Flows)
		uses = append(uses, Use{"custom-metric", "Container Insights", float64(insightsCluster + services*(insightsTask+insightsService))})
	}
	return uses
}

// flowUses is what a flow uses: tasks, requests between them, the network.
func flowUses(s Stack, services [3]Service, r Rates, z sizes, l Load) []Use {
	var uses []Use
	use := func(price, what string, perSecond float64) {
		uses = append(uses, Use{price, what, perSecond * month})
	}
	names := [3]string{"validator", "masker", "aggregator"}
	hops := [3]Hop{r.Stages[0], r.Stages[1], r.Aggregator}
	tasks := 0
	for i, hop := range hops {
		onDemand := min(hop.Tasks, services[i].OnDemand)
		run := func(kind string, n int) {
			use(kind+"vcpu", names[i], float64(n)*services[i].VCPU/3600)
			use(kind+"memory", names[i], float64(n)*services[i].GB/3600)
		}
		run("fargate-", onDemand)
		run("fargate-spot-", hop.Tasks-onDemand)
		use("sqs-request", "queue of the "+names[i], hop.Units)
		tasks += hop.Tasks
	}
	use("sqs-request", "queue finals", r.Finals.Units)
	// R = B/D × (2 × producers + consumers) for a queue (https://aws.amazon.com/sqs/faqs/):
	// one role sends, one receives, and idle queues are received from too.
	if s.KeyReuse > 0 {
		use("kms-request", "data keys of four queues", 4*3/s.KeyReuse.Seconds())
	}
	wire := r.Stages[0].Bytes + r.Stages[1].Bytes + r.Aggregator.Bytes + r.Finals.Bytes
	logs := r.LogBytes
	if s.Insights {
		use("logs-ingest", "Container Insights", float64(tasks)*insightsBytes)
	}
	use("logs-ingest", "metrics in the services' logs", logs)
	if s.NATs > 0 {
		use("nat-data", "between tasks, queues and logs", wire+logs)
	} else {
		use("endpoint-data", "between tasks, queues and logs", wire+logs)
	}

	// A listing has pages of 1,000 keys, and half an hour's on average.
	pages := max(1, math.Ceil(r.PartialPuts*1800/1000))
	use("s3-put", "partials and finals", r.PartialPuts+r.FinalPuts+r.Lists*pages)
	use("s3-get", "partials and finals", r.PartialGets+r.FinalGets+r.Heads)
	use("s3-put", "quarantine", r.QuarantinePuts)
	use("sns-publish", "alerts", r.Alerts)
	valid := l.EventsPerSecond * z.kept
	store := func(what string, bytesPerSecond float64, days int) {
		uses = append(uses, Use{"s3-standard", what, bytesPerSecond * day * kept(days)})
	}
	store("partials", valid*z.partial+r.PartialPuts*partialBytes, s.PartialsDays)
	store("quarantine", l.EventsPerSecond*z.quarantine, s.QuarantineDays)
	if s.Window > 0 {
		store("versions of finals", r.FinalPuts*z.final*3600/s.Window.Seconds(), max(s.NoncurrentDays, 1))
	}
	return uses
}

// kept is for how many days there are objects after a year; 0 days is never to
// delete them.
func kept(days int) float64 {
	if days == 0 || days > 365 {
		return 365
	}
	return float64(days)
}

// lakeUses is what publishing and the lake use.
func lakeUses(s Stack, r Rates, z sizes, l Load) []Use {
	var uses []Use
	use := func(price, what string, perSecond float64) {
		uses = append(uses, Use{price, what, perSecond * month})
	}
	use("sns-publish", "events", r.PublishUnits)
	use("sns-firehose", "events to the lake", r.Deliveries)
	use("firehose-ingest", "events to the lake", r.RecordUnits*usage.RecordChunk)
	use("firehose-convert", "events to the lake", r.RecordUnits*usage.RecordChunk)
	use("s3-put", "the lake", r.LakePuts)
	days, perDay := kept(s.LakeDays), l.EventsPerSecond*z.lake*day
	standard := days
	// S3 leaves objects under 128 KB where they are.
	isLarge := perDay/day >= r.LakePuts*(128<<10)
	if archive := float64(s.LakeArchiveDays); archive > 0 && archive < days && isLarge {
		standard = archive
		use("s3-to-glacier-ir", "the lake", r.LakePuts)
		uses = append(uses, Use{"s3-glacier-ir", "the lake", perDay * (days - archive)})
	}
	return append(uses,
		Use{"s3-standard", "the lake", perDay * standard},
		Use{"s3-standard", "records that were not converted", l.EventsPerSecond * z.errors * day * kept(s.ErrorsDays)})
}

// metricsUses is the metrics of the services that are sent when all goes well:
// a custom metric for each service, and category where it has one.
func metricsUses(z sizes) []Use {
	trouble := []string{
		metrics.LateEvents.String(), metrics.FinalsContended.String(), metrics.MessagesFailed.String(),
		metrics.MessagesReturned.String(), metrics.PausedTime.String(), metrics.Panics.String(),
	}
	n := 0.0
	for _, m := range metrics.Table {
		switch {
		case slices.Contains(trouble, m.Name):
		case slices.Contains(m.Dimensions, "Category"):
			n += z.categories // the masker rejects nothing that the validator has not
		default:
			n += float64(len(m.Services))
		}
	}
	return []Use{{"custom-metric", fmt.Sprintf("metrics of the services in namespace %s", metrics.Namespace), n}}
}
