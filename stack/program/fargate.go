package program

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/shared/pipeline"
)

// The kinds of capacity that Fargate has.
const onDemand, spot = "FARGATE", "FARGATE_SPOT"

// capacity is what the tasks of a service run on. With Spot, a protected stack
// keeps one task of each service on demand, which AWS does not interrupt
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html).
func (s *stack) capacity() ecs.ServiceCapacityProviderStrategyArray {
	item := func(kind string, base, weight int) ecs.ServiceCapacityProviderStrategyInput {
		return ecs.ServiceCapacityProviderStrategyArgs{CapacityProvider: pulumi.String(kind), Base: pulumi.Int(base), Weight: pulumi.Int(weight)}
	}
	switch {
	case !s.Spot:
		return ecs.ServiceCapacityProviderStrategyArray{item(onDemand, 0, 1)}
	case s.Protect:
		return ecs.ServiceCapacityProviderStrategyArray{item(onDemand, 1, 0), item(spot, 0, 1)}
	default:
		return ecs.ServiceCapacityProviderStrategyArray{item(spot, 0, 1)}
	}
}

// fargate is what only flows whose services run on ECS need: the network, the cluster,
// and the services' images.
type fargate struct {
	network      *network
	cluster      *ecs.Cluster
	capacity     pulumi.Resource
	repositories map[string]*ecr.Repository
	// images are the references of the images, by service. One is known when the image is
	// in its repository.
	images map[string]pulumi.StringOutput
}

func (s *stack) fargate() *fargate {
	f := &fargate{network: s.network(), repositories: map[string]*ecr.Repository{}, images: map[string]pulumi.StringOutput{}}
	f.cluster = add(s, ecs.NewCluster, "cluster", &ecs.ClusterArgs{
		Name: s.afterRole(s.names.Cluster()),
		// The number of running tasks, by which workers scale and which an alarm
		// watches, is one of Container Insights' metrics.
		Settings: ecs.ClusterSettingArray{ecs.ClusterSettingArgs{Name: pulumi.String("containerInsights"), Value: pulumi.String("enabled")}},
	})
	f.capacity = add(s, ecs.NewClusterCapacityProviders, "cluster", &ecs.ClusterCapacityProvidersArgs{
		ClusterName: f.cluster.Name, CapacityProviders: pulumi.ToStringArray([]string{onDemand, spot}),
	})
	for _, service := range pipeline.Names(nil) {
		repository := add(s, ecr.NewRepository, service, &ecr.RepositoryArgs{
			Name:               pulumi.String(s.names.Repository(service)),
			ImageTagMutability: pulumi.String("IMMUTABLE"),
			// The scan does not know what is in our images: they have no packages of an
			// operating system. .github/workflows/vulnerabilities.yml looks at the code.
			ImageScanningConfiguration: ecr.RepositoryImageScanningConfigurationArgs{ScanOnPush: pulumi.Bool(true)},
			// Images can be built again from the repository, to the same digest.
			ForceDelete: pulumi.Bool(!s.Protect),
		})
		add(s, ecr.NewLifecyclePolicy, service, &ecr.LifecyclePolicyArgs{Repository: repository.Name, Policy: pulumi.String(imageRules)})
		f.repositories[service], f.images[service] = repository, s.pushed(service, repository)
	}
	return f
}

// imageRules keeps the last fifty images, to go back to.
const imageRules = `{"rules":[` +
	`{"rulePriority":1,"description":"Fifty images to go back to","selection":{"tagStatus":"tagged","tagPatternList":["*"],"countType":"imageCountMoreThan","countNumber":50},"action":{"type":"expire"}},` +
	`{"rulePriority":2,"description":"What belongs to no image any more","selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countNumber":14,"countUnit":"days"},"action":{"type":"expire"}}]}`
