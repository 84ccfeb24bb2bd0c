package smoke

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// queryEvery is how often a running query of Athena is looked at.
const queryEvery = 500 * time.Millisecond

// AthenaOf is Athena in the workgroup of the stack with these outputs.
func AthenaOf(ctx context.Context, o Outputs) (*Athena, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(o.Region))
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	return &Athena{API: athena.NewFromConfig(cfg), Workgroup: o.Workgroup, Database: o.Database, Every: queryEvery}, nil
}

// OnAWS is the stack with these outputs, by the credentials that the SDK finds. They
// need to publish to the topic, to read queues, buckets, services and metrics, to
// ask Athena in the workgroup, and the key.
func OnAWS(ctx context.Context, o Outputs) (*Target, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(o.Region))
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	return &Target{
		Outputs: o, Topic: sns.NewFromConfig(cfg), Queues: sqs.NewFromConfig(cfg), Objects: s3.NewFromConfig(cfg),
		SQL:            &Athena{API: athena.NewFromConfig(cfg), Workgroup: o.Workgroup, Database: o.Database, Every: queryEvery},
		EventsWithPath: "events", Services: ecs.NewFromConfig(cfg), Metrics: cloudwatch.NewFromConfig(cfg),
	}, nil
}
