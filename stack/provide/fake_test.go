package provide

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	ocireg "github.com/google/go-containerregistry/pkg/registry"
)

const account, password, secretARN = "111122223333", "a-secret-of-ECR", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:headcount/dev/masking-keys-AbCdEf"

// fakeAWS is the few calls of AWS that are made, and a registry, in an account that has
// nothing but an empty secret.
type fakeAWS struct {
	*httptest.Server
	registry http.Handler

	mu     sync.Mutex
	calls  []string          // as named in call
	role   bool              // whether ECS has its role
	values map[string]string // of the secret, by version
	// before, if set, is called before each call; an answer other than 0 is its status.
	before func(call string) int
}

// newAWS starts it, and has AWS's SDK find it.
func newAWS(t *testing.T) *fakeAWS {
	t.Helper()
	a := &fakeAWS{registry: ocireg.New(ocireg.Logger(log.New(io.Discard, "", 0))), values: map[string]string{}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": a.URL, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_REGION": "us-east-1", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
	return a
}

// url is what Pulumi gives of the repository of a service.
func (a *fakeAWS) url(service string) string {
	return strings.TrimPrefix(a.URL, "http://") + "/headcount-dev/" + service
}

// call names a request: the action of an API, or the registry's.
func call(r *http.Request, body string) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, action, _ := strings.Cut(target, ".")
		return action
	}
	if strings.HasPrefix(r.URL.Path, "/v2/") {
		return "registry " + r.Method
	}
	form, _ := url.ParseQuery(body)
	return form.Get("Action")
}

func (a *fakeAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body []byte
	if !strings.HasPrefix(r.URL.Path, "/v2/") {
		body, _ = io.ReadAll(r.Body)
	}
	name := call(r, string(body))
	a.mu.Lock()
	a.calls = append(a.calls, name)
	before := a.before
	a.mu.Unlock()
	if before != nil {
		if status := before(name); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	if strings.HasPrefix(name, "registry ") {
		if _, given, _ := r.BasicAuth(); given != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="ecr"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		a.registry.ServeHTTP(w, r)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer(w, name, body)
}

// answer answers what is no request to the registry.
func (a *fakeAWS) answer(w http.ResponseWriter, call string, body []byte) {
	refuse := func(status int, format, code string) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, format, code)
	}
	const inXML, inJSON = `<ErrorResponse><Error><Code>%s</Code><Message>m</Message></Error></ErrorResponse>`, `{"__type":"%s"}`
	var in struct{ ClientRequestToken, SecretString string }
	_ = json.Unmarshal(body, &in) // of other calls it is no JSON
	switch call {
	case "GetCallerIdentity":
		_, _ = io.WriteString(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>`+account+`</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	case "GetRole":
		if !a.role {
			refuse(http.StatusNotFound, inXML, "NoSuchEntity")
			return
		}
		_, _ = io.WriteString(w, `<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult></GetRoleResult></GetRoleResponse>`)
	case "CreateServiceLinkedRole":
		if a.role {
			refuse(http.StatusBadRequest, inXML, "InvalidInput")
			return
		}
		a.role = true
		_, _ = io.WriteString(w, `<CreateServiceLinkedRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateServiceLinkedRoleResult></CreateServiceLinkedRoleResult></CreateServiceLinkedRoleResponse>`)
	case "GetAuthorizationToken":
		_, _ = fmt.Fprintf(w, `{"authorizationData":[{"authorizationToken":%q}]}`, base64.StdEncoding.EncodeToString([]byte("AWS:"+password)))
	case "GetSecretValue":
		for version, value := range a.values {
			_ = json.NewEncoder(w).Encode(map[string]string{"VersionId": version, "SecretString": value})
			return
		}
		refuse(http.StatusBadRequest, inJSON, "ResourceNotFoundException")
	case "PutSecretValue":
		if had, there := a.values[in.ClientRequestToken]; there && had != in.SecretString {
			refuse(http.StatusBadRequest, inJSON, "ResourceExistsException")
			return
		}
		a.values[in.ClientRequestToken] = in.SecretString
		_, _ = io.WriteString(w, `{}`)
	default:
		refuse(http.StatusNotImplemented, inJSON, call)
	}
}

// count gives how often something was called since the last time.
func (a *fakeAWS) count() map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	counts := map[string]int{}
	for _, call := range a.calls {
		counts[call]++
	}
	a.calls = nil
	return counts
}
