// Package servicetest stands in for AWS in tests of how services start: it
// answers the calls of the real SDK, each as the test wants it.
package servicetest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// AWS starts a server and gives the settings that lead a service to it. answer
// is called for each call, with the action, such as GetQueueAttributes, and the
// queue's URL, the topic's ARN, the bucket or bucket/key. It gives the code of AWS's error,
// such as AccessDenied, or "" for a success that says nothing.
func AWS(t testing.TB, answer func(action, of string) (code string)) map[string]string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the service has gone
		}
		if target, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS."); ok {
			_, of, _ := strings.Cut(string(body), `"QueueUrl":"`)
			of, _, _ = strings.Cut(of, `"`)
			answerJSON(w, answer(target, of))
			return
		}
		if form, err := url.ParseQuery(string(body)); err == nil && form.Has("Action") {
			answerXML(w, answer(form.Get("Action"), form.Get("TopicArn")), form.Get("Action"), "<ErrorResponse><Error><Code>%s</Code></Error></ErrorResponse>")
			return
		}
		action, of := "GetObject", strings.Trim(r.URL.Path, "/")
		if !strings.Contains(of, "/") {
			action = "ListObjectsV2"
		}
		answerXML(w, answer(action, of), action, "<Error><Code>%s</Code></Error>")
	}))
	t.Cleanup(server.Close)
	return map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	}
}

// status is that of an answer. Codes that the SDK tries again are not for these
// tests, which would wait for it.
func status(code string) int {
	switch {
	case code == "":
		return http.StatusOK
	case strings.HasPrefix(code, "NoSuch"), code == "NotFound":
		return http.StatusNotFound
	default:
		return http.StatusBadRequest
	}
}

func answerJSON(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status(code))
	_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws.sqs#%s"}`, code)
}

func answerXML(w http.ResponseWriter, code, action, format string) {
	w.WriteHeader(status(code))
	if code == "" {
		_, _ = fmt.Fprintf(w, "<%sResponse><%sResult/></%sResponse>", action, action, action)
		return
	}
	_, _ = fmt.Fprintf(w, format, code)
}
