package program_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
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
	images, err := json.Marshal(record.Images())
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{settings.ImagesFile("dev"): string(images)}
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

// TestRun: from Pulumi's configuration and the files the program makes what
// Deploy makes of the same settings.
func TestRun(t *testing.T) {
	want := encode(t, run(t, load(t, "dev")).Resources)
	repository(t, nil)
	configure(t)
	got, err := record.Run("dev", "eu-west-1", program.Run, record.Faults{})
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
	digest := record.Images()["masker"]
	images := func(of map[string]string) map[string]string {
		text, err := json.Marshal(of)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{"images.dev.json": string(text)}
	}
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
		{name: "a tag in place of a digest", files: images(map[string]string{"validator": "latest", "masker": digest, "aggregator": digest}), want: []string{"images.dev.json: validator is "}},
		{name: "no images", files: map[string]string{"images.dev.json": "{}"}, want: []string{"validator is missing", "masker is missing", "aggregator is missing"}},
		{name: "malformed places", files: map[string]string{"local/headcount/sample/places.csv": "poi_id\n"}, want: []string{"headcount:flows[0].places is "}},
		{name: "all at once", files: images(map[string]string{"validator": "latest", "masker": digest}), pairs: []string{
			"region", "Ireland", "publishedFlow", "v2", "quickSightPrincipal", "analysts", "colour", "green",
			"flows", `[{"name":"v1","places":"nosuch.csv","window":"7m","masker":{"minTasks":9}}]`,
		}, want: []string{
			"headcount:region is ", "headcount:publishedFlow is ", "headcount:quickSightPrincipal is ", "headcount:colour is not a setting", "headcount:flows[0].places is ",
			"headcount:flows[0].window is ", "headcount:flows[0].masker.minTasks is ", "images.dev.json: validator is ", "images.dev.json: aggregator is missing",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			repository(t, test.files)
			configure(t, test.pairs...)
			for _, preview := range []bool{true, false} {
				got, err := record.Run("dev", "eu-west-1", program.Run, record.Faults{Preview: preview})
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
		got, err := record.Run("dev", "eu-west-1", program.Run, record.Faults{})
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

// asking fails the calls of one function.
func asking(token string) func(string) error {
	return func(other string) error {
		if other == token {
			return errors.New("not found today")
		}
		return nil
	}
}

const (
	getSecret = "aws:secretsmanager/getSecret:getSecret"
	getObject = "aws:s3/getBucketObject:getBucketObject"
)

// TestKeysAreMissing: neither an up nor a preview begins without masking keys:
// it could only remove the workers, or start maskers that cannot mask.
func TestKeysAreMissing(t *testing.T) {
	s := load(t, "dev")
	for _, preview := range []bool{true, false} {
		got, err := record.Run(s.Stack, s.Region, deploy(s), record.Faults{Preview: preview, Call: asking(getSecret)})
		if err == nil || !strings.Contains(err.Error(), "there is no secret headcount/dev/masking-keys in eu-west-1: make keys STACK=dev makes it (") {
			t.Errorf("preview %t: got %v", preview, err)
		}
		if types := typesOf(got); !slices.Equal(types, []string{"pulumi:providers:aws"}) {
			t.Errorf("preview %t: registered %q", preview, types)
		}
	}
}

// TestPlacesAreMissing: a preview shows all that changes with a list of places
// that is not there yet; an up changes nothing.
func TestPlacesAreMissing(t *testing.T) {
	s := load(t, "dev")
	want := encode(t, run(t, s).Resources)
	got, err := record.Run(s.Stack, s.Region, deploy(s), record.Faults{Preview: true, Call: asking(getObject)})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Resources) != len(run(t, s).Resources) || !strings.Contains(string(want), `"aws:ecs/service:Service"`) {
		t.Errorf("a preview registers %d resources", len(got.Resources))
	}
	got, err = record.Run(s.Stack, s.Region, deploy(s), record.Faults{Call: asking(getObject)})
	if err == nil || !strings.Contains(err.Error(), "flow v1: local/headcount/sample/places.csv is not at s3://headcount-dev-aggregates-111122223333-eu-west-1/places/v1-") ||
		!strings.Contains(err.Error(), "make places STACK=dev puts it there") {
		t.Errorf("got %v", err)
	}
	if types := typesOf(got); !slices.Equal(types, []string{"pulumi:providers:aws"}) {
		t.Errorf("an up registered %q", types)
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

// TestBootstrap: the first up asks for nothing that is not there yet, and
// creates nothing that needs it.
func TestBootstrap(t *testing.T) {
	s := load(t, "dev")
	whole := run(t, s)
	s.Bootstrap, s.Images = true, nil
	first, err := record.Run(s.Stack, s.Region, deploy(s), record.Faults{Call: func(token string) error {
		if token == getSecret || token == getObject {
			return errors.New("it asks for " + token)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	ofWorkers := regexp.MustCompile(`"namespace": "(Headcount|ECS/ContainerInsights|AWS/ECS)"`)
	left := map[string]bool{}
	for _, r := range first.Resources {
		left[r.Type+" "+r.Name] = true
		if strings.HasPrefix(r.Type, "aws:ecs/service") || strings.HasPrefix(r.Type, "aws:ecs/task") || strings.HasPrefix(r.Type, "aws:appautoscaling/") || strings.HasSuffix(r.Type, ":Worker") {
			t.Errorf("%s %s", r.Type, r.Name)
		}
		if r.Type == "aws:cloudwatch/metricAlarm:MetricAlarm" && ofWorkers.Match(encode(t, []record.Resource{r})) {
			t.Errorf("the alarm %s would ring for workers that are not there", r.Name)
		}
	}
	if !ofWorkers.Match(encode(t, whole.Resources)) {
		t.Error("no alarm watches the workers")
	}
	// What is there must be as it will be, so that the second up only adds.
	later := map[string]string{}
	for _, r := range whole.Resources {
		later[r.Type+" "+r.Name] = string(encode(t, []record.Resource{r}))
		if kind := r.Type + " " + r.Name; !left[kind] && (strings.HasPrefix(r.Type, "aws:sqs/") || strings.HasPrefix(r.Type, "aws:s3/") || strings.HasPrefix(r.Type, "aws:ecr/")) {
			t.Errorf("%s comes only later", kind)
		}
	}
	for _, r := range first.Resources {
		switch text, ok := later[r.Type+" "+r.Name]; {
		case !ok:
			t.Errorf("%s %s goes again", r.Type, r.Name)
		case r.Type != "aws:cloudwatch/dashboard:Dashboard" && text != string(encode(t, []record.Resource{r})):
			t.Errorf("%s %s changes", r.Type, r.Name)
		}
	}
}
