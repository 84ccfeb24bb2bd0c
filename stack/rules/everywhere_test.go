package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/headcount-etl/headcount/stack/record"
)

// each is a rule that looks at one resource after another; fault says what is wrong
// with it, or nothing.
func each(id, what string, fault func(s *Stack, r record.Resource) string, mutants ...Mutant) Rule {
	return Rule{ID: id, What: what, Mutants: mutants, Check: func(s *Stack) (broken []string) {
		for _, r := range s.Resources {
			if f := fault(s, r); f != "" {
				broken = append(broken, r.Type+" "+r.Name+": "+f)
			}
		}
		return broken
	}}
}

// everywhere are the rules on all resources.
func everywhere() []Rule {
	ignore := func(kind, name string, paths ...string) Mutant {
		return option(kind, named(name), func(o *record.Options) { o.IgnoreChanges = paths })
	}
	return []Rule{
		each("explicit-provider", "every resource of AWS has the provider that names its region", func(_ *Stack, r record.Resource) string {
			if strings.HasPrefix(r.Type, "aws:") && !r.Options.Provider {
				return "it has the default provider"
			}
			return ""
		}, option(queueType, nil, func(o *record.Options) { o.Provider = false })),
		each("provider-region", "the provider is in the configured region, and tags everything with the stack", func(s *Stack, r record.Resource) string {
			if r.Type == providerType && (text(r, "region") != s.Settings.Region || text(r, "defaultTags.tags.stack") != s.Settings.Stack) {
				return "its region or tags are wrong"
			}
			return ""
		}, change(providerType, nil, "us-west-2", "region"), change(providerType, nil, nil, "defaultTags")),
		each("no-user", "there are no users of IAM, and no keys of users", func(_ *Stack, r record.Resource) string {
			if strings.HasPrefix(r.Type, "aws:iam/user") || strings.HasPrefix(r.Type, "aws:iam/accessKey") || strings.HasPrefix(r.Type, "aws:iam/group") {
				return "roles are enough"
			}
			return ""
		}, add(record.Resource{Type: "aws:iam/user:User", Name: "u"})),
		each("no-secret-inputs", "no input holds a masking key or a password: Pulumi manages no value of a secret", func(_ *Stack, r record.Resource) string {
			if all := fmt.Sprint(r.Inputs); strings.Contains(all, "secretString") || strings.Contains(strings.ToLower(all), "password") || strings.HasPrefix(r.Type, "aws:secretsmanager/secretVersion:") {
				return "it holds a secret"
			}
			return ""
		}, change(queueType, nil, "x", "secretString"), add(record.Resource{Type: "aws:secretsmanager/secretVersion:SecretVersion", Name: "v"})),
		each("option-paths", `paths to ignored and replacing changes lead to a property, of which Pulumi does not complain; a key with a dot is ["a.b"] (https://www.pulumi.com/docs/iac/concepts/options/ignorechanges/)`, func(_ *Stack, r record.Resource) string {
			for _, path := range slices.Concat(r.Options.IgnoreChanges, r.Options.ReplaceOnChanges) {
				if fault := leads(r.Inputs, path); fault != "" {
					return path + ": " + fault
				}
			}
			return ""
		}, ignore(tableType, "headcounts", "storageDescriptor.columns", "parameters.partition_filtering.enabled"), ignore(serviceType, "v1-masker", "desiredcount"),
			ignore(serviceType, "v1-masker", "desiredCount.value"), ignore(serviceType, "v1-masker", "[")),
		each("others-edit", "Pulumi leaves the number of tasks to autoscaling, and the columns of the results to the crawler, and no more", func(_ *Stack, r record.Resource) string {
			var want []string
			switch {
			case r.Type == serviceType:
				want = []string{"desiredCount"}
			case r.Type == tableType && slices.Contains(resultTables, r.Name):
				want = []string{"storageDescriptor.columns"}
			case r.Type != tableType:
				return ""
			}
			for _, path := range r.Options.IgnoreChanges {
				if len(want) == 0 || path == "parameters" || path == "storageDescriptor" { // the crawler writes into both
					return path + " is ignored"
				}
			}
			if len(want) > 0 && !slices.Contains(r.Options.IgnoreChanges, want[0]) {
				return want[0] + " is not ignored"
			}
			return ""
		}, ignore(serviceType, "v1-masker"), ignore(tableType, "headcounts"), ignore(tableType, "headcounts", "storageDescriptor.columns", "parameters"), ignore(tableType, "events", "parameters")),
	}
}

const providerType = "pulumi:providers:aws"

// leads says why a path leads nowhere in inputs. Its end may be missing, as what AWS
// adds is.
func leads(inputs map[string]any, path string) string {
	parsed, err := resource.ParsePropertyPath(path)
	if err != nil {
		return err.Error()
	}
	var at any = inputs
	for i, part := range parsed {
		members, ok := at.(map[string]any)
		if !ok {
			return fmt.Sprintf("what comes before %v has no members", part)
		}
		member, there := members[fmt.Sprint(part)]
		switch {
		case there:
			at = member
		case i == 0:
			return "there is no such property"
		case i < len(parsed)-1 && flat(members):
			return fmt.Sprintf(`nothing in %v has members: is it one key, ["a.b"]?`, parsed[i-1])
		default:
			return ""
		}
	}
	return ""
}

// flat reports whether all members are single values.
func flat(members map[string]any) bool {
	for _, member := range members {
		switch member.(type) {
		case map[string]any, []any:
			return false
		}
	}
	return true
}

// resultTables are the tables that the aggregator writes and analysts read.
var resultTables = []string{"headcounts", "totals", "hotspots"}
