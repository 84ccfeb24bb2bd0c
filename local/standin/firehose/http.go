package firehose

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// Target is what the header X-Amz-Target of a request to Firehose begins with.
const Target = "Firehose_20150804."

// maxRequest is the largest request that is read: a full batch in base64.
const maxRequest = 2 * MaxBatchBytes

// Handler speaks Firehose's JSON protocol. Streams are created in Go, because no
// request could bring a conversion along.
func (s *Service) Handler() http.Handler {
	return &protocol.JSON{
		Service: "firehose", Target: Target, Version: "1.1",
		MaxBody: maxRequest, TooLong: protocol.Refuse(InvalidArgument, "A request must have at most %d bytes.", maxRequest),
		Malformed: InvalidArgument, Unknown: "NotImplementedException", Internal: "InternalFailure",
		Actions: map[string]protocol.Action{
			"PutRecord":              protocol.On(s.putRecord),
			"PutRecordBatch":         protocol.On(s.putRecordBatch),
			"DescribeDeliveryStream": protocol.On(s.describe),
			"ListDeliveryStreams":    protocol.On(s.listStreams),
		},
	}
}

type recordInput struct{ Data []byte }

type putRecordInput struct {
	DeliveryStreamName string
	Record             recordInput
}

type putRecordOutput struct {
	RecordID string `json:"RecordId"`
}

func (s *Service) putRecord(ctx context.Context, in *putRecordInput, _ *protocol.Used) (any, error) {
	return putRecordOutput{uuid.NewString()}, s.PutRecords(ctx, in.DeliveryStreamName, [][]byte{in.Record.Data})
}

type putRecordBatchInput struct {
	DeliveryStreamName string
	Records            []recordInput
}

type putRecordBatchOutput struct {
	FailedPutCount   int
	RequestResponses []putRecordOutput
}

func (s *Service) putRecordBatch(ctx context.Context, in *putRecordBatchInput, _ *protocol.Used) (any, error) {
	if len(in.Records) == 0 || len(in.Records) > MaxBatchRecords {
		return nil, protocol.Refuse(InvalidArgument, "A batch must have 1 to %d records.", MaxBatchRecords)
	}
	var out putRecordBatchOutput
	records, size := make([][]byte, len(in.Records)), 0
	for i := range in.Records {
		records[i] = in.Records[i].Data
		size += len(records[i])
		out.RequestResponses = append(out.RequestResponses, putRecordOutput{uuid.NewString()})
	}
	if size > MaxBatchBytes {
		return nil, protocol.Refuse(InvalidArgument, "A batch must have at most %d bytes, this one has %d.", MaxBatchBytes, size)
	}
	return out, s.PutRecords(ctx, in.DeliveryStreamName, records)
}

type listInput struct {
	ExclusiveStartDeliveryStreamName string
	Limit                            *int
}

type listOutput struct {
	DeliveryStreamNames    []string
	HasMoreDeliveryStreams bool
}

func (s *Service) listStreams(_ context.Context, in *listInput, _ *protocol.Used) (any, error) {
	limit := 10
	if in.Limit != nil {
		if limit = *in.Limit; limit < 1 || limit > 10_000 {
			return nil, protocol.Refuse(InvalidArgument, "Limit must be 1 to 10000, it is %d.", limit)
		}
	}
	s.mu.Lock()
	names := slices.Sorted(maps.Keys(s.streams))
	s.mu.Unlock()
	page, more := protocol.Page(names, in.ExclusiveStartDeliveryStreamName, limit)
	return listOutput{append([]string{}, page...), more}, nil
}

type description struct {
	DeliveryStreamName, DeliveryStreamARN, DeliveryStreamStatus, DeliveryStreamType, VersionId string //nolint:revive // AWS's name.

	HasMoreDestinations bool
	Destinations        []destination
}

type destination struct {
	DestinationId                    string //nolint:revive // AWS's name.
	ExtendedS3DestinationDescription s3Destination
}

type s3Destination struct {
	BucketARN, Prefix, ErrorOutputPrefix, CompressionFormat string
	BufferingHints                                          struct{ SizeInMBs, IntervalInSeconds int }
}

func (s *Service) describe(_ context.Context, in *struct{ DeliveryStreamName string }, _ *protocol.Used) (any, error) {
	d, err := s.stream(in.DeliveryStreamName)
	if err != nil {
		return nil, err
	}
	to := s3Destination{
		BucketARN: "arn:aws:s3:::" + d.Bucket, Prefix: d.Prefix, ErrorOutputPrefix: d.ErrorPrefix, CompressionFormat: "UNCOMPRESSED",
	}
	to.BufferingHints.SizeInMBs = max(1, d.BufferBytes>>20)
	to.BufferingHints.IntervalInSeconds = int((d.BufferInterval + time.Second - 1) / time.Second)
	return struct{ DeliveryStreamDescription description }{description{
		DeliveryStreamName: d.Name, DeliveryStreamARN: ARN(d.Name), DeliveryStreamStatus: "ACTIVE",
		DeliveryStreamType: "DirectPut", VersionId: "1",
		Destinations: []destination{{DestinationId: "destinationId-000000000001", ExtendedS3DestinationDescription: to}},
	}}, nil
}
