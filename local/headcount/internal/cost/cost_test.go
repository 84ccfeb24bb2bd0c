package cost

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/local/standin/usage"
)

const resources = "../../../../stack/testdata/resources."

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func prices(t testing.TB) Prices { t.Helper(); return must(ReadPrices())(t) }

func committed(t testing.TB, name string) Stack {
	t.Helper()
	return must(ReadStack(prices(t), resources+name+".json", name))(t)
}

// total is what amounts cost, in dollars.
func total(t testing.TB, s Stack, amounts Amounts) float64 {
	t.Helper()
	p := prices(t)
	_, sum, err := p.Cost(s.Region, amounts)
	return must(sum, err)(t)
}

// TestIdle: the stack to try things on stays cheap, and what the committed stacks
// are made of is known.
func TestIdle(t *testing.T) {
	const most = 3.00 // dollars a day
	dev, prod := committed(t, "dev"), committed(t, "prod")
	if d, p := total(t, dev, dev.Idle)/hours*24, total(t, prod, prod.Idle)/hours*24; d > most || d < 0.5 || p < d {
		t.Errorf("dev costs $%.2f a day when idle, want at most $%.2f; prod $%.2f", d, most, p)
	}
}

// TestAssumptions: what prices.json says of a type of resource without a look at its
// inputs is so in the committed stacks.
func TestAssumptions(t *testing.T) {
	daily := regexp.MustCompile(`^cron\(\d+ \d+ \* \* \? \*\)$`)
	for _, name := range []string{"dev", "prod"} {
		var list []struct {
			Type   string
			Inputs map[string]any
		}
		if err := json.Unmarshal(must(os.ReadFile(resources+name+".json"))(t), &list); err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for _, r := range list {
			var ok bool
			switch kind := strings.Split(r.Type, ":")[1]; kind {
			case "glue/crawler":
				ok = daily.MatchString(fmt.Sprint(r.Inputs["schedule"]))
			case "ecs/cluster":
				ok = fmt.Sprint(r.Inputs["settings"]) == "[map[name:containerInsights value:enabled]]"
			case "sqs/queue":
				ok = r.Inputs["kmsDataKeyReusePeriodSeconds"] == 300.
			case "ecs/service":
				ok = len(r.Inputs["capacityProviderStrategies"].([]any)) == 1 // on demand or on Spot, not a part of each
			default:
				continue
			}
			if seen[r.Type]++; !ok {
				t.Errorf("%s: prices.json is wrong about %s: %v", name, r.Type, r.Inputs)
			}
		}
		if len(seen) != 4 {
			t.Errorf("%s: looked at %v", name, seen)
		}
	}
}

// TestPrices: every price is complete, and is used in the document or says that it
// is not.
func TestPrices(t *testing.T) {
	p, used := prices(t), Amounts{}
	for _, name := range []string{"dev", "prod"} {
		s := committed(t, name)
		for id, amount := range s.Idle {
			used[id] += amount
		}
		for _, run := range must(ReadCounted())(t) {
			for id, amount := range must(run.used(&p, s.traffic))(t) {
				used[id] += amount
			}
		}
	}
	seen := map[string]bool{}
	for _, price := range p.List {
		if seen[price.ID] || price.Service == "" || price.Unit == "" || price.Per <= 0 || !strings.HasPrefix(price.Source, "https://aws.amazon.com/") ||
			price.USD["eu-west-1"] <= 0 || price.USD["us-east-1"] <= 0 {
			t.Errorf("%+v is incomplete, or there twice", price)
		}
		seen[price.ID] = true
		if inSums := !strings.Contains(price.Note, "not in the sums"); inSums != (used[price.ID] > 0) {
			t.Errorf("%s is in the sums: %t", price.ID, used[price.ID] > 0)
		}
		for _, of := range price.Used {
			if !slices.Contains([]string{"requests", "units", "wire", "year"}, of) {
				t.Errorf("%s is billed by %q", price.ID, of)
			}
		}
	}
	for _, amounts := range []struct {
		region string
		Amounts
	}{{"mars-1", Amounts{"nat-hour": 1}}, {"us-east-1", Amounts{"gold": 1}}} {
		if _, _, err := p.Cost(amounts.region, amounts.Amounts); err == nil {
			t.Errorf("%v has a price", amounts)
		}
	}
}

// small is a stack whose cost is worked out by hand.
const small = `[
 {"type":"pulumi:providers:aws","name":"aws","inputs":{"region":"us-east-1"}},
 {"type":"aws:ec2/natGateway:NatGateway","name":"n","inputs":{}},
 {"type":"aws:ec2/vpcEndpoint:VpcEndpoint","name":"s3","inputs":{"vpcEndpointType":"Gateway"}},
 {"type":"aws:ec2/vpcEndpoint:VpcEndpoint","name":"sqs","inputs":{"vpcEndpointType":"Interface","subnetIds":["a","b"]}},
 {"type":"aws:cloudwatch/metricAlarm:MetricAlarm","name":"one","inputs":{"metricName":"x"}},
 {"type":"aws:cloudwatch/metricAlarm:MetricAlarm","name":"two","inputs":{"metricQueries":[{"expression":"a-b"},{"metric":{}},{"metric":{}}]}},
 {"type":"aws:secretsmanager/secret:Secret","name":"s","inputs":{}},
 {"type":"aws:glue/crawler:Crawler","name":"c","inputs":{}},
 {"type":"aws:ecs/cluster:Cluster","name":"c","inputs":{}},
 {"type":"aws:sqs/redrivePolicy:RedrivePolicy","name":"q","inputs":{}},
 {"type":"aws:appautoscaling/target:Target","name":"v1-masker","inputs":{"minCapacity":2,"maxCapacity":3}},
 {"type":"aws:appautoscaling/policy:Policy","name":"p","inputs":{"targetTrackingScalingPolicyConfiguration":{"customizedMetricSpecification":{"metrics":[{"metricStat":{}},{"metricStat":{}},{"expression":"m/r"}]}}}},
 {"type":"aws:ecs/service:Service","name":"v1-validator","inputs":{"desiredCount":1}},
 {"type":"aws:ecs/service:Service","name":"v1-masker","inputs":{"desiredCount":1,"capacityProviderStrategies":[{"capacityProvider":"FARGATE","base":1,"weight":0},{"capacityProvider":"FARGATE_SPOT","weight":1}]}},
 {"type":"aws:ecs/service:Service","name":"v1-aggregator","inputs":{"desiredCount":1,"capacityProviderStrategies":[{"capacityProvider":"FARGATE_SPOT","weight":1}]}},
 {"type":"aws:ecs/taskDefinition:TaskDefinition","name":"v1-validator","inputs":{"cpu":"256","memory":"512","containerDefinitions":"[{\"environment\":[{\"name\":\"INPUT_QUEUE_URL\"},{\"name\":\"OUTPUT_QUEUE_URL\"}]}]"}},
 {"type":"aws:ecs/taskDefinition:TaskDefinition","name":"v1-masker","inputs":{"cpu":"1024","memory":"2048","containerDefinitions":"[{\"environment\":[{\"name\":\"INPUT_QUEUE_URL\"},{\"name\":\"OUTPUT_QUEUE_URL\"}]}]"}},
 {"type":"aws:ecs/taskDefinition:TaskDefinition","name":"v1-aggregator","inputs":{"cpu":"256","memory":"512","containerDefinitions":"[{\"environment\":[{\"name\":\"FINALS_QUEUE_URL\"},{\"name\":\"INPUT_QUEUE_URL\"}]}]"}}
]`

func readText(t *testing.T, text string) (Stack, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resources.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return ReadStack(prices(t), path, "small")
}

// checkCosts holds each dollar against what was worked out by hand.
func checkCosts(t *testing.T, amounts Amounts, want map[string]float64) {
	t.Helper()
	p := prices(t)
	each, _, err := p.Cost("us-east-1", amounts)
	if err != nil {
		t.Fatal(err)
	}
	for i, price := range p.List {
		if math.Abs(each[i]-want[price.ID]) > 0.005*want[price.ID] {
			t.Errorf("%s: $%.4f, want $%.4f", price.ID, each[i], want[price.ID])
		}
	}
}

// TestStack: what is read from resources, priced by hand.
func TestStack(t *testing.T) {
	s := must(readText(t, small))(t)
	if s.Region != "us-east-1" || s.traffic != "nat-data" {
		t.Errorf("%+v", s)
	}
	checkCosts(t, s.Idle, map[string]float64{
		"nat-hour":      hours * 0.045,
		"endpoint-hour": 2 * hours * 0.01,
		"alarm-metric":  (1 + 2 + 2*2) * 0.10,
		"glue-dpu-hour": hours / 24 / 6 * 2 * 0.44,
		"custom-metric": (8 + 3*(6+11)) * 0.30,
		// One validator, two maskers, one aggregator with two queues: 5 × 4
		// receives under way, each for 20 s.
		"sqs-request": 20. / 20 * seconds / 1e6 * 0.40,
		// The aggregator is on Spot, and of the two maskers one.
		"fargate-vcpu":        (0.25 + 1) * hours * 0.03238,
		"fargate-memory":      (0.5 + 2) * hours * 0.00356,
		"fargate-spot-vcpu":   (0.25 + 1) * hours * 0.00971,
		"fargate-spot-memory": (0.5 + 2) * hours * 0.00107,
		"kms-request":         3 / 300. * seconds / 1e4 * 0.03,
		"logs-ingest":         4 * 13 << 10 / 60. * seconds / (1 << 30) * 0.50,
		"secret":              0.40,
		"nat-data":            1500. * seconds / (1 << 30) * 0.045, // of empty receives
	})
}

// TestStackFaults: what is not understood is named, all at once.
func TestStackFaults(t *testing.T) {
	text := strings.Replace(small, `"name":"v1-aggregator","inputs":{"cpu"`, `"name":"other","inputs":{"cpu"`, 1)
	text = strings.Replace(text, "[", `[{"type":"aws:redshift/cluster:Cluster","name":"dear","inputs":{}},`, 1)
	_, err := readText(t, text)
	for _, part := range []string{"aws:redshift/cluster:Cluster dear", "v1-aggregator: it has no task definition"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("no %q in %v", part, err)
		}
	}
	for _, text := range []string{"", "{}", `[{"type":"aws:ecs/taskDefinition:TaskDefinition","inputs":{"cpu":"much"}}]`} {
		if _, err := readText(t, text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

// TestUsed: what a run has used, for a million events, priced by hand.
func TestUsed(t *testing.T) {
	line := func(service, operation string, n usage.Count) usage.Line {
		return usage.Line{Key: usage.Key{Service: service, Operation: operation}, Count: n}
	}
	p := prices(t)
	r := Run{Events: 1000, Usage: []usage.Line{
		line("sns", "PublishBatch", usage.Count{Requests: 100, Units: 120, Messages: 1000}),
		line("sns", "deliver sqs", usage.Count{Requests: 1000, Units: 1000}),
		line("sns", "deliver firehose", usage.Count{Requests: 900, Units: 950}),
		line("firehose", "PutRecordBatch", usage.Count{Requests: 90, Units: 1800}),
		line("sqs", "ReceiveMessage", usage.Count{Requests: 300, Units: 400, Empty: 100, Wire: 1 << 20}),
		line("s3", "PutObject", usage.Count{Requests: 10, Payload: 1 << 20}),
		line("s3", "ListObjectsV2", usage.Count{Requests: 5}),
		line("s3", "GetObject", usage.Count{Requests: 7}),
	}}
	const gb = 1 << 30
	want := map[string]float64{
		"sns-publish": 0.12 * 0.50, "sns-firehose": 0.95 * 0.19, "sqs-request": 0.3 * 0.40,
		"firehose-ingest": 1.8e6 * 5120 / gb * 0.029, "firehose-convert": 1.8e6 * 5120 / gb * 0.018,
		"nat-data": 1000 * (1<<20 + 200*1500) / float64(gb) * 0.045,
		"s3-put":   15 * 0.005, "s3-get": 7 * 0.0004, "s3-standard": 12 * 1000 * (1 << 20) / float64(gb) * 0.023,
	}
	checkCosts(t, must(r.used(&p, "nat-data"))(t), want)
	want["endpoint-data"] = want["nat-data"] / 0.045 * 0.01
	delete(want, "nat-data")
	checkCosts(t, must(r.used(&p, "endpoint-data"))(t), want)

	r.Usage = append(r.Usage, line("s3", "RestoreObject", usage.Count{Requests: 1}))
	if _, err := r.used(&p, "nat-data"); err == nil || !strings.Contains(err.Error(), "s3 RestoreObject") {
		t.Errorf("an operation without a price: %v", err)
	}
}

// TestCommitted: the committed runs are those that the document speaks of, and
// large messages, and full calls, are cheaper.
func TestCommitted(t *testing.T) {
	p, s, runs, last := prices(t), committed(t, "prod"), must(ReadCounted())(t), math.Inf(1)
	for i, run := range runs {
		usd := total(t, s, must(run.used(&p, s.traffic))(t))
		if run.PerMessage != wanted[i].PerMessage || run.PerSecond != wanted[i].PerSecond || run.Events < 1000 || usd > last/1.5 {
			t.Errorf("run %d: %d events, %d in a message, %g messages a second: $%.2f a million, after $%.2f", i, run.Events, run.PerMessage, run.PerSecond, usd, last)
		}
		last = usd
	}
	if len(runs) != len(wanted) {
		t.Errorf("%d runs", len(runs))
	}
}

// TestCount: a fresh run uses about what the committed one has. How batches fall
// depends on what else the machine does, so there is a tolerance.
func TestCount(t *testing.T) {
	p := prices(t)
	for i, run := range must(ReadCounted())(t) {
		fresh, events := wanted[i], 5000
		if run.PerSecond > 0 {
			events = 300 // 3 s
		}
		if err := fresh.count(t.Context(), t.TempDir(), events); err != nil {
			t.Fatal(err)
		}
		want, got := must(run.used(&p, "nat-data"))(t), must(fresh.used(&p, "nat-data"))(t)
		for id, tolerance := range map[string]float64{
			"sns-publish": 0.1, "sns-firehose": 0.1, "firehose-ingest": 0.1, "sqs-request": 0.5, "nat-data": 0.3,
		} {
			if math.Abs(got[id]-want[id]) > tolerance*want[id] {
				t.Errorf("%s, %d in a message, %g messages a second: %.0f a million events, %.0f is committed: `make cost` counts anew", id, run.PerMessage, run.PerSecond, got[id], want[id])
			}
		}
	}
}
