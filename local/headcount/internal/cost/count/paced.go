package count

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/headcount-etl/headcount/local/headcount/internal/cost"
	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/headcount/internal/simulate"
)

// The aggregator's intervals in a paced run: short, so that seconds show what
// they cause.
const pacedFlush, pacedRefresh = time.Second, 3 * time.Second

// Paced publishes messages of one valid event each at a steady rate, and counts
// what the pipeline uses from the first to the last, and while it settles
// after that.
func Paced(ctx context.Context, dir string, perSecond float64, lasts time.Duration) (paced cost.Paced, err error) {
	lines, err := simulated(ctx, simulate.Config{People: max(1, int(perSecond*lasts.Seconds())), Minutes: 1})
	if err != nil {
		return paced, err
	}
	p, err := start(ctx, dir, pacedFlush, pacedRefresh)
	if err != nil {
		return paced, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	messages, err := pace(ctx, p, lines, perSecond, lasts)
	if err != nil {
		return paced, err
	}
	if err := p.Settle(ctx, messages); err != nil {
		return paced, err
	}
	return cost.Paced{
		MessagesPerSecond: perSecond, Seconds: float64(messages) / perSecond,
		FlushSeconds: pacedFlush.Seconds(), RefreshSeconds: pacedRefresh.Seconds(), Usage: p.Cloud.Usage(),
	}, nil
}

// pace publishes a line a message, a message a call, and says how many.
func pace(ctx context.Context, p *pipeline.Pipeline, lines []byte, perSecond float64, lasts time.Duration) (n int64, err error) {
	client := sns.NewFromConfig(p.Config)
	tick := time.NewTicker(time.Duration(float64(time.Second) / perSecond))
	defer tick.Stop()
	end := time.Now().Add(lasts)
	for lines := bufio.NewScanner(bytes.NewReader(lines)); lines.Scan() && time.Now().Before(end); n++ {
		if _, err := client.Publish(ctx, &sns.PublishInput{
			TopicArn: &p.TopicARN, Message: aws.String(lines.Text()),
			MessageAttributes: map[string]types.MessageAttributeValue{"consent": {DataType: aws.String("String"), StringValue: aws.String("analytics")}},
		}); err != nil {
			return n, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return n, ctx.Err()
		}
	}
	return n, nil
}
