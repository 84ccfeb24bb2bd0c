package program

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/stack/quicksight"
	"github.com/headcount-etl/headcount/stack/settings"
)

// alarm is one alarm: it goes off when the value was above the threshold for
// as many periods as it says.
type alarm struct {
	name, description string
	// text is computed of the metrics, by their ids. Without it there is one metric,
	// and it is the value.
	metrics []metric
	text    string
	above   float64
	periods int
	period  int // seconds
	// missing is what no data means: notBreaching, where nothing happens or all
	// is well; breaching, where what should send data is gone.
	missing string
}

const (
	quiet = "notBreaching"
	gone  = "breaching"
)

// alarms creates the alarms, which publish to the topic for people.
func (s *stack) alarms(to *sns.Topic, flows []*Flow, imported []quicksight.Set) {
	topic := pulumi.Array{to.Arn}
	for _, a := range s.alarmList(flows, imported) {
		args := &cloudwatch.MetricAlarmArgs{
			Name: pulumi.String(s.names.Prefix() + "-" + a.name), AlarmDescription: pulumi.String(a.description + " docs/operations.md says what to do."),
			AlarmActions: topic, OkActions: topic,
			ComparisonOperator: pulumi.String("GreaterThanThreshold"), Threshold: pulumi.Float64(a.above),
			EvaluationPeriods: pulumi.Int(a.periods), DatapointsToAlarm: pulumi.Int(a.periods), TreatMissingData: pulumi.String(a.missing),
		}
		if a.text == "" {
			m := a.metrics[0]
			args.Namespace, args.MetricName, args.Statistic = pulumi.String(m.namespace), pulumi.String(m.name), pulumi.String(m.stat)
			args.Dimensions, args.Period = pulumi.ToStringMap(m.dimensions), pulumi.Int(a.period)
		} else {
			args.MetricQueries = queriesOf(a)
		}
		add(s, cloudwatch.NewMetricAlarm, a.name, args)
	}
}

func queriesOf(a alarm) cloudwatch.MetricAlarmMetricQueryArray {
	list := cloudwatch.MetricAlarmMetricQueryArray{cloudwatch.MetricAlarmMetricQueryArgs{
		Id: pulumi.String("value"), Expression: pulumi.String(a.text), Label: pulumi.String(a.name), ReturnData: pulumi.Bool(true),
	}}
	for _, m := range a.metrics {
		list = append(list, cloudwatch.MetricAlarmMetricQueryArgs{
			Id: pulumi.String(m.id), ReturnData: pulumi.Bool(false),
			Metric: cloudwatch.MetricAlarmMetricQueryMetricArgs{
				Namespace: pulumi.String(m.namespace), MetricName: pulumi.String(m.name), Stat: pulumi.String(m.stat),
				Dimensions: pulumi.ToStringMap(m.dimensions), Period: pulumi.Int(a.period),
			},
		})
	}
	return list
}

// alarmList is every alarm. docs/operations.md has a part on each kind.
func (s *stack) alarmList(flows []*Flow, imported []quicksight.Set) []alarm {
	list := []alarm{
		{
			name: "lake-freshness", description: "Firehose has not brought what it holds to the lake for far longer than its buffering interval.",
			metrics: []metric{s.ofStream("DeliveryToS3.DataFreshness", "Maximum")},
			above:   float64(3*s.LakeBufferSeconds + 300), periods: 3, period: 300, missing: quiet,
		},
		{
			name: "lake-unconverted", description: "Records do not fit the lake's table, and are under errors/ in the lake.",
			metrics: []metric{s.ofStream("FailedConversion.Records", "Sum")},
			above:   0, periods: 1, period: 300, missing: quiet,
		},
		{
			name: "lake-delivery-dead-letters", description: "SNS could not hand messages to Firehose: they are counted, but not in the lake.",
			metrics: []metric{visible(s.names.Prefix() + "-lake-delivery-dlq")},
			above:   0, periods: 1, period: 60, missing: quiet,
		},
	}
	if s.NoInputMinutes > 0 {
		list = append(list, alarm{
			name: "no-input", description: fmt.Sprintf("Nobody has published an event for %d minutes.", s.NoInputMinutes),
			// SNS sends no metric of a topic that nobody publishes to.
			metrics: []metric{s.published()},
			text:    "IF(m>0,0,1)", above: 0, periods: s.NoInputMinutes / settings.NoInputStep, period: 60 * settings.NoInputStep, missing: gone,
		})
	}
	for _, set := range imported {
		list = append(list, alarm{
			name: set.Identifier + "-refresh", description: "QuickSight could not import the data set " + set.Identifier + ": the dashboard shows the last one that it could.",
			// https://docs.aws.amazon.com/quicksight/latest/user/cw-metrics.html
			metrics: []metric{{"m", "AWS/QuickSight", "IngestionErrorCount", "Sum", map[string]string{"DatasetId": s.names.Prefix() + "-" + set.Identifier}}},
			above:   0, periods: 1, period: 300, missing: quiet,
		})
	}
	for _, f := range flows {
		for _, name := range pipeline.Queues() {
			list = append(list, s.queueAlarms(f, name)...)
		}
		for _, w := range f.Workers {
			list = append(list, s.workerAlarms(f, w.Name)...)
		}
		list = append(list, s.flowAlarms(f)...)
	}
	return list
}

// oldest is the age in seconds above which the oldest message of a queue is too
// old. A message of a stage's own queue, a finals message, may be put off again and
// again by REFRESH_INTERVAL.
func oldest(queue string) float64 {
	if queue == pipeline.Reader(queue).Own {
		return 3600
	}
	return 600
}

func (s *stack) queueAlarms(f *Flow, name string) []alarm {
	queue, full := f.Settings.Name+"-"+name, f.Queues[name].Name
	return []alarm{
		{
			name: queue + "-dead-letters", description: "Messages of the queue " + name + " failed again and again, or can never be done, and are dead letters now.",
			metrics: []metric{visible(full + "-dlq")},
			above:   0, periods: 1, period: 60, missing: quiet,
		},
		{
			name: queue + "-age", description: "The queue " + name + " is not being emptied.",
			metrics: []metric{age(full)},
			above:   oldest(name), periods: 5, period: 60, missing: quiet,
		},
	}
}

func (s *stack) workerAlarms(f *Flow, service string) []alarm {
	name := s.names.Service(f.Settings.Name, service)
	return []alarm{
		{
			name: name + "-tasks", description: "Fewer tasks of the " + service + " run than should.",
			metrics: []metric{s.desired(name), s.running(name)},
			text:    "d-FILL(r,0)", above: 0, periods: 15, period: 60, missing: gone,
		},
		{
			name: name + "-failures", description: "The " + service + " cannot write: its messages go back to the queue.",
			metrics: []metric{s.counted(f, service, metrics.MessagesFailed.String())},
			above:   0, periods: 3, period: 300, missing: quiet,
		},
		{
			name: name + "-panics", description: "The " + service + " has a bug: it recovered from a panic on an event, which is quarantined, or on a message, which failed.",
			metrics: []metric{s.counted(f, service, metrics.Panics.String())},
			above:   0, periods: 1, period: 300, missing: quiet,
		},
	}
}

// rejectedPercent is how many events in a hundred may be rejected.
const rejectedPercent = 5

func (s *stack) flowAlarms(f *Flow) []alarm {
	received, valid := s.counted(f, "validator", metrics.EventsReceived.String()), s.counted(f, "validator", metrics.EventsValid.String())
	declined := s.counted(f, "validator", metrics.EventsRejected.String())
	declined.dimensions["Category"] = string(event.NoConsent)
	received.id, valid.id, declined.id = "r", "v", "c"
	damaged, gone := s.counted(f, "aggregator", metrics.ObjectsDamaged.String()), s.counted(f, "aggregator", metrics.PartialsGone.String())
	damaged.id, gone.id = "d", "g"
	return []alarm{
		{
			name:        f.Settings.Name + "-rejections",
			description: fmt.Sprintf("More than %d%% of the events break the contract.", rejectedPercent),
			metrics:     []metric{received, valid, declined},
			// Who does not consent breaks nothing.
			text:  "IF(r>0, 100*(r-FILL(v,0)-FILL(c,0))/r, 0)",
			above: rejectedPercent, periods: 3, period: 300, missing: quiet,
		},
		{
			name: f.Settings.Name + "-late", description: "Events came after the partials of their hour had expired: they are in no headcount.",
			metrics: []metric{s.counted(f, "aggregator", metrics.LateEvents.String())},
			above:   0, periods: 1, period: 300, missing: quiet,
		},
		{
			name: f.Settings.Name + "-damaged", description: "An object of the aggregates is damaged or gone: an hour waits for an operator, or lacks people.",
			metrics: []metric{damaged, gone}, text: "FILL(d,0)+FILL(g,0)",
			above: 0, periods: 1, period: 300, missing: quiet,
		},
		{
			name: f.Settings.Name + "-slow", description: "Events take more than a quarter of an hour from their arrival to a partial.",
			metrics: []metric{s.counted(f, "aggregator", metrics.EventAge.String())},
			above:   15 * 60 * 1000, periods: 3, period: 300, missing: quiet,
		},
	}
}
