package images

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	ocireg "github.com/google/go-containerregistry/pkg/registry"
)

const password = "a-secret-of-ECR"

// fakeECR is as much of ECR as is needed, on this machine: the one action of its
// API, and a registry that wants the password, knows only the repositories that
// were made, and accepts no tag twice.
type fakeECR struct {
	*httptest.Server
	repositories []string

	mu     sync.Mutex
	behind http.Handler
	tags   []string // repository:tag
	writes int      // requests that change something
	signed string   // the credential scope of the last call of the API
}

func newECR(t *testing.T, repositories ...string) *fakeECR {
	t.Helper()
	e := &fakeECR{repositories: repositories, behind: ocireg.New(ocireg.Logger(log.New(io.Discard, "", 0)))}
	e.Server = httptest.NewServer(e) // on 127.0.0.1
	t.Cleanup(e.Close)
	return e
}

// access is what access gives of this ECR.
func (e *fakeECR) access() registry {
	return registry{strings.TrimPrefix(e.URL, "http://"), &authn.Basic{Username: "AWS", Password: password}}
}

func (e *fakeECR) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Amz-Target") == "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken" {
		e.mu.Lock()
		e.signed = r.Header.Get("Authorization")
		e.mu.Unlock()
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		token := base64.StdEncoding.EncodeToString([]byte("AWS:" + password))
		_, _ = fmt.Fprintf(w, `{"authorizationData":[{"authorizationToken":%q,"proxyEndpoint":%q}]}`, token, e.URL)
		return
	}
	if user, given, _ := r.BasicAuth(); user != "AWS" || given != password {
		w.Header().Set("WWW-Authenticate", `Basic realm="ecr"`)
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "who are you?")
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	if path != "" && !slices.ContainsFunc(e.repositories, func(known string) bool { return strings.HasPrefix(path, known+"/") }) {
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "The repository does not exist")
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && !e.note(r.Method, path) {
		refuse(w, http.StatusBadRequest, "TAG_INVALID", "The tag is immutable")
		return
	}
	e.behind.ServeHTTP(w, r)
}

// note counts a write, and reports whether it is allowed.
func (e *fakeECR) note(method, path string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.writes++
	repository, tag, manifest := strings.Cut(path, "/manifests/")
	if method != http.MethodPut || !manifest || strings.Contains(tag, ":") {
		return true
	}
	if slices.Contains(e.tags, repository+":"+tag) {
		return false
	}
	e.tags = append(e.tags, repository+":"+tag)
	return true
}

func (e *fakeECR) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.writes
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]string{"code": code, "message": message}}})
}
