package service

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
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
			Region: region, BaseEndpoint: &endpoint, Credentials: keys, HTTPClient: client, Retryer: retryer,
		}, nil
	}
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(client), config.WithRetryer(retryer)}
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	if endpoint != "" {
		options = append(options, config.WithBaseEndpoint(endpoint))
	}
	if keys != nil {
		options = append(options, config.WithCredentialsProvider(keys))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		p.Env.Fault("AWS_REGION", "is missing")
		return aws.Config{}, p.Env.Err()
	}
	return cfg, nil
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
