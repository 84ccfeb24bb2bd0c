package standin

import (
	"context"
	"io"
	"math"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
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
