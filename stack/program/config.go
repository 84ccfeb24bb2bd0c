package program

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/settings"
)

// configured gives the values that Pulumi has for the keys that Pulumi.yaml
// declares, and for whatever else stands in their namespace.
func configured(ctx *pulumi.Context, root string) (map[string]string, error) {
	keys, err := settings.Keys(root)
	if err != nil {
		return nil, err
	}
	// The SDK reads a key that one names, and cannot list them.
	var all map[string]string
	if text := os.Getenv(pulumi.EnvConfig); text != "" {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			return nil, fmt.Errorf("%s: %w", pulumi.EnvConfig, err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if name, ok := strings.CutPrefix(key, settings.Project+":"); ok {
			keys = append(keys, name)
		}
	}
	values := map[string]string{}
	for _, key := range keys {
		if value, err := config.Try(ctx, settings.Project+":"+key); err == nil {
			values[key] = value
		}
	}
	return values, nil
}

// begin makes the provider and finds out whose account it works in.
func begin(ctx *pulumi.Context, s *settings.Settings) (*stack, error) {
	provider, err := aws.NewProvider(ctx, "aws", &aws.ProviderArgs{
		Region: pulumi.String(s.Region),
		DefaultTags: aws.ProviderDefaultTagsArgs{Tags: pulumi.StringMap{
			"project": pulumi.String(settings.Project), "stack": pulumi.String(s.Stack), "managed-by": pulumi.String("pulumi"),
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("provider: %w", err)
	}
	caller, err := aws.GetCallerIdentity(ctx, nil, pulumi.Provider(provider))
	if err != nil {
		return nil, fmt.Errorf("whose account this is: %w", err)
	}
	return &stack{
		Settings: s, ctx: ctx, provider: provider,
		names: names.Names{Stack: s.Stack, Account: caller.AccountId, Region: s.Region},
	}, nil
}

// opts are the options of a resource: the provider, and more.
func (s *stack) opts(more ...pulumi.ResourceOption) []pulumi.ResourceOption {
	return append([]pulumi.ResourceOption{pulumi.Provider(s.provider)}, more...)
}

// under are the options of a resource that belongs to a component.
func (s *stack) under(parent pulumi.Resource, more ...pulumi.ResourceOption) []pulumi.ResourceOption {
	return s.opts(append([]pulumi.ResourceOption{pulumi.Parent(parent)}, more...)...)
}

// kept are the options of what holds data, or is of no use without it: where
// the stack is protected, it cannot be destroyed, and it stays in the account
// even if it leaves the program.
func (s *stack) kept() []pulumi.ResourceOption {
	return []pulumi.ResourceOption{pulumi.Protect(s.Protect), pulumi.RetainOnDelete(s.Protect)}
}
