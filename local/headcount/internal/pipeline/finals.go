package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/finals"
	"github.com/headcount-etl/headcount/shared/queue"
)

// uncovered gives the finals messages for the partials that are in no final.
func (r *Resources) uncovered(ctx context.Context) ([]finals.Message, error) {
	return finals.Uncovered(ctx, bucket.Bucket{API: s3.NewFromConfig(r.Config), Name: AggregatesBucket}, r.Flow)
}

// resume sends the finals messages that an earlier process did not live to
// settle: the folder outlives the process, the queues do not.
func (r *Resources) resume(ctx context.Context) error {
	messages, err := r.uncovered(ctx)
	if err != nil || len(messages) == 0 {
		return err
	}
	outs := make([]queue.Out, len(messages))
	for i := range messages {
		outs[i] = messages[i].Out(0)
	}
	if err := errors.Join(queue.Sender{API: sqs.NewFromConfig(r.Config), QueueURL: r.QueueURLs["finals"]}.Send(ctx, outs)...); err != nil {
		return fmt.Errorf("send finals messages to %s: %w", r.QueueURLs["finals"], err)
	}
	return nil
}

// CheckFinals reads every final of the flow and names a partial that none covers, or an
// hour without totals: after Settle there must be none.
func (r *Resources) CheckFinals(ctx context.Context) error {
	messages, err := r.uncovered(ctx)
	if err != nil || len(messages) == 0 {
		return err
	}
	m := messages[0]
	lacks := fmt.Sprintf("does not cover partial %s-%d", m.Writer, m.N)
	if m.Rebuild {
		lacks = "has no totals beside it"
	}
	return fmt.Errorf("the final of hour %s of flow %s %s, and %d more are like it", m.Hour, m.Flow, lacks, len(messages)-1)
}
