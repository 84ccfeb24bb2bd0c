package publish

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// send makes the calls to SNS until there are no more.
func (p *Publisher) send(ctx context.Context, calls <-chan call) error {
	for c := range calls {
		if p.Ready != nil {
			if err := p.Ready(ctx); err != nil {
				return err
			}
		}
		for len(c.entries) > 0 {
			out, err := p.API.PublishBatch(ctx, &sns.PublishBatchInput{TopicArn: &p.TopicARN, PublishBatchRequestEntries: c.entries})
			if err != nil {
				return fmt.Errorf("publish to %s: %w", p.TopicARN, err)
			}
			if c.entries, err = again(c.entries, out.Failed); err != nil {
				return fmt.Errorf("publish to %s: %w", p.TopicARN, err)
			}
		}
	}
	return nil
}

// again gives the entries that failed and may succeed when sent again; an entry
// that SNS blames on the sender is an error.
func again(entries []types.PublishBatchRequestEntry, failed []types.BatchResultErrorEntry) ([]types.PublishBatchRequestEntry, error) {
	var rest []types.PublishBatchRequestEntry
	for _, f := range failed {
		if f.SenderFault {
			return nil, fmt.Errorf("SNS refuses a message: %s: %s", aws.ToString(f.Code), aws.ToString(f.Message))
		}
		for _, e := range entries {
			if aws.ToString(e.Id) == aws.ToString(f.Id) {
				rest = append(rest, e)
			}
		}
	}
	return rest, nil
}
