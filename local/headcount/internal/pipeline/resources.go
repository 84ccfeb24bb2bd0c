package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/headcount-etl/headcount/local/headcount/internal/lake"
	"github.com/headcount-etl/headcount/local/standin"
	"github.com/headcount-etl/headcount/local/standin/firehose"
	"github.com/headcount-etl/headcount/local/standin/sqs"
	"github.com/headcount-etl/headcount/shared/event"
	chain "github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/shared/queue"
	"github.com/headcount-etl/headcount/shared/service"
)

// StreamName is the Firehose stream into the lake.
const StreamName = "headcount-events"

const (
	topicName      = "headcount-events"
	alertTopicName = "headcount-alerts"
	alertAddress   = "oncall@example.org"
	// bufferInterval is how long the stream gathers records; on AWS it is minutes,
	// here somebody is looking.
	bufferInterval = 10 * time.Second
	// bufferBytes is less than on AWS, since a stream may hold six buffers.
	bufferBytes = 16 << 20
)

// Shared is what was created in the stand-in for all flows.
type Shared struct {
	Cloud  *standin.Cloud
	Config aws.Config
	// TopicARN is where events are published.
	TopicARN string
	// AlertTopicARN is where rejections are reported.
	AlertTopicARN string
}

// Resources is what one flow works on: its own queues, and what all share.
type Resources struct {
	*Shared
	Flow string
	// QueueURLs are the flow's queues by the short names of package pipeline.
	QueueURLs map[string]string
}

// Create creates what the stack creates on AWS for one flow: what CreateShared
// does, and what CreateFlow does.
func Create(ctx context.Context, c *standin.Cloud, flow string) (*Resources, error) {
	shared, err := CreateShared(c) //nolint:contextcheck // a stream lasts as long as the stand-in
	if err != nil {
		return nil, err
	}
	return shared.CreateFlow(ctx, flow)
}

// CreateShared creates the buckets, the topics, and the stream into the lake.
func CreateShared(c *standin.Cloud) (*Shared, error) {
	// Whatever the machine's environment says; any credentials do.
	s := &Shared{Cloud: c, Config: aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(c.URL()), HTTPClient: service.Whole(awshttp.NewBuildableClient()),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}}
	return s, s.create()
}

// CreateFlow creates a flow's queues with their dead-letter queues, and its
// subscription to the topic. The queue of finals messages gets those that an earlier
// process on the folder has not settled.
func (s *Shared) CreateFlow(ctx context.Context, flow string) (*Resources, error) {
	r := &Resources{Shared: s, Flow: flow, QueueURLs: map[string]string{}}
	for _, short := range chain.Queues() {
		name := r.queue(short)
		_, err := s.Cloud.SQS.Create(name+"-dlq", nil)
		if err == nil {
			_, err = s.Cloud.SQS.Create(name, map[string]string{
				"VisibilityTimeout": "120", "ReceiveMessageWaitTimeSeconds": "20", "MaximumMessageSize": strconv.Itoa(queue.MaxMessageBytes),
				"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, sqs.ARN(name+"-dlq"), queue.MaxReceives),
			})
		}
		if err != nil {
			return r, fmt.Errorf("create queue %s: %w", name, err)
		}
		r.QueueURLs[short] = s.Cloud.URL() + "/000000000000/" + name
	}
	if err := s.subscribe(s.TopicARN, "sqs", sqs.ARN(r.queue(chain.Entry)), map[string]string{"RawMessageDelivery": "true"}); err != nil {
		return r, err
	}
	return r, r.resume(ctx)
}

// queue gives the name of the flow's queue with a short name.
func (r *Resources) queue(short string) string { return "headcount-" + r.Flow + "-" + short }

func (s *Shared) subscribe(topic, protocol, endpoint string, attributes map[string]string) error {
	if _, err := s.Cloud.SNS.Subscribe(topic, protocol, endpoint, attributes); err != nil {
		return fmt.Errorf("subscribe %s to %s: %w", endpoint, topic, err)
	}
	return nil
}

func (s *Shared) create() error {
	for _, name := range []string{LakeBucket, AggregatesBucket, QuarantineBucket} {
		if err := s.Cloud.S3.CreateBucket(name); err != nil {
			return fmt.Errorf("create bucket %s: %w", name, err)
		}
	}
	if err := s.Cloud.Firehose.Create(firehose.Stream{
		Name: StreamName, Bucket: LakeBucket, Prefix: event.LakePrefix, ErrorPrefix: event.LakeErrorPrefix, Convert: lake.Convert,
		BufferBytes: bufferBytes, BufferInterval: bufferInterval,
	}); err != nil {
		return err
	}
	for name, arn := range map[string]*string{topicName: &s.TopicARN, alertTopicName: &s.AlertTopicARN} {
		var err error
		if *arn, err = s.Cloud.SNS.CreateTopic(name, nil); err != nil {
			return fmt.Errorf("create topic %s: %w", name, err)
		}
	}
	return errors.Join(
		s.subscribe(s.TopicARN, "firehose", "arn:aws:firehose:us-east-1:000000000000:deliverystream/"+StreamName, map[string]string{
			"RawMessageDelivery":  "true",
			"SubscriptionRoleArn": "arn:aws:iam::000000000000:role/headcount-firehose",
			// Events without consent never reach the lake.
			"FilterPolicy": event.LakeFilter,
		}),
		s.subscribe(s.AlertTopicARN, "email", alertAddress, nil),
	)
}

// Env gives the environment variables that a service needs to work on the
// pipeline: all but MASKING_KEYS, POIS and the aggregator's options.
func (r *Resources) Env(service string) map[string]string {
	env := chain.Environment(chain.Named(service), r.QueueURLs, map[chain.Resource]string{
		chain.Quarantine: QuarantineBucket, chain.Alerts: r.AlertTopicARN, chain.Aggregates: AggregatesBucket,
	})
	maps.Copy(env, map[string]string{
		"AWS_ENDPOINT_URL": r.Cloud.URL(), "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
		"FLOW": r.Flow, "MAX_AGE": "0", // a file of events is a backfill, of any age
	})
	return env
}

// Describe writes for a person what was created, and how to run a service on it.
func (r *Resources) Describe(w io.Writer) {
	fmt.Fprintf(w, "Headcount's stand-in for AWS listens on %s (any credentials do, region us-east-1):\n\n", r.Cloud.URL())
	fmt.Fprintf(w, "  topic     %s\n  topic     %s\n  stream    %s\n", r.TopicARN, r.AlertTopicARN, StreamName)
	for _, bucket := range []string{LakeBucket, AggregatesBucket, QuarantineBucket} {
		fmt.Fprintf(w, "  bucket    s3://%s\n", bucket)
	}
	for _, short := range chain.Queues() {
		fmt.Fprintf(w, "  queue     %s (and %s-dlq)\n", r.QueueURLs[short], r.QueueURLs[short])
	}
	fmt.Fprint(w, "\nThe services' environment:\n")
	for _, service := range chain.Names(nil) {
		env := r.Env(service)
		fmt.Fprintf(w, "\n  %s\n", service)
		for _, name := range slices.Sorted(maps.Keys(env)) {
			fmt.Fprintf(w, "    export %s=%s\n", name, env[name])
		}
	}
	fmt.Fprint(w, `
Besides, the masker needs its keys, each of 32 bytes in base64 (head -c 32 /dev/urandom | base64), and the aggregator
the places, a file or s3://bucket/key of CSV with the header poi_id,name,latitude,longitude[,radius_m]:

    export MASKING_KEYS='[{"id":"k1","from":"2026-01-01","key":"BASE64"}]'
    export POIS=places.csv

Give every message the attribute consent=analytics or consent=none, of the type String: SNS gives a message without any
attribute to no subscription with a filter, so that its events would be counted, but never reach the lake.
Ctrl-C ends it; the queues are kept in memory only.
`)
}
