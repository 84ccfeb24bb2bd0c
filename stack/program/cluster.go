package program

import (
	"encoding/json"

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

// cluster creates where the workers run, and the repositories of their images.
func (s *stack) cluster(d *deployment) (err error) {
	d.cluster, err = ecs.NewCluster(s.ctx, "cluster", &ecs.ClusterArgs{
		Name: pulumi.String(s.names.Cluster()),
		// The number of running tasks, by which workers scale and which an alarm
		// watches, is one of Container Insights' metrics.
		Settings: ecs.ClusterSettingArray{ecs.ClusterSettingArgs{Name: pulumi.String("containerInsights"), Value: pulumi.String("enabled")}},
	}, s.opts()...)
	if err != nil {
		return err
	}
	d.capacity, err = ecs.NewClusterCapacityProviders(s.ctx, "cluster", &ecs.ClusterCapacityProvidersArgs{
		ClusterName: d.cluster.Name, CapacityProviders: pulumi.ToStringArray([]string{onDemand, spot}),
	}, s.opts()...)
	if err != nil {
		return err
	}
	rules, err := imageRules()
	if err != nil {
		return err
	}
	d.repositories = map[string]*ecr.Repository{}
	for _, service := range pipeline.Names(nil) {
		d.repositories[service], err = ecr.NewRepository(s.ctx, service, &ecr.RepositoryArgs{
			Name:               pulumi.String(s.names.Repository(service)),
			ImageTagMutability: pulumi.String("IMMUTABLE"),
			// What is in our images the scan does not know: they have no packages of an
			// operating system. .github/workflows/vulnerabilities.yml looks at the code.
			ImageScanningConfiguration: ecr.RepositoryImageScanningConfigurationArgs{ScanOnPush: pulumi.Bool(true)},
			// Images can be built again from the repository, to the same digest.
			ForceDelete: pulumi.Bool(!s.Protect),
		}, s.opts()...)
		if err != nil {
			return err
		}
		_, err = ecr.NewLifecyclePolicy(s.ctx, service, &ecr.LifecyclePolicyArgs{
			Repository: d.repositories[service].Name, Policy: pulumi.String(rules),
		}, s.opts()...)
		if err != nil {
			return err
		}
	}
	return nil
}

// imageRules keeps the last fifty images, to go back to.
func imageRules() (string, error) {
	type selection struct {
		TagStatus      string   `json:"tagStatus"`
		TagPatternList []string `json:"tagPatternList,omitempty"`
		CountType      string   `json:"countType"`
		CountNumber    int      `json:"countNumber"`
		CountUnit      string   `json:"countUnit,omitempty"`
	}
	type rule struct {
		RulePriority int               `json:"rulePriority"`
		Description  string            `json:"description"`
		Selection    selection         `json:"selection"`
		Action       map[string]string `json:"action"`
	}
	expire := map[string]string{"type": "expire"}
	text, err := json.Marshal(map[string][]rule{"rules": {
		{1, "Fifty images to go back to", selection{TagStatus: "tagged", TagPatternList: []string{"*"}, CountType: "imageCountMoreThan", CountNumber: 50}, expire},
		{2, "What belongs to no image any more", selection{TagStatus: "untagged", CountType: "sinceImagePushed", CountNumber: 14, CountUnit: "days"}, expire},
	}})
	return string(text), err
}
