package program

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/pipeline"
)

// widget is one picture of the CloudWatch dashboard
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html).
type widget struct {
	title  string
	series []metric
}

// The dashboard has 24 columns: three widgets in a row.
const widgetWidth, widgetHeight, perRow = 8, 6, 3

// dashboard creates the CloudWatch dashboard for operators: the way of an event
// from left to right and top to bottom, and then every metric that the services
// count.
func (s *stack) dashboard(flows []*Flow) {
	var all []any
	for i, w := range s.widgets(flows) {
		all = append(all, map[string]any{
			"type": "metric", "width": widgetWidth, "height": widgetHeight, "x": i % perRow * widgetWidth, "y": i / perRow * widgetHeight,
			"properties": map[string]any{"title": w.title, "region": s.Region, "view": "timeSeries", "period": 60, "metrics": rows(w.series)},
		})
	}
	add(s, cloudwatch.NewDashboard, "dashboard", &cloudwatch.DashboardArgs{
		DashboardName: pulumi.String(s.names.Prefix()), DashboardBody: pulumi.JSONMarshal(map[string]any{"widgets": all}),
	})
}

// rows writes series as the dashboard has them: namespace, name, dimensions one
// after another, options.
func rows(series []metric) (all [][]any) {
	for _, m := range series {
		row := []any{m.namespace, m.name}
		for _, name := range slices.Sorted(maps.Keys(m.dimensions)) {
			row = append(row, name, m.dimensions[name])
		}
		all = append(all, append(row, map[string]string{"stat": m.stat}))
	}
	return all
}

func (s *stack) widgets(flows []*Flow) []widget {
	list := []widget{
		{"Into the lake: records", []metric{s.ofStream("IncomingRecords", "Sum"), s.ofStream("SucceedConversion.Records", "Sum"), s.ofStream("FailedConversion.Records", "Sum")}},
		{"Into the lake: age of what Firehose holds (s)", []metric{s.ofStream("DeliveryToS3.DataFreshness", "Maximum")}},
		{"Published messages", []metric{s.published()}},
	}
	for _, f := range flows {
		flow := f.Settings.Name
		waiting, ages, dead := widget{title: flow + ": waiting messages"}, widget{title: flow + ": age of the oldest message (s)"}, widget{title: flow + ": dead letters"}
		for _, name := range pipeline.Queues() {
			full := f.Queues[name].Name
			waiting.series = append(waiting.series, visible(full))
			ages.series = append(ages.series, age(full))
			dead.series = append(dead.series, visible(full+"-dlq"))
		}
		list = append(list, waiting, ages, dead)
		for _, w := range f.Workers {
			name := s.names.Service(flow, w.Name)
			list = append(list, widget{name + ": tasks", []metric{s.running(name), s.desired(name)}})
		}
	}
	for _, m := range metrics.Table {
		list = append(list, s.tableWidget(flows, m))
	}
	return list
}

// tableWidget shows one metric of the table, for all flows and services that
// have it, and all categories.
func (s *stack) tableWidget(flows []*Flow, m metrics.Metric) widget {
	w := widget{title: fmt.Sprintf("%s (%s): %s", m.Name, m.Unit, m.Help)}
	for _, f := range flows {
		for _, service := range m.Services {
			one := s.counted(f, service, m.Name)
			if len(m.Dimensions) == len(one.dimensions) {
				w.series = append(w.series, one)
				continue
			}
			for _, t := range event.Treatments {
				by := s.counted(f, service, m.Name)
				by.dimensions["Category"] = string(t.Category)
				w.series = append(w.series, by)
			}
		}
	}
	return w
}
