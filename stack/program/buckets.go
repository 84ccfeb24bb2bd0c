package program

import (
	"errors"

	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/policy"
)

// buckets are the lake, the aggregates, the quarantine, Athena's results, and the
// bucket in which requests to all of them are logged.
type buckets struct{ lake, aggregates, quarantine, results, logs *Bucket }

func (s *stack) buckets() (*buckets, error) {
	arn := "arn:aws:s3:::" + s.names.Bucket(names.Logs)
	// S3 delivers access logs only where its own key encrypts, and a log of the
	// log's bucket would never end
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html).
	logs, err := NewBucket(s.ctx, names.Logs, &BucketArgs{
		Name: s.names.Bucket(names.Logs), Protect: s.Protect,
		Expiry: []Expiry{{ID: "logs", Delete: s.LogDays}},
		Statements: []policy.Statement{{
			Sid: "Delivery", Services: []string{"logging.s3.amazonaws.com"}, Actions: []string{"s3:PutObject"},
			Resources:  policy.On(arn + "/*"),
			Conditions: policy.From(s.names.Account, "arn:aws:s3:::"+s.names.Bucket("*")),
		}},
	}, s.opts()...)
	if err != nil {
		return nil, err
	}
	create := func(name string, expiry ...Expiry) (*Bucket, error) {
		return NewBucket(s.ctx, name, &BucketArgs{Name: s.names.Bucket(name), Protect: s.Protect, Key: s.key, AccessLogs: logs, Expiry: expiry}, s.opts()...)
	}
	lake, err1 := create(names.Lake,
		Expiry{ID: "events", Prefix: "data/", Archive: s.LakeArchiveDays, Delete: s.LakeDays},
		Expiry{ID: "unconverted", Prefix: "errors/", Delete: s.QuarantineDays})
	// Partials bound how late an event can be counted. Headcounts and the files of
	// flows are what all this is for: they stay.
	aggregates, err2 := create(names.Aggregates, Expiry{ID: "partials", Prefix: "partials/", Delete: s.PartialsDays})
	quarantine, err3 := create(names.Quarantine, Expiry{ID: "rejections", Prefix: "quarantine/", Delete: s.QuarantineDays})
	results, err4 := create(names.Results, Expiry{ID: "results", Prefix: "athena/", Delete: s.ResultsDays})
	return &buckets{lake, aggregates, quarantine, results, logs}, errors.Join(err1, err2, err3, err4)
}
