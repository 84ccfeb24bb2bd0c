package standin

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"pgregory.net/rapid"
)

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Context() context.Context
	Helper()
	Fatal(...any)
}

// ask sends a request that an SDK would not let through, and returns the status
// and the body of the answer.
func (w *world) ask(t tester, method, path, target, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", target)
	if target == "" {
		r.Header.Del("X-Amz-Target")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close() // It was only read.
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// TestNumbers: every number of a request is accepted within its bounds, and refused
// beyond them, however large it is.
func TestNumbers(t *testing.T) {
	w := newWorld(t)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	url := w.queue(t, "q", map[string]string{"VisibilityTimeout": "0"})
	_, err := w.sqs.SendMessage(t.Context(), &awssqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("x")})
	check(t, err)
	handle := *w.receive(t, url)[0].ReceiptHandle
	w.bucket(t, "lake")
	upload, err := w.s3.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: aws.String("lake"), Key: aws.String("k")})
	check(t, err)
	part := "/lake/k?uploadId=" + *upload.UploadId
	q, entry := `{"QueueUrl":"`+*url+`",`, `"Entries":[{"Id":"a","ReceiptHandle":"`+handle+`","MessageBody":"x",`
	type parameter struct {
		name, method, path, target, body string
		low, high                        int64
	}
	parameters := []parameter{
		{"DelaySeconds", "POST", "/", "AmazonSQS.SendMessage", q + `"MessageBody":"x","DelaySeconds":N}`, 0, 900},
		{"DelaySeconds of a batch", "POST", "/", "AmazonSQS.SendMessageBatch", q + entry + `"DelaySeconds":N}]}`, 0, 900},
		{"VisibilityTimeout", "POST", "/", "AmazonSQS.ChangeMessageVisibility", q + `"ReceiptHandle":"` + handle + `","VisibilityTimeout":N}`, 0, 43200},
		{"VisibilityTimeout of a batch", "POST", "/", "AmazonSQS.ChangeMessageVisibilityBatch", q + entry + `"VisibilityTimeout":N}]}`, 0, 43200},
		{"VisibilityTimeout of a receive", "POST", "/", "AmazonSQS.ReceiveMessage", q + `"VisibilityTimeout":N}`, 0, 43200},
		{"MaxNumberOfMessages", "POST", "/", "AmazonSQS.ReceiveMessage", q + `"MaxNumberOfMessages":N}`, 1, 10},
		{"MaxResults", "POST", "/", "AmazonSQS.ListQueues", `{"MaxResults":N}`, 1, 1000},
		{"max-keys", "GET", "/lake?list-type=2&max-keys=N", "", "", 0, math.MaxInt32},
		{"max-uploads", "GET", "/lake?uploads&max-uploads=N", "", "", 0, math.MaxInt32},
		{"max-parts", "GET", part + "&max-parts=N", "", "", 0, math.MaxInt32},
		{"partNumber", "PUT", part + "&partNumber=N", "", "x", 1, 10_000},
	}
	for _, name := range []string{"DelaySeconds", "VisibilityTimeout", "ReceiveMessageWaitTimeSeconds", "MessageRetentionPeriod", "MaximumMessageSize"} {
		bounds := map[string][2]int64{
			"DelaySeconds": {0, 900}, "VisibilityTimeout": {0, 43_200}, "ReceiveMessageWaitTimeSeconds": {0, 20},
			"MessageRetentionPeriod": {60, 1_209_600}, "MaximumMessageSize": {1024, 1 << 20},
		}[name]
		w.queue(t, name, nil)
		parameters = append(parameters, parameter{
			name + " of a queue", "POST", "/", "AmazonSQS.SetQueueAttributes",
			`{"QueueUrl":"http://x/000000000000/` + name + `","Attributes":{"` + name + `":"N"}}`, bounds[0], bounds[1],
		})
	}
	for _, p := range parameters {
		t.Run(p.name, func(t *testing.T) {
			number := rapid.OneOf(
				rapid.Map(rapid.Int64(), big.NewInt), rapid.Map(rapid.Int64Range(p.low, p.high), big.NewInt),
				rapid.Map(rapid.SampledFrom([]int64{p.low - 1, p.low, p.high, p.high + 1, 1<<63 - 1, -1 << 63, 18_446_744_074, 9_223_372_037}), big.NewInt),
				rapid.Map(rapid.Uint64(), func(n uint64) *big.Int { return new(big.Int).Mul(new(big.Int).SetUint64(n), big.NewInt(1<<40)) }),
			)
			rapid.Check(t, func(t *rapid.T) {
				n := number.Draw(t, "number")
				in := strings.NewReplacer("N}", n.String()+"}", `"N"`, `"`+n.String()+`"`, "=N", "="+n.String())
				status, body := w.ask(t, p.method, in.Replace(p.path), p.target, in.Replace(p.body))
				want := n.Cmp(big.NewInt(p.low)) >= 0 && n.Cmp(big.NewInt(p.high)) <= 0
				refused := status == http.StatusBadRequest || status == http.StatusOK && strings.Contains(body, `"Failed":[`)
				if refused == want || !refused && status != http.StatusOK {
					t.Fatalf("%s: %d %s", n, status, body)
				}
			})
		})
	}
}

// TestWaitTime: what is too long is refused at once.
func TestWaitTime(t *testing.T) {
	w := newWorld(t)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	url := w.queue(t, "q", nil)
	for _, seconds := range []string{"-1", "21", "18446744074", "9223372036854775807", "1e3", "99999999999999999999"} {
		if status, body := w.ask(t, "POST", "/", "AmazonSQS.ReceiveMessage", `{"QueueUrl":"`+*url+`","WaitTimeSeconds":`+seconds+`}`); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", seconds, status, body)
		}
	}
}

// TestPartNumbers: a list of parts with numbers of no part, and what the stand-in
// has not, are refused, and the upload goes on.
func TestPartNumbers(t *testing.T) {
	w := newWorld(t)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	bucket, key := w.bucket(t, "lake"), aws.String("k")
	upload, err := w.s3.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	check(t, err)
	part, err := w.s3.UploadPart(t.Context(), &awss3.UploadPartInput{
		Bucket: bucket, Key: key, UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("x"),
	})
	check(t, err)
	complete := func(number int64) int {
		status, _ := w.ask(t, "POST", "/lake/k?uploadId="+*upload.UploadId, "", fmt.Sprintf(
			`<CompleteMultipartUpload><Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>`, number, *part.ETag))
		return status
	}
	for _, number := range []int64{-1, 0, 2, 10_001, math.MaxInt64, math.MinInt64} {
		if status := complete(number); status != http.StatusBadRequest {
			t.Errorf("part %d: %d", number, status)
		}
	}
	for _, path := range []string{"/lake/k?partNumber=1", "/lake/k?uploadId=" + *upload.UploadId + "&part-number-marker=9223372036854775807"} {
		if status, body := w.ask(t, "GET", path, "", ""); status != http.StatusNotImplemented {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status := complete(1); status != http.StatusOK {
		t.Error(status)
	}
}
