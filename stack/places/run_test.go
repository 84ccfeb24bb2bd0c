package places

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/stack/names"
)

const identity = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::111122223333:user/ops</Arn><UserId>ops</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`

// TestRun: the whole way, with AWS's own SDK.
func TestRun(t *testing.T) {
	const aggregates = "/headcount-dev-aggregates-111122223333-eu-west-1/"
	flow := flowOf(t, "v1", paris)
	exists, uploaded := false, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, ours := strings.CutPrefix(r.URL.Path, aggregates)
		if !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/") {
			t.Errorf("%s %s is signed for another region", r.Method, r.URL)
		}
		switch {
		case r.Method == http.MethodPost && r.URL.Path == "/":
			_, _ = io.WriteString(w, identity)
		case !ours:
			w.WriteHeader(http.StatusForbidden)
		case r.Method == http.MethodPut:
			uploaded = key + " " + r.Header.Get("Content-Type")
		case r.Method == http.MethodHead:
			w.WriteHeader(http.StatusNotFound)
		default:
			code := "NoSuchBucket"
			if exists {
				code = "NoSuchKey"
			}
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>m</Message></Error>", code)
		}
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none",
	} {
		t.Setenv(name, value)
	}
	err := Run(t.Context(), stackOf(flow), io.Discard)
	if err == nil || err.Error() != "there is no bucket headcount-dev-aggregates-111122223333-eu-west-1: make deploy STACK=dev makes it first (bootstrap)" {
		t.Errorf("without a bucket: %v", err)
	}
	exists = true
	var out strings.Builder
	if err := Run(t.Context(), stackOf(flow), &out); err != nil {
		t.Fatal(err)
	}
	if want := names.PlacesKey("v1", flow.PlacesData) + " text/csv; charset=utf-8"; uploaded != want || !strings.Contains(out.String(), " uploaded\n") {
		t.Errorf("uploaded %q, want %q, and said %q", uploaded, want, &out)
	}
	server.Close()
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	if err := Run(t.Context(), stackOf(flow), io.Discard); err == nil || !strings.HasPrefix(err.Error(), "whose account this is: ") {
		t.Errorf("without AWS: %v", err)
	}
}
