package program

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// scale makes the number of tasks follow the queue: target tracking on the
// backlog for each running task
// (https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking-metric-math.html).
// Where no task is running, the backlog itself counts, so that one comes.
func (s *stack) scale(w *Worker, name string, args *WorkerArgs) {
	target := add(s, appautoscaling.NewTarget, name, &appautoscaling.TargetArgs{
		ServiceNamespace: pulumi.String("ecs"), ScalableDimension: pulumi.String("ecs:service:DesiredCount"),
		ResourceId:  pulumi.Sprintf("service/%s/%s", args.fargate.cluster.Name, w.Service.Name),
		MinCapacity: pulumi.Int(args.Settings.MinTasks), MaxCapacity: pulumi.Int(args.Settings.MaxTasks),
	}, pulumi.Parent(w))
	load, metrics := "m", []metric{visible(args.Input.Name)}
	if args.Stage.Holds { // what a task holds is a load too
		load, metrics = "(m+n)", append(metrics, held(args.Input.Name))
	}
	metrics = append(metrics, s.running(name))
	add(s, appautoscaling.NewPolicy, name, &appautoscaling.PolicyArgs{
		Name: pulumi.String("backlog"), PolicyType: pulumi.String("TargetTrackingScaling"),
		ServiceNamespace: target.ServiceNamespace, ScalableDimension: target.ScalableDimension, ResourceId: target.ResourceId,
		TargetTrackingScalingPolicyConfiguration: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs{
			TargetValue: pulumi.Float64(args.Settings.BacklogPerTask),
			// Quick to come, slow to go.
			ScaleOutCooldown: pulumi.Int(60), ScaleInCooldown: pulumi.Int(300),
			CustomizedMetricSpecification: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationArgs{
				Metrics: expression("IF(FILL(r,0)>0, "+load+"/r, "+load+")", metrics),
			},
		},
	}, pulumi.Parent(w))
}

// expression gives the metrics and what is computed of them; only the result is
// what the policy looks at.
func expression(text string, metrics []metric) appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricArray {
	queries := appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricArray{}
	for _, m := range metrics {
		dimensions := appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricMetricStatMetricDimensionArray{}
		for _, name := range slices.Sorted(maps.Keys(m.dimensions)) {
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
