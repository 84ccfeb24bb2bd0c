package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/settings"
)

const (
	serviceType = "aws:ecs/service:Service"
	taskType    = "aws:ecs/taskDefinition:TaskDefinition"
	scaleType   = "aws:appautoscaling/policy:Policy"
	targetType  = "aws:appautoscaling/target:Target"
)

// workers are the rules on images, tasks, services and their scaling.
func workers() []Rule {
	const repository, cluster = "aws:ecr/repository:Repository", "aws:ecs/cluster:Cluster"
	container := func(path ...any) []any { return append([]any{"containerDefinitions", 0}, path...) }
	return append(rulesOf(
		property{id: "ECR.1", what: "images are scanned when they come; the basic scan knows no images without an operating system (https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html): for these there is govulncheck, in .github/workflows", kind: repository, path: []any{"imageScanningConfiguration", "scanOnPush"}, want: is(true), wrong: []any{false}},
		property{id: "ECR.2", what: "a tag stays the image that it was", kind: repository, path: []any{"imageTagMutability"}, want: is("IMMUTABLE"), wrong: []any{"MUTABLE"}},
		property{id: "ECR.3", what: "old images go", kind: "aws:ecr/lifecyclePolicy:LifecyclePolicy", path: []any{"policy", "rules", 0, "action", "type"}, want: is("expire")},
		property{id: "ECS.12", what: "Container Insights is on: scaling and alarms need its metrics", kind: cluster, path: []any{"settings", 0, "value"}, want: is("enabled"), wrong: []any{"disabled"}},
		property{id: "ECS.1", what: "tasks have a network interface of their own", kind: taskType, path: []any{"networkMode"}, want: is("awsvpc"), wrong: []any{"host"}},
		property{id: "ECS.2", what: "tasks have no public address", kind: serviceType, path: []any{"networkConfiguration", "assignPublicIp"}, want: is(false), wrong: []any{true}},
		property{id: "ECS.3", what: "tasks do not see other processes", kind: taskType, path: []any{"pidMode"}, absent: true, want: is("task"), wrong: []any{"host"}},
		property{id: "ECS.4", what: "containers are not privileged", kind: taskType, path: container("privileged"), want: is(false), wrong: []any{true}},
		property{id: "ECS.5", what: "containers cannot write to their root", kind: taskType, path: container("readonlyRootFilesystem"), want: is(true), wrong: []any{false}},
		property{id: "ECS.8", what: "no secret is in the environment", kind: taskType, path: container("environment"), want: func(v any) bool {
			return !strings.Contains(fmt.Sprint(v), "MASKING_KEYS") && !strings.Contains(fmt.Sprint(v), "AWS_SECRET") && !strings.Contains(fmt.Sprint(v), "AWS_ACCESS")
		}, wrong: []any{[]any{map[string]any{"name": "MASKING_KEYS", "value": "[]"}}}},
		property{id: "ECS.9", what: "containers log", kind: taskType, path: container("logConfiguration", "options", "awslogs-group"), want: given},
		property{id: "ECS.10", what: "Fargate is the latest", kind: serviceType, path: []any{"platformVersion"}, want: is("LATEST"), wrong: []any{"1.3.0"}},
		property{id: "ECS.20", what: "containers do not run as root", kind: taskType, path: container("user"), want: is("65532:65532"), wrong: []any{"0:0", "root"}},
		property{id: "tasks-no-capabilities", what: "containers have no capabilities of the kernel", kind: taskType, path: container("linuxParameters", "capabilities", "drop", 0), want: is("ALL"), wrong: []any{"NET_RAW"}},
		property{id: "tasks-arm", what: "tasks run on ARM", kind: taskType, path: []any{"runtimePlatform", "cpuArchitecture"}, want: is("ARM64"), wrong: []any{"X86_64"}},
		property{id: "tasks-fargate", what: "tasks are for Fargate", kind: taskType, path: []any{"requiresCompatibilities", 0}, want: is("FARGATE"), wrong: []any{"EC2"}},
		property{id: "tasks-digest", what: "images are named by their digest", kind: taskType, path: container("image"), want: func(v any) bool {
			_, digest, ok := strings.Cut(fmt.Sprint(v), "@sha256:")
			return ok && len(digest) == 64
		}, wrong: []any{"111122223333.dkr.ecr.eu-west-1.amazonaws.com/headcount-dev/masker:latest"}},
		property{id: "tasks-health", what: "the binary is its own health check, without a shell", kind: taskType, path: container("healthCheck", "command"), want: func(v any) bool {
			command, _ := v.([]any)
			return len(command) == 3 && command[0] == "CMD" && command[2] == "healthcheck"
		}, wrong: []any{[]any{"CMD-SHELL", "true"}}},
		property{id: "tasks-logs-block-nothing", what: "a log that does not come through does not stop the work", kind: taskType, path: container("logConfiguration", "options", "mode"), want: is("non-blocking"), wrong: []any{"blocking"}},
		property{id: "services-rollback", what: "a version that does not come up is rolled back", kind: serviceType, path: []any{"deploymentCircuitBreaker", "rollback"}, want: is(true), wrong: []any{false}},
		property{id: "services-breaker", what: "a version that does not come up is given up", kind: serviceType, path: []any{"deploymentCircuitBreaker", "enable"}, want: is(true), wrong: []any{false}},
		property{id: "services-stay-up", what: "old tasks stay until new ones are there", kind: serviceType, path: []any{"deploymentMinimumHealthyPercent"}, want: is(100), wrong: []any{float64(0)}},
		property{id: "services-waited-for", what: "an up fails with the version that it rolled out", kind: serviceType, path: []any{"waitForSteadyState"}, want: is(true), wrong: []any{false}},
		property{id: "services-redeployed", what: "other capacity is another deployment of the service: else it replaces the service (https://www.pulumi.com/registry/packages/aws/api-docs/ecs/service/, capacityProviderStrategies)", kind: serviceType, path: []any{"forceNewDeployment"}, want: is(true), wrong: []any{false}},
		property{id: "services-zones", what: "tasks are spread over both zones", kind: serviceType, path: []any{"networkConfiguration", "subnets", 1}, want: given},
		property{id: "scaling-tracks", what: "services follow their backlog", kind: scaleType, path: []any{"policyType"}, want: is("TargetTrackingScaling"), wrong: []any{"StepScaling"}},
	), capacity(), stops(), secretOnly(), scalingOwns(), backlog(), leastRights())
}

// capacity is the rule on what the tasks run on.
func capacity() Rule {
	strategy := []any{"capacityProviderStrategies", 0, "capacityProvider"}
	return Rule{
		ID: "services-capacity", What: "tasks run on the capacity that is configured; a protected stack keeps one task of each service off Spot",
		Check: func(s *Stack) (broken []string) {
			want := "FARGATE base 0 weight 1"
			if s.Settings.Spot {
				want = "FARGATE_SPOT base 0 weight 1"
				if s.Settings.Protect {
					want = "FARGATE base 1 weight 0, " + want
				}
			}
			for _, r := range s.find(serviceType) {
				var got []string
				for i := 0; text(r, "capacityProviderStrategies", i, "capacityProvider") != ""; i++ {
					of := func(name string) string { return text(r, "capacityProviderStrategies", i, name) }
					got = append(got, fmt.Sprintf("%s base %s weight %s", of("capacityProvider"), of("base"), of("weight")))
				}
				if runs := strings.Join(got, ", "); runs != want || text(r, "launchType") != "" {
					broken = append(broken, r.Name+": runs on "+runs+", not on "+want)
				}
			}
			if len(s.find("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders")) != 1 {
				broken = append(broken, "the cluster has no such capacity")
			}
			return broken
		},
		Mutants: []Mutant{
			change(serviceType, nil, "EC2", strategy...), change(serviceType, nil, "FARGATE", "launchType"),
			change(serviceType, nil, float64(0), "capacityProviderStrategies", 0, "weight"),
			remove("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", nil),
		},
	}
}

// stops is the rule that nothing kills a service before it has finished.
func stops() Rule {
	return Rule{
		ID: "tasks-drain", What: "ECS waits longer than the service takes to stop, which is STOP_TIMEOUT and 5 seconds",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.find(taskType) {
				var kill, stop float64
				_, err1 := fmt.Sscan(text(r, "containerDefinitions", 0, "stopTimeout"), &kill)
				_, err2 := fmt.Sscanf(environment(r)["STOP_TIMEOUT"], "%fs", &stop)
				if err1 != nil || err2 != nil || kill < stop+5 || kill > 120 {
					broken = append(broken, fmt.Sprintf("%s: killed after %gs, stops within %gs", r.Name, kill, stop))
				}
			}
			return broken
		},
		Mutants: []Mutant{change(taskType, nil, float64(30), "containerDefinitions", 0, "stopTimeout"), change(taskType, nil, nil, "containerDefinitions", 0, "stopTimeout")},
	}
}

// environment gives the environment of a task's container.
func environment(r record.Resource) map[string]string {
	env := map[string]string{}
	for i := 0; text(r, "containerDefinitions", 0, "environment", i, "name") != ""; i++ {
		env[text(r, "containerDefinitions", 0, "environment", i, "name")] = text(r, "containerDefinitions", 0, "environment", i, "value")
	}
	return env
}

// secretOnly is the rule that the masker gets the masking keys from the secret,
// of one version, and nobody else gets them.
func secretOnly() Rule {
	masker := func(r record.Resource) bool { return strings.HasSuffix(r.Name, "-masker") }
	return Rule{
		ID: "keys-for-masker", What: "the masker gets the masking keys from Secrets Manager, in one version; nobody else may read them",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.find(taskType) {
				from := text(r, "containerDefinitions", 0, "secrets", 0, "valueFrom")
				parts := strings.Split(from, ":")
				ok := text(r, "containerDefinitions", 0, "secrets", 0, "name") == "MASKING_KEYS" && len(parts) == 10 && parts[2] == "secretsmanager" && parts[9] != ""
				if ok != masker(r) || (from != "") != masker(r) {
					broken = append(broken, r.Name+": MASKING_KEYS is from "+from)
				}
			}
			all, _ := s.statements()
			for _, st := range all {
				if slices.Contains(st.Action, "secretsmanager:GetSecretValue") && !strings.HasSuffix(st.of.Name, "-masker-exec") {
					broken = append(broken, st.String()+": may read the masking keys")
				}
			}
			return broken
		},
		Mutants: []Mutant{
			change(taskType, masker, nil, "containerDefinitions", 0, "secrets"),
			change(taskType, masker, "arn:aws:secretsmanager:eu-west-1:111122223333:secret:headcount/dev/masking-keys-AbCdEf", "containerDefinitions", 0, "secrets", 0, "valueFrom"),
			change(taskType, named("v1-validator"), []any{map[string]any{"name": "MASKING_KEYS", "valueFrom": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x:::1"}}, "containerDefinitions", 0, "secrets"),
			change(rolePolicy, named("v1-validator-exec"), []any{"secretsmanager:GetSecretValue"}, "policy", "Statement", 0, "Action"),
		},
	}
}

// scalingOwns is the rule that autoscaling decides how many tasks there are.
func scalingOwns() Rule {
	return Rule{
		ID: "scaling-owns-count", What: "autoscaling owns the number of tasks, between what is configured",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.find(serviceType) {
				if !slices.Contains(r.Options.IgnoreChanges, "desiredCount") {
					broken = append(broken, r.Name+": an up would set the number of tasks back")
				}
			}
			for _, f := range s.Settings.Flows {
				for _, service := range settings.Services {
					w := f.Worker(service)
					for _, r := range s.find(targetType) {
						if r.Name == f.Name+"-"+service && (text(r, "minCapacity") != fmt.Sprint(w.MinTasks) || text(r, "maxCapacity") != fmt.Sprint(w.MaxTasks)) {
							broken = append(broken, r.Name+": not between what is configured")
						}
					}
				}
			}
			return broken
		},
		Mutants: []Mutant{ignore(serviceType, "v1-masker"), change(targetType, nil, float64(0), "minCapacity"), change(targetType, nil, float64(1000), "maxCapacity")},
	}
}

// backlog is the rule on the expression by which services scale.
func backlog() Rule {
	metrics := []any{"targetTrackingScalingPolicyConfiguration", "customizedMetricSpecification", "metrics"}
	to := func(path ...any) []any { return append(slices.Clone(metrics), path...) }
	aggregator := func(r record.Resource) bool { return strings.HasSuffix(r.Name, "-aggregator") }
	return Rule{
		ID: "scaling-backlog", What: "services scale on the backlog for each running task; what the aggregator holds counts, its finals do not",
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.find(scaleType) {
				flow, service, _ := strings.Cut(r.Name, "-")
				input := map[string]string{"validator": "ingest", "masker": "valid", "aggregator": "masked"}[service]
				want := []string{"ApproximateNumberOfMessagesVisible", "RunningTaskCount"}
				expression := "IF(FILL(r,0)>0, m/r, m)"
				if aggregator(r) {
					want = []string{"ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible", "RunningTaskCount"}
					expression = "IF(FILL(r,0)>0, (m+n)/r, (m+n))"
				}
				var got []string
				returned := 0
				for i := 0; text(r, to(i, "id")...) != ""; i++ {
					if name := text(r, to(i, "metricStat", "metric", "metricName")...); name != "" {
						got = append(got, name)
						dimensions := text(r, to(i, "metricStat", "metric", "dimensions")...)
						if !strings.Contains(dimensions, "headcount-"+s.Settings.Stack+"-"+flow+"-"+input) && !strings.Contains(dimensions, r.Name) {
							broken = append(broken, r.Name+": looks at "+dimensions)
						}
					}
					if text(r, to(i, "returnData")...) == "true" {
						returned++
						if text(r, to(i, "expression")...) != expression {
							broken = append(broken, r.Name+": follows "+text(r, to(i, "expression")...))
						}
					}
				}
				if !slices.Equal(got, want) || returned != 1 {
					broken = append(broken, fmt.Sprintf("%s: metrics %v, %d of them returned", r.Name, got, returned))
				}
			}
			return broken
		},
		Mutants: []Mutant{
			change(scaleType, named("v1-masker"), "m", to(2, "expression")...), change(scaleType, named("v1-masker"), true, to(0, "returnData")...),
			change(scaleType, aggregator, "IF(FILL(r,0)>0, m/r, m)", to(3, "expression")...),
			change(scaleType, named("v1-masker"), []any{map[string]any{"name": "QueueName", "value": "headcount-dev-v1-finals"}}, to(0, "metricStat", "metric", "dimensions")...),
			change(scaleType, nil, "CPUUtilization", to(0, "metricStat", "metric", "metricName")...),
		},
	}
}

// leastRights is the rule that a task may do what its service does, and nothing
// else: all actions and resources are listed here.
func leastRights() Rule {
	allow := func(actions string, resources ...string) map[string]bool {
		set := map[string]bool{}
		for _, action := range strings.Fields(actions) {
			for _, resource := range resources {
				set[action+" "+resource] = true
			}
		}
		return set
	}
	const receive, send = "sqs:ReceiveMessage sqs:DeleteMessage sqs:ChangeMessageVisibility sqs:GetQueueAttributes", "sqs:SendMessage sqs:GetQueueAttributes"
	want := map[string][]map[string]bool{
		"validator":  {allow(receive, "Q-ingest"), allow(send, "Q-valid"), allow("s3:PutObject", "B-quarantine/quarantine/*"), allow("s3:ListBucket", "B-quarantine"), allow("sns:Publish", "T-alerts")},
		"masker":     {allow(receive, "Q-valid"), allow(send, "Q-masked"), allow("s3:PutObject", "B-quarantine/quarantine/*"), allow("s3:ListBucket", "B-quarantine"), allow("sns:Publish", "T-alerts")},
		"aggregator": {allow(receive, "Q-masked", "Q-finals"), allow(send, "Q-finals"), allow("s3:GetObject s3:PutObject", "B-aggregates/partials/flow=F/*", "B-aggregates/headcounts/flow=F/*", "B-aggregates/flows/F.json"), allow("s3:GetObject", "B-aggregates/places/F-*"), allow("s3:ListBucket", "B-aggregates")},
	}
	return Rule{
		ID: "tasks-least-rights", What: "a task may use its own queues, prefixes, topic and the key, and nothing else",
		Check: func(s *Stack) (broken []string) {
			all, _ := s.statements()
			for _, f := range s.Settings.Flows {
				for service, sets := range want {
					missing := map[string]bool{}
					for _, set := range sets {
						for right := range set {
							missing[s.expand(right, f.Name)] = true
						}
					}
					for _, st := range all {
						if st.of.Type != rolePolicy || st.of.Name != f.Name+"-"+service+"-task" {
							continue
						}
						for _, action := range st.Action {
							for _, resource := range st.Resource {
								right := action + " " + resource
								if _, known := missing[right]; !known && (!strings.HasPrefix(action, "kms:") || !ofKey(resource)) {
									broken = append(broken, st.of.Name+": may "+right)
								}
								missing[right] = false
							}
						}
					}
					for right, is := range missing {
						if is {
							broken = append(broken, fmt.Sprintf("%s-%s-task: may not %s", f.Name, service, right))
						}
					}
				}
			}
			return broken
		},
		Mutants: []Mutant{
			change(rolePolicy, named("v1-validator-task"), []any{"arn:aws:sqs:eu-west-1:111122223333:headcount-dev-v1-masked"}, "policy", "Statement", 0, "Resource"),
			change(rolePolicy, named("v1-masker-task"), []any{"sqs:PurgeQueue"}, "policy", "Statement", 0, "Action"),
			change(rolePolicy, named("v1-aggregator-task"), []any{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}, "policy", "Statement", 3, "Action"),
			remove(rolePolicy, named("v1-aggregator-task")),
		},
	}
}

// expand writes the short forms of leastRights out.
func (s *Stack) expand(right, flow string) string {
	action, resource, _ := strings.Cut(right, " ")
	prefix := "headcount-" + s.Settings.Stack + "-"
	switch kind, rest := resource[0], resource[2:]; kind {
	case 'Q':
		return fmt.Sprintf("%s arn:aws:sqs:%s:%s:%s%s-%s", action, s.Settings.Region, record.Account, prefix, flow, rest)
	case 'T':
		return fmt.Sprintf("%s arn:aws:sns:%s:%s:%s%s", action, s.Settings.Region, record.Account, prefix, rest)
	default:
		bucket, key, _ := strings.Cut(rest, "/")
		arn := fmt.Sprintf("arn:aws:s3:::%s%s-%s-%s", prefix, bucket, record.Account, s.Settings.Region)
		if key != "" {
			arn += "/" + strings.NewReplacer("flow=F", "flow="+flow, "flows/F", "flows/"+flow, "places/F", "places/"+flow).Replace(key)
		}
		return action + " " + arn
	}
}
