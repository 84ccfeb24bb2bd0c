package cost

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/local/standin/usage"
)

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// idleDay is what a stack costs a day when nothing happens.
func idleDay(t testing.TB, s Stack) float64 {
	t.Helper()
	return must(must(ReadPrices())(t).Bill(s.Region, Idle(s)))(t).Total() / daysInMonth
}

// TestIdle: the stack to try things on stays cheap, and what the committed
// stacks are made of is known.
func TestIdle(t *testing.T) {
	const most = 3.00 // dollars a day
	dev := must(ReadStack("../../../../stack/testdata/resources.dev.json", "dev"))(t)
	prod := must(ReadStack("../../../../stack/testdata/resources.prod.json", "prod"))(t)
	if cost := idleDay(t, dev); cost > most || cost < 0.5 {
		t.Errorf("dev costs $%.2f a day when idle, want at most $%.2f", cost, most)
	}
	if d, p := idleDay(t, dev), idleDay(t, prod); p < d {
		t.Errorf("prod costs $%.2f a day when idle, and dev more, $%.2f", p, d)
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
 {"type":"aws:glue/crawler:Crawler","name":"c","inputs":{"schedule":"cron(0 2 ? * 2 *)"}},
 {"type":"aws:ecs/cluster:Cluster","name":"c","inputs":{"settings":[{"name":"containerInsights","value":"enabled"}]}},
 {"type":"aws:sqs/queue:Queue","name":"q","inputs":{"kmsMasterKeyId":"k"}},
 {"type":"aws:appautoscaling/target:Target","name":"t","inputs":{"resourceId":"service/c/v1-masker","minCapacity":2,"maxCapacity":3}},
 {"type":"aws:appautoscaling/policy:Policy","name":"p","inputs":{"targetTrackingScalingPolicyConfiguration":{"customizedMetricSpecification":{"metrics":[{"metricStat":{}},{"metricStat":{}},{"expression":"m/r"}]}}}},
 {"type":"aws:ecs/service:Service","name":"v1-validator","inputs":{"desiredCount":1}},
 {"type":"aws:ecs/service:Service","name":"v1-masker","inputs":{"desiredCount":1,"capacityProviderStrategies":[{"capacityProvider":"FARGATE","base":1,"weight":0},{"capacityProvider":"FARGATE_SPOT","weight":1}]}},
 {"type":"aws:ecs/service:Service","name":"v1-aggregator","inputs":{"desiredCount":1,"capacityProviderStrategies":[{"capacityProvider":"FARGATE_SPOT","weight":1}]}},
 {"type":"aws:ecs/taskDefinition:TaskDefinition","name":"v1-validator","inputs":{"cpu":"256","memory":"512","containerDefinitions":"[]"}},
 {"type":"aws:ecs/taskDefinition:TaskDefinition","name":"v1-masker","inputs":{"cpu":"1024","memory":"2048","containerDefinitions":"[]"}},
 {"type":"aws:ecs/taskDefinition:TaskDefinition","name":"v1-aggregator","inputs":{"cpu":"256","memory":"512","containerDefinitions":"[{\"environment\":[{\"name\":\"FLUSH_INTERVAL\",\"value\":\"10s\"},{\"name\":\"REFRESH_INTERVAL\",\"value\":\"30s\"},{\"name\":\"WINDOW\",\"value\":\"5m\"}]}]"}}
]`

// TestStack: what is read from resources, priced by hand.
func TestStack(t *testing.T) {
	s := must(parseStack([]byte(small)))(t)
	prices := must(ReadPrices())(t)
	got := map[string]float64{}
	for _, e := range must(prices.Bill(s.Region, Idle(s)))(t) {
		got[e.Price] += e.USD
	}
	const hours, seconds = 730, 730 * 3600
	want := map[string]float64{
		"nat-hour":      hours * 0.045,
		"endpoint-hour": 2 * hours * 0.01,
		"alarm-metric":  (1 + 2 + 2*2) * 0.10,
		"glue-dpu-hour": 730. / 24 / 7 / 6 * 2 * 0.44,
		"custom-metric": (8 + 3*(6+11)) * 0.30,
		// One validator, two maskers, one aggregator with two queues: 5 × 4
		// receives under way, each for 20 s.
		"sqs-request": 20. / 20 * seconds / 1e6 * 0.40,
		// The aggregator is on Spot, and of the two maskers one.
		"fargate-vcpu":        (0.25 + 1) * hours * 0.03238,
		"fargate-memory":      (0.5 + 2) * hours * 0.00356,
		"fargate-spot-vcpu":   (0.25 + 1) * hours * 0.00971,
		"fargate-spot-memory": (0.5 + 2) * hours * 0.00107,
		"kms-request":         4 * 3 / 300. * seconds / 1e4 * 0.03,
		"logs-ingest":         4 * 13 << 10 / 60. * seconds / (1 << 30) * 0.50,
		"secret":              0.40,
		"nat-data":            1500. * seconds / (1 << 30) * 0.045, // of empty receives
	}
	for id, usd := range want {
		if math.Abs(got[id]-usd) > 0.005*usd {
			t.Errorf("%s: $%.4f a month, want $%.4f", id, got[id], usd)
		}
		delete(got, id)
	}
	for id, usd := range got {
		if usd != 0 {
			t.Errorf("%s costs $%.4f a month, and should not be there", id, usd)
		}
	}
}

// TestStackFaults: what is not understood is named, all at once.
func TestStackFaults(t *testing.T) {
	var resources []map[string]any
	if err := json.Unmarshal([]byte(small), &resources); err != nil {
		t.Fatal(err)
	}
	resources = append(resources[1:len(resources)-1], // without a region, and without the aggregator's task
		map[string]any{"type": "aws:redshift/cluster:Cluster", "name": "dear", "inputs": map[string]any{}},
		map[string]any{"type": "aws:glue/crawler:Crawler", "name": "often", "inputs": map[string]any{"schedule": "cron(0 * * * ? *)"}},
		map[string]any{"type": "aws:ecs/service:Service", "name": "v1-shared", "inputs": map[string]any{"capacityProviderStrategies": []any{
			map[string]any{"capacityProvider": "FARGATE", "weight": 1}, map[string]any{"capacityProvider": "FARGATE_SPOT", "weight": 1},
		}}})
	text := must(json.Marshal(resources))(t)
	_, err := parseStack(text)
	for _, part := range []string{"aws:redshift/cluster:Cluster is not known", "often", "cron(0 * * * ? *)", "region", "v1-aggregator", "v1-shared: tasks are shared"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("no %q in %v", part, err)
		}
	}
	if _, err := ReadStack(t.TempDir()+"/none.json", "none"); err == nil {
		t.Error("a list that is not there")
	}
}

// TestRegion: a region without prices is an error, not a bill of nothing.
func TestRegion(t *testing.T) {
	prices := must(ReadPrices())(t)
	if _, err := prices.Bill("mars-1", nil); err == nil || !strings.Contains(err.Error(), "mars-1") {
		t.Errorf("%v", err)
	}
	if _, err := prices.Bill("us-east-1", []Use{{Price: "gold"}}); err == nil || !strings.Contains(err.Error(), "gold") {
		t.Errorf("%v", err)
	}
}

// TestLaws: an idle stack is the cheapest; twice as many events or more never cost
// less (a few more may, where batches begin to have two messages), nor does it
// cost more to put many of them into a message.
func TestLaws(t *testing.T) {
	c, prices := must(ReadCounted())(t), must(ReadPrices())(t)
	s := must(ReadStack("../../../../stack/testdata/resources.prod.json", "prod"))(t)
	month := func(t rapid.TB, l Load) float64 {
		uses, err := Steady(s, c, l)
		if err != nil {
			t.Fatal(err)
		}
		bill, err := prices.Bill(s.Region, uses)
		if err != nil {
			t.Fatal(err)
		}
		return bill.Total()
	}
	idle := idleDay(t, s) * daysInMonth
	rapid.Check(t, func(t *rapid.T) {
		l := Load{rapid.Float64Range(0.01, 20_000).Draw(t, "events"), 1}
		more, many := l, l
		more.EventsPerSecond *= rapid.Float64Range(2, 20).Draw(t, "times")
		many.PerMessage = Many
		one := month(t, l)
		// A receive that finds something replaces one that does not: a little may
		// be saved.
		if one < idle*0.999 || month(t, more) < one*0.999 || month(t, many) > one*1.001 {
			t.Fatalf("$%.2f at %+v, $%.2f at %.2f events/s, $%.2f in large messages; $%.2f idle", one, l, month(t, more), more.EventsPerSecond, month(t, many), idle)
		}
	})
}

// TestEmptyReceives holds the formula for empty receives against time itself:
// pollers that each wait 20 s at most for the next of random arrivals.
func TestEmptyReceives(t *testing.T) {
	for _, rate := range []float64{0.001, 0.05, 0.3} {
		h := receive(rate*pollers, 100, 1, 1)
		// Every second is one in which each of the four waits: a receive takes
		// (1 - exp(-20 r))/r seconds on average.
		polls := pollers * rate / (1 - math.Exp(-20*rate))
		if got := h.Receives + h.Empty; math.Abs(got-polls) > 1e-9*polls {
			t.Errorf("%g messages a poller: %g receives a second, want %g", rate, got, polls)
		}
	}
	if h := receive(0, 0, 1, 2); math.Abs(h.Empty-2*pollers/20.) > 1e-12 {
		t.Errorf("%g empty receives a second of two idle tasks", h.Empty)
	}
}

// TestChecks: the arithmetic agrees with the paced runs whose counts are in the
// repository.
func TestChecks(t *testing.T) {
	c := must(ReadCounted())(t)
	if len(c.Paced) == 0 {
		t.Fatal("no paced runs")
	}
	for _, paced := range c.Paced {
		for _, check := range c.Checks(paced) {
			if !check.Agrees() {
				t.Errorf("at %g messages a second, %s: %.0f derived, %.0f counted", paced.MessagesPerSecond, check.What, check.Derived, check.Counted)
			}
		}
	}
	none := Check{"", 100, 60}
	if none.Agrees() || !(Check{"", 100, 80}).Agrees() {
		t.Error("the tolerance is not what it was")
	}
}

// TestSizes: what is taken from a run, with numbers that can be seen through.
func TestSizes(t *testing.T) {
	f := Full{PerMessage: 1, Events: 100, Messages: 50, Valid: 80, Quarantined: 10, Categories: 2, CPUSeconds: 0.01, FinalBytes: 600, FinalWindows: 2, Usage: []usage.Line{
		{Key: usage.Key{Service: "sns", Operation: "PublishBatch", Resource: "headcount-events"}, Count: usage.Count{Messages: 50, Payload: 5000}},
		{Key: usage.Key{Service: "sns", Operation: "PublishBatch", Resource: "headcount-alerts"}, Count: usage.Count{Messages: 99, Payload: 99}},
		{Key: usage.Key{Service: "firehose", Operation: "PutRecordBatch", Resource: "x"}, Count: usage.Count{Messages: 40, Units: 80}},
		{Key: usage.Key{Service: "s3", Operation: "PutObject", Resource: "b/data"}, Count: usage.Count{Payload: 700}},
		{Key: usage.Key{Service: "s3", Operation: "PutObject", Resource: "b/partials"}, Count: usage.Count{Payload: 160}},
	}}
	z := f.sizes()
	got := []float64{z.message, z.events, z.kept, z.rejected, z.recordUnits, z.lake, z.partial, z.cpu, z.final}
	for i, want := range []float64{100, 2, 0.8, 0.1, 2, 7, 2, 0.0001, 300} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("%d: %g, want %g", i, got[i], want)
		}
	}
}

// TestTasks: enough tasks for the processor time, for the receives, and for the
// stack's least.
func TestTasks(t *testing.T) {
	one := Service{VCPU: 0.5, Min: 2, Max: 4, Flush: time.Second, Refresh: time.Second}
	services := [3]Service{one, one, one}
	for _, c := range []struct {
		events, cpu float64
		want        [3]int
	}{
		{1, 1e-6, [3]int{2, 2, 2}},
		{20_000, 1e-9, [3]int{5, 2, 2}}, // 4,000 messages a second and task
		{15_000, 3e-4, [3]int{6, 6, 6}}, // 4.5 s of a core a second, twice, in three services of half a core
	} {
		if got := tasksFor(Load{c.events, 1}, sizes{events: 1, cpu: c.cpu}, services); got != c.want {
			t.Errorf("%g events/s of %g s: %v, want %v", c.events, c.cpu, got, c.want)
		}
	}
}

// TestLake: publishing and the lake, priced by hand: 1,000 messages a second of
// 70,000 bytes with 10 events each, of which the lake gets 90 %.
func TestLake(t *testing.T) {
	s := must(parseStack([]byte(small)))(t)
	s.Buffer, s.BufferBytes = 180*time.Second, 64<<20
	s.LakeArchiveDays, s.ErrorsDays = 90, 30
	z := sizes{message: 70_000, events: 10, kept: 1, lakeShare: 0.9, recordUnits: 14, lake: 100, errors: 5, wire: 1}
	l := Load{10_000, Many}
	prices := must(ReadPrices())(t)
	got := map[string]float64{}
	for _, e := range must(prices.Bill("us-east-1", lakeUses(s, steady(l, z, s.Flows[0], s), z, l)))(t) {
		got[e.Price] += e.USD
	}
	const seconds, day, gb = 730 * 3600., 86400., 1 << 30
	ingested := 900 * 14 * 5120 * seconds / gb
	puts := 900 * 70_000. / (64 << 20) * seconds // the buffer is full before its time
	want := map[string]float64{
		// 3 messages fit a call of 256 KiB, which is 4 chunks of 64 KiB.
		"sns-publish":      1000. / 3 * 4 * seconds / 1e6 * 0.50,
		"sns-firehose":     900 * 2 * seconds / 1e6 * 0.19,
		"firehose-ingest":  ingested * 0.029,
		"firehose-convert": ingested * 0.018,
		"s3-put":           puts / 1000 * 0.005,
		"s3-to-glacier-ir": puts / 1000 * 0.02,
		"s3-standard":      (10_000*100*day*90 + 10_000*5*day*30) / gb * 0.023,
		"s3-glacier-ir":    10_000 * 100 * day * 275 / gb * 0.004,
	}
	for id, usd := range want {
		if math.Abs(got[id]-usd) > 0.005*usd {
			t.Errorf("%s: $%.2f a month, want $%.2f", id, got[id], usd)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
	// What is small stays where it is, and what is deleted sooner too.
	s.LakeArchiveDays, s.LakeDays = 30, 10
	for _, e := range must(prices.Bill("us-east-1", lakeUses(s, steady(l, z, s.Flows[0], s), z, l)))(t) {
		if e.Price == "s3-glacier-ir" || e.Price == "s3-to-glacier-ir" {
			t.Errorf("%s, although the lake is kept for 10 days", e.What)
		}
	}
}

// TestQuarantine: a batch makes an object for each category in it, not for each
// event.
func TestQuarantine(t *testing.T) {
	s := must(parseStack([]byte(small)))(t)
	s.Buffer, s.BufferBytes = 180*time.Second, 64<<20
	z := sizes{message: 800, events: 1, kept: 0.5, lakeShare: 1, recordUnits: 1, rejected: 0.5, categories: 4, wire: 1}
	for _, c := range []struct{ events, least, most float64 }{
		{0.1, 0.04, 0.05},                      // an object an event
		{1000, 9.9 * 4 * 0.99, 9.9 * 4 * 1.01}, // every batch of 101 has all four
	} {
		r := steady(Load{c.events, 1}, z, s.Flows[0], s)
		if r.QuarantinePuts < c.least || r.QuarantinePuts > c.most {
			t.Errorf("%g events/s: %g objects a second, want %g to %g", c.events, r.QuarantinePuts, c.least, c.most)
		}
	}
}

// TestTwoFlows: a second flow costs its tasks and requests, but the events are
// published, and brought to the lake, once.
func TestTwoFlows(t *testing.T) {
	c := must(ReadCounted())(t)
	s := must(ReadStack("../../../../stack/testdata/resources.prod.json", "prod"))(t)
	amounts := func(s Stack) map[string]float64 {
		sums := map[string]float64{}
		for _, use := range must(Steady(s, c, Load{100, 1}))(t) {
			sums[use.Price] += use.Amount
		}
		return sums
	}
	one := amounts(s)
	s.Flows = append(s.Flows, s.Flows[0])
	two := amounts(s)
	for price, times := range map[string]float64{"sns-firehose": 1, "firehose-ingest": 1, "sqs-request": 2, "fargate-vcpu": 2, "nat-hour": 1} {
		if math.Abs(two[price]-times*one[price]) > 1e-9*two[price] {
			t.Errorf("%s: %g with two flows, %g with one", price, two[price], one[price])
		}
	}
}
