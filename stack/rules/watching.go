package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/stack/settings"
)

const alarmType = "aws:cloudwatch/metricAlarm:MetricAlarm"

// watching are the rules on alarms and the dashboard for operators.
func watching() []Rule {
	return append(rulesOf(
		property{id: "alarms-missing-data", what: "every alarm says what no data means", kind: alarmType, path: []any{"treatMissingData"}, want: oneOf("notBreaching", "breaching"), wrong: []any{"missing"}},
		property{id: "alarms-tell", what: "every alarm tells the topic of alarms", kind: alarmType, path: []any{"alarmActions", 0}, want: func(v any) bool { return strings.HasSuffix(fmt.Sprint(v), "-alarms") }, wrong: []any{"arn:aws:sns:eu-west-1:111122223333:headcount-dev-alerts"}},
		property{id: "alarms-all-clear", what: "every alarm tells when it is over", kind: alarmType, path: []any{"okActions", 0}, want: func(v any) bool { return strings.HasSuffix(fmt.Sprint(v), "-alarms") }},
		property{id: "alarms-described", what: "every alarm says what it means, and where to read on", kind: alarmType, path: []any{"alarmDescription"}, want: func(v any) bool { return strings.Contains(fmt.Sprint(v), "docs/operations.md") }, wrong: []any{""}},
	), alarmed(), silence(), known(), tabled(), budgeted())
}

// alarmed is the rule that there is an alarm for all that must not go unseen.
func alarmed() Rule {
	return Rule{
		ID: "alarms-whole", What: "there are alarms for dead letters, old messages, missing tasks, failures, panics, rejections, late events, slow events, the lake, no input at all, and a data set that is not refreshed",
		Check: func(s *Stack) (broken []string) {
			want := []string{"lake-freshness", "lake-unconverted", "lake-delivery-dead-letters"}
			if s.Settings.NoInputMinutes > 0 {
				want = append(want, "no-input")
			}
			if s.Settings.QuickSightPrincipal != "" {
				want = append(want, "events-refresh")
			}
			for _, f := range s.Settings.Flows {
				for _, q := range []string{"ingest", "valid", "masked", "finals"} {
					want = append(want, f.Name+"-"+q+"-dead-letters", f.Name+"-"+q+"-age")
				}
				for _, service := range settings.Services {
					for _, kind := range []string{"tasks", "failures", "panics"} {
						want = append(want, f.Name+"-"+service+"-"+kind)
					}
				}
				want = append(want, f.Name+"-rejections", f.Name+"-late", f.Name+"-slow")
			}
			var got []string
			for _, r := range s.find(alarmType) {
				got = append(got, r.Name)
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				broken = append(broken, fmt.Sprintf("the alarms are %v, want %v", got, want))
			}
			return broken
		},
		Mutants: []Mutant{remove(alarmType, nil), remove(alarmType, named("v1-finals-dead-letters")), remove(alarmType, named("no-input")), remove(alarmType, named("events-refresh"))},
	}
}

// silence is the rule that the alarm of no input goes off where there is no
// metric either: SNS sends none of a topic that nobody publishes to.
func silence() Rule {
	const name = "no-input"
	return Rule{
		ID: "alarm-of-silence", What: "no data is no input, to the alarm of no input, and it looks back as long as is configured, a day at most (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html)",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.find(alarmType) {
				if r.Name != name {
					continue
				}
				var period, periods int
				_, err1 := fmt.Sscan(text(r, "metricQueries", 1, "metric", "period"), &period)
				_, err2 := fmt.Sscan(text(r, "evaluationPeriods"), &periods)
				if err1 != nil || err2 != nil || period*periods != 60*s.Settings.NoInputMinutes || period*periods > 86400 {
					broken = append(broken, fmt.Sprintf("%s looks back %d times %d s, want %d minutes", r.Name, periods, period, s.Settings.NoInputMinutes))
				}
				if text(r, "treatMissingData") != "breaching" {
					broken = append(broken, r.Name+" is quiet where there is no metric")
				}
			}
			return broken
		},
		Mutants: []Mutant{
			change(alarmType, named(name), "notBreaching", "treatMissingData"), change(alarmType, named(name), float64(1), "evaluationPeriods"),
			change(alarmType, named(name), float64(60), "metricQueries", 1, "metric", "period"),
		},
	}
}

// amazons are the metrics of AWS's own services that alarms and the dashboard
// look at: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html,
// https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html,
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/Container-Insights-metrics-ECS.html,
// https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html,
// https://docs.aws.amazon.com/quicksight/latest/user/cw-metrics.html.
var amazons = map[string][]string{
	"AWS/SQS":               {"QueueName", "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible", "ApproximateAgeOfOldestMessage"},
	"AWS/Firehose":          {"DeliveryStreamName", "DeliveryToS3.DataFreshness", "FailedConversion.Records", "SucceedConversion.Records", "IncomingRecords"},
	"ECS/ContainerInsights": {"ClusterName,ServiceName", "RunningTaskCount", "DesiredTaskCount"},
	"AWS/SNS":               {"TopicName", "NumberOfMessagesPublished"},
	"AWS/QuickSight":        {"DatasetId", "IngestionErrorCount"},
}

// looked is a metric that an alarm or the dashboard looks at.
type looked struct {
	by, namespace, name, stat string
	dimensions                map[string]string
}

// fault tells what is wrong with it: neither AWS nor the services send it, or
// under other dimensions, or its statistic makes no sense.
func (l looked) fault(s *Stack) string {
	var names []string
	for name, value := range l.dimensions {
		names = append(names, name)
		if value == "" {
			return l.by + ": " + name + " is empty"
		}
	}
	slices.Sort(names)
	if l.namespace != metrics.Namespace {
		sent, ok := amazons[l.namespace]
		if !ok || !slices.Contains(sent[1:], l.name) || strings.Join(names, ",") != sent[0] {
			return fmt.Sprintf("%s: nobody sends %s/%s by %v", l.by, l.namespace, l.name, names)
		}
		return s.exists(l)
	}
	for _, m := range metrics.Table {
		if m.Name != l.name {
			continue
		}
		dimensions := slices.Sorted(slices.Values(m.Dimensions))
		if !slices.Equal(dimensions, names) || !slices.Contains(m.Services, l.dimensions["Service"]) || string(m.Statistic) != l.stat {
			return fmt.Sprintf("%s: %s is sent by %v as %s by %v, not as %s by %v", l.by, l.name, m.Services, m.Statistic, dimensions, l.stat, l.dimensions)
		}
		return s.exists(l)
	}
	return fmt.Sprintf("%s: the services count no %s", l.by, l.name)
}

// exists tells when what a metric is about is not in the stack.
func (s *Stack) exists(l looked) string {
	for dimension, of := range map[string][2]string{
		"QueueName": {queueType, "name"}, "DeliveryStreamName": {streamType, "name"}, "ClusterName": {"aws:ecs/cluster:Cluster", "name"},
		"ServiceName": {serviceType, "name"}, "TopicName": {topicType, "name"}, "DatasetId": {dataSetType, "dataSetId"},
	} {
		value, ok := l.dimensions[dimension]
		if !ok {
			continue
		}
		there := false
		for _, r := range s.find(of[0]) {
			there = there || text(r, of[1]) == value
		}
		if !there {
			return fmt.Sprintf("%s: there is no %s %s", l.by, dimension, value)
		}
	}
	if stack, ok := l.dimensions["Stack"]; ok && stack != s.Settings.Stack {
		return l.by + ": it looks at stack " + stack
	}
	if flow, ok := l.dimensions["Flow"]; ok {
		for _, f := range s.Settings.Flows {
			if f.Name == flow {
				return ""
			}
		}
		return l.by + ": there is no flow " + flow
	}
	return ""
}

// known is the rule that every metric that somebody looks at is sent.
func known() Rule {
	return Rule{
		ID: "metrics-known", What: "alarms and the dashboard look at metrics that are sent, under their dimensions, of what is in the stack",
		Check: func(s *Stack) (broken []string) {
			for _, l := range s.looked() {
				if fault := l.fault(s); fault != "" {
					broken = append(broken, fault)
				}
			}
			return broken
		},
		Mutants: []Mutant{
			change(alarmType, named("v1-late"), "LateEvent", "metricName"), change(alarmType, named("v1-late"), "masker", "dimensions", "Service"),
			change(alarmType, named("v1-late"), "other", "dimensions", "Stack"),
			change(alarmType, named("v1-ingest-dead-letters"), "headcount-dev-v1-ingest-dead", "dimensions", "QueueName"),
			change(alarmType, named("events-refresh"), "headcount-prod-headcount", "dimensions", "DatasetId"),
			change(alarmType, named("v1-slow"), "Sum", "statistic"), change(alarmType, named("v1-rejections"), "EventsLost", "metricQueries", 1, "metric", "metricName"),
			change("aws:cloudwatch/dashboard:Dashboard", nil, "EventsLost", "dashboardBody", "widgets", 12, "properties", "metrics", 0, 1),
		},
	}
}

// looked gives what alarms and the dashboard look at.
func (s *Stack) looked() []looked {
	var all []looked
	dimensions := func(v any) map[string]string {
		named := map[string]string{}
		members, _ := v.(map[string]any)
		for name, value := range members {
			named[name] = fmt.Sprint(value)
		}
		return named
	}
	for _, r := range s.find(alarmType) {
		if _, simple := r.Inputs["metricName"]; simple {
			all = append(all, looked{"alarm " + r.Name, text(r, "namespace"), text(r, "metricName"), text(r, "statistic"), dimensions(r.Inputs["dimensions"])})
		}
		for i := 0; text(r, "metricQueries", i, "id") != ""; i++ {
			if m, ok := at(r.Inputs, "metricQueries", i, "metric"); ok {
				d, _ := at(m, "dimensions")
				all = append(all, looked{"alarm " + r.Name, text(r, "metricQueries", i, "metric", "namespace"), text(r, "metricQueries", i, "metric", "metricName"), text(r, "metricQueries", i, "metric", "stat"), dimensions(d)})
			}
		}
	}
	for _, r := range s.find("aws:cloudwatch/dashboard:Dashboard") {
		var body struct {
			Widgets []struct {
				Properties struct {
					Title   string
					Metrics [][]any
				}
			}
		}
		_ = json.Unmarshal([]byte(text(r, "dashboardBody")), &body) // without it nothing is shown, which the rule on the table notices
		for _, w := range body.Widgets {
			for _, row := range w.Properties.Metrics {
				l := looked{by: "widget " + w.Properties.Title, namespace: fmt.Sprint(row[0]), name: fmt.Sprint(row[1]), dimensions: map[string]string{}}
				for i := 2; i+1 < len(row); i += 2 {
					l.dimensions[fmt.Sprint(row[i])] = fmt.Sprint(row[i+1])
				}
				if options, ok := row[len(row)-1].(map[string]any); ok {
					l.stat = fmt.Sprint(options["stat"])
				}
				all = append(all, l)
			}
		}
	}
	return all
}

// tabled is the rule that operators see every metric that the services count.
func tabled() Rule {
	return Rule{
		ID: "dashboard-whole", What: "the dashboard shows every metric of the table, for every service and flow that sends it",
		Check: func(s *Stack) (broken []string) {
			shown := map[string]bool{}
			for _, l := range s.looked() {
				if strings.HasPrefix(l.by, "widget ") {
					shown[l.name+"/"+l.dimensions["Service"]+"/"+l.dimensions["Flow"]] = true
				}
			}
			for _, f := range s.Settings.Flows {
				for _, m := range metrics.Table {
					for _, service := range m.Services {
						if key := m.Name + "/" + service + "/" + f.Name; !shown[key] {
							broken = append(broken, "the dashboard does not show "+key)
						}
					}
				}
			}
			return broken
		},
		Mutants: []Mutant{
			remove("aws:cloudwatch/dashboard:Dashboard", nil),
			change("aws:cloudwatch/dashboard:Dashboard", nil, []any{}, "dashboardBody", "widgets", 12, "properties", "metrics"),
		},
	}
}
