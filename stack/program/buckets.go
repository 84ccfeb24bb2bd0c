package program

import (
	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/policy"
)

// buckets are the lake, the aggregates, the quarantine, Athena's results, and the
// bucket in which requests to all of them are logged.
type buckets struct{ lake, aggregates, quarantine, results, logs *Bucket }

func (s *stack) buckets() *buckets {
	logs := s.newBucket(names.Logs, &BucketArgs{
		Expiry: []Expiry{{ID: "logs", Delete: s.LogDays}},
		Statements: []policy.Statement{{
			Sid: "Delivery", Services: []string{"logging.s3.amazonaws.com"}, Actions: []string{"s3:PutObject"},
			Resources:  policy.On("arn:aws:s3:::" + s.names.Bucket(names.Logs) + "/*"),
			Conditions: policy.From(s.names.Account, "arn:aws:s3:::"+s.names.Bucket("*")),
		}},
	})
	create := func(name string, expiry ...Expiry) *Bucket {
		return s.newBucket(name, &BucketArgs{AccessLogs: logs, Expiry: expiry})
	}
	return &buckets{
		lake: create(names.Lake,
			Expiry{ID: "events", Prefix: "data/", Archive: s.LakeArchiveDays, Delete: s.LakeDays},
			Expiry{ID: "unconverted", Prefix: "errors/", Delete: s.QuarantineDays}),
		// Partials, and snapshots of them, bound how late an event can be counted. The
		// results and the files of flows are what all this is for: they stay.
		aggregates: create(names.Aggregates,
			Expiry{ID: "partials", Prefix: "partials/", Delete: s.PartialsDays},
			Expiry{ID: "snapshots", Prefix: "snapshots/", Delete: s.PartialsDays}),
		quarantine: create(names.Quarantine, Expiry{ID: "rejections", Prefix: "quarantine/", Delete: s.QuarantineDays}),
		results:    create(names.Results, Expiry{ID: "results", Prefix: "athena/", Delete: s.ResultsDays}),
		logs:       logs,
	}
}
