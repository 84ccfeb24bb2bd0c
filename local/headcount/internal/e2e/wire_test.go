package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/shared/queue"
)

// call is one request of a service to AWS.
type call struct {
	// action is SQS's or SNS's name of it, or the method of a request to S3.
	action string
	// where is the short name of a queue, the bucket and key of an object, or
	// empty.
	where string
	body  []byte
	// header holds what else the service says: its values.
	header string
}

// newWire stands between one process and the stand-in, and forwards all calls. hook gets each call before that;
// it calls forward, or loses the call.
func newWire(t testing.TB, standIn string, hook func(c *call, forward func())) *httptest.Server {
	t.Helper()
	target, err := url.Parse(standIn)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
		},
		// A process that was killed no longer listens.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the process was killed in the middle
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		forwarded := false
		hook(newCall(r, body), func() {
			forwarded = true
			proxy.ServeHTTP(answer, r)
		})
		if !forwarded {
			panic(http.ErrAbortHandler) // hangs up
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // the process may be gone
	}))
}

func newCall(r *http.Request, body []byte) *call {
	c := &call{action: r.Method, where: strings.TrimPrefix(r.URL.Path, "/"), body: body}
	var header strings.Builder
	for _, values := range r.Header {
		header.WriteString(strings.Join(values, "\n") + "\n")
	}
	c.header = header.String() + r.URL.String()
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, c.action, _ = strings.Cut(target, ".")
		var named struct {
			QueueURL string `json:"QueueUrl"`
		}
		_ = json.Unmarshal(body, &named)
		c.where = strings.TrimPrefix(path.Base(named.QueueURL), "headcount-v1-")
	} else if form, err := url.ParseQuery(string(body)); err == nil && form.Has("Action") {
		c.action, c.where = form.Get("Action"), ""
	}
	return c
}

// sent gives the messages of a call of SendMessageBatch.
func (c *call) sent(t testing.TB) (messages []queue.Message) {
	t.Helper()
	var batch struct {
		Entries []struct {
			MessageBody       string
			MessageAttributes map[string]struct{ StringValue string }
		}
	}
	if err := json.Unmarshal(c.body, &batch); err != nil {
		t.Fatal(err)
	}
	for _, e := range batch.Entries {
		m := queue.Message{Body: e.MessageBody, Attributes: map[string]string{}}
		for name, value := range e.MessageAttributes {
			m.Attributes[name] = value.StringValue
		}
		messages = append(messages, m)
	}
	return messages
}
