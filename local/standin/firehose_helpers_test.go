package standin

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	awsfirehose "github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

func record(data string) *types.Record { return &types.Record{Data: []byte(data)} }

func putRecords(data ...string) *awsfirehose.PutRecordBatchInput {
	in := &awsfirehose.PutRecordBatchInput{DeliveryStreamName: aws.String("lake")}
	for _, d := range data {
		in.Records = append(in.Records, *record(d))
	}
	return in
}
