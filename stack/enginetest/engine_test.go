package enginetest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/pkg/v3/display"
	"github.com/pulumi/pulumi/pkg/v3/engine"
	lt "github.com/pulumi/pulumi/pkg/v3/engine/lifecycletest/framework"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy/deploytest"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/program"
	"github.com/headcount-etl/headcount/stack/record"
	"github.com/headcount-etl/headcount/stack/settings"
)

var update = flag.Bool("update", false, "write the committed outputs anew")

const root = "../.."

// account is a stack in an account of its own, with the state that Pulumi has
// of it.
type account struct {
	t        *testing.T
	settings *settings.Settings
	aws      *AWS
	means    *record.Means
	snapshot *deploy.Snapshot
}

func open(t *testing.T, stack string) *account {
	t.Helper()
	s, err := settings.Load(root, stack)
	if err != nil {
		t.Fatal(err)
	}
	aws, err := NewAWS(s.Region, "../testdata/resources.dev.json", "../testdata/resources.prod.json")
	if err != nil {
		t.Fatal(err)
	}
	return &account{t: t, settings: s, aws: aws, means: aws.means}
}

// quiet is a test that does not log what the engine says: a refused destroy says
// it of each resource.
type quiet struct{ *testing.T }

func (quiet) Log(...any)          {}
func (quiet) Logf(string, ...any) {}

// said drops what the program says.
type said struct{}

func (said) Debug(string, *pulumi.LogArgs) error { return nil }
func (said) Info(string, *pulumi.LogArgs) error  { return nil }
func (said) Warn(string, *pulumi.LogArgs) error  { return nil }
func (said) Error(string, *pulumi.LogArgs) error { return nil }

// outcome is what an operation did: how many steps of each kind, and to what.
type outcome struct {
	steps map[display.StepOp]int
	named map[display.StepOp][]string
	took  time.Duration
}

// only gives the names of what was not left as it is.
func (o outcome) only(t *testing.T, op display.StepOp) []string {
	t.Helper()
	for other, names := range o.named {
		if other != op && other != deploy.OpSame {
			t.Errorf("%s: %s", other, strings.Join(names, ", "))
		}
	}
	return o.named[op]
}

// run runs an operation in the engine, on the program with the account's settings.
func (a *account) run(op lt.TestOp, preview bool) (outcome, error) {
	a.t.Helper()
	return a.runProgram(op, preview, func(ctx *pulumi.Context) error { return program.Deploy(ctx, a.settings, a.means) })
}

func (a *account) runProgram(op lt.TestOp, preview bool, body pulumi.RunFunc) (outcome, error) {
	a.t.Helper()
	deployed := deploytest.NewLanguageRuntimeF(func(info plugin.RunInfo, _ *deploytest.ResourceMonitor) error {
		ctx, err := pulumi.NewContext(context.Background(), pulumi.RunInfo{
			Project: info.Project, Stack: info.Stack, Parallel: info.Parallel, DryRun: info.DryRun, MonitorAddr: info.MonitorAddress,
		})
		if err != nil {
			return err
		}
		ctx.Log = said{} // in this harness the engine has no server that listens to logs
		return pulumi.RunWithContext(ctx, body)
	})
	plan := &lt.TestPlan{
		Project: settings.Project, Stack: a.settings.Stack,
		Options: lt.TestUpdateOptions{T: quiet{a.t}, SkipDisplayTests: true, HostF: deploytest.NewPluginHostF(nil, nil, deployed, nil, nil,
			deploytest.NewProviderLoader("aws", Version, func() (plugin.Provider, error) { return a.aws.Provider(), nil }))},
	}
	got := outcome{steps: map[display.StepOp]int{}, named: map[display.StepOp][]string{}}
	validate := func(_ workspace.Project, _ deploy.Target, _ engine.JournalEntries, events []engine.Event, err error) error {
		for _, e := range events {
			if e.Type == engine.ResourcePreEvent {
				m := e.Payload().(engine.ResourcePreEventPayload).Metadata //nolint:errcheck // as the type says
				got.steps[m.Op]++
				got.named[m.Op] = append(got.named[m.Op], string(m.URN.Type())+" "+m.URN.Name())
			}
		}
		return err
	}
	start := time.Now()
	snapshot, err := op.Run(plan.GetProject(), plan.GetTarget(a.t, a.snapshot), plan.Options, preview, nil, validate)
	got.took = time.Since(start)
	if snapshot != nil && !preview { // also of an operation that has stopped
		a.snapshot = snapshot
	}
	return got, err
}

func (a *account) must(op lt.TestOp, preview bool) outcome {
	a.t.Helper()
	got, err := a.run(op, preview)
	if err != nil {
		a.t.Fatal(err)
	}
	return got
}

func (a *account) up() outcome { a.t.Helper(); return a.must(lt.TestOp(engine.Update), false) }

// resources gives the names of what Pulumi has in its state, of a type.
func (a *account) resources(kind string) []string {
	var names []string
	for _, r := range a.snapshot.Resources {
		if string(r.Type) == kind {
			names = append(names, r.URN.Name())
		}
	}
	slices.Sort(names)
	return names
}

// provided are the calls that an update of dev makes: each is harmless where what it
// makes is there.
var provided = []string{
	"key arn:aws:secretsmanager:eu-west-1:111122223333:secret:headcount/dev/masking-keys-AbCdEf",
	"push aggregator " + registry + "aggregator", "push masker " + registry + "masker", "push validator " + registry + "validator", "role",
}

const registry = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/headcount-dev/"

// TestLife brings a stack through its life: a preview of an account that has
// nothing, up, an up that changes nothing, another timeout, image and list of places,
// another flow, one flow less, destroy.
func TestLife(t *testing.T) {
	t.Parallel()
	a := open(t, "dev")
	preview := a.must(lt.TestOp(engine.Update), true)
	if calls := a.means.Provided(); a.aws.There() != 0 || calls != nil {
		t.Errorf("the preview created %d resources, and provided %q", a.aws.There(), calls)
	}
	up := a.up()
	fmt.Printf("%d resources; a preview in process takes %s, an up %s\n", up.steps[deploy.OpCreate], preview.took.Round(time.Millisecond), up.took.Round(time.Millisecond))
	if up.steps[deploy.OpCreate] < 150 || !maps.Equal(preview.steps, up.steps) {
		t.Errorf("the preview said %v, the up did %v", preview.steps, up.steps)
	}

	if calls := a.means.Provided(); !slices.Equal(calls, provided) {
		t.Errorf("the up provided %q, want %q", calls, provided)
	}
	a.compareOutputs()

	if changed := a.must(lt.TestOp(engine.Update), true).only(t, deploy.OpUpdate); len(changed) > 0 {
		t.Errorf("a preview without a change updates %v", changed)
	}
	if calls := a.means.Provided(); calls != nil {
		t.Errorf("a preview provided %q", calls)
	}
	if changed := a.up().only(t, deploy.OpUpdate); len(changed) > 0 {
		t.Errorf("an up without a change updated %v", changed)
	}

	validator := a.settings.Flows[0].Workers["validator"]
	validator.VisibilityTimeoutSeconds = 300
	a.settings.Flows[0].Workers["validator"] = validator
	got := a.up().only(t, deploy.OpUpdate)
	slices.Sort(got)
	if want := []string{"aws:sqs/queue:Queue v1-ingest", "aws:sqs/queue:Queue v1-ingest-dlq"}; !slices.Equal(got, want) {
		t.Errorf("another visibility timeout updated %v, want %v", got, want)
	}
	a.anotherImage()
	a.otherPlaces()
	a.anotherFlow()
	a.must(lt.TestOp(engine.Destroy), false)
	// What Firehose may still read is left, and lists of places, which go with their bucket.
	if left := a.aws.Left(); !slices.Equal(left, []string{"aws:glue/catalogTable:CatalogTable events", "aws:s3/bucketObjectv2:BucketObjectv2 v1-places", "aws:s3/bucketObjectv2:BucketObjectv2 v2-places"}) {
		t.Errorf("left after destroy: %q", left)
	}
}

// anotherImage changes the source of one service: its task definition is another one.
func (a *account) anotherImage() {
	a.t.Helper()
	a.means.Changed = []string{"masker"}
	a.replaces("aws:ecs/taskDefinition:TaskDefinition v1-masker")
}

// otherPlaces changes the list of places: the aggregator is given another object, and
// the one that it had stays.
func (a *account) otherPlaces() {
	a.t.Helper()
	a.settings.Flows[0].PlacesData = []byte("poi_id,name,latitude,longitude\nlouvre,Musée du Louvre,48.8606,2.3376\n")
	a.replaces("aws:ecs/taskDefinition:TaskDefinition v1-aggregator", "aws:s3/bucketObjectv2:BucketObjectv2 v1-places")
	if a.aws.Deleted("aws:s3/bucketObjectv2:BucketObjectv2") > 0 {
		a.t.Error("the list of before is gone")
	}
}

// replaces does an up that replaces what is named, and changes nothing else but what
// the services that are replaced export.
func (a *account) replaces(want ...string) {
	a.t.Helper()
	got := a.up()
	replaced := slices.Sorted(slices.Values(got.named[deploy.OpReplace]))
	others := slices.Concat(got.named[deploy.OpUpdate], got.named[deploy.OpCreate], got.named[deploy.OpDelete])
	if !slices.Equal(replaced, want) || len(others) > 0 {
		a.t.Errorf("replaced %q, want %q; other changes %q", replaced, want, others)
	}
}

// compareOutputs compares what the stack reports to its users with the committed file
// that the smoke program is tested on. `make resources` writes it.
func (a *account) compareOutputs() {
	a.t.Helper()
	var outputs map[string]any
	for _, r := range a.snapshot.Resources {
		if r.Type == resource.RootStackType {
			outputs = r.Outputs.Mappable()
		}
	}
	got, err := json.MarshalIndent(outputs, "", "  ")
	if err != nil {
		a.t.Fatal(err)
	}
	file := filepath.Join("..", "testdata", "outputs."+a.settings.Stack+".json")
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != string(got)+"\n" {
		a.t.Errorf("%s is stale (%v): `make resources` writes it", file, err)
	}
}

// anotherFlow adds a flow and removes the first one: queues and workers come
// and go, and no bucket is touched.
func (a *account) anotherFlow() {
	t := a.t
	t.Helper()
	second := a.settings.Flows[0]
	second.Name = "v2"
	a.settings.Flows = append(a.settings.Flows, second)
	added := a.up()
	if added.steps[deploy.OpDelete] > 0 || added.steps[deploy.OpReplace] > 0 {
		t.Errorf("another flow deleted %v, replaced %v", added.named[deploy.OpDelete], added.named[deploy.OpReplace])
	}
	for _, name := range added.named[deploy.OpCreate] {
		if !strings.Contains(name, " v2") {
			t.Errorf("another flow created %s", name)
		}
	}
	if queues := a.resources("aws:sqs/queue:Queue"); len(queues) != 17 {
		t.Errorf("queues of two flows: %v", queues)
	}
	a.settings.Flows, a.settings.PublishedFlow = a.settings.Flows[1:], "v2"
	buckets := a.resources("aws:s3/bucketV2:BucketV2")
	removed := a.up()
	for _, name := range removed.named[deploy.OpDelete] {
		if !strings.Contains(name, " v1") {
			t.Errorf("the end of a flow deleted %s", name)
		}
	}
	for _, name := range slices.Concat(removed.named[deploy.OpUpdate], removed.named[deploy.OpDelete]) {
		if strings.HasPrefix(name, "aws:s3/") && name != "aws:s3/bucketObjectv2:BucketObjectv2 v1-places" { // which stays, as below
			t.Errorf("the end of a flow touched %s", name)
		}
	}
	if queues := a.resources("aws:sqs/queue:Queue"); len(queues) != 9 || !slices.Equal(a.resources("aws:s3/bucketV2:BucketV2"), buckets) {
		t.Errorf("left are queues %v", queues)
	}
	// A view is not changed in place.
	if replaced := removed.named[deploy.OpReplace]; !slices.Contains(replaced, "aws:glue/catalogTable:CatalogTable published_headcounts") {
		t.Errorf("another published flow replaced %v", replaced)
	}
}

// TestStopped: where nothing can be provided, what depends on it is not there, and the
// next up goes on where the first has stopped. (In turn they fail in package program.)
func TestStopped(t *testing.T) {
	t.Parallel()
	a := open(t, "dev")
	a.means.Fail = func(string) error { return errors.New("AWS is down") }
	if _, err := a.run(lt.TestOp(engine.Update), false); err == nil {
		t.Fatal("nothing could be provided, and the up succeeded")
	}
	if tasks, clusters := a.resources("aws:ecs/taskDefinition:TaskDefinition"), a.resources("aws:ecs/cluster:Cluster"); len(tasks)+len(clusters) > 0 {
		t.Errorf("there are no images, keys and role, but %q and %q", tasks, clusters)
	}
	a.means.Fail = nil
	a.must(lt.TestOp(engine.Update), true)
	a.means.Provided()
	again := a.up()
	if replaced := again.steps[deploy.OpReplace] + again.steps[deploy.OpDelete]; replaced > 0 || len(a.resources("aws:ecs/service:Service")) != 3 {
		t.Errorf("again: %v", again.steps)
	}
	if calls := a.means.Provided(); !slices.Equal(calls, provided) {
		t.Errorf("again: provided %q", calls)
	}
}

// TestEarlierVersion: an account with a secret that `make keys` of an earlier version
// has made, with keys: it becomes the stack's, and no key is made.
func TestEarlierVersion(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:headcount/dev/masking-keys-Xy12Zw"
	a := open(t, "dev")
	a.aws.earlier = arn
	for _, preview := range []bool{true, false} {
		got := a.must(lt.TestOp(engine.Update), preview)
		if imported := got.named[deploy.OpImport]; !slices.Equal(imported, []string{"aws:secretsmanager/secret:Secret masking-keys"}) {
			t.Errorf("preview %t: imported %q", preview, imported)
		}
	}
	if calls := a.means.Provided(); !slices.Contains(calls, "key "+arn) {
		t.Errorf("provided %q", calls)
	}
	if changed := a.up().only(t, deploy.OpUpdate); len(changed) > 0 {
		t.Errorf("an up without a change updated %v", changed)
	}
}

// TestProtected: production refuses to be destroyed. The preview with which a
// destroy begins stops it, before anything happens; and even without one all
// data is left.
func TestProtected(t *testing.T) {
	t.Parallel()
	a := open(t, "prod")
	a.must(lt.TestOp(engine.Update), true) // all of it, QuickSight too
	a.settings.QuickSightPrincipal = ""    // whose templates make the engine's state large
	a.up()
	var protected []string
	for _, r := range a.snapshot.Resources {
		if r.Protect {
			protected = append(protected, string(r.URN))
		}
	}
	before := a.aws.There()
	if _, err := a.run(lt.TestOp(engine.Destroy), true); err == nil || a.aws.There() != before {
		t.Fatalf("the preview of a destroy: %v, %d of %d resources are left", err, a.aws.There(), before)
	}
	if _, err := a.run(lt.TestOp(engine.Destroy), false); err == nil {
		t.Fatal("production was destroyed")
	}
	for _, urn := range protected {
		if !a.aws.Has(urn) {
			t.Errorf("%s is gone", urn)
		}
	}
	if len(protected) < 35 {
		t.Errorf("%d resources are protected", len(protected))
	}
}

// TestUnknownTypes: a type that no list has is refused.
func TestUnknownTypes(t *testing.T) {
	a := open(t, "dev")
	delete(a.aws.types, "aws:sqs/queue:Queue")
	if _, err := a.run(lt.TestOp(engine.Update), true); err == nil {
		t.Error("the provider accepted a type that it does not know")
	}
}
