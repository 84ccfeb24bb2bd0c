package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/rs/zerolog"
)

// LoadAWS gives the configuration for all AWS clients of a service. It fails
// with Env.Err when a setting was bad, so it belongs after the reading of the
// last one.
//
// AWS_REGION, AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN come from the process's settings. When they give region,
// endpoint and key, and no endpoint of a single service, that is all: nothing
// else on the machine, such as a profile, can lead a service that is meant for
// a stand-in to AWS itself. Everything else is as the SDK does it: roles,
// profiles, endpoints per service.
func LoadAWS(ctx context.Context, p *Process) (aws.Config, error) {
	if err := p.Env.Err(); err != nil {
		return aws.Config{}, err
	}
	region := p.Env.Optional("AWS_REGION", "")
	endpoint := p.Env.Optional("AWS_ENDPOINT_URL", "")
	var keys aws.CredentialsProvider
	if id, secret := p.Env.Optional("AWS_ACCESS_KEY_ID", ""), p.Env.Optional("AWS_SECRET_ACCESS_KEY", ""); id != "" && secret != "" {
		keys = credentials.NewStaticCredentialsProvider(id, secret, p.Env.Optional("AWS_SESSION_TOKEN", ""))
	}
	// The SDK's default keeps 10 idle connections for each host: a service that
	// has more calls in progress would make a TLS handshake for most of them.
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 64
	})
	retryer := func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = 4, 5*time.Second
		})
	}

	if region != "" && endpoint != "" && keys != nil && !p.endpointsPerService() {
		return aws.Config{
			Region: region, BaseEndpoint: &endpoint, Credentials: keys, HTTPClient: Whole(client), Retryer: retryer,
		}, nil
	}
	// What is empty here is looked for elsewhere.
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client), config.WithRetryer(retryer),
		config.WithRegion(region), config.WithBaseEndpoint(endpoint), config.WithCredentialsProvider(keys))
	if err != nil {
		return aws.Config{}, fmt.Errorf("AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		p.Env.Fault("AWS_REGION", "is missing")
		return aws.Config{}, p.Env.Err()
	}
	cfg.HTTPClient = Whole(cfg.HTTPClient)
	return cfg, nil
}

// Whole is a client whose answers come whole. The SDK closes a request's body as soon
// as the head of the answer is there, which may be before the transport has seen the
// body's end. The body has a method WriteTo that gives io.EOF once it is closed
// (smithy-go, transport/http/internal/io), which the transport takes for a failure: it
// closes the connection, and what the answer still had to say is lost: a receive's
// messages stay hidden. Its method Read gives io.EOF too, which is the end.
func Whole(client aws.HTTPClient) aws.HTTPClient { return wholeClient{client} }

type wholeClient struct{ aws.HTTPClient }

func (c wholeClient) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = struct{ io.ReadCloser }{r.Body} // without WriteTo
	}
	return c.HTTPClient.Do(r)
}

// endpointsPerService reports whether a setting that only the SDK reads matters.
func (p *Process) endpointsPerService() bool {
	for _, name := range []string{"AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_SNS", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE"} {
		if p.Env.Optional(name, "") != "" {
			return true
		}
	}
	return false
}

// checkTimeout bounds Check, so that a service starts soon while AWS is down.
const checkTimeout = 10 * time.Second

// Given is a queue, bucket, topic or object that a setting names.
type Given struct {
	// Setting is the environment variable, Value what it holds.
	Setting, Value string
	// Ask asks AWS for it, and changes nothing. An error that is not of a call to
	// AWS, or of one that the SDK refuses to make, means that the value is wrong.
	Ask func(context.Context) error
	// Action is the IAM action that Ask needs.
	Action string
	// CheckOnly is whether the service itself works without Action. Then a
	// denied Ask says nothing, and the service starts.
	CheckOnly bool
}

// InputQueue gives the queue that a service consumes.
func InputQueue(c *sqs.Client, setting, url string) Given {
	g := OutputQueue(c, setting, url)
	g.CheckOnly = true
	return g
}

// OutputQueue gives a queue that a service sends to. The service reads the
// queue's attributes too, as the probe of a queue.Consumer after a failure.
func OutputQueue(c *sqs.Client, setting, url string) Given {
	return Given{Setting: setting, Value: url, Action: "sqs:GetQueueAttributes", Ask: func(ctx context.Context) error {
		_, err := c.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
		})
		return err
	}}
}

// Bucket gives a bucket that a service writes to. The service lists it too.
func Bucket(c *s3.Client, setting, name string) Given {
	return Given{Setting: setting, Value: name, Action: "s3:ListBucket", Ask: func(ctx context.Context) error {
		_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &name, MaxKeys: aws.Int32(1)})
		return err
	}}
}

// Topic gives a topic that a service publishes to. Publishing is all that the
// service needs, so the stack grants nothing else.
func Topic(c *sns.Client, setting, arn string) Given {
	return Given{Setting: setting, Value: arn, Action: "sns:GetTopicAttributes", CheckOnly: true, Ask: func(ctx context.Context) error {
		_, err := c.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &arn})
		return err
	}}
}

// ReceiveRefused gives a *SettingsError where the error of a receive says that
// there is no such queue, or that the service must not receive from it; nil where
// another receive may succeed.
func (g Given) ReceiveRefused(err error) error { return g.refused("sqs:ReceiveMessage", err) }

// refused does so for the error of any call that needs action.
func (g Given) refused(action string, err error) error {
	if what := g.fault(action, err); what != "" {
		return &SettingsError{Faults: []string{g.Setting + " " + what}, cause: err}
	}
	return nil
}

// fault says what is wrong with the setting, or nothing where it is AWS that
// does not answer.
func (g Given) fault(action string, err error) string {
	switch verdictOf(err) {
	case absent:
		return fmt.Sprintf("is %q: there is no such thing in this account and region: correct the value, or create it", g.Value)
	case denied:
		return fmt.Sprintf("is %q: AWS denies %s on it: correct the value, or allow that to the service's role", g.Value, action)
	case wrong:
		return fmt.Sprintf("is %q: %v", g.Value, err)
	default:
		return ""
	}
}

// Check asks for all that the service was given, at once, and names everything
// that is missing in one *SettingsError. What AWS denies counts as missing when it
// still does so after 10 s. What AWS does not answer for within 10 s is a warning:
// then the service starts, and its consumer waits for AWS.
func (p *Process) Check(ctx context.Context, given ...Given) error {
	asking, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	errs := make([]error, len(given))
	var asked sync.WaitGroup
	for i, g := range given {
		asked.Go(func() { errs[i] = g.ask(asking) })
	}
	asked.Wait()
	for i, g := range given {
		err := errs[i]
		level := zerolog.WarnLevel
		switch verdict := verdictOf(err); {
		case err == nil || ctx.Err() != nil:
			continue
		case verdict == denied && g.CheckOnly:
			level = zerolog.InfoLevel // as the stack's roles are
		case verdict != unknown:
			p.Env.Fault(g.Setting, g.fault(g.Action, err))
			continue
		}
		p.Log.WithLevel(level).Err(err).Str("setting", g.Setting).Str("value", g.Value).Str("action", g.Action).Msg("not checked at start")
	}
	return p.Env.Err()
}

// ask asks, and once more each second while AWS denies it, until ctx ends: what a
// role has just been granted it may use only seconds later
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency).
func (g Given) ask(ctx context.Context) error {
	for {
		err := g.Ask(ctx)
		if verdictOf(err) != denied || g.CheckOnly {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return err
		}
	}
}

// Require asks for what the service cannot start without, until AWS answers or
// ctx ends. It pauses for 1 s to 30 s between two tries. A *SettingsError says what is
// wrong with it; what AWS denies is wrong when it still does so after 10 s.
func (p *Process) Require(ctx context.Context, g Given) error {
	var denials time.Time // the first of those that follow one another
	for delay := time.Second; ; delay = min(2*delay, 30*time.Second) {
		err := g.Ask(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		switch verdictOf(err) {
		case unknown:
			denials = time.Time{}
		case denied:
			if denials.IsZero() {
				denials, delay = time.Now(), time.Second
			}
			if time.Since(denials) >= checkTimeout {
				return g.refused(g.Action, err)
			}
		default:
			return g.refused(g.Action, err)
		}
		p.Log.Warn().Err(err).Str("setting", g.Setting).Str("value", g.Value).Dur("retry_in", delay).Msg("not started yet: AWS does not answer")
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// verdict is what an error says of the thing that AWS was asked for.
type verdict int

const (
	// unknown: AWS is down, slow or busy, or does not know the credentials.
	// Another try may succeed.
	unknown verdict = iota
	// absent: it does not exist. For a queue, IAM may say denied instead.
	absent
	// denied: the credentials are good, but not for this.
	denied
	// wrong: the error is not of a call to AWS, or of one that the SDK refuses to
	// make.
	wrong
)

// verdicts are the codes that mean the same whenever the call is made again. All
// others pass as unknown: to wait is better than to stop for an outage.
var verdicts = map[string]verdict{
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
	"QueueDoesNotExist": absent, "AWS.SimpleQueueService.NonExistentQueue": absent, "InvalidAddress": absent,
	// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; the
	// last is a bucket of another region.
	"NoSuchBucket": absent, "InvalidBucketName": absent, "NoSuchKey": absent, "PermanentRedirect": absent,
	// https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html; the
	// second is what no topic's ARN looks like.
	"NotFound": absent, "InvalidParameter": absent,
	// As SQS, S3 and SNS say it.
	"AccessDeniedException": denied, "AccessDenied": denied, "AuthorizationError": denied,
}

func verdictOf(err error) verdict {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return verdicts[answer.ErrorCode()]
	}
	// The SDK's own refusals of an input, which it wraps like any other failure.
	var unwritable *smithy.SerializationError
	var invalid smithy.InvalidParamsError
	if errors.As(err, &unwritable) || errors.As(err, &invalid) {
		return wrong
	}
	var call *smithy.OperationError
	if errors.As(err, &call) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return unknown
	}
	return wrong
}
