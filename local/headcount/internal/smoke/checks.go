package smoke

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/metrics"
	"github.com/headcount-etl/headcount/shared/pipeline"
)

// questions are those that only AWS can settle. An error of ask is a failure.
var questions = []struct {
	name string
	ask  func(*runner, context.Context) (status, detail string, err error)
}{
	{"lake-columns", (*runner).checkColumns},
	{"lake-new-day", func(r *runner, _ context.Context) (string, string, error) {
		return verdict(r.got.lake > 0, "%d rows in the partitions of the day, which nothing has registered", r.got.lake)
	}},
	{"lake-objects", (*runner).checkObjects},
	{"lake-without-consent", func(r *runner, ctx context.Context) (string, string, error) {
		return r.judge(ctx, "SELECT count(*) FROM events WHERE "+r.ours(kindNoConsent), func(n int64) bool { return n == 0 && r.got.lake > 0 },
			"of %d events in messages with consent=none are in the lake", r.want.noConsent)
	}},
	{"lake-without-attribute", func(r *runner, ctx context.Context) (string, string, error) {
		return r.judge(ctx, "SELECT count(DISTINCT event_id) FROM events WHERE "+r.ours(kindUnlabelled), func(n int64) bool { return n == r.want.unlabelled },
			"of %d events in messages without the attribute consent are in the lake", r.want.unlabelled)
	}},
	{"lake-errors", func(r *runner, _ context.Context) (string, string, error) {
		if r.got.flawed != "" {
			return Fail, r.got.flawed, nil
		}
		return verdict(r.unconvertedHolds(), "%d of %d malformed events are under errors/format-conversion-failed/, as rawData", r.got.unconverted, r.want.misfits)
	}},
	{"view-events-safe", (*runner).checkEventsSafe},
	{"views-published", (*runner).checkPublished},
	{"quarantine-table", func(r *runner, ctx context.Context) (string, string, error) {
		want := total(r.want.quarantined)
		return r.judge(ctx, "SELECT count(*) FROM quarantine WHERE "+r.days()+" AND received_at >= "+timestamp(r.begun.Add(-time.Minute))+
			" AND received_at <= "+timestamp(time.Now().Add(time.Minute)), func(n int64) bool { return n >= want },
			"lines whose received_at is since the beginning, of %d", want)
	}},
	// The aggregator writes under conditions only: a final was created, and replaced
	// when more came to its hour.
	{"conditional-writes", func(r *runner, _ context.Context) (string, string, error) {
		return verdict(r.got.firstRows > 0 && r.rowsHold(), "%d rows of the first wave, %d after the second", r.got.firstRows, len(r.got.rows))
	}},
	{"dead-letters", (*runner).checkDead},
	{"workers", (*runner).checkWorkers},
	{"metrics", func(r *runner, ctx context.Context) (string, string, error) {
		return r.checkMetric(ctx, metrics.EventsReceived.String(), "", float64(r.want.events))
	}},
	{"alerts", func(r *runner, ctx context.Context) (string, string, error) {
		status, detail, err := r.checkMetric(ctx, metrics.AlertsSent.String(), faults[0].category, 1)
		return status, detail + "; whether an e-mail has come, only its reader knows", err
	}},
}

// verdict is Pass or Fail.
func verdict(ok bool, format string, args ...any) (status, detail string, err error) {
	status = Fail
	if ok {
		status = Pass
	}
	return status, fmt.Sprintf(format, args...), nil
}

// judge asks for one number. The detail begins with it.
func (r *runner) judge(ctx context.Context, query string, holds func(n int64) bool, format string, args ...any) (status, detail string, err error) {
	n, err := r.integers(ctx, query, 1)
	if err != nil {
		return "", "", err
	}
	return verdict(holds(n[0]), "%d %s", n[0], fmt.Sprintf(format, args...))
}

// checkColumns: each column of the lake, and each member of its structures, can be
// read and holds a value for each of the run's valid events, which have all fields.
func (r *runner) checkColumns(ctx context.Context) (string, string, error) {
	var columns, paths []string
	for _, f := range event.Fields() {
		if f.Type != event.Group {
			columns = append(columns, `count("`+strings.ReplaceAll(f.Path, ".", `"."`)+`")`)
			paths = append(paths, f.Path)
		}
	}
	n, err := r.integers(ctx, "SELECT count(*), "+strings.Join(columns, ", ")+" FROM events WHERE "+r.ours(kindValid), len(columns)+1)
	if err != nil {
		return "", "", err
	}
	var empty []string
	for i, path := range paths {
		if n[i+1] != n[0] {
			empty = append(empty, path)
		}
	}
	return verdict(n[0] > 0 && len(empty) == 0, "%d columns read in %d rows; without values: %s", len(columns), n[0], orNone(empty))
}

// checkObjects: a row's object lies under the prefix of its partition, and is
// Parquet, or ORC in the folder of that.
func (r *runner) checkObjects(ctx context.Context) (string, string, error) {
	rows, err := r.ask(ctx, `SELECT DISTINCT year, month, day, "$path" FROM `+r.EventsWithPath+" WHERE "+r.ours(-1))
	if err != nil || len(rows) == 0 {
		return Fail, "there are no rows to look at", err
	}
	b := bucket.Bucket{API: r.Objects, Name: r.Outputs.Buckets.Lake}
	for _, row := range rows {
		folder, begins, ends := "data/", "PAR1", "PAR1"
		if strings.Contains(row[3], "/data/orc/") {
			folder, begins, ends = "data/orc/", "ORC", "" // it ends with a length
		}
		prefix := folder + "year=" + row[0] + "/month=" + row[1] + "/day=" + row[2] + "/"
		key := prefix + path.Base(row[3])
		if !strings.HasSuffix(row[3], "/"+b.Name+"/"+key) {
			return Fail, fmt.Sprintf("a row of %s-%s-%s is in %s, not under %s", row[0], row[1], row[2], row[3], prefix), nil
		}
		data, _, err := b.Get(ctx, key)
		if err != nil {
			return "", "", err
		}
		if text := string(data); !strings.HasPrefix(text, begins) || !strings.HasSuffix(text, ends) {
			return Fail, "s3://" + b.Name + "/" + key + " is not " + map[bool]string{true: "Parquet", false: "ORC"}[ends != ""], nil
		}
	}
	return verdict(true, "%d objects, in the lake's format, under year=/month=/day= of their rows", len(rows))
}

// checkEventsSafe: the view shows each event of the run once, and no user; and so
// does recent_events, which is imported.
func (r *runner) checkEventsSafe(ctx context.Context) (string, string, error) {
	version := literal(appVersion(r.run))
	// A row of the view is an event of a day: one that came before and after a
	// midnight is in both.
	n, err := r.integers(ctx, "SELECT count(*) FROM (SELECT DISTINCT year, month, day, event_id FROM events WHERE "+r.days()+
		" AND device.app_version = "+version+") AS different", 1)
	if err != nil {
		return "", "", err
	}
	rows, err := r.ask(ctx, "SELECT * FROM events_safe WHERE "+r.days()+" AND app_version = "+version)
	if err != nil {
		return "", "", err
	}
	for _, row := range rows {
		for _, value := range row {
			if strings.Contains(value, "smoke-") || strings.Contains(value, "-4000-8000-") {
				return Fail, "it shows the id of a user or an event", nil
			}
		}
	}
	recent, err := r.integers(ctx, "SELECT count(*) FROM recent_events WHERE "+r.days()+" AND app_version = "+version, 1)
	if err != nil {
		return "", "", err
	}
	if recent[0] != int64(len(rows)) {
		return verdict(false, "recent_events has %d of the %d rows of events_safe", recent[0], len(rows))
	}
	return verdict(int64(len(rows)) == n[0] && n[0] > 0, "%d rows of this run, for %d different events, without the id of a user or an event", len(rows), n[0])
}

// checkPublished: the views of the results answer, and show the run's rows if its flow
// is the published one.
func (r *runner) checkPublished(ctx context.Context) (string, string, error) {
	from, to := r.windows()
	of := " WHERE " + dayIs(from) + " AND window_start >= " + timestamp(from) + " AND window_start < " + timestamp(to)
	query := "SELECT (SELECT count(*) FROM published_headcounts" + of + ") + (SELECT count(*) FROM published_totals" + of + ") + (SELECT count(*) FROM published_hotspots" + of + ")"
	status, detail, err := r.judge(ctx, query, func(n int64) bool { return n == int64(len(r.want.rows)) }, "of %d rows", len(r.want.rows))
	if err == nil && r.flowName != r.Outputs.PublishedFlow {
		return verdict(true, "it answers; flow %s is not the published one", r.flowName)
	}
	return status, detail, err
}

// checkDead: nothing was given up since the beginning.
func (r *runner) checkDead(context.Context) (string, string, error) {
	var dead []string
	for _, name := range append([]string{delivery}, pipeline.Queues()...) {
		if n := r.got.dead[name]; n > 0 {
			dead = append(dead, fmt.Sprint(n, " of ", name))
		}
	}
	return verdict(len(dead) == 0, "new dead letters: %s", orNone(dead))
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

const notHere = "not on the stand-in"

// checkWorkers: each service runs as many tasks as it should, and its last
// deployment is over.
func (r *runner) checkWorkers(ctx context.Context) (string, string, error) {
	if r.Services == nil {
		return Unknown, notHere, nil
	}
	stages := pipeline.Names(nil)
	in := &ecs.DescribeServicesInput{Cluster: &r.Outputs.ClusterName}
	for _, name := range stages {
		in.Services = append(in.Services, r.flow.Services[name])
	}
	out, err := r.Services.DescribeServices(ctx, in)
	if err != nil {
		return "", "", fmt.Errorf("describe the services of cluster %s: %w", r.Outputs.ClusterName, err)
	}
	var bad []string
	for _, f := range out.Failures {
		bad = append(bad, aws.ToString(f.Arn)+" "+aws.ToString(f.Reason))
	}
	tasks := int32(0)
	for i := range out.Services {
		s := &out.Services[i]
		tasks += s.RunningCount
		if s.RunningCount != s.DesiredCount || s.RunningCount == 0 {
			bad = append(bad, fmt.Sprintf("%s runs %d tasks of %d", aws.ToString(s.ServiceName), s.RunningCount, s.DesiredCount))
		}
		if slices.ContainsFunc(s.Deployments, func(d ecstypes.Deployment) bool { return d.RolloutState == ecstypes.DeploymentRolloutStateFailed }) {
			bad = append(bad, aws.ToString(s.ServiceName)+"'s deployment has failed")
		}
	}
	return verdict(len(bad) == 0 && len(out.Services) == len(stages), "%d services, %d tasks; not well: %s", len(out.Services), tasks, orNone(bad))
}

// checkMetric waits until a metric of the validator, which comes from its log, has
// added up to a number since the beginning; "" is no category.
func (r *runner) checkMetric(ctx context.Context, name string, category event.Category, least float64) (string, string, error) {
	if r.Metrics == nil {
		return Unknown, notHere, nil
	}
	in := &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String(metrics.Namespace), MetricName: &name, Statistics: []cwtypes.Statistic{cwtypes.StatisticSum}, Period: aws.Int32(60),
		StartTime: aws.Time(r.begun.Truncate(time.Minute)),
	}
	dimensions := map[string]string{"Stack": r.Outputs.Stack, "Service": "validator", "Flow": r.flowName, "Category": string(category)}
	if category == "" {
		delete(dimensions, "Category")
	}
	for key, value := range dimensions {
		in.Dimensions = append(in.Dimensions, cwtypes.Dimension{Name: aws.String(key), Value: aws.String(value)})
	}
	waiting, cancel := context.WithTimeout(ctx, r.options.MetricsTimeout)
	defer cancel()
	total := 0.
	err := r.every(waiting, func(ctx context.Context) (bool, error) {
		in.EndTime = aws.Time(time.Now().Add(time.Minute))
		out, err := r.Metrics.GetMetricStatistics(ctx, in)
		if err != nil {
			return false, fmt.Errorf("metric %s: %w", name, err)
		}
		total = 0
		for _, point := range out.Datapoints {
			total += aws.ToFloat64(point.Sum)
		}
		return total >= least, nil
	})
	if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
		return "", "", err
	}
	return verdict(err == nil, "%s of %v adds up to %g since the beginning, at least %g expected", name, dimensions, total, least)
}
