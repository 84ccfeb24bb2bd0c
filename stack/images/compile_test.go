package images

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/headcount-etl/headcount/stack/settings"
)

// compiled is the folder that compiledValidator compiles into; TestMain removes
// it.
var compiled string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if compiled, err = os.MkdirTemp("", "headcount-images-test-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(compiled) //nolint:errcheck // a temporary folder
		return m.Run()
	}())
}

// compiledValidator compiles the validator, once; what holds of it holds of the
// others, which are compiled and packed by the same code.
var compiledValidator = sync.OnceValues(func() ([]byte, error) {
	root, err := settings.Root()
	if err != nil {
		return nil, err
	}
	return compileValidator(context.Background(), root, compiled, architecture)
})

func compileValidator(ctx context.Context, root, into, arch string) ([]byte, error) {
	var said bytes.Buffer
	if err := compile(ctx, root, into, arch, []string{"validator"}, &said); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, &said)
	}
	programs, err := readPrograms(into, arch, []string{"validator"})
	return programs["validator"], err
}

func validator(t *testing.T) []byte {
	t.Helper()
	program, err := compiledValidator()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// The program must not say where, when and with which settings it was compiled.
func TestProgramsDependOnTheSourceAlone(t *testing.T) {
	here := validator(t)
	root, err := settings.Root()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "another-checkout")
	if err := os.Symlink(root, elsewhere); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	// What the user has set for all programs, for this shell and by `go env -w`.
	hostile := map[string]string{"GOFLAGS": "-buildvcs=true -tags=netgo", "GOAMD64": "v3", "GOARM64": "v9.0", "GOWORK": "off", "GOEXPERIMENT": "nogreenteagc", "GOFIPS140": "latest"}
	file := filepath.Join(t.TempDir(), "goenv")
	var lines []string
	for name, value := range hostile {
		if name != "GOWORK" { // which cannot be set there
			lines = append(lines, name+"="+value)
		}
		t.Setenv(name, "")
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, set := range map[string]func(){
		"by go env -w":             func() { t.Setenv("GOENV", file) },
		"in the shell, no network": func() { t.Setenv("GOENV", "off"); t.Setenv("GOPROXY", "off"); setAll(t, hostile) },
	} {
		set()
		there, err := compileValidator(t.Context(), elsewhere, t.TempDir(), architecture)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(here, there) {
			t.Errorf("the program differs when it is compiled in another folder, with settings %s", what)
		}
		for _, path := range []string{root, elsewhere, os.TempDir()} {
			if bytes.Contains(there, []byte(path+"/")) {
				t.Errorf("the program holds the path %s", path)
			}
		}
	}
}

func setAll(t *testing.T, values map[string]string) {
	t.Helper()
	for name, value := range values {
		t.Setenv(name, value)
	}
}

// The version is go.work's, whatever the user's own is: where it is not installed,
// the go command would fetch it.
func TestToolchain(t *testing.T) {
	root := t.TempDir()
	work := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, "go.work"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := toolchain(root); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	work("go 1.26.0\n")
	if _, err := toolchain(root); err == nil || !strings.Contains(err.Error(), "no line such as `toolchain go1.26.8`") {
		t.Errorf("without a line: %v", err)
	}
	work("go 1.26.0\n\n// Why.\ntoolchain go1.99.3 // and more\n\nuse ./x\n")
	if got, err := toolchain(root); got != "go1.99.3" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	// The other version can come from nowhere.
	t.Setenv("GOPROXY", "off")
	var said bytes.Buffer
	err := compile(t.Context(), root, t.TempDir(), architecture, []string{"x"}, &said)
	if err == nil || !strings.Contains(said.String(), "go1.99.3") {
		t.Errorf("compiled with another version: %v, %s", err, &said)
	}
}

// What Go notes in a program of how it was compiled is part of its digest.
func TestProgramsSayNothingOfTheCommit(t *testing.T) {
	want := map[string]string{"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "arm64", "GOARM64": "v8.0", "-trimpath": "true", "-buildmode": "exe", "-compiler": "gc"}
	info, err := buildinfo.Read(bytes.NewReader(validator(t)))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range info.Settings {
		if value, known := want[s.Key]; !known || value != s.Value {
			t.Errorf("it says %s=%s", s.Key, s.Value)
		}
	}
	if f, err := elf.NewFile(bytes.NewReader(validator(t))); err != nil || f.Section(".note.go.buildid") != nil {
		t.Errorf("it has a build id, %v", err)
	}
}

func TestProgramsRunAlone(t *testing.T) {
	f, err := elf.NewFile(bytes.NewReader(validator(t)))
	if err != nil {
		t.Fatal(err)
	}
	if f.Machine != elf.EM_AARCH64 || f.Type != elf.ET_EXEC {
		t.Errorf("a %v for %v, want an executable for ARM64", f.Type, f.Machine)
	}
	for _, part := range f.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Errorf("it has a %v: it is not static", part.Type)
		}
	}
}

// asDynamic makes of a static program one that asks for a linker: the
// mark of its stack becomes the linker's name. Offsets are those of ELF-64.
func asDynamic(t *testing.T, data []byte) []byte {
	t.Helper()
	out := bytes.Clone(data)
	at := int(binary.LittleEndian.Uint64(out[32:])) // e_phoff
	size, n := int(binary.LittleEndian.Uint16(out[54:])), int(binary.LittleEndian.Uint16(out[56:]))
	for ; n > 0; n, at = n-1, at+size {
		if elf.ProgType(binary.LittleEndian.Uint32(out[at:])) == elf.PT_GNU_STACK {
			binary.LittleEndian.PutUint32(out[at:], uint32(elf.PT_INTERP))
			return out
		}
	}
	t.Fatal("the program does not say what its stack is")
	return nil
}

func TestReadProgramsNamesEveryFault(t *testing.T) {
	good, dir := validator(t), t.TempDir()
	foreign := bytes.Clone(good)
	binary.LittleEndian.PutUint16(foreign[18:], uint16(elf.EM_X86_64)) // e_machine
	for name, data := range map[string][]byte{"well": good, "dynamic": asDynamic(t, good), "swapped": foreign, "script": []byte("#!/bin/sh\nexec validator\n"), "empty": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := readPrograms(dir, architecture, []string{"well"}); err != nil {
		t.Errorf("a good program is refused: %v", err)
	}
	_, err := readPrograms(dir, architecture, []string{"well", "dynamic", "swapped", "script", "empty", "absent"})
	if err == nil {
		t.Fatal("bad programs are not refused")
	}
	for _, want := range []string{
		"dynamic for linux/arm64 is linked dynamically", "swapped for linux/arm64 is for another machine, EM_X86_64",
		"script for linux/arm64 is not a program", "empty for linux/arm64 is not a program", "absent for linux/arm64",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
	if text := err.Error(); strings.Contains(text, "well") || strings.Contains(text, "\n") {
		t.Errorf("one line on the bad ones alone, want; got: %s", text)
	}
}

// onText calls do when text is written to it.
type onText struct {
	text string
	do   func()
}

func (o onText) Write(data []byte) (int, error) {
	if bytes.Contains(data, []byte(o.text)) {
		o.do()
	}
	return len(data), nil
}

func TestCompileFails(t *testing.T) {
	root, err := settings.Root()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("no such service", func(t *testing.T) {
		var said bytes.Buffer
		err := compile(t.Context(), root, t.TempDir(), architecture, []string{"nosuch"}, &said)
		if err == nil || !strings.Contains(err.Error(), "compiling for linux/arm64: go build:") || !strings.Contains(said.String(), "services/nosuch") {
			t.Errorf("got %v, and on stderr:\n%s", err, &said)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		slow := t.TempDir()
		if err := os.WriteFile(filepath.Join(slow, "go"), []byte("#!/bin/sh\n[ \"$1\" = env ] && echo '{}' && exit\necho at work >&2\nexec /bin/sleep 60\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", slow)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := compile(ctx, root, t.TempDir(), architecture, []string{"validator"}, onText{"at work", cancel})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no answer of go env", func(t *testing.T) {
		silent := t.TempDir()
		if err := os.WriteFile(filepath.Join(silent, "go"), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", silent)
		err := compile(t.Context(), root, t.TempDir(), architecture, []string{"validator"}, &bytes.Buffer{})
		if err == nil || !strings.HasPrefix(err.Error(), "go env: ") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no go command", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		err := compile(t.Context(), root, t.TempDir(), architecture, []string{"validator"}, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), "the go command") || !strings.Contains(err.Error(), "install Go") {
			t.Errorf("got %v", err)
		}
	})
}
