package rules

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// optionPaths is the rule on the paths in the options of resources. Pulumi does
// not complain of one that leads nowhere.
func optionPaths() Rule {
	return Rule{
		ID: "option-paths", What: `paths to ignored and replacing changes lead to a property; a key with a dot is ["a.b"] (https://www.pulumi.com/docs/iac/concepts/options/ignorechanges/)`,
		Check: func(s *Stack) (broken []string) {
			for _, r := range s.Resources {
				if r.Options == nil {
					continue
				}
				for _, path := range slices.Concat(r.Options.IgnoreChanges, r.Options.ReplaceOnChanges) {
					if fault := leads(r.Inputs, path); fault != "" {
						broken = append(broken, fmt.Sprintf("%s %s: %s: %s", r.Type, r.Name, path, fault))
					}
				}
			}
			return broken
		},
		Mutants: []Mutant{
			ignore(tableType, "headcounts", "storageDescriptor.columns", "parameters.partition_filtering.enabled"),
			ignore(serviceType, "v1-masker", "desiredcount"), ignore(serviceType, "v1-masker", "desiredCount.value"), ignore(serviceType, "v1-masker", "["),
		},
	}
}

// leads says why a path leads nowhere in inputs. Its end may be missing, as
// what AWS adds is.
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
