package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/program"
	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/rules"
	"github.com/headcount-etl/headcount/stack/settings"
)

// stacks are the committed ones, and dev with what those do not ask for: the lake's
// other format, and an e-mail of events.
var stacks = []string{"dev", "prod", "other"}

func stack(t *testing.T, name string) *rules.Stack {
	t.Helper()
	other := name == "other"
	if other {
		name = "dev"
	}
	s, err := settings.Load("../..", name)
	if err != nil {
		t.Fatal(err)
	}
	if other {
		s.LakeFormat = settings.ORC
		s.Emails = []settings.Email{{Address: "ops@headcount.test", Topic: settings.Events, PersonalData: true, Filter: map[string][]string{"platform": {"ios"}}}}
	}
	got, err := record.Run(s.Stack, s.Region, func(ctx *pulumi.Context) error { return program.Deploy(ctx, s, &record.Means{}) }, record.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	return rules.New(s, got.Resources)
}

// TestRules looks at every resource of the committed stacks.
func TestRules(t *testing.T) {
	for _, name := range stacks {
		s := stack(t, name)
		for _, rule := range rules.All() {
			for _, fault := range rule.Check(s) {
				t.Errorf("%s: %s (%s): %s", name, rule.ID, rule.What, fault)
			}
		}
	}
}

// TestMutants breaks each rule in all the ways that it names: it must notice.
func TestMutants(t *testing.T) {
	mutants, controls, effective := 0, map[string]bool{}, map[string]bool{}
	for _, name := range stacks {
		whole := stack(t, name)
		for _, rule := range rules.All() {
			if len(rule.Mutants) == 0 {
				t.Errorf("%s has no mutant", rule.ID)
			}
			if isControl(rule.ID) {
				controls[rule.ID] = true
			}
			for i, mutant := range rule.Mutants {
				s := rules.New(whole.Settings, whole.Resources)
				id := fmt.Sprintf("mutant %d of %s: %s", i, rule.ID, rule.What)
				found := mutant(s)
				effective[id] = effective[id] || found
				if !found {
					continue
				}
				if len(rule.Check(s)) == 0 {
					t.Errorf("%s: mutant %d of %s survives", name, i, rule.ID)
				}
				mutants++
			}
		}
	}
	for id, ok := range effective {
		if !ok {
			t.Errorf("%s: it finds nothing to break in any stack", id)
		}
	}
	t.Logf("%d rules, of them %d controls of AWS Foundational Security Best Practices, and %d exceptions; %d mutants killed", len(rules.All()), len(controls), len(rules.Exceptions), mutants)
}

func isControl(id string) bool {
	service, number, ok := strings.Cut(id, ".")
	return ok && service != "" && number != "" && strings.Trim(number, "0123456789") == ""
}

// TestExceptions: each says why, and none is about what a rule keeps.
func TestExceptions(t *testing.T) {
	for _, e := range rules.Exceptions {
		if len(e.Reason) < 20 {
			t.Errorf("%s: why?", e.Control)
		}
		for _, rule := range rules.All() {
			if rule.ID == e.Control {
				t.Errorf("%s is a rule and an exception", rule.ID)
			}
		}
	}
}
