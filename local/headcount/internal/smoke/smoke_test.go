package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testEvents = 1000

func testOptions(t *testing.T, timeout time.Duration) Options {
	return Options{Events: testEvents, Seed: 1, Timeout: timeout, Every: 50 * time.Millisecond, Say: func(line string) { t.Log(line) }}
}

// TestOnStandIn: exactly the expected rows at all settings, and again on a stack
// that has seen smoke before; all hops hold, no check fails.
func TestOnStandIn(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]flowSettings{
		"usual":              usual,
		"a day, three, aged": {window: 24 * time.Hour, radiusM: 450, minPeople: 3, maxAge: 100 * time.Hour},
		"a minute, two":      {window: time.Minute, radiusM: 75.5, minPeople: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, broken{}, settings)
			for seed := range uint64(2) {
				options := testOptions(t, time.Minute)
				options.Seed = seed
				report, err := Run(t.Context(), g.target(), options)
				if err != nil {
					t.Fatal(err)
				}
				checkReport(t, report)
			}
		})
	}
}

// checkReport looks at a report of success, and at what is printed of it.
func checkReport(t *testing.T, report *Report) {
	t.Helper()
	var table strings.Builder
	report.WriteTable(&table)
	if err := report.Fault(); err != nil || !report.OK || report.Rows != report.Expected || report.Rows == 0 {
		t.Fatalf("%v\n%s", err, table.String())
	}
	unknown := map[string]bool{}
	for _, c := range report.Checks {
		unknown[c.Name] = c.Status == Unknown
		if !strings.Contains(table.String(), c.Name) {
			t.Errorf("the table does not name the check %s", c.Name)
		}
	}
	maps.DeleteFunc(unknown, func(_ string, is bool) bool { return !is })
	if got := slices.Sorted(maps.Keys(unknown)); !slices.Equal(got, []string{"alerts", "metrics", "workers"}) {
		t.Errorf("unknown on the stand-in are %v", got)
	}
	line, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		OK             bool
		Expected, Rows int
		Checks         []Check
	}
	if err := json.Unmarshal(line, &read); err != nil {
		t.Fatal(err)
	}
	var hops []string
	for _, c := range read.Checks {
		name, isHop := strings.CutPrefix(c.Name, "hop ")
		if !isHop {
			continue
		}
		hops = append(hops, name)
		// Nobody else is here, so that all numbers are exact.
		var got, expected int
		_, _ = fmt.Sscan(c.Detail, &got)
		_, number, _ := strings.Cut(c.Detail, ", expected ")
		if _, err := fmt.Sscan(number, &expected); c.Status != Pass || got != expected || err != nil || name == "topic" && got != testEvents {
			t.Errorf("%+v", c)
		}
	}
	if want := []string{"topic", "ingest", "validator", "masker", "aggregator", "quarantine", "finals", "lake", "unconverted"}; !slices.Equal(hops, want) {
		t.Errorf("hops %v, want %v", hops, want)
	}
	if !read.OK || read.Rows != report.Rows || len(read.Checks) != len(questions)+len(hops) || strings.Contains(string(line), "\n") {
		t.Errorf("in JSON: %s", line)
	}
}

// brokenTimeout is how long a run waits in vain: long enough for all that is not
// broken, on a busy machine too.
const brokenTimeout = 6 * time.Second

// TestBrokenHops: whatever is broken, the program fails and says where. The runs
// mostly wait, so all of them wait together.
func TestBrokenHops(t *testing.T) {
	t.Parallel()
	cases := []struct {
		broken
		hop, detail string
	}{
		{broken{unsubscribed: "sqs"}, "ingest", "subscribed"},
		{broken{service: "validator"}, "validator", "wait in the queue ingest"},
		{broken{service: "masker"}, "masker", "wait in the queue valid"},
		{broken{service: "aggregator"}, "aggregator", "wait in the queue masked"},
		{broken{readOnly: "partials/"}, "aggregator", "wait in the queue masked"},
		{broken{readOnly: "headcounts/"}, "finals", "in the queue finals"},
		{broken{unsubscribed: "firehose"}, "lake", "subscribed"},
	}
	reports := make([]*Report, len(cases))
	var runs errgroup.Group
	for i, c := range cases {
		target, options := newRig(t, c.broken, usual).target(), testOptions(t, brokenTimeout)
		runs.Go(func() (err error) {
			reports[i], err = Run(t.Context(), target, options)
			return err
		})
	}
	if err := runs.Wait(); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		var table strings.Builder
		reports[i].WriteTable(&table)
		fault := reports[i].Fault()
		if reports[i].OK || fault == nil || !strings.HasPrefix(fault.Error(), "hop "+c.hop+": ") || !strings.Contains(fault.Error(), c.detail) {
			t.Errorf("%+v: fault %v, want hop %s with %q\n%s", c.broken, fault, c.hop, c.detail, table.String())
			continue
		}
		if strings.Contains(fault.Error(), "\n") || !strings.Contains(table.String(), Fail) {
			t.Errorf("%+v: fault %v\n%s", c.broken, fault, table.String())
		}
		t.Log(fault)
	}
}

// TestLakeWithoutFilter: events without consent that reach the lake are seen.
func TestLakeWithoutFilter(t *testing.T) {
	t.Parallel()
	g := newRig(t, broken{unsubscribed: "firehose"}, usual)
	client := sns.NewFromConfig(g.Config)
	protocol, endpoint := "firehose", "arn:aws:firehose:us-east-1:000000000000:deliverystream/headcount-events"
	if _, err := client.Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: &g.TopicARN, Protocol: &protocol, Endpoint: &endpoint,
		Attributes: map[string]string{"RawMessageDelivery": "true", "SubscriptionRoleArn": "arn:aws:iam::000000000000:role/r"},
	}); err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), g.target(), testOptions(t, brokenTimeout))
	if err != nil {
		t.Fatal(err)
	}
	if fault := report.Fault(); fault == nil || !strings.HasPrefix(fault.Error(), "hop lake: 990 rows") {
		t.Error(fault)
	}
	i := slices.IndexFunc(report.Checks, func(c Check) bool { return c.Name == "lake-without-consent" })
	if c := report.Checks[i]; report.OK || c.Status != Fail || !strings.HasPrefix(c.Detail, "50 of 50") {
		t.Errorf("%+v", c)
	}
}

// TestRunRefuses: no verdict without a flow, or without its places.
func TestRunRefuses(t *testing.T) {
	g := newRig(t, broken{}, usual)
	options := testOptions(t, time.Second)
	options.Flow = "v7"
	if _, err := Run(t.Context(), g.target(), options); err == nil || !strings.Contains(err.Error(), `no flow "v7", only v1`) {
		t.Errorf("no flow: %v", err)
	}
	target := g.target()
	f := target.Outputs.Flows["v1"]
	f.PlacesKey = "places/none.csv"
	target.Outputs.Flows["v1"] = f
	if _, err := Run(t.Context(), target, testOptions(t, time.Second)); err == nil || !strings.Contains(err.Error(), "places/none.csv") {
		t.Errorf("no places: %v", err)
	}
}

// TestFault: the first failure counts, and a check that is unknown is none.
func TestFault(t *testing.T) {
	r := Report{Checks: []Check{{"hop topic", Pass, ""}, {"a", Pass, ""}, {"b", Unknown, ""}}}
	if err := r.Fault(); err != nil {
		t.Error(err)
	}
	r.Checks = append(r.Checks, Check{"c", Fail, "why"}, Check{"d", Fail, ""})
	if err := r.Fault(); err == nil || err.Error() != "c: why" {
		t.Error(err)
	}
}

// TestEvery: two errors in a row are borne, three are not.
func TestEvery(t *testing.T) {
	r := &runner{options: Options{Every: time.Millisecond}}
	bad := errors.New("split was replaced")
	for _, tt := range []struct {
		answers []error
		want    error
	}{
		{[]error{bad, bad, nil}, nil},
		{[]error{bad, bad, bad, nil}, bad},
	} {
		n := 0
		err := r.every(t.Context(), func(context.Context) (bool, error) {
			n++
			return tt.answers[n-1] == nil, tt.answers[n-1]
		})
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%v: %v", tt.answers, err)
		}
	}
}
