package program_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	aggregator "github.com/headcount-etl/headcount/services/aggregator/worker"
	"github.com/headcount-etl/headcount/services/masker/mask"
	masker "github.com/headcount-etl/headcount/services/masker/worker"
	validator "github.com/headcount-etl/headcount/services/validator/worker"
	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/shared/service"
	"github.com/headcount-etl/headcount/shared/stage"
	"github.com/headcount-etl/headcount/stack/settings"
)

// mains are the services' own starts, without main.
var mains = map[string]func(context.Context, *service.Process) error{
	"validator": func(ctx context.Context, p *service.Process) error { return validator.Run(ctx, p, nil) },
	"masker":    func(ctx context.Context, p *service.Process) error { return masker.Run(ctx, p, nil) },
	"aggregator": func(ctx context.Context, p *service.Process) error {
		_, err := aggregator.New(ctx, p, aggregator.Options{})
		return err
	},
}

// mainOf gives a service's start: that of a stage without settings of its own,
// if it is none of mains.
func mainOf(name string) func(context.Context, *service.Process) error {
	if run := mains[name]; run != nil {
		return run
	}
	return (&stage.Stage{}).Run
}

// extremes are three flows: with what Read assumes where nothing is said, with the
// least and with the most that it accepts.
const extremes = `[
	{"name": "v1", "places": "local/headcount/sample/places.csv"},
	{"name": "0", "places": "local/headcount/sample/places.csv", "window": "1s", "radiusM": 0.000001, "minPeople": 1, "maxAge": "0s",
		"flushInterval": "0s", "refreshInterval": "0s", "logLevel": "debug"},
	{"name": "a-2345678901234567890123", "places": "local/headcount/sample/places.csv", "window": "24h", "radiusM": 20015114, "minPeople": 1073741824,
		"maxAge": "839h", "flushInterval": "10m", "refreshInterval": "15m", "logLevel": "error"}
]`

// container is one of a task definition, as ECS reads it.
type container struct {
	Name        string
	Environment []struct{ Name, Value string }
	Secrets     []struct{ Name, ValueFrom string }
}

// given is what the container's process finds in its environment. Of a secret
// ECS puts the value there, which is a key ring.
func (c *container) given(t *testing.T) map[string]string {
	t.Helper()
	values := map[string]string{}
	add := func(name, value string) {
		if _, twice := values[name]; twice {
			t.Errorf("%s: %s is there twice", c.Name, name)
		}
		values[name] = value
	}
	for _, v := range c.Environment {
		add(v.Name, v.Value)
	}
	for _, s := range c.Secrets {
		add(s.Name, `[{"id":"k1","from":"2026-01-01","key":"`+base64.StdEncoding.EncodeToString(make([]byte, mask.KeySize))+`"}]`)
	}
	return values
}

// containers records the flows, and gives their containers by flow and name.
func containers(t *testing.T, flows string) map[string]container {
	t.Helper()
	values, err := settings.Values(root, "dev")
	if err != nil {
		t.Fatal(err)
	}
	values["flows"] = flows
	s, err := settings.Read("dev", values, root)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]container{}
	for _, r := range run(t, s).Resources {
		if r.Type != "aws:ecs/taskDefinition:TaskDefinition" {
			continue
		}
		var list []container
		if err := json.Unmarshal([]byte(r.Inputs["containerDefinitions"].(string)), &list); err != nil || len(list) != 1 {
			t.Fatalf("%s: %d containers, %v", r.Name, len(list), err)
		}
		all[r.Name] = list[0]
	}
	return all
}

// start lets a service read its settings from an environment, and gives the
// names that it asked for. It gets no further than the settings: its context is
// over, and nobody answers at its endpoint.
func start(name string, environment map[string]string) (asked map[string]bool, err error) {
	asked = map[string]bool{}
	var mu sync.Mutex
	lookup := func(variable string) (string, bool) {
		mu.Lock()
		defer mu.Unlock()
		asked[variable] = true
		switch variable {
		case "AWS_ENDPOINT_URL":
			return "http://127.0.0.1:1", true
		case "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY":
			return "test", true
		}
		value, ok := environment[variable]
		return value, ok
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err = mainOf(name)(ctx, service.NewProcess(name, lookup, io.Discard))
	mu.Lock()
	defer mu.Unlock()
	return maps.Clone(asked), err
}

// TestServicesAcceptTheirSettings starts each service on what its container is
// given, whatever the configuration says: it finds no fault, and asks for all.
func TestServicesAcceptTheirSettings(t *testing.T) {
	all := containers(t, extremes)
	if len(all) != 3*len(pipeline.Stages) {
		t.Fatalf("%d containers: %q", len(all), slices.Sorted(maps.Keys(all)))
	}
	for task, c := range all {
		given := c.given(t)
		asked, err := start(c.Name, given)
		// The aggregator reads its places first, and says of a failure what they are.
		if c.Name == "aggregator" && errors.Is(err, context.Canceled) && strings.Contains(err.Error(), given["POIS"]) {
			err = nil
		}
		if err != nil {
			t.Errorf("%s: %v", task, err)
		}
		for name := range given {
			if !asked[name] && name != "GOMEMLIMIT" { // Go's own
				t.Errorf("%s: %s is set, and nobody reads it", task, name)
			}
		}
	}
}

// TestServicesAreGivenEverything compares what the containers are given with the
// table of settings in docs/architecture.md. Those with a default are given too:
// without MIN_PEOPLE nothing would be suppressed.
func TestServicesAreGivenEverything(t *testing.T) {
	rows := documented(t)
	for task, c := range containers(t, extremes) {
		given := c.given(t)
		for _, row := range rows {
			_, ok := given[row.name]
			if row.of(c.Name) != ok {
				t.Errorf("%s: %s is given: %t; the table says it is used by %s", task, row.name, ok, row.usedBy)
			}
			if !ok || row.preset != "required" {
				continue
			}
			// What the table calls required, the service does not start without.
			less := maps.Clone(given)
			delete(less, row.name)
			var bad *service.SettingsError
			if _, err := start(c.Name, less); !errors.As(err, &bad) || !slices.Equal(bad.Faults, []string{row.name + " is missing"}) {
				t.Errorf("%s without %s: %v", task, row.name, err)
			}
		}
		for name := range given {
			known := slices.ContainsFunc(rows, func(row setting) bool { return row.name == name })
			if !known && name != "AWS_REGION" {
				t.Errorf("%s: %s is not in the table", task, name)
			}
		}
	}
}

// setting is a row of the table of settings.
type setting struct{ name, usedBy, preset string }

// of reports whether a service uses the setting.
func (s setting) of(service string) bool {
	who, _, _ := strings.Cut(s.usedBy, ":")
	if but, ok := strings.CutPrefix(who, "all but "); ok {
		return service != but
	}
	return who == "all" || slices.Contains(strings.Split(who, ", "), service)
}

func documented(t *testing.T) []setting {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(data), "\n## Settings\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var rows []setting
	for line := range strings.SplitSeq(text, "\n") {
		cells := strings.Split(line, " | ")
		if name, ok := strings.CutPrefix(cells[0], "| `"); ok && len(cells) >= 3 {
			rows = append(rows, setting{strings.TrimSuffix(name, "`"), cells[1], cells[2]})
		}
	}
	if len(rows) < 15 {
		t.Fatalf("the table of settings was not found: %+v", rows)
	}
	return rows
}

// TestGivenWhatIsConfigured: each value of the configuration gets to the service
// that it is for.
func TestGivenWhatIsConfigured(t *testing.T) {
	all := containers(t, `[{"name": "v1", "places": "local/headcount/sample/places.csv", "window": "15m", "radiusM": 150.5, "minPeople": 7,
		"maxAge": "48h", "flushInterval": "20s", "refreshInterval": "90s", "logLevel": "warn"}]`)
	const queue = "https://sqs.eu-west-1.amazonaws.com/111122223333/headcount-dev-v1-"
	const alerts = "arn:aws:sns:eu-west-1:111122223333:headcount-dev-alerts"
	for service, want := range map[string]map[string]string{
		"validator": {
			"INPUT_QUEUE_URL": queue + "ingest", "OUTPUT_QUEUE_URL": queue + "valid", "ALERT_TOPIC_ARN": alerts,
			"QUARANTINE_BUCKET": "headcount-dev-quarantine-111122223333-eu-west-1", "MAX_AGE": "48h0m0s", "GOMEMLIMIT": "409MiB", "FLOW": "v1", "LOG_LEVEL": "warn",
		},
		"masker": {
			"INPUT_QUEUE_URL": queue + "valid", "OUTPUT_QUEUE_URL": queue + "masked", "ALERT_TOPIC_ARN": alerts,
			"QUARANTINE_BUCKET": "headcount-dev-quarantine-111122223333-eu-west-1", "MAX_AGE": "48h0m0s", "GOMEMLIMIT": "409MiB", "FLOW": "v1", "LOG_LEVEL": "warn",
		},
		"aggregator": {
			"INPUT_QUEUE_URL": queue + "masked", "FINALS_QUEUE_URL": queue + "finals", "AGGREGATES_BUCKET": "headcount-dev-aggregates-111122223333-eu-west-1",
			"WINDOW": "15m0s", "RADIUS_M": "150.5", "MIN_PEOPLE": "7", "FLUSH_INTERVAL": "20s", "REFRESH_INTERVAL": "1m30s",
			"MAX_AGE": "48h0m0s", "GOMEMLIMIT": "409MiB", "FLOW": "v1", "LOG_LEVEL": "warn",
		},
	} {
		c := all["v1-"+service]
		given := c.given(t)
		for name, value := range want {
			if given[name] != value {
				t.Errorf("%s: %s is %q, want %q", service, name, given[name], value)
			}
		}
		if given["AWS_REGION"] != "eu-west-1" {
			t.Errorf("%s: the region is %q", service, given["AWS_REGION"])
		}
	}
	if c := all["v1-masker"]; len(c.Secrets) != 1 || c.Secrets[0].Name != "MASKING_KEYS" ||
		c.Secrets[0].ValueFrom != "arn:aws:secretsmanager:eu-west-1:111122223333:secret:headcount/dev/masking-keys-AbCdEf:::00000000-0000-4000-8000-000000000002" {
		t.Errorf("the masker's secrets are %+v", c.Secrets)
	}
	if v, a := all["v1-validator"], all["v1-aggregator"]; len(v.Secrets)+len(a.Secrets) > 0 {
		t.Errorf("who else has secrets: %+v, %+v", v.Secrets, a.Secrets)
	}
}
