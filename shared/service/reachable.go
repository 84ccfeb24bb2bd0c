package service

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Reachable tells whether a queue and a bucket that a service writes to answer,
// without writing to them: the probe of a queue.Consumer after a failure.
func Reachable(ctx context.Context, q *sqs.Client, queueURL string, b *s3.Client, bucket string) error {
	if _, err := q.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &queueURL, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	}); err != nil {
		return fmt.Errorf("queue %s: %w", queueURL, err)
	}
	if _, err := b.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, MaxKeys: aws.Int32(1)}); err != nil {
		return fmt.Errorf("bucket %s: %w", bucket, err)
	}
	return nil
}
