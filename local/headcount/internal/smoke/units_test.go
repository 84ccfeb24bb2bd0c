package smoke

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"pgregory.net/rapid"
)

const outputsJSON = `{"stack":"dev","region":"eu-west-1","account":"111122223333","topicArn":"arn:t","alertTopicArn":"arn:a","database":"headcount_dev",
"workgroup":"headcount-dev","clusterName":"headcount-dev","publishedFlow":"v1","deliveryDeadLetterQueue":"https://d","firstYear":2026,
"buckets":{"lake":"l","aggregates":"a","quarantine":"q","results":"r","logs":"g"},"flows":{"v1":{
"queues":{"ingest":"https://i","valid":"https://v","masked":"https://m","finals":"https://f"},
"deadLetterQueues":{"ingest":"https://id","valid":"https://vd","masked":"https://md","finals":"https://fd"},
"services":{"validator":"v1-validator","masker":"v1-masker","aggregator":"v1-aggregator"},
"window":"5m0s","maxAge":"0s","radiusM":200,"minPeople":1,"placesKey":"places/v1-0.csv"}}}`

func TestReadOutputs(t *testing.T) {
	o, err := ReadOutputs(strings.NewReader(outputsJSON))
	if err != nil || time.Duration(o.Flows["v1"].Window) != 5*time.Minute || o.FirstYear != 2026 || o.Flows["v1"].Queues["masked"] != "https://m" {
		t.Errorf("%+v, %v", o, err)
	}
	// Each output that is taken away is named, whatever else is there.
	for _, name := range []string{
		"region", "topicArn", "database", "workgroup", "clusterName", "publishedFlow", "deliveryDeadLetterQueue", "lake", "aggregates", "ingest", "valid",
		"masked", "finals", "validator", "masker", "aggregator", "window", "radiusM", "minPeople", "placesKey", "flows",
	} {
		_, err := ReadOutputs(strings.NewReader(strings.ReplaceAll(outputsJSON, `"`+name+`":`, `"no":`)))
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("without %s: %v", name, err)
		}
	}
	for _, bad := range []string{"", "null", "[]", "{}", `{"flows":{"v1":{"window":5}}}`, `{"flows":{"v1":{"window":"soon"}}}`} {
		if _, err := ReadOutputs(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// TestFreeSpan: the span's windows have no rows, it lies within a day and in the
// past, and MAX_AGE admits it.
func TestFreeSpan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 86399).Draw(t, "second")) * time.Second)
		earliest := now.Add(-time.Duration(rapid.IntRange(0, 60*24).Draw(t, "hours")) * time.Hour)
		window := rapid.SampledFrom([]time.Duration{time.Minute, 40 * time.Minute, time.Hour, 90 * time.Minute, 6 * time.Hour, 24 * time.Hour}).Draw(t, "window")
		maxAge := rapid.SampledFrom([]time.Duration{0, 5 * time.Minute, time.Hour, 3 * time.Hour, 72 * time.Hour, 9000 * time.Hour}).Draw(t, "max age")
		occupied := map[string]bool{}
		for _, hour := range rapid.SliceOf(rapid.IntRange(0, 60*24)).Draw(t, "occupied") {
			occupied[now.Add(-time.Duration(hour)*time.Hour).Format(hourFormat)] = true
		}
		s, err := freeSpan(now, earliest, window, maxAge, occupied)
		if err != nil {
			return // whether that was right, the next test asks
		}
		if !s.from.Before(s.to) || s.to.After(now) || s.from.Truncate(24*time.Hour) != s.to.Add(-1).Truncate(24*time.Hour) || maxAge > 0 && now.Sub(s.from) > maxAge {
			t.Fatalf("%v at %v", s, now)
		}
		for at := s.from; at.Before(s.to); at = at.Add(time.Minute) {
			if start := at.Truncate(window); occupied[start.Format(hourFormat)] {
				t.Fatalf("window %v of %v is in an hour with rows", start, s)
			}
		}
	})
}

// TestFreeSpanPrefers: old enough to be left alone by live traffic, young enough to
// be near; and an error when there is none.
func TestFreeSpanPrefers(t *testing.T) {
	now := time.Date(2026, 11, 24, 20, 30, 0, 0, time.UTC)
	earliest := now.AddDate(-1, 0, 0)
	busy := func(from, to int) map[string]bool {
		hours := map[string]bool{}
		for h := from; h <= to; h++ {
			hours[now.Add(-time.Duration(h)*time.Hour).Format(hourFormat)] = true
		}
		return hours
	}
	for name, tt := range map[string]struct {
		maxAge      time.Duration
		occupied    map[string]bool
		least, most time.Duration // of the age of the span's beginning
	}{
		"quiet":         {0, nil, 48 * time.Hour, 720 * time.Hour},
		"busy month":    {0, busy(0, 721), 720 * time.Hour, 8760 * time.Hour},
		"busy past":     {0, busy(20, 9000), time.Hour, 20 * time.Hour},
		"three days":    {72 * time.Hour, nil, 48 * time.Hour, 72 * time.Hour},
		"three hours":   {3 * time.Hour, nil, time.Hour, 150 * time.Minute},
		"present hour":  {40 * time.Minute, nil, 20 * time.Minute, 20 * time.Minute},
		"nothing":       {0, busy(0, 9000), 0, 0},
		"young, busy":   {40 * time.Minute, busy(0, 0), 0, 0},
		"past the year": {0, busy(0, 8000), 8000 * time.Hour, 8760 * time.Hour},
	} {
		for range 50 { // it is a matter of chance
			s, err := freeSpan(now, earliest, 5*time.Minute, tt.maxAge, tt.occupied)
			if tt.most == 0 {
				if err == nil || !strings.Contains(err.Error(), "rows in every hour") {
					t.Fatalf("%s: %v, %v", name, s, err)
				}
				continue
			}
			if age := now.Sub(s.from); err != nil || age < tt.least || age > tt.most {
				t.Fatalf("%s: %v (%v old), %v", name, s, age, err)
			}
		}
	}
}

type fakeServices struct {
	running, desired int32
	rollout          ecstypes.DeploymentRolloutState
	lost             string
}

func (f fakeServices) DescribeServices(_ context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	out := &ecs.DescribeServicesOutput{}
	for _, name := range in.Services {
		if name == f.lost {
			out.Failures = append(out.Failures, ecstypes.Failure{Arn: &name, Reason: aws.String("MISSING")})
			continue
		}
		out.Services = append(out.Services, ecstypes.Service{
			ServiceName: &name, RunningCount: f.running, DesiredCount: f.desired,
			Deployments: []ecstypes.Deployment{{RolloutState: f.rollout}},
		})
	}
	return out, nil
}

func TestCheckWorkers(t *testing.T) {
	done := ecstypes.DeploymentRolloutStateCompleted
	for name, tt := range map[string]struct {
		fake   fakeServices
		status string
		detail string
	}{
		"well":     {fakeServices{2, 2, done, ""}, Pass, "3 services, 6 tasks; not well: none"},
		"too few":  {fakeServices{1, 2, done, ""}, Fail, "v1-masker runs 1 tasks of 2"},
		"none":     {fakeServices{0, 0, done, ""}, Fail, "runs 0 tasks of 0"},
		"rollback": {fakeServices{1, 1, ecstypes.DeploymentRolloutStateFailed, ""}, Fail, "v1-validator's deployment has failed"},
		"lost":     {fakeServices{1, 1, done, "v1-masker"}, Fail, "v1-masker MISSING"},
	} {
		r := &runner{Target: &Target{Services: tt.fake}, flow: Flow{Services: map[string]string{"validator": "v1-validator", "masker": "v1-masker", "aggregator": "v1-aggregator"}}}
		status, detail, err := r.checkWorkers(t.Context())
		if err != nil || status != tt.status || !strings.Contains(detail, tt.detail) {
			t.Errorf("%s: %s %s, %v", name, status, detail, err)
		}
	}
}

// fakeMetrics has, from its third answer on, two minutes' sums.
type fakeMetrics struct {
	asked []*cloudwatch.GetMetricStatisticsInput
	sums  []float64
	err   error
}

func (f *fakeMetrics) GetMetricStatistics(_ context.Context, in *cloudwatch.GetMetricStatisticsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricStatisticsOutput, error) {
	f.asked = append(f.asked, in)
	out := &cloudwatch.GetMetricStatisticsOutput{}
	if len(f.asked) >= 3 {
		for _, sum := range f.sums {
			out.Datapoints = append(out.Datapoints, cwtypes.Datapoint{Sum: aws.Float64(sum)})
		}
	}
	return out, f.err
}

func TestCheckMetrics(t *testing.T) {
	for name, tt := range map[string]struct {
		fake   fakeMetrics
		status string
		detail string
	}{
		"late":    {fakeMetrics{sums: []float64{600, 400}}, Pass, "adds up to 1000"},
		"too few": {fakeMetrics{sums: []float64{600, 399}}, Fail, "adds up to 999"},
		"refused": {fakeMetrics{err: errors.New("AccessDenied")}, "", "AccessDenied"},
	} {
		r := &runner{
			Target: &Target{Metrics: &tt.fake, Outputs: Outputs{Stack: "dev"}}, flowName: "v1", begun: time.Now(), want: expectation{events: 1000},
			options: Options{Every: time.Millisecond, MetricsTimeout: 50 * time.Millisecond},
		}
		status, detail, err := r.checkMetric(t.Context(), "EventsReceived", "", 1000)
		if err != nil {
			detail = err.Error()
		}
		if status != tt.status || !strings.Contains(detail, tt.detail) {
			t.Errorf("%s: %s %s", name, status, detail)
		}
		if in := tt.fake.asked[0]; *in.Namespace != "Headcount" || *in.MetricName != "EventsReceived" || len(in.Dimensions) != 3 ||
			!slices.ContainsFunc(in.Dimensions, func(d cwtypes.Dimension) bool { return *d.Name == "Stack" && *d.Value == "dev" }) {
			t.Errorf("%s: asked for %+v", name, in)
		}
	}
}

// TestDeadLetters: what others have left there before is nobody's fault now.
func TestDeadLetters(t *testing.T) {
	r := &runner{got: findings{dead: map[string]int64{"valid": 0, "masked": 2, delivery: 1}}}
	if status, detail, _ := r.checkDead(t.Context()); status != Fail || !strings.Contains(detail, "1 of delivery, 2 of masked") {
		t.Errorf("%s %s", status, detail)
	}
	r.got.dead = map[string]int64{"masked": 0, "valid": -3} // somebody has redriven three
	if status, _, _ := r.checkDead(t.Context()); status != Pass {
		t.Error(status)
	}
}

// TestRows: a row of results is whole, and there once.
func TestRows(t *testing.T) {
	good := []string{"2026-11-24 06:00:00", "a", "other", "65+", "", "true", "2026-11-24 06:05:00", "", "1", "2", "3"}
	got := rows{}
	if err := got.add(good); err != nil || got["2026-11-24 06:00:00 a other 65+"] != "suppressed until 2026-11-24 06:05:00 ( at 1, 2, radius 3 m)" {
		t.Errorf("%v, %v", got, err)
	}
	if err := got.add(good); err == nil || !strings.Contains(err.Error(), "two rows") {
		t.Error(err)
	}
	without := slices.Clone(good)
	without[5] = "false"
	if err := (rows{}).add(without); err == nil || !strings.Contains(err.Error(), "no people") {
		t.Error(err)
	}
	if err := (rows{}).add(good[1:]); err == nil {
		t.Error("a short row was read")
	}
	if got := decimal(-0.0000000001); got != "0.000000000" {
		t.Error(got)
	}
}

// TestReadUnconverted: only the run's events count, and a line must say why.
func TestReadUnconverted(t *testing.T) {
	line := func(raw, code string) string {
		return `{"attemptsMade":1,"arrivalTimestamp":1,"lastErrorCode":"` + code + `","lastErrorMessage":"m","rawData":"` + raw + "\"}\n"
	}
	const ours, others = "eyJldmVudF9pZCI6IjAwMDAwMDAxLTAwMDMtNDAwMC04MDAwLTEyMzQ1Njc4OTAxMiIs", "e30="
	r := &runner{run: testRun}
	if err := r.readUnconverted([]byte(line(others, "") + line(ours, "c"))); err != nil || r.got.unconverted != 1 || r.got.flawed != "" {
		t.Errorf("%+v, %v", r.got, err)
	}
	if err := r.readUnconverted([]byte(line(ours, ""))); err != nil || r.got.unconverted != 2 || r.got.flawed == "" {
		t.Errorf("%+v, %v", r.got, err)
	}
	if err := r.readUnconverted([]byte("base64")); err == nil {
		t.Error("what is no JSON was read")
	}
}
