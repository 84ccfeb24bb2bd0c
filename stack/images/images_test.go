package images

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunRefuses(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "--stack is missing"},
		{"--stack dev validator", `unexpected argument "validator"`},
		{"validator", `unexpected argument "validator"; --stack is missing`},
		{"--dry-run validator", `unexpected argument "validator"`},
		{"--push", "-push"},
		{"--stack nosuch", "there is no Pulumi.nosuch.yaml"},
	} {
		var out, said bytes.Buffer
		err := Run(t.Context(), strings.Fields(c.args), &out, &said)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || out.Len() > 0 {
			t.Errorf("%q: got %v, and %q, want %q", c.args, err, &out, c.want)
		}
	}
	var said bytes.Buffer
	if err := Run(t.Context(), []string{"-h"}, &bytes.Buffer{}, &said); !errors.Is(err, flag.ErrHelp) || !strings.Contains(said.String(), "-dry-run") {
		t.Errorf("help: %v\n%s", err, &said)
	}
	t.Chdir(t.TempDir())
	if err := Run(t.Context(), []string{"--dry-run"}, &bytes.Buffer{}, &said); err == nil || !strings.Contains(err.Error(), "inside the repository") {
		t.Errorf("outside of the repository: %v", err)
	}
}

func TestWrite(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "images.dev.json")
	const want = `{
  "aggregator": "sha256:c",
  "masker": "sha256:b",
  "validator": "sha256:a"
}
`
	digests := Digests{"validator": "sha256:a", "masker": "sha256:b", "aggregator": "sha256:c"}
	write := func(wantChanged bool) os.FileInfo {
		t.Helper()
		changed, err := Write(root, "dev", digests)
		if err != nil || changed != wantChanged {
			t.Fatalf("changed %t, %v", changed, err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	first := write(true)
	if data, err := os.ReadFile(path); string(data) != want || err != nil {
		t.Errorf("it says\n%s%v, want\n%s", data, err, want)
	}
	if first.Mode() != 0o644 {
		t.Errorf("its mode is %v", first.Mode())
	}
	if !os.SameFile(first, write(false)) {
		t.Error("what did not change was written")
	}
	digests["masker"] = "sha256:d"
	if os.SameFile(first, write(true)) {
		t.Error("the file was written in place: whoever reads it meanwhile, or a crash, would see half of it")
	}
	if files, err := os.ReadDir(root); len(files) != 1 || err != nil {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestWriteFails(t *testing.T) {
	root := t.TempDir()
	// A folder in the place of the file cannot be replaced.
	if err := os.MkdirAll(filepath.Join(root, "images.dev.json", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if changed, err := Write(root, "dev", Digests{}); err == nil || changed {
		t.Errorf("changed %t, %v", changed, err)
	}
	if changed, err := Write(filepath.Join(root, "nosuch"), "dev", Digests{}); err == nil || changed {
		t.Errorf("changed %t, %v", changed, err)
	}
	if files, err := os.ReadDir(root); len(files) != 1 || err != nil {
		t.Errorf("left behind: %v, %v", files, err)
	}
}
