package program_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/program"
	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/settings"
)

// repository copies what the program reads of the repository to a folder of its
// own, changed, in which the test then runs as Pulumi would: in main's folder.
func repository(t *testing.T, change map[string]string) {
	t.Helper()
	const list = "local/headcount/sample/places.csv"
	dir := t.TempDir()
	files := map[string]string{}
	for _, name := range []string{"Pulumi.yaml", "Pulumi.dev.yaml", list} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(data)
	}
	maps.Copy(files, change)
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "stack"), 0o750); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(dir, "stack"))
}

// configure gives the program the configuration of dev in the way of Pulumi's
// CLI, changed by keys and values in turn.
func configure(t *testing.T, pairs ...string) {
	t.Helper()
	values, err := settings.Values("..", "dev")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	given := map[string]string{"aws:region": "eu-north-1"}
	for key, value := range values {
		given[settings.Project+":"+key] = value
	}
	text, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(pulumi.EnvConfig, string(text))
}

// fromSource is the program with services that compile, or fail to.
func fromSource(failure error) pulumi.RunFunc {
	return program.With(func(context.Context, string) (program.Means, error) { return &record.Means{}, failure })
}

// TestDoesNotCompile: services that do not compile stop a preview and an up before
// anything is registered.
func TestDoesNotCompile(t *testing.T) {
	repository(t, nil)
	configure(t)
	for _, preview := range []bool{true, false} {
		got, err := record.Run("dev", "eu-west-1", fromSource(errors.New("go build: a typing error")), record.Faults{Preview: preview})
		if err == nil || !strings.Contains(err.Error(), "a typing error") || len(got.Resources) > 0 || len(got.Calls) > 0 {
			t.Errorf("preview %t: %v, %d resources", preview, err, len(got.Resources))
		}
	}
}

// TestRun: from Pulumi's configuration and the files the program makes what
// Deploy makes of the same settings.
func TestRun(t *testing.T) {
	want := encode(t, run(t, load(t, "dev")).Resources)
	repository(t, nil)
	configure(t)
	got, err := record.Run("dev", "eu-west-1", fromSource(nil), record.Faults{})
	if err != nil {
		t.Fatal(err)
	}
	if text := encode(t, got.Resources); string(text) != string(want) {
		t.Error(firstDifference(string(text), string(want)))
	}
}

// TestBadInput: whatever is wrong with what the program is given, it stops with
// every fault named, before it registers or asks anything.
func TestBadInput(t *testing.T) {
	const flow = `[{"name":"v1","places":"local/headcount/sample/places.csv"`
	for _, test := range []struct {
		name  string
		files map[string]string
		pairs []string
		want  []string
	}{
		{name: "a value is missing", pairs: []string{"region", ""}, want: []string{"headcount:region is missing"}},
		{name: "a malformed value", pairs: []string{"flows", "[{"}, want: []string{"headcount:flows is "}},
		{name: "a window that does not divide a day", pairs: []string{"flows", flow + `,"window":"7m"}]`}, want: []string{"headcount:flows[0].window is "}},
		{name: "min above max", pairs: []string{"flows", flow + `,"masker":{"minTasks":9}}]`}, want: []string{"headcount:flows[0].masker.minTasks is "}},
		{name: "a published flow that is not there", pairs: []string{"publishedFlow", "v2"}, want: []string{"headcount:publishedFlow is "}},
		{name: "a principal that is no ARN", pairs: []string{"quickSightPrincipal", "analysts"}, want: []string{"headcount:quickSightPrincipal is "}},
		{name: "a placeholder", pairs: []string{"emails", `[{"topic":"alarms","address":"on-call@example.com"}]`}, want: []string{"headcount:emails[0].address is "}},
		{name: "a key that nobody declares", pairs: []string{"regoin", "eu-west-1"}, want: []string{"headcount:regoin is not a setting"}},
		{name: "a setting of before", pairs: []string{"bootstrap", "true"}, want: []string{"headcount:bootstrap is not a setting"}},
		{name: "malformed places", files: map[string]string{"local/headcount/sample/places.csv": "poi_id\n"}, want: []string{"headcount:flows[0].places is "}},
		{name: "all at once", pairs: []string{
			"region", "Ireland", "publishedFlow", "v2", "quickSightPrincipal", "analysts", "colour", "green",
			"flows", `[{"name":"v1","places":"nosuch.csv","window":"7m","masker":{"minTasks":9}}]`,
		}, want: []string{
			"headcount:region is ", "headcount:publishedFlow is ", "headcount:quickSightPrincipal is ", "headcount:colour is not a setting", "headcount:flows[0].places is ",
			"headcount:flows[0].window is ", "headcount:flows[0].masker.minTasks is ",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			repository(t, test.files)
			configure(t, test.pairs...)
			for _, preview := range []bool{true, false} {
				got, err := record.Run("dev", "eu-west-1", fromSource(nil), record.Faults{Preview: preview})
				var faults *settings.FaultsError
				if !errors.As(err, &faults) || len(faults.Faults) != len(test.want) {
					t.Fatalf("got %v", err)
				}
				for _, want := range test.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q does not say %q", err, want)
					}
				}
				if strings.Contains(faults.Error(), "\n") || len(got.Resources) > 0 || len(got.Calls) > 0 {
					t.Errorf("%q, with %d resources and %q", err, len(got.Resources), got.Calls)
				}
			}
		})
	}
}

// TestOtherAccount: a user of QuickSight's who is in another account than the one
// of the credentials stops a preview and an up before anything is registered.
func TestOtherAccount(t *testing.T) {
	s := load(t, "prod")
	s.QuickSightPrincipal = "arn:aws:quicksight:us-east-1:444455556666:group/default/analysts"
	for _, preview := range []bool{true, false} {
		got, err := record.Run(s.Stack, s.Region, deploy(s), record.Faults{Preview: preview})
		const want = "headcount:quickSightPrincipal is of the account 444455556666, and the credentials are of 111122223333: "
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "quickSightAuthor") {
			t.Errorf("preview %t: got %v", preview, err)
		}
		if types := typesOf(got); !slices.Equal(types, []string{"pulumi:providers:aws"}) {
			t.Errorf("preview %t: registered %q", preview, types)
		}
	}
}

// TestSpotInProduction: a protected stack on Spot keeps one task of each service
// on demand, which AWS does not interrupt.
func TestSpotInProduction(t *testing.T) {
	s := load(t, "prod")
	s.Spot = true
	services := 0
	for _, r := range run(t, s).Resources {
		if r.Type != "aws:ecs/service:Service" {
			continue
		}
		services++
		want := []any{
			map[string]any{"capacityProvider": "FARGATE", "base": 1.0, "weight": 0.0},
			map[string]any{"capacityProvider": "FARGATE_SPOT", "base": 0.0, "weight": 1.0},
		}
		if got := r.Inputs["capacityProviderStrategies"]; !reflect.DeepEqual(got, any(want)) {
			t.Errorf("%s runs on %v", r.Name, got)
		}
	}
	if services != 3 {
		t.Errorf("%d services", services)
	}
}

// TestRunElsewhere: without a repository, or a configuration that can be read,
// nothing begins.
func TestRunElsewhere(t *testing.T) {
	repository(t, nil)
	t.Setenv(pulumi.EnvConfig, "{")
	fails := func(want string) {
		t.Helper()
		got, err := record.Run("dev", "eu-west-1", fromSource(nil), record.Faults{})
		if err == nil || !strings.Contains(err.Error(), want) || len(got.Resources) > 0 {
			t.Errorf("got %v", err)
		}
	}
	fails(pulumi.EnvConfig + ": unexpected end of JSON input")
	t.Setenv(pulumi.EnvConfig, "")
	fails("headcount:region is missing")
	t.Chdir(t.TempDir())
	fails("there is no Pulumi.yaml in ")
}

// TestProvided: an update provides everything once, and names what it is for; a
// preview nothing, and registers the same.
func TestProvided(t *testing.T) {
	s := load(t, "dev")
	want := encode(t, run(t, s).Resources)
	for _, preview := range []bool{true, false} {
		means := &record.Means{}
		got, err := record.Run(s.Stack, s.Region, func(ctx *pulumi.Context) error { return program.Deploy(ctx, s, means) }, record.Faults{Preview: preview})
		if err != nil {
			t.Fatal(err)
		}
		// Under mocks what is created is known in a preview too.
		if text := encode(t, got.Resources); string(text) != string(want) {
			t.Errorf("preview %t: %s", preview, firstDifference(string(text), string(want)))
		}
		var provided []string
		if !preview {
			const registry = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/headcount-dev/"
			provided = []string{
				"key arn:aws:secretsmanager:eu-west-1:111122223333:secret:headcount/dev/masking-keys-AbCdEf",
				"push aggregator " + registry + "aggregator", "push masker " + registry + "masker", "push validator " + registry + "validator", "role",
			}
		}
		if calls := means.Provided(); !slices.Equal(calls, provided) {
			t.Errorf("preview %t: provided %q, want %q", preview, calls, provided)
		}
	}
}

// TestProvidingFails: whatever cannot be provided fails the up, and what depends on it
// is not registered.
func TestProvidingFails(t *testing.T) {
	s := load(t, "dev")
	for call, without := range map[string]string{
		"role": "aws:ecs/cluster:Cluster cluster", "key": "aws:ecs/taskDefinition:TaskDefinition v1-masker", "push validator": "aws:ecs/taskDefinition:TaskDefinition v1-validator",
	} {
		means := &record.Means{Fail: func(now string) error {
			if strings.HasPrefix(now, call) {
				return errors.New("AWS is down for " + call)
			}
			return nil
		}}
		got, err := record.Run(s.Stack, s.Region, func(ctx *pulumi.Context) error { return program.Deploy(ctx, s, means) }, record.Faults{})
		if err == nil || !strings.Contains(err.Error(), "AWS is down for "+call) {
			t.Errorf("%s: got %v", call, err)
		}
		for _, r := range got.Resources {
			if r.Type+" "+r.Name == without {
				t.Errorf("%s failed, and %s was registered", call, without)
			}
		}
	}
}

// TestKeyOfAPreview: a preview knows the version of the keys by what it may do, and
// without any value, as where an up has stopped in between, it goes on.
func TestKeyOfAPreview(t *testing.T) {
	s := load(t, "dev")
	got, err := record.Run(s.Stack, s.Region, deploy(s), record.Faults{Preview: true, Call: asking("aws:secretsmanager/getSecretVersions:getSecretVersions")})
	if err == nil || !strings.Contains(err.Error(), "masking-keys-AbCdEf: ") || !strings.Contains(err.Error(), "not found today") {
		t.Errorf("with %d resources: %v", len(got.Resources), err)
	}
	got, err = record.Run(s.Stack, s.Region, deploy(s), record.Faults{Preview: true, Call: asking("aws:secretsmanager/getSecrets:getSecrets")})
	if err == nil || !strings.Contains(err.Error(), "whether there is a secret headcount/dev/masking-keys: ") {
		t.Errorf("with %d resources: %v", len(got.Resources), err)
	}
}

// asking fails the calls of one function.
func asking(token string) func(string) error {
	return func(other string) error {
		if other == token {
			return errors.New("not found today")
		}
		return nil
	}
}

// typesOf gives the types of what was registered, but for the stack itself.
func typesOf(s *record.Stack) []string {
	var types []string
	for _, r := range s.Resources {
		if r.Type != "pulumi:pulumi:Stack" {
			types = append(types, r.Type)
		}
	}
	return types
}
