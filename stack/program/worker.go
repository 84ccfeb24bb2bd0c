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
	// stopTimeout is how long a service may take to finish what it has, and
	// killAfter when ECS kills it: a service may need five seconds more.
	stopTimeout, killAfter = 30 * time.Second, 40 * time.Second
	// nonroot is the user that the images are made for.
	nonroot = "65532:65532"
)

// worker is one service of a flow: an ECS service on Fargate that scales on its
// queue's load.
type worker struct {
	pulumi.ResourceState

	name    string // service, as alarms and outputs name it
	service *ecs.Service
}

// workerArgs says what a worker is.
type workerArgs struct {
	pipeline.Stage
	settings settings.Worker
	input    *queueComponent
	// environment is what the service is given besides what all are given.
	environment pulumi.StringMap
	// secret is the key ring, for who may have it.
	secret *keyRing
	// may is what the task may do.
	may policy.Document
}

func (s *stack) newWorker(d *deployment, f *flow, a workerArgs) (*worker, error) {
	name := s.names.Service(f.settings.Name, a.Name)
	w := &worker{name: a.Name}
	if err := s.ctx.RegisterComponentResource("headcount:stack:Worker", name, w, pulumi.Parent(f)); err != nil {
		return nil, err
	}
	log, err := s.logGroup(w, name, s.names.LogGroup(f.settings.Name, a.Name), d)
	if err != nil {
		return nil, err
	}
	trust := policy.Trust("ecs-tasks.amazonaws.com", policy.From(s.names.Account, s.names.ARN("ecs", "*"))...)
	task, mayWork, err := s.role(w, name+"-task", trust, a.may)
	if err != nil {
		return nil, err
	}
	starter, mayStart, err := s.role(w, name+"-exec", trust, s.starterPolicy(d, a, log))
	if err != nil {
		return nil, err
	}
	definition, err := ecs.NewTaskDefinition(s.ctx, name, &ecs.TaskDefinitionArgs{
		Family: pulumi.String(s.names.Prefix() + "-" + name), NetworkMode: pulumi.String("awsvpc"),
		RequiresCompatibilities: pulumi.ToStringArray([]string{"FARGATE"}),
		RuntimePlatform: ecs.TaskDefinitionRuntimePlatformArgs{
			CpuArchitecture: pulumi.String("ARM64"), OperatingSystemFamily: pulumi.String("LINUX"),
		},
		Cpu: pulumi.String(fmt.Sprint(a.settings.CPU)), Memory: pulumi.String(fmt.Sprint(a.settings.MemoryMB)),
		TaskRoleArn: task.Arn, ExecutionRoleArn: starter.Arn,
		ContainerDefinitions: s.container(d, f, a, log),
	}, s.under(w)...)
	if err != nil {
		return nil, err
	}
	ready := append([]pulumi.Resource{mayWork, mayStart, d.capacity, d.aggregates.policy, d.quarantine.policy}, d.network.ready...)
	w.service, err = ecs.NewService(s.ctx, name, &ecs.ServiceArgs{
		Name: pulumi.String(name), Cluster: d.cluster.Arn, TaskDefinition: definition.Arn,
		PlatformVersion:            pulumi.String("LATEST"),
		CapacityProviderStrategies: s.capacity(),
		// Without this, another capacity replaces the service
		// (https://www.pulumi.com/registry/packages/aws/api-docs/ecs/service/).
		ForceNewDeployment: pulumi.Bool(true),
		DesiredCount:       pulumi.Int(a.settings.MinTasks),
		// New tasks before old ones go; and if the new ones do not come up, the
		// old ones stay, and the up fails.
		DeploymentMinimumHealthyPercent: pulumi.Int(100), DeploymentMaximumPercent: pulumi.Int(200),
		DeploymentCircuitBreaker: ecs.ServiceDeploymentCircuitBreakerArgs{Enable: pulumi.Bool(true), Rollback: pulumi.Bool(true)},
		WaitForSteadyState:       pulumi.Bool(true),
		EnableEcsManagedTags:     pulumi.Bool(true), PropagateTags: pulumi.String("SERVICE"),
		NetworkConfiguration: ecs.ServiceNetworkConfigurationArgs{
			Subnets: d.network.subnets, SecurityGroups: pulumi.StringArray{d.network.tasks.ID()}, AssignPublicIp: pulumi.Bool(false),
		},
	}, s.under(w, pulumi.DependsOn(ready), pulumi.IgnoreChanges([]string{"desiredCount"}))...)
	if err != nil {
		return nil, err
	}
	if err := s.scale(d, f, a, w); err != nil {
		return nil, err
	}
	return w, s.ctx.RegisterResourceOutputs(w, pulumi.Map{"service": w.service.Name})
}

// starterPolicy is what ECS may do to start a task: fetch the image, open the
// log, and read the key ring where it is for this service.
func (s *stack) starterPolicy(d *deployment, a workerArgs, log *cloudwatch.LogGroup) policy.Document {
	document := policy.Document{
		// It is not about any resource.
		{Sid: "SignIn", Actions: []string{"ecr:GetAuthorizationToken"}, Resources: policy.On("*")},
		{
			Sid: "Image", Actions: []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"},
			Resources: []pulumi.StringInput{d.repositories[a.Name].Arn},
		},
		{Sid: "Log", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", log.Arn)}},
	}
	if a.secret != nil {
		document = append(document, policy.Statement{Sid: "Keys", Actions: []string{"secretsmanager:GetSecretValue"}, Resources: policy.On(a.secret.arn)})
	}
	return document
}

// container writes the container definitions of a task: one container.
func (s *stack) container(d *deployment, f *flow, a workerArgs, log *cloudwatch.LogGroup) pulumi.StringOutput {
	c := f.settings
	environment := merge(a.environment, pulumi.StringMap{
		"AWS_REGION": pulumi.String(s.Region), "STACK": pulumi.String(s.names.Stack), "FLOW": pulumi.String(c.Name), "INPUT_QUEUE_URL": a.input.main.Url,
		"MAX_AGE": pulumi.String(c.MaxAge.String()), "STOP_TIMEOUT": pulumi.String(stopTimeout.String()), "LOG_LEVEL": pulumi.String(c.LogLevel),
	})
	list := pulumi.Array{}
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		list = append(list, pulumi.Map{"name": pulumi.String(name), "value": environment[name]})
	}
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
	definition := pulumi.Map{
		"name":                   pulumi.String(a.Name),
		"image":                  pulumi.Sprintf("%s@%s", d.repositories[a.Name].RepositoryUrl, s.Images[a.Name]),
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
			"command":  pulumi.ToStringArray([]string{"CMD", "/" + a.Name, "healthcheck"}),
			"interval": pulumi.Int(30), "timeout": pulumi.Int(10), "retries": pulumi.Int(3), "startPeriod": pulumi.Int(60),
		},
		"logConfiguration": pulumi.Map{
			"logDriver": pulumi.String("awslogs"),
			"options": pulumi.Map{
				"awslogs-group": log.Name, "awslogs-region": pulumi.String(s.Region), "awslogs-stream-prefix": pulumi.String(a.Name),
				// A log that does not come through must not stop the work.
				"mode": pulumi.String("non-blocking"), "max-buffer-size": pulumi.String("16m"),
			},
		},
	}
	if a.secret != nil {
		definition["secrets"] = pulumi.Array{pulumi.Map{
			"name": pulumi.String("MASKING_KEYS"), "valueFrom": pulumi.String(a.secret.arn + ":::" + a.secret.version),
		}}
	}
	return pulumi.JSONMarshal(pulumi.Array{definition})
}
