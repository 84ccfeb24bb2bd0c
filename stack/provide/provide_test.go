package provide

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/stack/names"
)

var dev = names.Names{Stack: "dev", Account: account, Region: "eu-west-1"}

// repository is one whose services do nothing.
func repository(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{"go.work": "go 1.26.0\n\ntoolchain " + runtime.Version() + "\n\nuse (\n"}
	for _, service := range pipeline.Names(nil) {
		files["go.work"] += "\t./services/" + service + "\n"
		files["services/"+service+"/go.mod"] = "module example/" + service + "\n\ngo 1.26.0\n"
		files["services/"+service+"/main.go"] = "package main\n\nfunc main() { println(\"" + service + "\") }\n"
	}
	files["go.work"] += ")\n"
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// compiled is compiled once, since a Provider is cheap but for that.
var compiled *Provider

func newProvider(t *testing.T) *Provider {
	t.Helper()
	if compiled == nil {
		var err error
		if compiled, err = FromSource(t.Context(), repository(t), io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	return &Provider{images: compiled.images}
}

// all does what an up does, and fails where it does.
func all(t *testing.T, a *fakeAWS, p *Provider) error {
	t.Helper()
	var faults []error
	faults = append(faults, p.Role(t.Context(), dev))
	for _, service := range pipeline.Names(nil) {
		faults = append(faults, p.Push(t.Context(), dev, service, a.url(service)))
	}
	version, err := p.Key(t.Context(), dev, secretARN)
	if err == nil && a.values[version] == "" {
		t.Errorf("the version %q has no value", version)
	}
	return errors.Join(append(faults, err)...)
}

// TestUps: the first up provides everything, and asks whose account it is once; the next
// one writes nothing.
func TestUps(t *testing.T) {
	a := newAWS(t)
	if err := all(t, a, newProvider(t)); err != nil {
		t.Fatal(err)
	}
	got := a.count()
	for call, want := range map[string]int{
		"GetCallerIdentity": 1, "GetRole": 1, "CreateServiceLinkedRole": 1, "GetAuthorizationToken": 1, "GetSecretValue": 1, "PutSecretValue": 1,
	} {
		if got[call] != want {
			t.Errorf("%s: called %d times, want %d", call, got[call], want)
		}
	}
	if writes := got["registry PUT"]; writes < 3*3 { // of each image the config, the manifest, and at least one layer
		t.Errorf("%d writes to the registry", writes)
	}
	if err := all(t, a, newProvider(t)); err != nil {
		t.Fatal(err)
	}
	got = a.count()
	for _, call := range []string{"CreateServiceLinkedRole", "PutSecretValue", "registry PUT", "registry POST", "registry PATCH"} {
		if got[call] > 0 {
			t.Errorf("the second up: %s is called %d times", call, got[call])
		}
	}
}

// TestEachCallFails in turn: the up fails and says what failed, shows no password or
// key, and the next up provides what is missing.
func TestEachCallFails(t *testing.T) {
	for call, want := range map[string]string{
		"GetCallerIdentity": "whose account this is: ", "GetRole": "ECS's service-linked role AWSServiceRoleForECS: ", "CreateServiceLinkedRole": "ECS's service-linked role AWSServiceRoleForECS: ",
		"GetAuthorizationToken": "no access to ECR: ", "registry HEAD": "pushing ", "registry POST": "pushing ", "registry PATCH": "pushing ", "registry PUT": "pushing ",
		"GetSecretValue": "secret " + secretARN + ": ", "PutSecretValue": "secret " + secretARN + ": ",
	} {
		t.Run(call, func(t *testing.T) {
			a := newAWS(t)
			a.before = func(now string) int {
				if now == call {
					return http.StatusForbidden
				}
				return 0
			}
			err := all(t, a, newProvider(t))
			if a.count()[call] == 0 {
				t.Fatal("nobody calls it")
			}
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), password) {
				t.Errorf("got %v, want %q in it", err, want)
			}
			for _, value := range a.values {
				if err != nil && strings.Contains(err.Error(), value) {
					t.Error("it shows a key")
				}
			}
			a.before = nil
			if err := all(t, a, newProvider(t)); err != nil || !a.role || len(a.values) != 1 {
				t.Errorf("then again: %v, role %t, %d keys", err, a.role, len(a.values))
			}
		})
	}
}

// TestTwoUps at once, from two machines: both succeed, and there is one key.
func TestTwoUps(t *testing.T) {
	a := newAWS(t)
	// Each of the two has seen that nothing is there before either makes it.
	var looked sync.WaitGroup
	looked.Add(4)
	a.before = func(call string) int {
		switch call {
		case "GetRole", "GetSecretValue":
			a.mu.Lock()
			n := 0
			for _, c := range a.calls {
				if c == call {
					n++
				}
			}
			a.mu.Unlock()
			if n <= 2 {
				looked.Done()
			}
		case "CreateServiceLinkedRole", "PutSecretValue":
			looked.Wait()
		}
		return 0
	}
	var both sync.WaitGroup
	versions := make([]string, 2)
	for i := range versions {
		p := newProvider(t)
		both.Go(func() {
			if err := p.Role(t.Context(), dev); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			var err error
			if versions[i], err = p.Key(t.Context(), dev, secretARN); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if versions[0] != versions[1] || len(a.values) != 1 || !a.role {
		t.Errorf("versions %q, %d keys, role %t", versions, len(a.values), a.role)
	}
}

// TestOtherAccount: credentials that are not those of Pulumi's provider write nothing.
func TestOtherAccount(t *testing.T) {
	a, p := newAWS(t), newProvider(t)
	other := dev
	other.Account = "444455556666"
	_, keyErr := p.Key(t.Context(), other, secretARN)
	for what, err := range map[string]error{"role": p.Role(t.Context(), other), "push": p.Push(t.Context(), other, "masker", a.url("masker")), "key": keyErr} {
		if err == nil || !strings.Contains(err.Error(), "of the account 111122223333, and those of Pulumi's provider of 444455556666") {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if got := a.count(); len(got) != 1 || got["GetCallerIdentity"] != 3 {
		t.Errorf("called %v", got)
	}
}

func TestFromSource(t *testing.T) {
	p := newProvider(t)
	seen := map[string]bool{}
	for _, service := range pipeline.Names(nil) {
		digest := p.Digest(service)
		if !strings.HasPrefix(digest, "sha256:") || len(digest) != 7+64 || seen[digest] {
			t.Errorf("%s: the digest is %s", service, digest)
		}
		seen[digest] = true
	}
	root := repository(t)
	again, err := FromSource(t.Context(), root, io.Discard)
	if err != nil || again.Digest("masker") != p.Digest("masker") {
		t.Errorf("another folder, another digest: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "services", "masker", "main.go"), []byte("package main\n\nfunc main() { other }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	if _, err := FromSource(t.Context(), root, &said); err == nil || !strings.Contains(fmt.Sprint(err, said.String()), "undefined: other") {
		t.Errorf("got %v, %s", err, &said)
	}
}
