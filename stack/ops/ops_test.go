package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMistakes: each names itself, in one line, before AWS is asked anything:
// its address leads nowhere.
func TestMistakes(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	for _, c := range []struct {
		args string
		exit int
		want string
	}{
		{"keyz", 2, "ops: unexpected argument keyz, did you mean \"keys\"?\n"},
		{"keys", 2, "ops: missing flags: --stack=NAME\n"},
		{"keys --stack dev --rotat", 2, "ops: unknown flag --rotat, did you mean \"--rotate\"?\n"},
		{"keys --stack dev 2026-12-01", 2, "ops: keys: unexpected argument 2026-12-01: a day goes with --rotate\n"},
		{"keys --rotate 2026-12-01 --stack dev now", 2, "ops: unexpected argument now\n"},
		{"keys --stack dev --list", 2, "ops: unknown flag --list"},
		{"keys --stack nosuch", 1, "ops: there is no Pulumi.nosuch.yaml: the stack \"nosuch\" has no configuration\n"},
		{"config --stack", 2, "ops: --stack: expected string value"},
		{"images --stack dev", 2, "ops: unknown flag --stack\n"},
	} {
		var out, said bytes.Buffer
		exit := execute(t.Context(), &out, &said, strings.Fields(c.args))
		if exit != c.exit || !strings.HasPrefix(said.String(), c.want) || strings.Count(said.String(), "\n") != 1 || out.Len() > 0 {
			t.Errorf("%s: exit code %d, %q and %q", c.args, exit, &said, &out)
		}
	}
}

// TestKeysOptions: what the flags of keys say is done.
func TestKeysOptions(t *testing.T) {
	ring, err := json.Marshal(`[{"id":"k1","from":"2026-01-01","key":"` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `"}]`)
	if err != nil {
		t.Fatal(err)
	}
	exists := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue":
			t.Errorf("asked to %s", r.Header.Get("X-Amz-Target"))
			w.WriteHeader(http.StatusForbidden)
		case exists:
			_, _ = fmt.Fprintf(w, `{"VersionId":"v","SecretString":%s}`, ring)
		default:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"__type":"ResourceNotFoundException"}`)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for _, c := range []struct {
		args   string
		exists bool
		want   string
	}{
		{"", false, "there is none"},
		{"", true, "k1 "},
		{"--rotate", false, "there is none"},
		{"--rotate 2026-01-01", true, "2026-01-01 is too early"},
		{"--rotate yesterday", true, `"yesterday" is not a day`},
	} {
		exists = c.exists
		var said bytes.Buffer
		execute(t.Context(), &said, &said, append([]string{"keys", "--stack", "dev"}, strings.Fields(c.args)...))
		if !strings.Contains(said.String(), c.want) {
			t.Errorf("keys %s: said %q, want %q", c.args, &said, c.want)
		}
	}
}

// TestErrorsAreOneLine: whatever a command gives.
func TestErrorsAreOneLine(t *testing.T) {
	var said bytes.Buffer
	if exit := report(&said, errors.Join(errors.New("one"), errors.New("two"))); exit != 1 || said.String() != "ops: one; two\n" {
		t.Errorf("exit code %d, %q", exit, &said)
	}
}

// TestHelp: help is on stdout, and a success, for all commands and for each.
func TestHelp(t *testing.T) {
	for args, wants := range map[string][]string{
		"": {"keys", "images", "config"}, "help": {"keys"}, "-h": {"keys"}, "--help": {"keys"},
		"keys -h": {"--stack", "--rotate"}, "images -h": {"push nothing"}, "config -h": {"--stack"},
	} {
		var out, said bytes.Buffer
		exit := execute(t.Context(), &out, &said, strings.Fields(args))
		for _, want := range wants {
			if exit != 0 || said.Len() > 0 || !strings.Contains(out.String(), want) {
				t.Errorf("%q: exit code %d, %q, no %s in\n%s", args, exit, &said, want, &out)
			}
		}
	}
}

// TestImages: outside of the repository there is nothing to build.
func TestImages(t *testing.T) {
	t.Chdir(t.TempDir())
	var out, said bytes.Buffer
	if exit := execute(t.Context(), &out, &said, []string{"images"}); exit != 1 || !strings.Contains(said.String(), "inside the repository") {
		t.Errorf("exit code %d, %q", exit, &said)
	}
}

func TestConfig(t *testing.T) {
	var out, said bytes.Buffer
	if exit := execute(t.Context(), &out, &said, []string{"config", "--stack", "prod"}); exit != 0 {
		t.Fatalf("exit code %d, %s", exit, &said)
	}
	var got struct {
		Stack   string
		Protect bool
		Flows   []struct {
			Name, Window, Places, PlacesKey string
			PlacesCount, MinPeople          int
			PlacesData, List                any
			Workers                         map[string]struct{ MaxTasks int }
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	f := got.Flows[0]
	if got.Stack != "prod" || !got.Protect || f.Name == "" || f.Window != "5m0s" || f.MinPeople != 5 || f.Workers["aggregator"].MaxTasks == 0 ||
		f.PlacesCount == 0 || !strings.HasPrefix(f.PlacesKey, "places/"+f.Name+"-") || f.PlacesData != nil || f.List != nil {
		t.Errorf("got %s", &out)
	}
}

// TestPlaceholders: of the committed stacks, dev can be deployed as it is.
func TestPlaceholders(t *testing.T) {
	for stack, lines := range map[string]int{"dev": 0, "prod": 4} {
		var out, said bytes.Buffer
		exit := execute(t.Context(), &out, &said, []string{"config", "--stack", stack, "--placeholders"})
		if exit != 0 || strings.Count(out.String(), "\n") != lines || strings.Count(out.String(), "it is a placeholder") != lines {
			t.Errorf("%s: exit code %d, %s, %s", stack, exit, &out, &said)
		}
	}
}

// TestConfigNamesEveryFault: of a project as broken as can be.
func TestConfigNamesEveryFault(t *testing.T) {
	project, err := os.ReadFile(filepath.Join("..", "..", "Pulumi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"Pulumi.yaml": string(project),
		"Pulumi.dev.yaml": `config:
  headcount:network: wifi
  headcount:publishedFlow: v9
  headcount:flows: [{name: v1, places: none.csv, window: 7m}]
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for _, command := range []string{"config", "keys"} {
		var out, said bytes.Buffer
		exit := execute(t.Context(), &out, &said, []string{command, "--stack", "dev"})
		if exit != 1 || out.Len() > 0 || strings.Count(said.String(), "\n") != 1 {
			t.Errorf("%s: exit code %d, %q", command, exit, &out)
		}
		for _, want := range []string{"headcount:region", "headcount:network", "wifi", "headcount:publishedFlow", "v9", "none.csv", "window"} {
			if !strings.Contains(said.String(), want) {
				t.Errorf("%s: %q does not name %s", command, &said, want)
			}
		}
	}
}
