package program

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/stack/policy"
	"github.com/headcount-etl/headcount/stack/settings"
)

const (
	// stopTimeout is how long a service has to finish its work, and
	// killAfter when ECS kills it: a service may need ten seconds more, to give
	// messages back and to send the last alerts.
	stopTimeout, killAfter = 25 * time.Second, 40 * time.Second
	// inFlight is how many messages of a queue all its tasks may hold, less than SQS
	// allows, and taskHolds how many one may hold: two flushes of an aggregator.
	inFlight, taskHolds = 100_000, 20_040
	// nonroot is the user that the images are made for.
	nonroot = "65532:65532"
)

// Worker is one service of a flow: an ECS service on Fargate that scales on its
// queue's load.
type Worker struct {
	pulumi.ResourceState

	// Name is that of the stage, as alarms and outputs name it.
	Name    string
	Service *ecs.Service
}

// WorkerArgs says what a worker is.
type WorkerArgs struct {
	platform
	Stage    pipeline.Stage
	Flow     settings.Flow
	Settings settings.Worker
	Input    *Queue
	// Environment is what the service is given besides what all are given.
	Environment pulumi.StringMap
	// May is what the task may do.
	May policy.Document
}

// newWorker creates a worker.
func (s *stack) newWorker(args *WorkerArgs, more ...pulumi.ResourceOption) *Worker {
	w := &Worker{Name: args.Stage.Name}
	name := s.names.Service(args.Flow.Name, w.Name)
	s.component("Worker", name, w, more...)
	own := pulumi.Parent(w)
	log := s.logGroup(name, s.names.LogGroup(args.Flow.Name, w.Name), own)
	trust := policy.Trust("ecs-tasks.amazonaws.com", policy.From(s.names.Account, s.names.ARN("ecs", "*")))
	task := s.role(name+"-task", trust, args.May, own)
	starter := s.role(name+"-exec", trust, args.starterPolicy(log), own)
	definition := add(s, ecs.NewTaskDefinition, name, &ecs.TaskDefinitionArgs{
		Family: pulumi.String(s.names.Prefix() + "-" + name), NetworkMode: pulumi.String("awsvpc"),
		RequiresCompatibilities: pulumi.ToStringArray([]string{"FARGATE"}),
		RuntimePlatform: ecs.TaskDefinitionRuntimePlatformArgs{
			CpuArchitecture: pulumi.String("ARM64"), OperatingSystemFamily: pulumi.String("LINUX"),
		},
		Cpu: pulumi.String(fmt.Sprint(args.Settings.CPU)), Memory: pulumi.String(fmt.Sprint(args.Settings.MemoryMB)),
		TaskRoleArn: task.Arn, ExecutionRoleArn: starter.Arn,
		ContainerDefinitions: s.container(args, log),
	}, own)
	ready := append([]pulumi.Resource{task.ready, starter.ready, args.fargate.capacity, args.buckets.aggregates.Policy, args.buckets.quarantine.Policy}, args.fargate.network.ready...)
	w.Service = add(s, ecs.NewService, name, &ecs.ServiceArgs{
		Name: pulumi.String(name), Cluster: args.fargate.cluster.Arn, TaskDefinition: definition.Arn,
		PlatformVersion:            pulumi.String("LATEST"),
		CapacityProviderStrategies: s.capacity(),
		// Without this, another capacity replaces the service
		// (https://www.pulumi.com/registry/packages/aws/api-docs/ecs/service/).
		ForceNewDeployment: pulumi.Bool(true),
		DesiredCount:       pulumi.Int(args.Settings.MinTasks),
		// New tasks before old ones go; and if the new ones do not come up, the
		// old ones stay, and the up fails.
		DeploymentMinimumHealthyPercent: pulumi.Int(100), DeploymentMaximumPercent: pulumi.Int(200),
		DeploymentCircuitBreaker: ecs.ServiceDeploymentCircuitBreakerArgs{Enable: pulumi.Bool(true), Rollback: pulumi.Bool(true)},
		WaitForSteadyState:       pulumi.Bool(true),
		EnableEcsManagedTags:     pulumi.Bool(true), PropagateTags: pulumi.String("SERVICE"),
		NetworkConfiguration: ecs.ServiceNetworkConfigurationArgs{
			Subnets: args.fargate.network.subnets, SecurityGroups: pulumi.StringArray{args.fargate.network.tasks.ID()}, AssignPublicIp: pulumi.Bool(false),
		},
	}, own, pulumi.DependsOn(ready), pulumi.IgnoreChanges([]string{"desiredCount"}))
	s.scale(w, name, args)
	check(s.ctx.RegisterResourceOutputs(w, pulumi.Map{"service": w.Service.Name}))
	return w
}

// starterPolicy is what ECS may do to start a task: fetch the image, open the
// log, and read the key ring where it is for this service.
func (args *WorkerArgs) starterPolicy(log *cloudwatch.LogGroup) policy.Document {
	document := policy.Document{
		// It is not about any resource.
		{Sid: "SignIn", Actions: []string{"ecr:GetAuthorizationToken"}, Resources: policy.On("*")},
		{
			Sid: "Image", Actions: []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"},
			Resources: []pulumi.StringInput{args.fargate.repositories[args.Stage.Name].Arn},
		},
		{Sid: "Log", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", log.Arn)}},
	}
	if args.Stage.Can(pipeline.Keys) {
		document = append(document, policy.Statement{Sid: "Keys", Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []pulumi.StringInput{args.keyRing.arn}})
	}
	return document
}

// container writes the container definitions of a task: one container.
func (s *stack) container(args *WorkerArgs, log *cloudwatch.LogGroup) pulumi.StringOutput {
	name, c, environment := args.Stage.Name, args.Flow, maps.Clone(args.Environment)
	maps.Copy(environment, pulumi.StringMap{
		"AWS_REGION": pulumi.String(s.names.Region), "STACK": pulumi.String(s.names.Stack), "FLOW": pulumi.String(c.Name), "INPUT_QUEUE_URL": args.Input.Main.Url,
		// Go's collector hurries before the task is killed.
		"GOMEMLIMIT":    pulumi.Sprintf("%dMiB", c.Workers[name].MemoryMB*4/5),
		"HELD_MESSAGES": pulumi.Sprintf("%d", max(20, min(inFlight/c.Workers[name].MaxTasks, taskHolds))),
		"MAX_AGE":       pulumi.String(c.MaxAge.String()), "STOP_TIMEOUT": pulumi.String(stopTimeout.String()), "LOG_LEVEL": pulumi.String(c.LogLevel),
	})
	list := pulumi.Array{}
	for _, variable := range slices.Sorted(maps.Keys(environment)) {
		list = append(list, pulumi.Map{"name": pulumi.String(variable), "value": environment[variable]})
	}
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
	definition := pulumi.Map{
		"name":                   pulumi.String(name),
		"image":                  args.fargate.images[name],
		"essential":              pulumi.Bool(true),
		"user":                   pulumi.String(nonroot),
		"privileged":             pulumi.Bool(false),
		"readonlyRootFilesystem": pulumi.Bool(true),
		"linuxParameters": pulumi.Map{
			"capabilities": pulumi.Map{"drop": pulumi.ToStringArray([]string{"ALL"})},
		},
		"environment": list,
		"stopTimeout": pulumi.Int(int(killAfter.Seconds())),
		"healthCheck": pulumi.Map{
			"command":  pulumi.ToStringArray([]string{"CMD", "/" + name, "healthcheck"}),
			"interval": pulumi.Int(30), "timeout": pulumi.Int(10), "retries": pulumi.Int(3), "startPeriod": pulumi.Int(60),
		},
		"logConfiguration": pulumi.Map{
			"logDriver": pulumi.String("awslogs"),
			"options": pulumi.Map{
				"awslogs-group": log.Name, "awslogs-region": pulumi.String(s.names.Region), "awslogs-stream-prefix": pulumi.String(name),
				// A log that does not come through must not stop the work.
				"mode": pulumi.String("non-blocking"), "max-buffer-size": pulumi.String("16m"),
			},
		},
	}
	if args.Stage.Can(pipeline.Keys) {
		definition["secrets"] = pulumi.Array{pulumi.Map{
			"name": pulumi.String("MASKING_KEYS"), "valueFrom": pulumi.Sprintf("%s:::%s", args.keyRing.arn, args.keyRing.version),
		}}
	}
	return pulumi.JSONMarshal(pulumi.Array{definition})
}
