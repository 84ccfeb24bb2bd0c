package settings_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/headcount-etl/headcount/stack/settings"
)

const root = "../.."

// TestCommittedStacks loads the configurations of the repository, and looks at
// what makes one of them dev and the other prod.
func TestCommittedStacks(t *testing.T) {
	dev, err := settings.Load(root, "dev")
	if err != nil {
		t.Fatal(err)
	}
	prod, err := settings.Load(root, "prod")
	if err != nil {
		t.Fatal(err)
	}
	small := settings.Worker{CPU: 256, MemoryMB: 512, MinTasks: 1, MaxTasks: 2, BacklogPerTask: 1000, VisibilityTimeoutSeconds: 120}
	v1 := dev.Flows[0]
	for name, ok := range map[string]bool{
		"dev: can be destroyed":     !dev.Protect,
		"dev: cheap tasks":          dev.Spot && !prod.Spot,
		"dev: one NAT gateway":      dev.Network == settings.NAT,
		"dev: nothing suppressed":   len(dev.Flows) == 1 && v1.MinPeople == 1,
		"dev: ages":                 dev.LakeDays == 30 && dev.LakeArchiveDays == 0 && dev.LogDays == 7 && dev.PartialsDays == 35,
		"dev: defaults":             dev.LakeBufferMB == 64 && dev.LakeBufferSeconds == 180 && dev.AthenaScanLimitMB == 10240,
		"dev: nobody is written to": dev.Emails == nil && dev.QuickSightPrincipal == "",
		"dev: its names":            dev.Stack == "dev" && dev.Region == "eu-west-1" && dev.PublishedFlow == "v1" && v1.Name == "v1",
		"dev: a flow's defaults":    v1.Window == 5*time.Minute && v1.RadiusM == 200 && v1.MaxAge == 34*24*time.Hour && v1.FlushInterval == 10*time.Second && v1.RefreshInterval == 30*time.Second && v1.LogLevel == "info",
		"dev: small services":       v1.Workers["validator"] == small && v1.Workers["masker"] == small && v1.Workers["aggregator"] == small,
		"dev: its places":           len(v1.List) > 10 && strings.HasPrefix(string(v1.PlacesData), "poi_id,") && v1.List[0].RadiusM == 200,
		"prod: protected":           prod.Protect,
		"prod: no way out":          prod.Network == settings.Endpoints,
		"prod: k":                   prod.Flows[0].MinPeople == 5,
		"prod: the lake stays":      prod.LakeDays == 0 && prod.LakeArchiveDays == 90 && prod.LogDays == 90,
		"prod: two of each":         prod.Flows[0].Workers["masker"].MinTasks == 2 && prod.Flows[0].Workers["aggregator"].MemoryMB == 4096 && prod.Flows[0].Workers["validator"].MaxTasks == 20,
		"prod: e-mails":             len(prod.Emails) == 2 && prod.Emails[0].Topic == settings.Alarms && len(prod.Emails[1].Categories) == 4,
		"prod: QuickSight":          strings.HasSuffix(prod.QuickSightPrincipal, ":group/default/analysts"),
	} {
		if !ok {
			t.Errorf("%s: not so:\n%+v\n%+v", name, dev, prod)
		}
	}
}

// TestDeclared holds Pulumi.yaml and Read together: each reads, or declares,
// what the other does, and Pulumi.yaml describes every setting.
func TestDeclared(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "Pulumi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var project struct {
		Name   string
		Main   string
		Config map[string]struct {
			Type, Description string
			Default           any
		}
	}
	if err := yaml.Unmarshal(data, &project); err != nil {
		t.Fatal(err)
	}
	if project.Name != settings.Project || project.Main != "stack" {
		t.Errorf("the project is %q with the program in %q", project.Name, project.Main)
	}
	declared := slices.Sorted(maps.Keys(project.Config))
	if known := knownIn(t, with("nosuch", "1"), "headcount:nosuch"); !slices.Equal(known, declared) {
		t.Errorf("Pulumi.yaml declares %q\nRead knows %q", declared, known)
	}
	for key, d := range project.Config {
		if len(d.Description) < 20 {
			t.Errorf("%s: the description is %q", key, d.Description)
		}
		if d.Default == nil && key != "region" {
			t.Errorf("%s has no default", key)
		}
		wrong, types := "[1]", []string{"string", "boolean", "integer"}
		if d.Type == "array" {
			wrong = "some text"
		} else if !slices.Contains(types, d.Type) {
			t.Errorf("%s: the type is %q", key, d.Type)
		}
		if faults := faultsOf(t, with(key, wrong)); !strings.HasPrefix(faults[0], "headcount:"+key+" is ") {
			t.Errorf("%s = %s: %q", key, wrong, faults)
		}
	}
	// What an object may hold stands in the description alone.
	for key, tests := range map[string]map[string]string{
		"flows":  {`[{"nosuch":1}]`: "headcount:flows[0].nosuch", `[{"masker":{"nosuch":1}}]`: "headcount:flows[0].masker.nosuch"},
		"emails": {`[{"nosuch":1}]`: "headcount:emails[0].nosuch"},
	} {
		for value, path := range tests {
			for _, name := range knownIn(t, with(key, value), path) {
				if !regexp.MustCompile(`\b` + name + `\b`).MatchString(project.Config[key].Description) {
					t.Errorf("the description of %s does not name %s", key, name)
				}
			}
		}
	}
}

// knownIn gives the names that Read knows beside one that it does not.
func knownIn(t *testing.T, values map[string]string, unknown string) []string {
	t.Helper()
	for _, fault := range faultsOf(t, values) {
		if list, ok := strings.CutPrefix(fault, unknown+" is not a setting: there are "); ok {
			return strings.Split(list, ", ")
		}
	}
	t.Fatalf("%s is not named: %q", unknown, faultsOf(t, values))
	return nil
}

// TestValues reads a small project as Pulumi reads it.
func TestValues(t *testing.T) {
	const project = "name: headcount\nconfig:\n  region: {type: string}\n  logDays: {type: integer, default: 30}\n  emails: {type: array, default: []}\n"
	for _, test := range []struct {
		name, project, stack string
		want                 map[string]string
		err                  string
	}{
		{
			name: "defaults and values", project: project,
			stack: "config:\n  headcount:region: eu-west-1\n  headcount:flows: [{name: v1, radiusM: 1e3}]\n  headcount:protect: true\n",
			want:  map[string]string{"region": "eu-west-1", "logDays": "30", "emails": "[]", "flows": `[{"name":"v1","radiusM":1000}]`, "protect": "true"},
		},
		{
			name: "a value before the default", project: project, stack: "config: {headcount:logDays: 7}\n",
			want: map[string]string{"logDays": "7", "emails": "[]"},
		},
		{
			name: "without the namespace, and a provider's", project: project, stack: "config: {region: eu-west-1, aws:region: eu-north-1}\n",
			want: map[string]string{"region": "eu-west-1", "logDays": "30", "emails": "[]"},
		},
		{name: "a secret", project: project, stack: "config:\n  headcount:region: {secure: AAABxyz}\n", err: "Pulumi.dev.yaml: region: it is, or holds, a secret, which only Pulumi can read: nothing here is secret, set it with `pulumi config set` without --secret"},
		{name: "a secret within", project: project, stack: "config:\n  headcount:flows: [{name: {secure: AAABxyz}}]\n", err: "Pulumi.dev.yaml: flows: it is, or holds, a secret"},
		{name: "no value", project: project, stack: "config:\n  headcount:region:\n", err: "Pulumi.dev.yaml: region: it has no value"},
		{name: "no YAML", project: project, stack: "config: [", err: "Pulumi.dev.yaml: yaml: "},
		{name: "no stack", project: project, err: `there is no Pulumi.dev.yaml: the stack "dev" has no configuration`},
		{name: "no project", stack: "config: {}", err: "Pulumi.yaml: open "},
		{name: "a key that is no text", project: project, stack: "config:\n  headcount:flows: [{1: x}]\n", err: "Pulumi.dev.yaml: flows: json: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{}
			if test.project != "" {
				files["Pulumi.yaml"] = test.project
			}
			if test.stack != "" {
				files["Pulumi.dev.yaml"] = test.stack
			}
			got, err := settings.Values(folder(t, files), "dev")
			if test.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), test.err) || strings.Contains(err.Error(), "xyz") {
					t.Errorf("got  %v\nwant %s", err, test.err)
				}
				return
			}
			if err != nil || !maps.Equal(got, test.want) {
				t.Errorf("got  %q, %v\nwant %q", got, err, test.want)
			}
		})
	}
}

// folder makes a folder with files, by their paths in it.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRoot(t *testing.T) {
	dir := folder(t, map[string]string{"Pulumi.yaml": "", "a/b/c.txt": ""})
	t.Chdir(filepath.Join(dir, "a", "b"))
	got, err := settings.Root()
	if err != nil {
		t.Fatal(err)
	}
	// The temporary folder may be reached by a link.
	a, errA := os.Stat(dir)
	b, errB := os.Stat(got)
	if errA != nil || errB != nil || !os.SameFile(a, b) {
		t.Errorf("got %s, want %s", got, dir)
	}
	t.Chdir(t.TempDir())
	if got, err := settings.Root(); err == nil || !strings.HasPrefix(err.Error(), "there is no Pulumi.yaml in ") {
		t.Errorf("outside: %q, %v", got, err)
	}
}
