package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/headcount-etl/headcount/local/headcount/internal/lake"
	"github.com/headcount-etl/headcount/local/standin"
	"github.com/headcount-etl/headcount/local/standin/firehose"
	"github.com/headcount-etl/headcount/shared/event"
	chain "github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/shared/queue"
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
)

// Resources is what was created in the stand-in: the pipeline of one flow.
type Resources struct {
	Cloud  *standin.Cloud
	Config aws.Config
	Flow   string
	// TopicARN is where events are published.
	TopicARN string
	// AlertTopicARN is where rejections are reported.
	AlertTopicARN string
	// QueueURLs are the flow's queues by the short names of package pipeline.
	QueueURLs map[string]string
}

// awsConfig points the SDK at the stand-in, whatever the machine's environment
// says; any credentials do.
func awsConfig(c *standin.Cloud) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(c.URL()),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
}

// Create creates what the stack creates on AWS: buckets, topics, the stream into
// the lake, and the flow's queues with their dead-letter queues and
// subscription. The queue of finals messages gets those that an earlier process
// on the folder has not settled.
func Create(ctx context.Context, c *standin.Cloud, flow string) (*Resources, error) {
	r := &Resources{Cloud: c, Config: awsConfig(c), Flow: flow, QueueURLs: map[string]string{}}
	for _, step := range []func(context.Context) error{r.buckets, r.topics, r.queues, r.subscriptions, r.resume} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Resources) buckets(ctx context.Context) error {
	client := s3.NewFromConfig(r.Config)
	for _, name := range []string{LakeBucket, AggregatesBucket, QuarantineBucket} {
		_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
		var owned *types.BucketAlreadyOwnedByYou
		var exists *types.BucketAlreadyExists
		if err != nil && !errors.As(err, &owned) && !errors.As(err, &exists) {
			return fmt.Errorf("create bucket %s: %w", name, err)
		}
	}
	return r.Cloud.Firehose.Create(firehose.Stream{ //nolint:contextcheck // a stream lasts as long as the stand-in
		Name: StreamName, Bucket: LakeBucket, Prefix: event.LakePrefix, ErrorPrefix: event.LakeErrorPrefix, Convert: lake.Convert,
		BufferBytes: 64 << 20, BufferInterval: bufferInterval,
	})
}

func (r *Resources) topics(ctx context.Context) error {
	client := sns.NewFromConfig(r.Config)
	for name, arn := range map[string]*string{topicName: &r.TopicARN, alertTopicName: &r.AlertTopicARN} {
		out, err := client.CreateTopic(ctx, &sns.CreateTopicInput{Name: &name})
		if err != nil {
			return fmt.Errorf("create topic %s: %w", name, err)
		}
		*arn = *out.TopicArn
	}
	return nil
}

func (r *Resources) queues(ctx context.Context) error {
	client := sqs.NewFromConfig(r.Config)
	for _, short := range chain.Queues() {
		name := "headcount-" + r.Flow + "-" + short
		if _, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name + "-dlq")}); err != nil {
			return fmt.Errorf("create queue %s-dlq: %w", name, err)
		}
		redrive, err := json.Marshal(map[string]any{"deadLetterTargetArn": queueARN(name + "-dlq"), "maxReceiveCount": queue.MaxReceives})
		if err != nil {
			return err
		}
		out, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{
			"VisibilityTimeout": "120", "ReceiveMessageWaitTimeSeconds": "20", "RedrivePolicy": string(redrive),
			"MaximumMessageSize": strconv.Itoa(queue.MaxMessageBytes),
		}})
		if err != nil {
			return fmt.Errorf("create queue %s: %w", name, err)
		}
		r.QueueURLs[short] = *out.QueueUrl
	}
	return nil
}

func queueARN(name string) string { return "arn:aws:sqs:us-east-1:000000000000:" + name }

func (r *Resources) subscriptions(ctx context.Context) error {
	client := sns.NewFromConfig(r.Config)
	for _, s := range []sns.SubscribeInput{
		{
			TopicArn: &r.TopicARN, Protocol: aws.String("firehose"), Endpoint: aws.String("arn:aws:firehose:us-east-1:000000000000:deliverystream/" + StreamName),
			Attributes: map[string]string{
				"RawMessageDelivery":  "true",
				"SubscriptionRoleArn": "arn:aws:iam::000000000000:role/headcount-firehose",
				// Events without consent never reach the lake.
				"FilterPolicy": event.LakeFilter,
			},
		},
		{
			TopicArn: &r.TopicARN, Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN("headcount-" + r.Flow + "-" + chain.Entry)),
			Attributes: map[string]string{"RawMessageDelivery": "true"},
		},
		{TopicArn: &r.AlertTopicARN, Protocol: aws.String("email"), Endpoint: aws.String(alertAddress)},
	} {
		if _, err := client.Subscribe(ctx, &s); err != nil {
			return fmt.Errorf("subscribe %s to %s: %w", *s.Endpoint, *s.TopicArn, err)
		}
	}
	return nil
}

// Env gives the environment variables that a service needs to work on the
// pipeline: all but MASKING_KEYS, POIS and the aggregator's options.
func (r *Resources) Env(service string) map[string]string {
	env := chain.Environment(chain.Named(service), r.QueueURLs, map[chain.Resource]string{
		chain.Quarantine: QuarantineBucket, chain.Alerts: r.AlertTopicARN, chain.Aggregates: AggregatesBucket,
	})
	maps.Copy(env, map[string]string{
		"AWS_ENDPOINT_URL": r.Cloud.URL(), "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
		"FLOW": r.Flow,
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
