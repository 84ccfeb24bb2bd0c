package firehose

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/headcount-etl/headcount/local/standin/awsjson"
)

// Target is what the header X-Amz-Target of a request to Firehose begins with.
const Target = "Firehose_20150804."

// maxRequest is the largest request that is read: a full batch in base64.
const maxRequest = 2 * MaxBatchBytes

// Handler speaks Firehose's JSON protocol. Signatures are not checked. Streams
// are created in Go, because no request could bring a conversion along.
func (s *Service) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply, err := s.serve(w, r)
		if err != nil {
			reply = errorReply(err)
		}
		reply.Write(w, "1.1")
	})
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) (awsjson.Reply, error) {
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), Target)
	switch action {
	case "PutRecord":
		return serveAction(w, r, s.putRecord)
	case "PutRecordBatch":
		return serveAction(w, r, s.putRecordBatch)
	case "DescribeDeliveryStream":
		return serveAction(w, r, s.describe)
	case "ListDeliveryStreams":
		return serveAction(w, r, s.listStreams)
	default:
		return awsjson.Error(http.StatusNotImplemented, "NotImplementedException",
			"headcount's stand-in has no firehose "+action+"."), nil
	}
}

func serveAction[In any](w http.ResponseWriter, r *http.Request, action func(context.Context, *In) (awsjson.Reply, error)) (awsjson.Reply, error) {
	var in In
	if err := awsjson.Decode(w, r, maxRequest, &in); err != nil {
		var tooLarge *http.MaxBytesError
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		if errors.As(err, &tooLarge) || errors.As(err, &syntax) || errors.As(err, &kind) {
			return awsjson.Reply{}, refuse(InvalidArgument, "%s", err)
		}
		return awsjson.Reply{}, err
	}
	return action(r.Context(), &in)
}

func errorReply(err error) awsjson.Reply {
	var refusal *Error
	switch {
	case !errors.As(err, &refusal):
		return awsjson.Error(http.StatusInternalServerError, "InternalFailure", err.Error())
	case refusal.Code == ServiceUnavailable:
		return awsjson.Error(http.StatusServiceUnavailable, refusal.Code, refusal.Message)
	default:
		return awsjson.Error(http.StatusBadRequest, refusal.Code, refusal.Message)
	}
}

type recordInput struct{ Data []byte }

type putRecordInput struct {
	DeliveryStreamName string
	Record             recordInput
}

type putRecordOutput struct {
	RecordID  string `json:"RecordId"`
	Encrypted bool   `json:",omitempty"`
}

func (s *Service) putRecord(ctx context.Context, in *putRecordInput) (awsjson.Reply, error) {
	if err := s.PutRecords(ctx, in.DeliveryStreamName, [][]byte{in.Record.Data}); err != nil {
		return awsjson.Reply{}, err
	}
	return awsjson.Marshal(putRecordOutput{RecordID: uuid.NewString()})
}

type putRecordBatchInput struct {
	DeliveryStreamName string
	Records            []recordInput
}

type putRecordBatchOutput struct {
	FailedPutCount   int
	RequestResponses []putRecordOutput
}

func (s *Service) putRecordBatch(ctx context.Context, in *putRecordBatchInput) (awsjson.Reply, error) {
	if len(in.Records) == 0 || len(in.Records) > MaxBatchRecords {
		return awsjson.Reply{}, refuse(InvalidArgument, "A batch must have 1 to %d records.", MaxBatchRecords)
	}
	records := make([][]byte, len(in.Records))
	size := 0
	for i := range in.Records {
		records[i] = in.Records[i].Data
		size += len(records[i])
	}
	if size > MaxBatchBytes {
		return awsjson.Reply{}, refuse(InvalidArgument, "A batch must have at most %d bytes, this one has %d.", MaxBatchBytes, size)
	}
	if err := s.PutRecords(ctx, in.DeliveryStreamName, records); err != nil {
		return awsjson.Reply{}, err
	}
	out := putRecordBatchOutput{RequestResponses: make([]putRecordOutput, len(records))}
	for i := range records {
		out.RequestResponses[i].RecordID = uuid.NewString()
	}
	return awsjson.Marshal(out)
}

type listInput struct {
	ExclusiveStartDeliveryStreamName string
	Limit                            *int
}

type listOutput struct {
	DeliveryStreamNames    []string
	HasMoreDeliveryStreams bool
}

func (s *Service) listStreams(_ context.Context, in *listInput) (awsjson.Reply, error) {
	limit := 10
	if in.Limit != nil {
		if limit = *in.Limit; limit < 1 || limit > 10_000 {
			return awsjson.Reply{}, refuse(InvalidArgument, "Limit must be 1 to 10000, it is %d.", limit)
		}
	}
	out := listOutput{DeliveryStreamNames: []string{}}
	for _, name := range s.Names() {
		if name <= in.ExclusiveStartDeliveryStreamName {
			continue
		}
		if len(out.DeliveryStreamNames) == limit {
			out.HasMoreDeliveryStreams = true
			break
		}
		out.DeliveryStreamNames = append(out.DeliveryStreamNames, name)
	}
	return awsjson.Marshal(out)
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

func (s *Service) describe(_ context.Context, in *struct{ DeliveryStreamName string }) (awsjson.Reply, error) {
	d, err := s.stream(in.DeliveryStreamName)
	if err != nil {
		return awsjson.Reply{}, err
	}
	to := s3Destination{
		BucketARN: "arn:aws:s3:::" + d.Bucket, Prefix: d.Prefix, ErrorOutputPrefix: d.ErrorPrefix, CompressionFormat: "UNCOMPRESSED",
	}
	to.BufferingHints.SizeInMBs = max(1, d.BufferBytes>>20)
	to.BufferingHints.IntervalInSeconds = int((d.BufferInterval + time.Second - 1) / time.Second)
	return awsjson.Marshal(struct{ DeliveryStreamDescription description }{description{
		DeliveryStreamName: d.Name, DeliveryStreamARN: ARN(d.Name), DeliveryStreamStatus: "ACTIVE",
		DeliveryStreamType: "DirectPut", VersionId: "1",
		Destinations: []destination{{DestinationId: "destinationId-000000000001", ExtendedS3DestinationDescription: to}},
	}})
}
