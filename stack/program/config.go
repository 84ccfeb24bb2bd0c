package program

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/settings"
)

// configured gives the values in the project's namespace as Pulumi gives them to
// a program, Pulumi.yaml's defaults among them. The SDK reads them from the same
// variable, but only key by key: a misspelt key would go unnoticed.
func configured() (map[string]string, error) {
	var all map[string]string
	if text := os.Getenv(pulumi.EnvConfig); text != "" {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			return nil, fmt.Errorf("%s: %w", pulumi.EnvConfig, err)
		}
	}
	values := map[string]string{}
	for key, value := range all {
		if name, ok := strings.CutPrefix(key, settings.Project+":"); ok {
			values[name] = value
		}
	}
	return values, nil
}

// begin makes the provider, and checks whose account it works in.
func begin(ctx *pulumi.Context, s *settings.Settings) *stack {
	provider := must(aws.NewProvider(ctx, "aws", &aws.ProviderArgs{
		Region: pulumi.String(s.Region),
		DefaultTags: aws.ProviderDefaultTagsArgs{Tags: pulumi.StringMap{
			"project": pulumi.String(settings.Project), "stack": pulumi.String(s.Stack), "managed-by": pulumi.String("pulumi"),
		}},
	}))
	caller, err := aws.GetCallerIdentity(ctx, nil, pulumi.Provider(provider))
	if err != nil {
		check(fmt.Errorf("whose account this is: %w", err))
	}
	if faults := s.OtherAccount(caller.AccountId); faults != nil {
		check(&settings.FaultsError{Stack: s.Stack, Faults: faults})
	}
	return &stack{
		Settings: s, ctx: ctx, provider: provider,
		names: names.Names{Stack: s.Stack, Account: caller.AccountId, Region: s.Region},
	}
}

// opts are the options of every resource and component: the provider, and more.
func (s *stack) opts(more ...pulumi.ResourceOption) []pulumi.ResourceOption {
	return append([]pulumi.ResourceOption{pulumi.Provider(s.provider)}, more...)
}

// kept are the options of what holds data, or is of no use without it: where
// the stack is protected, it cannot be destroyed, and it stays in the account
// even if it leaves the program.
func (s *stack) kept(more ...pulumi.ResourceOption) []pulumi.ResourceOption {
	return append(more, pulumi.Protect(s.Protect), pulumi.RetainOnDelete(s.Protect))
}
