package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/stack/record"
)

const (
	dashboardType = "aws:cloudwatch/dashboard:Dashboard"
	budgetType    = "aws:budgets/budget:Budget"
)

// amazons are the metrics of AWS's own services that alarms and the dashboard look
// at, after their dimensions: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html,
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

// dimensionOf gives the type and the property that a value of a dimension must have.
var dimensionOf = map[string][2]string{
	"QueueName": {queueType, "name"}, "DeliveryStreamName": {streamType, "name"}, "ClusterName": {"aws:ecs/cluster:Cluster", "name"},
	"ServiceName": {serviceType, "name"}, "TopicName": {topicType, "name"}, "DatasetId": {dataSetType, "dataSetId"},
}

// looked is a metric that an alarm or the dashboard looks at.
type looked struct {
	namespace, name, stat string
	dimensions            map[string]any
}

// looks gives the metrics that a resource looks at.
func looks(r record.Resource) (all []looked) {
	metric := func(v any, stat string) {
		if name, ok := at(v, "metricName").(string); ok {
			dimensions, _ := at(v, "dimensions").(map[string]any)
			all = append(all, looked{fmt.Sprint(at(v, "namespace")), name, fmt.Sprint(at(v, stat)), dimensions})
		}
	}
	if r.Type == alarmType {
		metric(r.Inputs, "statistic")
		queries, _ := r.Inputs["metricQueries"].([]any)
		for _, q := range queries {
			metric(at(q, "metric"), "stat")
		}
	}
	widgets, _ := at(r.Inputs, "dashboardBody.widgets").([]any)
	for _, w := range widgets {
		rows, _ := at(w, "properties.metrics").([]any)
		for _, v := range rows { // namespace, name, then dimensions and their values, then options
			row := v.([]any)
			l := looked{fmt.Sprint(row[0]), fmt.Sprint(row[1]), fmt.Sprint(at(row[len(row)-1], "stat")), map[string]any{}}
			for i := 2; i+1 < len(row); i += 2 {
				l.dimensions[fmt.Sprint(row[i])] = row[i+1]
			}
			all = append(all, l)
		}
	}
	return all
}

// fault reports what is wrong with a metric: neither AWS nor the services send it, or
// under other dimensions, or of nothing that is in the stack. CloudWatch itself
// accepts any.
func (l looked) fault(s *Stack) string {
	dimensions := slices.Sorted(maps.Keys(l.dimensions))
	if l.namespace != metrics.Namespace {
		sent := amazons[l.namespace]
		if len(sent) == 0 || !slices.Contains(sent[1:], l.name) || strings.Join(dimensions, ",") != sent[0] {
			return fmt.Sprintf("nobody sends %s/%s by %v", l.namespace, l.name, dimensions)
		}
	} else if !slices.ContainsFunc(metrics.Table, func(m metrics.Metric) bool {
		return m.Name == l.name && slices.Equal(slices.Sorted(slices.Values(m.Dimensions)), dimensions) &&
			slices.Contains(m.Services, fmt.Sprint(l.dimensions["Service"])) && string(m.Statistic) == l.stat
	}) {
		return fmt.Sprintf("no service sends %s of %s by %v", l.stat, l.name, l.dimensions)
	}
	for dimension, value := range l.dimensions {
		of, resource := dimensionOf[dimension]
		there := !resource || slices.ContainsFunc(s.find(of[0]), func(r record.Resource) bool { return text(r, of[1]) == value })
		if dimension == "Stack" {
			there = value == s.Settings.Stack
		}
		if !there {
			return fmt.Sprintf("there is no %s %v", dimension, value)
		}
	}
	return ""
}

// watching are the rules on alarms, the dashboard for operators and the budget.
func watching() []Rule {
	return []Rule{
		each("metrics-known", "alarms and the dashboard look at metrics that are sent, under their dimensions, of what is in the stack", func(s *Stack, r record.Resource) string {
			for _, l := range looks(r) {
				if fault := l.fault(s); fault != "" {
					return fault
				}
			}
			return ""
		}, change(alarmType, named("v1-late"), "LateEvent", "metricName"), change(alarmType, named("v1-late"), "masker", "dimensions.Service"),
			change(alarmType, named("v1-late"), "other", "dimensions.Stack"), change(alarmType, named("v1-slow"), "Sum", "statistic"),
			change(alarmType, named("v1-ingest-dead-letters"), "headcount-dev-v1-ingest-dead", "dimensions.QueueName"),
			change(alarmType, named("v1-rejections"), "EventsLost", "metricQueries.1.metric.metricName"),
			change(dashboardType, nil, "EventsLost", "dashboardBody.widgets.12.properties.metrics.0.1")),
		each("budget-counts", "a budget without filters counts; a filter by tags counts nothing until the tags are activated by hand (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html). AWS Budgets may publish to the encrypted topic of alarms (https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html)", func(s *Stack, r record.Resource) string {
			ours := func(st statement) bool {
				return slices.Equal(st.services(), []string{"budgets.amazonaws.com"}) && slices.Equal(st.Condition["ArnLike"]["aws:SourceArn"], []string{"arn:aws:budgets::" + record.Account + ":*"})
			}
			switch {
			case r.Type != budgetType:
				return ""
			case r.Inputs["costFilters"] != nil:
				return "it has filters"
			case !s.allowed(topicPolicy, "alarms", "sns:Publish", ours) || !slices.ContainsFunc(s.find(keyType), func(key record.Resource) bool {
				return s.allowed(keyType, key.Name, "kms:GenerateDataKey*", ours)
			}):
				return "AWS Budgets may not publish its alerts"
			}
			return ""
		}, change(budgetType, nil, []any{map[string]any{"name": "TagKeyValue"}}, "costFilters"),
			change(topicPolicy, named("alarms"), "Deny", "policy.Statement.3.Effect"), change(keyType, nil, "Deny", "policy.Statement.3.Effect")),
	}
}
