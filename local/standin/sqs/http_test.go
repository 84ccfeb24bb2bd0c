package sqs

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/local/standin/usage"
)

// TestWhatIsRefused: a body that is not the JSON that was expected, or too long, is
// the sender's fault; a failure of this machine is the receiver's. All are counted.
func TestWhatIsRefused(t *testing.T) {
	s := New("http://x")
	s.Usage = &usage.Counters{}
	newQueue(t, s, "q", nil)
	for _, tt := range []struct {
		action           string
		body             io.Reader
		answer, dontWant string
		queryError       string
		status           int
	}{
		{"SendMessage", strings.NewReader(`{"QueueUrl":"q","MessageBody":"<&","More":1}`), `"MD5OfMessageBody":"`, "Id\":\"\"", "", 200},
		{"ReceiveMessage", strings.NewReader(`{"QueueUrl":"q"}`), `"Body":"<&"`, `"Attributes"`, "", 200},
		{"SendMessage", strings.NewReader(`{"QueueUrl":`), `"__type":"com.amazon.coral.service#InvalidParameterValueException"`, "", "InvalidParameterValue;Sender", 400},
		{"SendMessage", strings.NewReader(`{"QueueUrl":5}`), "not the JSON that was expected", "", "InvalidParameterValue;Sender", 400},
		{"SendMessage", strings.NewReader(`{"QueueUrl":"q","MessageAttributes":{"a":{"BinaryValue":"no base64"}}}`), "base64", "", "InvalidParameterValue;Sender", 400},
		{"SendMessage", strings.NewReader(strings.Repeat(" ", maxRequest+1)), "longer than 1048576 bytes", "", "AWS.SimpleQueueService.BatchRequestTooLong;Sender", 400},
		{"SendMessage", strings.NewReader(""), "must contain the parameter QueueUrl", "", "MissingParameter;Sender", 400},
		{"SendMessage", strings.NewReader(`{"QueueUrl":"none"}`), `"__type":"com.amazonaws.sqs#QueueDoesNotExist"`, "", "AWS.SimpleQueueService.NonExistentQueue;Sender", 400},
		{"SendMessage", broken{}, `"message":"read the request: the line is cut"`, "", "InternalError;Receiver", 500},
		{"TagQueue", strings.NewReader("{}"), "stand-in has no sqs TagQueue.", "", "AWS.SimpleQueueService.UnsupportedOperation;Sender", 501},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", tt.body)
		r.Header.Set("X-Amz-Target", Target+tt.action)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		got := w.Body.String()
		if w.Code != tt.status || !strings.Contains(got, tt.answer) || tt.dontWant != "" && strings.Contains(got, tt.dontWant) || w.Header().Get("X-Amzn-Query-Error") != tt.queryError {
			t.Errorf("%s: %d %s %s", tt.action, w.Code, w.Header(), got)
		}
	}
	var counted int64
	for _, l := range s.Usage.Snapshot() {
		counted += l.Requests
	}
	if counted != 10 {
		t.Errorf("counted %d requests", counted)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the line is cut") }
