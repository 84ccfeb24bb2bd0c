package program

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// metric is a CloudWatch metric in an expression.
type metric struct {
	id, namespace, name string
	dimensions          map[string]string
}

func (s *stack) visible(queue string) metric {
	return metric{"m", "AWS/SQS", "ApproximateNumberOfMessagesVisible", map[string]string{"QueueName": queue}}
}

func (s *stack) held(queue string) metric {
	return metric{"n", "AWS/SQS", "ApproximateNumberOfMessagesNotVisible", map[string]string{"QueueName": queue}}
}

// running is the number of running tasks, desired how many there should be.
func (s *stack) running(service string) metric {
	return metric{"r", "ECS/ContainerInsights", "RunningTaskCount", s.inCluster(service)}
}

func (s *stack) desired(service string) metric {
	return metric{"d", "ECS/ContainerInsights", "DesiredTaskCount", s.inCluster(service)}
}

func (s *stack) inCluster(service string) map[string]string {
	return map[string]string{"ClusterName": s.names.Cluster(), "ServiceName": service}
}

// scale makes the number of tasks follow the queue: target tracking on the
// backlog for each running task
// (https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking-metric-math.html).
// Where no task is running, the backlog itself counts, so that one comes.
func (s *stack) scale(d *deployment, f *flow, a workerArgs, w *worker) error {
	name := s.names.Service(f.settings.Name, a.Name)
	target, err := appautoscaling.NewTarget(s.ctx, name, &appautoscaling.TargetArgs{
		ServiceNamespace: pulumi.String("ecs"), ScalableDimension: pulumi.String("ecs:service:DesiredCount"),
		ResourceId:  pulumi.Sprintf("service/%s/%s", d.cluster.Name, w.service.Name),
		MinCapacity: pulumi.Int(a.settings.MinTasks), MaxCapacity: pulumi.Int(a.settings.MaxTasks),
	}, s.under(w)...)
	if err != nil {
		return err
	}
	load, metrics := "m", []metric{s.visible(a.input.name)}
	if a.Holds { // what a task holds is a load too
		load, metrics = "(m+n)", append(metrics, s.held(a.input.name))
	}
	metrics = append(metrics, s.running(name))
	_, err = appautoscaling.NewPolicy(s.ctx, name, &appautoscaling.PolicyArgs{
		Name: pulumi.String("backlog"), PolicyType: pulumi.String("TargetTrackingScaling"),
		ServiceNamespace: target.ServiceNamespace, ScalableDimension: target.ScalableDimension, ResourceId: target.ResourceId,
		TargetTrackingScalingPolicyConfiguration: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs{
			TargetValue: pulumi.Float64(a.settings.BacklogPerTask),
			// Quick to come, slow to go.
			ScaleOutCooldown: pulumi.Int(60), ScaleInCooldown: pulumi.Int(300),
			CustomizedMetricSpecification: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationArgs{
				Metrics: expression("IF(FILL(r,0)>0, "+load+"/r, "+load+")", metrics),
			},
		},
	}, s.under(w)...)
	return err
}

// expression gives the metrics and what is computed of them; only the result is
// what the policy looks at.
func expression(text string, metrics []metric) appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricArray {
	queries := appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricArray{}
	for _, m := range metrics {
		dimensions := appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricMetricStatMetricDimensionArray{}
		for _, name := range sortedKeys(m.dimensions) {
			dimensions = append(dimensions, appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricMetricStatMetricDimensionArgs{
				Name: pulumi.String(name), Value: pulumi.String(m.dimensions[name]),
			})
		}
		queries = append(queries, appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricArgs{
			Id: pulumi.String(m.id), ReturnData: pulumi.Bool(false),
			MetricStat: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricMetricStatArgs{
				Stat: pulumi.String("Average"),
				Metric: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricMetricStatMetricArgs{
					Namespace: pulumi.String(m.namespace), MetricName: pulumi.String(m.name), Dimensions: dimensions,
				},
			},
		})
	}
	return append(queries, appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricArgs{
		Id: pulumi.String("backlog"), Expression: pulumi.String(text), Label: pulumi.String("Backlog for each task"), ReturnData: pulumi.Bool(true),
	})
}
