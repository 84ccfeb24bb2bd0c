package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/headcount-etl/headcount/stack/settings"
)

// ServeHTTP speaks the protocol of Secrets Manager, AWS JSON 1.1.
func (m *manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/secretsmanager/") {
		http.Error(w, "signed for another region", http.StatusForbidden)
		return
	}
	body, _ := io.ReadAll(r.Body)
	var out any
	var err error
	switch r.Header.Get("X-Amz-Target") {
	case "secretsmanager.GetSecretValue":
		out, err = answer(r.Context(), m.GetSecretValue, body)
	case "secretsmanager.PutSecretValue":
		out, err = answer(r.Context(), m.PutSecretValue, body)
	case "secretsmanager.UpdateSecretVersionStage":
		out, err = answer(r.Context(), m.UpdateSecretVersionStage, body)
	default:
		http.Error(w, "no such action", http.StatusNotImplemented)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	var api interface {
		ErrorCode() string
		ErrorMessage() string
	}
	if errors.As(err, &api) {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"__type": api.ErrorCode(), "Message": api.ErrorMessage()}
	}
	_ = json.NewEncoder(w).Encode(out)
}

func answer[In, Out any](ctx context.Context, do func(context.Context, *In, ...func(*secretsmanager.Options)) (*Out, error), body []byte) (*Out, error) {
	in := new(In)
	if err := json.Unmarshal(body, in); err != nil {
		return nil, err
	}
	return do(ctx, in)
}

// TestRun: the whole way, with AWS's own SDK.
func TestRun(t *testing.T) {
	m := &manager{exists: true}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none",
	} {
		t.Setenv(name, value)
	}
	s := &settings.Settings{Stack: "dev", Region: "eu-west-1"}
	if err := Run(t.Context(), s, Options{}, io.Discard); err == nil || !strings.Contains(err.Error(), "there is none") {
		t.Errorf("before the first up: %v", err)
	}
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(s.Region))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := First(t.Context(), secretsmanager.NewFromConfig(cfg), name, s.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		o    Options
		want string // said, or the error
	}{
		{Options{}, "k1 "},
		{Options{Rotate: true}, "added key k2"},
		{Options{Rotate: true, Day: "9999-12-31"}, "added key k3"},
		{Options{Rotate: true}, "too early"},
		{Options{}, "from 9999-12-31"},
	} {
		var out strings.Builder
		err := Run(t.Context(), s, step.o, &out)
		if said := out.String() + fmt.Sprint(err); !strings.Contains(said, step.want) {
			t.Errorf("%+v: %s", step.o, said)
		}
	}
	if keys := m.keys(t); len(keys) != 3 || m.left() != nil {
		t.Errorf("%d keys, left %v", len(keys), m.left())
	}
	m.deleted = true
	if err := Run(t.Context(), s, Options{}, io.Discard); err == nil || !strings.Contains(err.Error(), "restore-secret") {
		t.Errorf("deleted: %v", err)
	}
}
