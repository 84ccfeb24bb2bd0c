package cost

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// What AWS and the services do by themselves while nothing happens.
const (
	hours   = 730.0        // in a month
	seconds = hours * 3600 // in a month

	pollers   = 4.0  // receives that a service has under way for each queue: shared/queue
	longPoll  = 20.0 // seconds until a receive comes back empty: shared/queue
	wireBytes = 1500 // of headers, TLS and TCP for a request and its answer: assumed

	taskBytes = 13 << 10 / 60.0 // that Container Insights logs a second and task: as its metrics in prices.json
)

// Stack is what the list of a stack's resources says about its cost.
type Stack struct {
	Name, Region string
	// Idle is what it uses in a month in which nothing is published.
	Idle Amounts

	// traffic is the price of what goes between tasks and AWS: nat-data or
	// endpoint-data.
	traffic string
}

// resource is a resource with the inputs, of all types, that matter here.
type resource struct {
	Type, Name string
	Inputs     struct {
		Region, VpcEndpointType    string
		SubnetIDs                  []string `json:"subnetIds"`
		CapacityProviderStrategies []struct {
			CapacityProvider string
			Base, Weight     int
		}
		DesiredCount, MinCapacity int
		CPU, Memory               int `json:",string"`
		ContainerDefinitions      string

		MetricQueries                            queries
		TargetTrackingScalingPolicyConfiguration struct {
			CustomizedMetricSpecification struct{ Metrics queries }
		}
	}
}

// queries are what an alarm looks at: metrics, and expressions of them.
type queries []struct{ Metric, MetricStat json.RawMessage }

func (q queries) metrics() (n float64) {
	for _, query := range q {
		if query.Metric != nil || query.MetricStat != nil {
			n++
		}
	}
	return n
}

// ReadStack reads stack/testdata/resources.<name>.json: what the Pulumi program
// asks AWS for. A type of resource that is neither priced nor free is an error, so
// that nothing that costs is forgotten.
func ReadStack(p Prices, path, name string) (Stack, error) {
	s := Stack{Name: name, Idle: Amounts{}, traffic: "endpoint-data"}
	content, err := os.ReadFile(path) //nolint:gosec // a file of the repository
	if err != nil {
		return s, err
	}
	var resources []resource
	if err := json.Unmarshal(content, &resources); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	all := map[string]*resource{} // by type and name
	for i, r := range resources {
		all[r.Type+" "+r.Name] = &resources[i]
		s.Region = cmp.Or(s.Region, r.Inputs.Region)
		if r.Type == "aws:ec2/natGateway:NatGateway" {
			s.traffic = "nat-data"
		}
	}
	faults := []string{}
	for _, r := range resources {
		known, err := s.add(&r, all)
		for _, price := range p.List {
			if amount, ok := price.Idle[r.Type]; ok {
				known = true
				s.Idle[price.ID] += amount
			}
		}
		if err != nil || !known && !p.isFree(r.Type) {
			faults = append(faults, fmt.Sprintf("%s %s: %v", r.Type, r.Name, cmp.Or(err, errUnknown)))
		}
	}
	if len(faults) > 0 {
		return s, fmt.Errorf("%s: %s", path, strings.Join(faults, "; "))
	}
	return s, nil
}

var errUnknown = errors.New("say in prices.json or in idle.go what it costs, or that it is free")

// add adds what a resource uses where that depends on its inputs.
func (s *Stack) add(r *resource, all map[string]*resource) (known bool, err error) {
	switch r.Type {
	case "aws:ec2/vpcEndpoint:VpcEndpoint":
		if r.Inputs.VpcEndpointType == "Interface" { // others are free
			s.Idle["endpoint-hour"] += hours * float64(len(r.Inputs.SubnetIDs))
		}
	case "aws:cloudwatch/metricAlarm:MetricAlarm":
		s.Idle["alarm-metric"] += max(r.Inputs.MetricQueries.metrics(), 1)
	case "aws:appautoscaling/policy:Policy":
		// A target tracking policy makes two alarms, each on all of its metrics:
		// https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html.
		s.Idle["alarm-metric"] += 2 * r.Inputs.TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics.metrics()
	case "aws:ecs/service:Service":
		return true, s.tasks(r, all)
	default:
		return false, nil
	}
	return true, nil
}

// tasks adds the fewest tasks that a service may have: they run, are watched, and
// ask their queues.
func (s *Stack) tasks(r *resource, all map[string]*resource) error {
	task := all["aws:ecs/taskDefinition:TaskDefinition "+r.Name]
	if task == nil {
		return errors.New("it has no task definition of its name")
	}
	n := r.Inputs.DesiredCount
	if target := all["aws:appautoscaling/target:Target "+r.Name]; target != nil {
		n = target.Inputs.MinCapacity
	}
	onDemand, spot := 0, false
	for _, strategy := range r.Inputs.CapacityProviderStrategies {
		if strategy.CapacityProvider == "FARGATE_SPOT" {
			spot = spot || strategy.Weight > 0
		} else {
			onDemand += strategy.Base
		}
	}
	if onDemand = min(onDemand, n); !spot {
		onDemand = n
	}
	for price, share := range map[string]int{"fargate-": onDemand, "fargate-spot-": n - onDemand} {
		s.Idle[price+"vcpu"] += float64(share*task.Inputs.CPU) / 1024 * hours
		s.Idle[price+"memory"] += float64(share*task.Inputs.Memory) / 1024 * hours
	}
	queues := strings.Count(task.Inputs.ContainerDefinitions, `"INPUT_QUEUE_URL"`) + strings.Count(task.Inputs.ContainerDefinitions, `"FINALS_QUEUE_URL"`)
	receives := float64(n*queues) * pollers / longPoll * seconds
	s.Idle["sqs-request"] += receives
	s.Idle[s.traffic] += receives * wireBytes
	s.Idle["logs-ingest"] += float64(n) * taskBytes * seconds
	return nil
}
