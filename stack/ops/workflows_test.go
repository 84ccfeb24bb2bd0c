package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// pinned is an action at an exact version or a full digest: a branch or v4 may become other code tomorrow.
var pinned = regexp.MustCompile(`^[\w./-]+@(v\d+\.\d+\.\d+|[0-9a-f]{40})$`)

// tools are Go's programs at a version, as go install and go run name them.
var tools = regexp.MustCompile(`[\w./-]+\.[\w./-]+/[\w./-]+@\S+`)

func TestWorkflows(t *testing.T) {
	paths, _ := filepath.Glob("../../.github/workflows/*.yml")
	if len(paths) < 3 {
		t.Fatalf("found only %q", paths)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var w struct {
			On          map[string]any
			Permissions map[string]string
			Jobs        map[string]struct {
				Steps []struct{ Uses, Run string }
			}
		}
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
			t.Errorf("%s: permissions are %v: a workflow has contents: read, and a job what it needs besides", path, w.Permissions)
		}
		if _, there := w.On["pull_request_target"]; there || len(w.On) == 0 {
			t.Errorf("%s: starts on %v", path, w.On)
		}
		for name, job := range w.Jobs {
			if len(job.Steps) == 0 {
				t.Errorf("%s: %s has no steps", path, name)
			}
			for _, step := range job.Steps {
				if step.Uses != "" && !pinned.MatchString(step.Uses) {
					t.Errorf("%s: %s uses %s, which is not pinned", path, name, step.Uses)
				}
				for _, tool := range tools.FindAllString(step.Run, -1) {
					if !pinned.MatchString(tool) {
						t.Errorf("%s: %s runs %s, which is not pinned", path, name, tool)
					}
				}
				if strings.Contains(step.Run, "${{") {
					t.Errorf("%s: %s puts an expression into a shell: pass it by env: %s", path, name, step.Run)
				}
			}
		}
	}
}

// allowed is what a preview asks of AWS; whatever else it should need must be argued for here.
var allowed = regexp.MustCompile(`^(sts:GetCallerIdentity|ec2:DescribeAvailabilityZones|secretsmanager:(ListSecrets|DescribeSecret|ListSecretVersionIds|GetResourcePolicy)|s3:(GetObject|ListBucket))$`)

func TestPreviewPolicyOnlyReads(t *testing.T) {
	for _, s := range statements(t, "preview-policy.json") {
		actions, ok := s["Action"].([]any)
		if !ok {
			actions = []any{s["Action"]}
		}
		for _, action := range actions {
			if name, _ := action.(string); !allowed.MatchString(name) {
				t.Errorf("%v allows %v", s["Sid"], action)
			}
		}
		if s["Resource"] == "*" && s["Sid"] != "WhoAndWhere" || s["Effect"] != "Allow" {
			t.Errorf("%v is too wide: %v %v", s["Sid"], s["Effect"], s["Resource"])
		}
	}
}

func TestTrustPolicies(t *testing.T) {
	for name, want := range map[string]string{
		"trust-policy.json":        `"repo:headcount-etl/headcount:pull_request"`,
		"deploy-trust-policy.json": `["repo:headcount-etl/headcount:environment:dev","repo:headcount-etl/headcount:environment:prod"]`,
	} {
		all := statements(t, name)
		condition, _ := json.Marshal(all[0]["Condition"])
		full := `{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com","token.actions.githubusercontent.com:sub":` + want + `}}`
		if len(all) != 1 || string(condition) != full {
			t.Errorf("%s: %s, want %s", name, condition, full)
		}
	}
}

func statements(t *testing.T, name string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile("../../.github/aws/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var policy struct{ Statement []map[string]any }
	if err := json.Unmarshal(text, &policy); err != nil || len(policy.Statement) == 0 {
		t.Fatalf("%s: %v, %d statements", name, err, len(policy.Statement))
	}
	return policy.Statement
}
