package cost

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// free are the types that cost nothing by themselves, or only what is counted by
// the event: requests, bytes and tasks. A : at the end stands for all of a
// package. QuickSight is billed by the user, and told apart.
var free = []string{
	"headcount:", "pulumi:", "aws:budgets/budget:", "aws:iam/", "aws:quicksight/", "aws:cloudformation/stack:Stack",
	"aws:appautoscaling/scheduledAction:", "aws:athena/", "aws:glue/catalog", "aws:glue/securityConfiguration:",
	"aws:cloudwatch/logGroup:", "aws:cloudwatch/logStream:", "aws:cloudwatch/logResourcePolicy:", "aws:cloudwatch/compositeAlarm:",
	"aws:ec2/defaultSecurityGroup:", "aws:ec2/internetGateway:", "aws:ec2/route", "aws:ec2/securityGroup", "aws:ec2/subnet:", "aws:ec2/vpc:",
	"aws:ec2/flowLog:", "aws:ec2/defaultNetworkAcl:", "aws:vpc/securityGroup", "aws:ecr/lifecyclePolicy:", "aws:ecr/repositoryPolicy:", "aws:ecs/clusterCapacityProviders:",
	"aws:kms/alias:", "aws:s3/", "aws:sns/topicPolicy:", "aws:sns/topicSubscription:", "aws:sqs/queuePolicy:", "aws:sqs/redrive",
}

func isFree(typ string) bool {
	for _, prefix := range free {
		if strings.HasPrefix(typ, prefix) {
			return true
		}
	}
	return false
}

// readers take from the resources of a type what their cost depends on.
var readers = map[string]func(*builder, resource) error{
	"pulumi:providers:aws":                                                 readProvider,
	"aws:appautoscaling/policy:Policy":                                     readScaling,
	"aws:appautoscaling/target:Target":                                     readTarget,
	"aws:cloudwatch/dashboard:Dashboard":                                   counted(func(b *builder) *int { return &b.Dashboards }),
	"aws:cloudwatch/metricAlarm:MetricAlarm":                               readAlarm,
	"aws:ec2/eip:Eip":                                                      counted(func(b *builder) *int { return &b.Addresses }),
	"aws:ec2/natGateway:NatGateway":                                        counted(func(b *builder) *int { return &b.NATs }),
	"aws:ec2/vpcEndpoint:VpcEndpoint":                                      readEndpoint,
	"aws:ecr/repository:Repository":                                        counted(func(b *builder) *int { return &b.Repositories }),
	"aws:ecs/cluster:Cluster":                                              readCluster,
	"aws:ecs/service:Service":                                              readService,
	"aws:ecs/taskDefinition:TaskDefinition":                                readTask,
	"aws:glue/crawler:Crawler":                                             readCrawler,
	"aws:kms/key:Key":                                                      counted(func(b *builder) *int { return &b.Keys }),
	"aws:sns/topic:Topic":                                                  counted(func(b *builder) *int { return &b.Topics }),
	"aws:sqs/queue:Queue":                                                  readQueue,
	"aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream":            readStream,
	"aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2": readLifecycle,
}

// counted reads resources that cost the same, each of them.
func counted(of func(*builder) *int) func(*builder, resource) error {
	return func(b *builder, _ resource) error {
		*of(b)++
		return nil
	}
}

// inputs reads a resource's inputs. Those with a secret in them are hidden in
// another form, and none of what is read here is one.
func inputs[T any](r resource) (in T, err error) {
	err = json.Unmarshal(r.Inputs, &in)
	return in, err
}

func readProvider(b *builder, r resource) error {
	in, err := inputs[struct{ Region string }](r)
	b.Region = in.Region
	return err
}

func readTarget(b *builder, r resource) error {
	in, err := inputs[struct {
		ResourceID               string `json:"resourceId"`
		MinCapacity, MaxCapacity int
	}](r)
	_, name := cutLast(in.ResourceID, "/")
	b.targets[name] = target{in.MinCapacity, in.MaxCapacity}
	return err
}

// readScaling counts the two alarms that a target tracking policy makes, each on
// all metrics of the policy
// (https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html).
func readScaling(b *builder, r resource) error {
	in, err := inputs[struct {
		TargetTrackingScalingPolicyConfiguration struct {
			CustomizedMetricSpecification struct {
				Metrics []struct{ MetricStat json.RawMessage }
			}
		}
	}](r)
	metrics := 0
	for _, m := range in.TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics {
		if m.MetricStat != nil {
			metrics++
		}
	}
	b.AlarmMetrics += 2 * max(metrics, 1)
	return err
}

func readAlarm(b *builder, r resource) error {
	in, err := inputs[struct {
		MetricQueries []struct{ Metric json.RawMessage }
	}](r)
	metrics := 0
	for _, q := range in.MetricQueries {
		if q.Metric != nil {
			metrics++
		}
	}
	b.AlarmMetrics += max(metrics, 1)
	return err
}

func readEndpoint(b *builder, r resource) error {
	in, err := inputs[struct {
		VpcEndpointType string
		SubnetIDs       []string `json:"subnetIds"`
	}](r)
	if in.VpcEndpointType == "Interface" {
		b.Endpoints += len(in.SubnetIDs)
	}
	return err
}

func readCluster(b *builder, r resource) error {
	in, err := inputs[struct {
		Settings []struct{ Name, Value string }
	}](r)
	for _, s := range in.Settings {
		if s.Name == "containerInsights" && s.Value == "enhanced" {
			return fmt.Errorf("containerInsights is %s, whose cost is not known here", s.Value)
		}
		b.Insights = b.Insights || s.Name == "containerInsights" && s.Value == "enabled"
	}
	return err
}

func readService(b *builder, r resource) error {
	in, err := inputs[struct {
		DesiredCount               int
		CapacityProviderStrategies []struct {
			CapacityProvider string
			Base, Weight     int
		}
	}](r)
	b.desired[r.Name] = in.DesiredCount
	spot, shared, base := false, false, 0
	for _, s := range in.CapacityProviderStrategies {
		if s.CapacityProvider == "FARGATE_SPOT" {
			spot = spot || s.Weight > 0
			continue
		}
		shared = shared || s.Weight > 0
		base += s.Base
	}
	switch {
	case !spot:
		b.onDemand[r.Name] = math.MaxInt
	case shared:
		return errors.New("tasks are shared by weight between Spot and on demand, whose cost is not known here")
	default:
		b.onDemand[r.Name] = base
	}
	return err
}

func readTask(b *builder, r resource) error {
	in, err := inputs[struct{ CPU, Memory, ContainerDefinitions string }](r)
	if err != nil {
		return err
	}
	cpu, err := strconv.ParseFloat(in.CPU, 64)
	if err != nil {
		return err
	}
	memory, err := strconv.ParseFloat(in.Memory, 64)
	if err != nil {
		return err
	}
	var containers []struct {
		Environment []struct{ Name, Value string }
	}
	if err := json.Unmarshal([]byte(in.ContainerDefinitions), &containers); err != nil {
		return fmt.Errorf("containerDefinitions: %w", err)
	}
	d := definition{vcpu: cpu / 1024, gb: memory / 1024, env: map[string]string{}}
	for _, c := range containers {
		for _, e := range c.Environment {
			d.env[e.Name] = e.Value
		}
	}
	b.tasks[r.Name] = d
	return nil
}

func readCrawler(b *builder, r resource) error {
	in, err := inputs[struct{ Schedule string }](r)
	if err != nil || in.Schedule == "" { // by hand
		return err
	}
	perDay, err := crawls(in.Schedule)
	b.CrawlsPerDay += perDay
	return err
}

func readQueue(b *builder, r resource) error {
	in, err := inputs[struct {
		KmsMasterKeyID               string `json:"kmsMasterKeyId"`
		KmsDataKeyReusePeriodSeconds int
	}](r)
	if in.KmsMasterKeyID != "" {
		b.Queues++
		if in.KmsDataKeyReusePeriodSeconds == 0 {
			in.KmsDataKeyReusePeriodSeconds = 300 // SQS's default
		}
		b.KeyReuse = time.Duration(in.KmsDataKeyReusePeriodSeconds) * time.Second
	}
	return err
}

func readStream(b *builder, r resource) error {
	in, err := inputs[struct {
		ExtendedS3Configuration struct{ BufferingInterval, BufferingSize float64 }
	}](r)
	c := in.ExtendedS3Configuration
	b.Buffer, b.BufferBytes = time.Duration(c.BufferingInterval)*time.Second, c.BufferingSize*(1<<20)
	if err == nil && (b.Buffer == 0 || b.BufferBytes == 0) {
		return fmt.Errorf("bufferingInterval is %g and bufferingSize %g, want both", c.BufferingInterval, c.BufferingSize)
	}
	return err
}

func readLifecycle(b *builder, r resource) error {
	in, err := inputs[struct {
		Rules []struct {
			Filter                      struct{ Prefix string }
			Expiration                  struct{ Days int }
			NoncurrentVersionExpiration struct{ NoncurrentDays int }
			Transitions                 []struct {
				Days         int
				StorageClass string
			}
		}
	}](r)
	for _, rule := range in.Rules {
		b.NoncurrentDays = max(b.NoncurrentDays, rule.NoncurrentVersionExpiration.NoncurrentDays)
		switch rule.Filter.Prefix {
		case "data/":
			b.LakeDays = rule.Expiration.Days
			for _, t := range rule.Transitions {
				if t.StorageClass == "GLACIER_IR" {
					b.LakeArchiveDays = t.Days
				}
			}
		case "errors/":
			b.ErrorsDays = rule.Expiration.Days
		case "partials/":
			b.PartialsDays = rule.Expiration.Days
		case "quarantine/":
			b.QuarantineDays = rule.Expiration.Days
		}
	}
	return err
}
