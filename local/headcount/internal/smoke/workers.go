package smoke

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/pipeline"
)

const notHere = "not on the stand-in"

// checkWorkers: each service runs as many tasks as it should, and its last
// deployment is over.
func (r *runner) checkWorkers(ctx context.Context) (string, string, error) {
	if r.Services == nil {
		return Unknown, notHere, nil
	}
	stages := pipeline.Names(nil)
	in := &ecs.DescribeServicesInput{Cluster: &r.Outputs.ClusterName}
	for _, name := range stages {
		in.Services = append(in.Services, r.flow.Services[name])
	}
	out, err := r.Services.DescribeServices(ctx, in)
	if err != nil {
		return "", "", fmt.Errorf("describe the services of cluster %s: %w", r.Outputs.ClusterName, err)
	}
	var bad []string
	for _, f := range out.Failures {
		bad = append(bad, aws.ToString(f.Arn)+" "+aws.ToString(f.Reason))
	}
	tasks := int32(0)
	for i := range out.Services {
		s := &out.Services[i]
		tasks += s.RunningCount
		if s.RunningCount != s.DesiredCount || s.RunningCount == 0 {
			bad = append(bad, fmt.Sprintf("%s runs %d tasks of %d", aws.ToString(s.ServiceName), s.RunningCount, s.DesiredCount))
		}
		if slices.ContainsFunc(s.Deployments, func(d ecstypes.Deployment) bool { return d.RolloutState == ecstypes.DeploymentRolloutStateFailed }) {
			bad = append(bad, aws.ToString(s.ServiceName)+"'s deployment has failed")
		}
	}
	return verdict(len(bad) == 0 && len(out.Services) == len(stages), "%d services, %d tasks; not well: %s", len(out.Services), tasks, orNone(bad))
}

// checkMetrics: what the services write into their logs arrives as metrics.
func (r *runner) checkMetrics(ctx context.Context) (string, string, error) {
	return r.checkMetric(ctx, metrics.EventsReceived.String(), map[string]string{"Stack": r.Outputs.Stack, "Service": "validator", "Flow": r.flowName}, float64(r.want.events))
}

// checkAlerts: rejections were reported to the topic of alerts, a minute later at most.
// Whether an e-mail has come, only its reader knows.
func (r *runner) checkAlerts(ctx context.Context) (string, string, error) {
	status, detail, err := r.checkMetric(ctx, metrics.AlertsSent.String(),
		map[string]string{"Stack": r.Outputs.Stack, "Service": "validator", "Flow": r.flowName, "Category": string(faults[0].category)}, 1)
	return status, detail + "; whether an e-mail has come, only its reader knows", err
}

// checkMetric waits until a metric has added up to a number since the beginning.
func (r *runner) checkMetric(ctx context.Context, name string, dimensions map[string]string, least float64) (string, string, error) {
	if r.Metrics == nil {
		return Unknown, notHere, nil
	}
	in := &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String(metrics.Namespace), MetricName: &name, Statistics: []cwtypes.Statistic{cwtypes.StatisticSum}, Period: aws.Int32(60),
		StartTime: aws.Time(r.begun.Truncate(time.Minute)),
	}
	for key, value := range dimensions {
		in.Dimensions = append(in.Dimensions, cwtypes.Dimension{Name: aws.String(key), Value: aws.String(value)})
	}
	waiting, cancel := context.WithTimeout(ctx, r.options.MetricsTimeout)
	defer cancel()
	total := 0.
	err := r.every(waiting, func(ctx context.Context) (bool, error) {
		in.EndTime = aws.Time(time.Now().Add(time.Minute))
		out, err := r.Metrics.GetMetricStatistics(ctx, in)
		if err != nil {
			return false, fmt.Errorf("metric %s: %w", name, err)
		}
		total = 0
		for _, point := range out.Datapoints {
			total += aws.ToFloat64(point.Sum)
		}
		return total >= least, nil
	})
	if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
		return "", "", err
	}
	return verdict(err == nil, "%s of %v adds up to %g since the beginning, at least %g expected", name, dimensions, total, least)
}
