package smoke

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pipeline"
)

// The outcomes of a check.
const (
	Pass    = "pass"
	Fail    = "fail"
	Unknown = "unknown" // there is nothing here to ask
)

// Check is the answer to a question that only AWS can settle.
type Check struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	// Detail is a line of why.
	Detail string `json:"detail"`
}

// checkTable names all checks. An error of ask is a failure.
var checkTable = []struct {
	name string
	ask  func(*runner, context.Context) (status, detail string, err error)
}{
	{"lake-columns", (*runner).checkColumns},
	{"lake-new-day", (*runner).checkNewDay},
	{"lake-objects", (*runner).checkObjects},
	{"lake-without-consent", (*runner).checkConsent},
	{"lake-without-attribute", (*runner).checkUnlabelled},
	{"lake-errors", (*runner).checkErrors},
	{"view-events-safe", (*runner).checkEventsSafe},
	{"view-published-headcounts", (*runner).checkPublished},
	{"quarantine-table", (*runner).checkQuarantine},
	{"conditional-writes", (*runner).checkConditional},
	{"dead-letters", (*runner).checkDead},
	{"workers", (*runner).checkWorkers},
	{"metrics", (*runner).checkMetrics},
	{"alerts", (*runner).checkAlerts},
}

// check answers all of checkTable.
func (r *runner) check(ctx context.Context) []Check {
	var checks []Check
	for _, c := range checkTable {
		status, detail, err := c.ask(r, ctx)
		if err != nil {
			status, detail = Fail, strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		checks = append(checks, Check{c.name, status, detail})
	}
	return checks
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
		if f.Type == event.Group {
			continue
		}
		parts := strings.Split(f.Path, ".")
		columns = append(columns, `count("`+strings.Join(parts, `"."`)+`")`)
		paths = append(paths, f.Path)
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

// checkNewDay: rows of today are seen although nobody has registered a partition.
func (r *runner) checkNewDay(context.Context) (string, string, error) {
	return verdict(r.got.lake > 0, "%d rows in the partitions of the day, which nothing has registered", r.got.lake)
}

// checkObjects: a row's object lies under the prefix of its partition, and is
// Parquet.
func (r *runner) checkObjects(ctx context.Context) (string, string, error) {
	rows, err := r.SQL.Ask(ctx, `SELECT DISTINCT year, month, day, "$path" FROM `+r.EventsWithPath+" WHERE "+r.ours(-1))
	if err != nil || len(rows) == 0 {
		return Fail, "there are no rows to look at", err
	}
	b := bucket.Bucket{API: r.Objects, Name: r.Outputs.Buckets.Lake}
	for _, row := range rows {
		prefix := "data/year=" + row[0] + "/month=" + row[1] + "/day=" + row[2] + "/"
		key := prefix + path.Base(row[3])
		if !strings.HasSuffix(row[3], "/"+b.Name+"/"+key) {
			return Fail, fmt.Sprintf("a row of %s-%s-%s is in %s, not under %s", row[0], row[1], row[2], row[3], prefix), nil
		}
		data, _, err := b.Get(ctx, key)
		if err != nil {
			return "", "", err
		}
		if text := string(data); !strings.HasPrefix(text, "PAR1") || !strings.HasSuffix(text, "PAR1") {
			return Fail, "s3://" + b.Name + "/" + key + " is not Parquet", nil
		}
	}
	return verdict(true, "%d objects, Parquet, under data/year=/month=/day= of their rows", len(rows))
}

// checkConsent: what was published without consent is not in the lake.
func (r *runner) checkConsent(ctx context.Context) (string, string, error) {
	return r.judge(ctx, "SELECT count(*) FROM events WHERE "+r.ours(kindNoConsent), func(n int64) bool { return n == 0 && r.got.lake > 0 },
		"of %d events in messages with consent=none are in the lake", r.want.noConsent)
}

// checkUnlabelled: what was published without the attribute consent is there.
func (r *runner) checkUnlabelled(ctx context.Context) (string, string, error) {
	return r.judge(ctx, "SELECT count(DISTINCT event_id) FROM events WHERE "+r.ours(kindUnlabelled), func(n int64) bool { return n == r.want.unlabelled },
		"of %d events in messages without the attribute consent are in the lake", r.want.unlabelled)
}

// checkErrors: what Firehose could not convert is kept whole.
func (r *runner) checkErrors(context.Context) (string, string, error) {
	if r.got.flawed != "" {
		return Fail, r.got.flawed, nil
	}
	return verdict(r.unconvertedHolds(), "%d of %d malformed events are under errors/format-conversion-failed/, as rawData", r.got.unconverted, r.want.misfits)
}

// checkEventsSafe: the view shows each event of the run once, and no user; and so
// does recent_events, which is imported.
func (r *runner) checkEventsSafe(ctx context.Context) (string, string, error) {
	days := daysAre(r.begun, r.begun.Add(r.options.Timeout))
	version := literal(appVersion(r.run))
	// A row of the view is an event of a day: one that came before and after a
	// midnight is in both.
	n, err := r.integers(ctx, "SELECT count(*) FROM (SELECT DISTINCT year, month, day, event_id FROM events WHERE "+days+
		" AND device.app_version = "+version+") AS different", 1)
	if err != nil {
		return "", "", err
	}
	rows, err := r.SQL.Ask(ctx, "SELECT * FROM events_safe WHERE "+days+" AND app_version = "+version)
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
	recent, err := r.integers(ctx, "SELECT count(*) FROM recent_events WHERE "+days+" AND app_version = "+version, 1)
	if err != nil {
		return "", "", err
	}
	if recent[0] != int64(len(rows)) {
		return verdict(false, "recent_events has %d of the %d rows of events_safe", recent[0], len(rows))
	}
	return verdict(int64(len(rows)) == n[0] && n[0] > 0, "%d rows of this run, for %d different events, without the id of a user or an event", len(rows), n[0])
}

// checkPublished: the view answers, and shows the run's rows if its flow is the
// published one.
func (r *runner) checkPublished(ctx context.Context) (string, string, error) {
	from, to := r.windows()
	status, detail, err := r.judge(ctx, "SELECT count(*) FROM published_headcounts WHERE "+dayIs(from)+" AND window_start >= "+timestamp(from)+
		" AND window_start < "+timestamp(to), func(n int64) bool { return n == int64(len(r.want.rows)) }, "of %d rows", len(r.want.rows))
	if err == nil && r.flowName != r.Outputs.PublishedFlow {
		return verdict(true, "it answers; flow %s is not the published one", r.flowName)
	}
	return status, detail, err
}

// checkQuarantine: the table reads the lines, and received_at as a timestamp.
func (r *runner) checkQuarantine(ctx context.Context) (string, string, error) {
	want := total(r.want.quarantined())
	return r.judge(ctx, "SELECT count(*) FROM quarantine WHERE "+daysAre(r.begun, r.begun.Add(r.options.Timeout))+
		" AND received_at >= "+timestamp(r.begun.Add(-time.Minute))+" AND received_at <= "+timestamp(time.Now().Add(time.Minute)),
		func(n int64) bool { return n >= want }, "lines whose received_at is since the beginning, of %d", want)
}

// checkConditional: a final was created, and replaced when more came to its hour.
// The aggregator writes under conditions only.
func (r *runner) checkConditional(context.Context) (string, string, error) {
	return verdict(r.got.firstRows > 0 && r.rowsHold(), "%d rows of the first wave, %d after the second", r.got.firstRows, len(r.got.rows))
}

// checkDead: nothing was given up since the beginning.
func (r *runner) checkDead(context.Context) (string, string, error) {
	var dead []string
	for _, name := range append([]string{delivery}, pipeline.Queues()...) {
		if n := r.got.dead[name]; n > 0 {
			dead = append(dead, strconv.FormatInt(n, 10)+" of "+name)
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
