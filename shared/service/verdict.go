package service

import (
	"context"
	"errors"

	"github.com/aws/smithy-go"
)

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
