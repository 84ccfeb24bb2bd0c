package program

import (
	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/policy"
)

// buckets creates the lake, the aggregates, the quarantine, Athena's results,
// and the bucket in which requests to all of them are logged.
func (s *stack) buckets(d *deployment) error {
	for _, b := range []struct {
		into **bucket
		args func() bucketArgs
	}{
		{&d.logs, s.accessLogs},
		{&d.lake, func() bucketArgs {
			return bucketArgs{kind: names.Lake, expiry: []expiry{
				{id: "events", prefix: "data/", archive: s.LakeArchiveDays, delete: s.LakeDays},
				{id: "unconverted", prefix: "errors/", delete: s.QuarantineDays},
			}}
		}},
		{&d.aggregates, func() bucketArgs {
			// Partials bound how late an event can be counted. Headcounts and the
			// files of flows are what all this is for: they stay.
			return bucketArgs{kind: names.Aggregates, expiry: []expiry{{id: "partials", prefix: "partials/", delete: s.PartialsDays}}}
		}},
		{&d.quarantine, func() bucketArgs {
			return bucketArgs{kind: names.Quarantine, expiry: []expiry{{id: "rejections", prefix: "quarantine/", delete: s.QuarantineDays}}}
		}},
		{&d.results, func() bucketArgs {
			return bucketArgs{kind: names.Results, expiry: []expiry{{id: "results", prefix: "athena/", delete: s.ResultsDays}}}
		}},
	} {
		args := b.args()
		if args.kind != names.Logs {
			args.key, args.accessLogs = d.key, d.logs
		}
		var err error
		if *b.into, err = s.newBucket(args); err != nil {
			return err
		}
	}
	return nil
}

// accessLogs is the bucket for access logs. S3 delivers them only where its own
// key encrypts, and a log of the log's bucket would never end
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html).
func (s *stack) accessLogs() bucketArgs {
	arn := "arn:aws:s3:::" + s.names.Bucket(names.Logs)
	return bucketArgs{
		kind:   names.Logs,
		expiry: []expiry{{id: "logs", delete: s.LogDays}},
		more: []policy.Statement{{
			Sid: "Delivery", Services: []string{"logging.s3.amazonaws.com"}, Actions: []string{"s3:PutObject"},
			Resources:  policy.On(arn + "/*"),
			Conditions: policy.From(s.names.Account, "arn:aws:s3:::"+s.names.Bucket("*")),
		}},
	}
}
