package images

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	ocireg "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const password = "a-secret-of-ECR"

const repository = "headcount-dev/validator"

// fakeECR is as much of ECR as is needed, on this machine: a registry that wants the
// password, knows only the repositories that were made, and accepts no tag twice.
type fakeECR struct {
	*httptest.Server
	repositories []string

	mu     sync.Mutex
	behind http.Handler
	tags   []string // repository:tag
	writes int      // requests that change something
	// before, if set, is called before each request that changes something.
	before func(method, path string)
}

func newECR(t *testing.T, repositories ...string) *fakeECR {
	t.Helper()
	e := &fakeECR{repositories: repositories, behind: ocireg.New(ocireg.Logger(log.New(io.Discard, "", 0)))}
	e.Server = httptest.NewServer(e) // on 127.0.0.1
	t.Cleanup(e.Close)
	return e
}

// signedIn is what SignIn gives of this ECR.
var signedIn = &authn.Basic{Username: "AWS", Password: password}

// url is what Pulumi gives of a repository.
func (e *fakeECR) url(repository string) string {
	return strings.TrimPrefix(e.URL, "http://") + "/" + repository
}

// push pushes to the validator's repository.
func (e *fakeECR) push(t *testing.T, i Image) error {
	return Push(t.Context(), e.url(repository), signedIn, i)
}

// pull gives an image of the validator's repository.
func (e *fakeECR) pull(t *testing.T, digest v1.Hash) v1.Image {
	t.Helper()
	ref, err := name.NewDigest(e.url(repository) + "@" + digest.String())
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(ref, remote.WithContext(t.Context()), remote.WithAuth(signedIn))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func (e *fakeECR) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	if e.before != nil {
		e.before(method, path)
	}
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
