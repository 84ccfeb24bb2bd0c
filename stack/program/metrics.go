package program

import (
	"fmt"
	"slices"

	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/stack/names"
)

// metric is a CloudWatch metric. id is its name in an expression.
type metric struct {
	id, namespace, name string
	dimensions          map[string]string
}

// statistic is a metric with the statistic that makes sense of it.
type statistic struct {
	metric
	stat string
}

// visible, held and age are of a queue: the messages that wait, those in flight,
// and the age of the oldest in seconds.
func visible(queue string) metric { return ofQueue("m", "ApproximateNumberOfMessagesVisible", queue) }
func held(queue string) metric    { return ofQueue("n", "ApproximateNumberOfMessagesNotVisible", queue) }
func age(queue string) metric     { return ofQueue("m", "ApproximateAgeOfOldestMessage", queue) }

func ofQueue(id, name, queue string) metric {
	return metric{id, "AWS/SQS", name, map[string]string{"QueueName": queue}}
}

// running is the number of running tasks of a service, desired how many there
// should be.
func running(n names.Names, service string) metric {
	return ofService("r", "RunningTaskCount", n, service)
}

func desired(n names.Names, service string) metric {
	return ofService("d", "DesiredTaskCount", n, service)
}

func ofService(id, name string, n names.Names, service string) metric {
	return metric{id, "ECS/ContainerInsights", name, map[string]string{"ClusterName": n.Cluster(), "ServiceName": service}}
}

// published is how many messages the app has published.
func (s *stack) published() metric {
	return metric{"m", "AWS/SNS", "NumberOfMessagesPublished", map[string]string{"TopicName": s.names.Topic("events")}}
}

// ofStream is a metric of the stream into the lake.
func (s *stack) ofStream(name string) metric {
	return metric{"m", "AWS/Firehose", name, map[string]string{"DeliveryStreamName": s.names.Stream()}}
}

// counted is a metric of the table of package metrics, for a service of a flow.
func (s *stack) counted(f *Flow, service, name string) statistic {
	for _, m := range metrics.Table {
		if m.Name == name && slices.Contains(m.Services, service) {
			return statistic{
				metric{"m", metrics.Namespace, name, map[string]string{"Stack": s.names.Stack, "Service": service, "Flow": f.Settings.Name}}, string(m.Statistic),
			}
		}
	}
	panic(fmt.Sprintf("the %s counts no %s", service, name)) // a name of the table for another service: a slip in this file
}
