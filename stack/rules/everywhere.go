package rules

import (
	"fmt"
	"strings"

	"github.com/headcount-etl/headcount/stack/record"
)

// everywhere are the rules on all resources.
func everywhere() []Rule {
	return []Rule{
		{
			ID: "explicit-provider", What: "every resource of AWS has the provider that names its region",
			Check: func(s *Stack) (broken []string) {
				for _, r := range s.Resources {
					if strings.HasPrefix(r.Type, "aws:") && (r.Options == nil || !r.Options.Provider) {
						broken = append(broken, r.Type+" "+r.Name+" has the default provider")
					}
				}
				return broken
			},
			Mutants: []Mutant{func(s *Stack) bool { s.find(queueType)[0].Options.Provider = false; return true }},
		},
		{
			ID: "provider-region", What: "the provider is in the configured region, and tags all with project and stack",
			Check: func(s *Stack) []string {
				for _, r := range s.find(providerType) {
					if text(r, "region") == s.Settings.Region && text(r, "defaultTags", "tags", "stack") == s.Settings.Stack && text(r, "defaultTags", "tags", "project") == "headcount" {
						return nil
					}
				}
				return []string{"the provider's region or tags are wrong"}
			},
			Mutants: []Mutant{change(providerType, nil, "us-west-2", "region"), change(providerType, nil, nil, "defaultTags")},
		},
		{
			ID: "no-lambda", What: "there is no function of Lambda, whose controls would need rules here",
			Check: func(s *Stack) (broken []string) {
				for _, r := range s.Resources {
					if strings.HasPrefix(r.Type, "aws:lambda") {
						broken = append(broken, r.Name+" is a function of Lambda")
					}
				}
				return broken
			},
			Mutants: []Mutant{func(s *Stack) bool {
				s.Resources = append(s.Resources, record.Resource{Type: "aws:lambda/function:Function", Name: "f"})
				return true
			}},
		},
		optionPaths(),
		{
			ID: "no-user", What: "there are no users of IAM, and no keys of users",
			Check: func(s *Stack) (broken []string) {
				for _, r := range s.Resources {
					if strings.HasPrefix(r.Type, "aws:iam/user") || strings.HasPrefix(r.Type, "aws:iam/accessKey") || strings.HasPrefix(r.Type, "aws:iam/group") {
						broken = append(broken, fmt.Sprintf("%s %s", r.Type, r.Name))
					}
				}
				return broken
			},
			Mutants: []Mutant{func(s *Stack) bool {
				s.Resources = append(s.Resources, record.Resource{Type: "aws:iam/user:User", Name: "u"})
				return true
			}},
		},
		{
			ID: "no-secret-inputs", What: "no input holds a masking key or a password: secrets are looked up by their ARN",
			Check: func(s *Stack) (broken []string) {
				for _, r := range s.Resources {
					if all := fmt.Sprint(r.Inputs); strings.Contains(all, "secretString") || strings.Contains(strings.ToLower(all), "password") {
						broken = append(broken, r.Type+" "+r.Name+" holds a secret")
					}
				}
				return broken
			},
			Mutants: []Mutant{change(queueType, nil, map[string]any{"secretString": "x"}, "tags")},
		},
	}
}

const providerType = "pulumi:providers:aws"
