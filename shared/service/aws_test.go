package service

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// TestLoadAWS sends a real request, and looks where it goes and as whom, while
// the machine's own settings lead elsewhere.
func TestLoadAWS(t *testing.T) {
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = w.Write([]byte(`{"QueueUrl":"http://x/q"}`))
	}))
	defer server.Close()
	given := map[string]string{
		"AWS_REGION": "eu-north-1", "AWS_ENDPOINT_URL": server.URL,
		"AWS_ACCESS_KEY_ID": "local-id", "AWS_SECRET_ACCESS_KEY": "local-secret",
	}
	for _, test := range []struct {
		name    string
		machine map[string]string
		given   map[string]string
	}{
		{"nothing of the machine", map[string]string{
			"AWS_PROFILE": "missing", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1", "AWS_REGION": "us-east-1",
		}, given},
		{"as the SDK does it", map[string]string{
			"AWS_ENDPOINT_URL_SQS": server.URL, "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
			"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
		}, map[string]string{
			"AWS_REGION": "eu-north-1", "AWS_ENDPOINT_URL_SQS": server.URL,
			"AWS_ACCESS_KEY_ID": "local-id", "AWS_SECRET_ACCESS_KEY": "local-secret",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.machine {
				t.Setenv(name, value)
			}
			cfg, err := LoadAWS(t.Context(), NewProcess("masker", from(test.given), &bytes.Buffer{}))
			if err != nil {
				t.Fatal(err)
			}
			name := "q"
			if _, err := sqs.NewFromConfig(cfg).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &name}); err != nil {
				t.Fatal(err)
			}
			if auth := got.Header.Get("Authorization"); !strings.Contains(auth, "local-id/") || !strings.Contains(auth, "/eu-north-1/sqs/") {
				t.Errorf("signed as %s", auth)
			}
		})
	}
}

func TestLoadAWSFaults(t *testing.T) {
	p := NewProcess("masker", from(map[string]string{
		"FLOW": "-", "AWS_REGION": "eu-north-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
	}), &bytes.Buffer{})
	if _, err := LoadAWS(t.Context(), p); err == nil || !strings.Contains(err.Error(), "FLOW is") {
		t.Errorf("bad settings: %v", err)
	}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	p = NewProcess("masker", from(nil), &bytes.Buffer{})
	if _, err := LoadAWS(t.Context(), p); err == nil || !strings.Contains(err.Error(), "AWS_REGION is missing") {
		t.Errorf("no region: %v", err)
	}
}
