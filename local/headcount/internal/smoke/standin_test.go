package smoke

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/sample"
	"github.com/headcount-etl/headcount/local/preview/sql"
	"github.com/headcount-etl/headcount/local/standin"
	"github.com/headcount-etl/headcount/services/aggregator/partials"
	aggregator "github.com/headcount-etl/headcount/services/aggregator/worker"
	chain "github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/shared/service"
)

const testPlacesKey = "places/v1-test.csv"

// rig is the pipeline on the stand-in, some of it perhaps broken.
type rig struct {
	*pipeline.Resources
	flowSettings
	db       *sql.DB
	services *errgroup.Group
	stop     context.CancelFunc
}

// broken is what is to be broken.
type broken struct {
	// service is not started.
	service string
	// unsubscribed is the protocol of a subscription that is taken away.
	unsubscribed string
	// readOnly is a prefix in the aggregates bucket that nobody may write.
	readOnly string
}

// flowSettings are those of the flow.
type flowSettings struct {
	window, maxAge time.Duration
	radiusM        float64
	minPeople      int
}

var usual = flowSettings{window: 5 * time.Minute, radiusM: 200, minPeople: 1}

// newRig starts the services on a new stand-in, with places in the bucket as on AWS.
func newRig(t *testing.T, b broken, s flowSettings) *rig {
	t.Helper()
	dir := t.TempDir()
	standIn, err := standin.Start(t.Context(), standin.Config{Dir: dir, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{flowSettings: s}
	if g.Resources, err = pipeline.Create(t.Context(), standIn, "v1"); err != nil {
		t.Fatal(err)
	}
	if err := standIn.S3.Put(t.Context(), pipeline.AggregatesBucket, testPlacesKey, []byte(sample.Places)); err != nil {
		t.Fatal(err)
	}
	for _, arn := range standIn.SNS.Subscriptions(g.TopicARN) {
		attributes, err := standIn.SNS.SubscriptionAttributes(arn)
		if err != nil {
			t.Fatal(err)
		}
		if attributes["Protocol"] == b.unsubscribed {
			standIn.SNS.Unsubscribe(arn)
		}
	}
	if g.db, err = sql.Open(t.Context(), dir, pipeline.Schema("v1", 0)); err != nil {
		t.Fatal(err)
	}
	g.start(t, b)
	t.Cleanup(func() {
		g.stop()
		if err := g.services.Wait(); err != nil {
			t.Error(err)
		}
		if err := g.db.Close(); err != nil {
			t.Error(err)
		}
		if err := standIn.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return g
}

// start starts the services, but for one that is broken.
func (g *rig) start(t *testing.T, b broken) {
	t.Helper()
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	more := map[string]map[string]string{
		"validator": {"MAX_AGE": g.maxAge.String()},
		"masker":    {"MAX_AGE": g.maxAge.String(), "MASKING_KEYS": `[{"id":"k1","from":"2020-01-01","key":"` + key + `"}]`},
		"aggregator": {
			"AWS_ENDPOINT_URL": g.readOnly(t, b.readOnly), "POIS": "s3://" + pipeline.AggregatesBucket + "/" + testPlacesKey,
			"WINDOW": g.window.String(), "RADIUS_M": fmt.Sprint(g.radiusM), "MIN_PEOPLE": fmt.Sprint(g.minPeople),
			"FLUSH_INTERVAL": "100ms", "REFRESH_INTERVAL": "0",
		},
	}
	soft, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	g.stop = stop
	g.services = &errgroup.Group{}
	for _, name := range chain.Names(nil) {
		run := func(ctx context.Context, p *service.Process) error { return pipeline.Stages[name](ctx, p, nil) }
		if name == "aggregator" {
			run = func(ctx context.Context, p *service.Process) error {
				// A test that ends at once cancels the start, which is no failure.
				w, err := aggregator.New(context.WithoutCancel(ctx), p, aggregator.Options{})
				if err != nil {
					return err
				}
				return w.Run(ctx)
			}
		}
		env := g.Env(name)
		for key, value := range more[name] {
			env[key] = value
		}
		if name == b.service {
			continue
		}
		p := service.NewProcess(name, func(key string) (string, bool) {
			value, ok := env[key]
			return value, ok
		}, io.Discard)
		g.services.Go(func() error { return p.Run(soft, run) })
	}
}

// readOnly gives the endpoint of the stand-in for a client that may not write
// under a prefix of the aggregates bucket.
func (g *rig) readOnly(t *testing.T, prefix string) string {
	t.Helper()
	if prefix == "" {
		return g.Cloud.URL()
	}
	to, err := url.Parse(g.Cloud.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/"+pipeline.AggregatesBucket+"/"+prefix) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// target is the stand-in as a stack.
func (g *rig) target() *Target {
	flow := Flow{
		Queues: g.QueueURLs, DeadLetterQueues: map[string]string{}, Window: Duration(g.window), MaxAge: Duration(g.maxAge),
		RadiusM: g.radiusM, MinPeople: g.minPeople, HotspotLevel: partials.DefaultLevel, PlacesKey: testPlacesKey,
	}
	for name, url := range g.QueueURLs {
		flow.DeadLetterQueues[name] = url + "-dlq"
	}
	return &Target{
		Outputs: Outputs{
			Region: g.Config.Region, TopicARN: g.TopicARN, PublishedFlow: "v1", FirstYear: 2020,
			Buckets: Buckets{Lake: pipeline.LakeBucket, Aggregates: pipeline.AggregatesBucket},
			Flows:   map[string]Flow{"v1": flow},
			// The stand-in's subscription of the stream has none: any that stays empty.
			DeliveryDeadLetterQueue: flow.DeadLetterQueues["finals"],
		},
		Topic: sns.NewFromConfig(g.Config), Queues: sqs.NewFromConfig(g.Config),
		Objects: s3.NewFromConfig(g.Config, func(o *s3.Options) { o.UsePathStyle = true }),
		SQL:     duck{g}, EventsWithPath: sql.WithPath("events"),
	}
}

// duck is DuckDB in Athena's place, and a stream that is never late.
type duck struct{ *rig }

func (d duck) Ask(ctx context.Context, query string) ([]sql.Column, [][]*string, error) {
	if d.Resources != nil {
		if err := d.Cloud.Firehose.FlushAll(ctx); err != nil {
			return nil, nil, err
		}
	}
	rows, err := d.db.Ask(ctx, query)
	var out [][]string
	for _, row := range rows {
		texts := make([]string, len(row))
		for i, value := range row {
			if value != nil {
				texts[i] = fmt.Sprint(value)
			}
		}
		out = append(out, texts)
	}
	return nil, table(out...), err
}

// TestResultsOfTheSpan: rows of the windows before and after the span, of other
// days and of other flows are somebody else's.
func TestResultsOfTheSpan(t *testing.T) {
	db, err := sql.Open(t.Context(), "", sql.Schema{Views: []sql.View{
		{Name: "headcounts", SQL: `
SELECT start::TIMESTAMP AS window_start, start::TIMESTAMP + INTERVAL 40 MINUTE AS window_end, 'a' AS poi_id, 'A' AS poi_name, 1.5 AS poi_latitude,
  2.0 AS poi_longitude, 200.0 AS radius_m, 'other' AS gender, '65+' AS age_band, 3 AS people, false AS suppressed, flow, '2026' AS year, '11' AS month,
  start[9:10] AS day
FROM (VALUES ('2026-11-24 06:00:00', 'v1'), ('2026-11-24 06:40:00', 'v1'), ('2026-11-24 07:20:00', 'v1'), ('2026-11-24 08:00:00', 'v1'),
  ('2026-11-24 06:40:00', 'v2'), ('2026-11-23 06:40:00', 'v1')) AS rows(start, flow)`},
		{Name: "totals", SQL: `
SELECT window_start, window_end, NULL::VARCHAR AS poi_id, NULL::VARCHAR AS poi_name, 3 AS people, false AS suppressed, flow, year, month, day FROM headcounts`},
		{Name: "hotspots", SQL: `
SELECT window_start, window_end, '47e66fd7' AS cell, 1.5 AS latitude, 2.0 AS longitude, 6 AS cell_people, NULL::VARCHAR AS gender, NULL::VARCHAR AS age_band,
  NULL::BIGINT AS people, true AS suppressed, flow, year, month, day FROM headcounts`},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	from := time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC)
	r := &runner{
		Target: &Target{SQL: duck{&rig{db: db}}}, flowName: "v1", flow: Flow{Window: Duration(40 * time.Minute)}, span: span{from, from.Add(time.Hour)},
		begun: from,
	}
	if err := r.askRows(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := rows{}
	for _, window := range [][]string{{"2026-11-24 06:40:00", "2026-11-24 07:20:00"}, {"2026-11-24 07:20:00", "2026-11-24 08:00:00"}} {
		for _, row := range [][]string{
			{window[0], "a", "other", "65+", "3", "false", window[1], "A", decimal(1.5), decimal(2), decimal(200)},
			{window[0], totalOf, "", "", "3", "false", window[1], "", "", "", ""},
			{window[0], inCell + "47e66fd7", "", "", "", "true", window[1], "6", decimal(1.5), decimal(2), ""},
		} {
			if err := want.add(row); err != nil {
				t.Fatal(err)
			}
		}
	}
	if lines := difference(want, r.got.rows); len(lines) > 0 {
		t.Error(strings.Join(lines, "\n"))
	}
	hours, err := r.occupiedHours(t.Context(), 2026)
	if err != nil || len(hours) != 4 || !hours["2026-11-24 07"] || !hours["2026-11-23 06"] {
		t.Errorf("%v, %v", hours, err)
	}
}
