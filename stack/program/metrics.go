package program

import (
	"fmt"
	"slices"

	"github.com/headcount-etl/headcount/shared/metrics"
)

// metric is a CloudWatch metric with the statistic that makes sense of it. id is its
// name in an expression.
type metric struct {
	id, namespace, name, stat string
	dimensions                map[string]string
}

// visible, held and age are of a queue: the messages that wait, those in flight,
// and the age of the oldest in seconds.
func visible(queue string) metric { return ofQueue("m", "ApproximateNumberOfMessagesVisible", queue) }
func held(queue string) metric    { return ofQueue("n", "ApproximateNumberOfMessagesNotVisible", queue) }
func age(queue string) metric     { return ofQueue("m", "ApproximateAgeOfOldestMessage", queue) }

func ofQueue(id, name, queue string) metric {
	return metric{id, "AWS/SQS", name, "Maximum", map[string]string{"QueueName": queue}}
}

// running is the number of running tasks of a service, desired how many there
// should be.
func (s *stack) running(service string) metric { return s.ofService("r", "RunningTaskCount", service) }
func (s *stack) desired(service string) metric { return s.ofService("d", "DesiredTaskCount", service) }

func (s *stack) ofService(id, name, service string) metric {
	return metric{id, "ECS/ContainerInsights", name, "Average", map[string]string{"ClusterName": s.names.Cluster(), "ServiceName": service}}
}

// published is how many messages the app has published.
func (s *stack) published() metric {
	return metric{"m", "AWS/SNS", "NumberOfMessagesPublished", "Sum", map[string]string{"TopicName": s.names.Topic("events")}}
}

// ofStream is a metric of the stream into the lake.
func (s *stack) ofStream(name, stat string) metric {
	return metric{"m", "AWS/Firehose", name, stat, map[string]string{"DeliveryStreamName": s.names.Stream()}}
}

// counted is a metric of the table of package metrics, for a service of a flow.
func (s *stack) counted(f *Flow, service, name string) metric {
	for _, m := range metrics.Table {
		if m.Name == name && slices.Contains(m.Services, service) {
			dimensions := map[string]string{"Stack": s.names.Stack, "Service": service, "Flow": f.Settings.Name}
			return metric{"m", metrics.Namespace, name, string(m.Statistic), dimensions}
		}
	}
	panic(fmt.Sprintf("the %s counts no %s", service, name)) // a name of the table for another service: a slip in this file
}
