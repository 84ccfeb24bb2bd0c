package images

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOutsideOfTheRepository(t *testing.T) {
	t.Chdir(t.TempDir())
	var out, said bytes.Buffer
	for name, err := range map[string]error{"print": Print(t.Context(), &out, &said), "push": Push(t.Context(), "dev", &out, &said)} {
		if err == nil || !strings.Contains(err.Error(), "inside the repository") {
			t.Errorf("%s: %v", name, err)
		}
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
	digests := map[string]string{"validator": "sha256:a", "masker": "sha256:b", "aggregator": "sha256:c"}
	write := func(wantChanged bool) os.FileInfo {
		t.Helper()
		changed, err := write(path, digests)
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
	if changed, err := write(filepath.Join(root, "images.dev.json"), nil); err == nil || changed {
		t.Errorf("changed %t, %v", changed, err)
	}
	if changed, err := write(filepath.Join(root, "nosuch", "images.dev.json"), nil); err == nil || changed {
		t.Errorf("changed %t, %v", changed, err)
	}
	if files, err := os.ReadDir(root); len(files) != 1 || err != nil {
		t.Errorf("left behind: %v, %v", files, err)
	}
}
