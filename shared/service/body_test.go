package service

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// lateConn is a connection whose writer hears late that a body was written: on a
// busy machine the answer may be there before.
type lateConn struct{ net.Conn }

func (c lateConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if strings.HasPrefix(string(p), "{") {
		time.Sleep(time.Second)
	}
	return n, err
}

// TestAnAnswerMayOvertakeTheEndOfItsRequest: the SDK closes a request's body as soon
// as the head of the answer is there. Had the transport not come to the body's end by
// then, it would close the connection in the middle of the answer, and the messages of
// a receive would stay hidden until their visibility ends, without a word in any log.
func TestAnAnswerMayOvertakeTheEndOfItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const text = `{"Messages":[{"MessageId":"one"}]}`
		client := Whole(awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
			tr.DisableKeepAlives = true // so that nothing is left in the end
			tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
				here, there := net.Pipe()
				go func() {
					defer there.Close() //nolint:errcheck // the test sees the answer
					r, err := http.ReadRequest(bufio.NewReader(there))
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = io.ReadAll(r.Body)
					_, _ = fmt.Fprintf(there, "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n", len(text))
					time.Sleep(2 * time.Second) // a long answer
					_, _ = io.WriteString(there, text)
				}()
				return lateConn{here}, nil
			}
		}))
		cfg := aws.Config{
			Region: "us-east-1", BaseEndpoint: aws.String("http://sqs"), Credentials: aws.AnonymousCredentials{}, HTTPClient: client,
			Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		}
		defer time.Sleep(time.Minute) // the other side ends before the bubble
		out, err := sqs.NewFromConfig(cfg).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String("http://sqs/q")})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) != 1 {
			t.Errorf("%d messages came, want 1", len(out.Messages))
		}
	})
}
