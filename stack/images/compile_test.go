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
var compiledValidator = sync.OnceValues(func() ([]program, error) {
	root, err := settings.Root()
	if err != nil {
		return nil, err
	}
	return compileValidator(context.Background(), root, compiled)
})

func compileValidator(ctx context.Context, root, into string) ([]program, error) {
	var said bytes.Buffer
	if err := compile(ctx, root, into, []string{"validator"}, &said); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, &said)
	}
	programs, err := readPrograms(into, []string{"validator"})
	return programs["validator"], err
}

func validator(t *testing.T) []program {
	t.Helper()
	programs, err := compiledValidator()
	if err != nil {
		t.Fatal(err)
	}
	return programs
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
	t.Setenv("GOFLAGS", "-buildvcs=true -tags=netgo")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("GOARM64", "v9.0")
	t.Setenv("GOWORK", "off")
	there, err := compileValidator(t.Context(), elsewhere, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := range here {
		if here[i].arch != there[i].arch || !bytes.Equal(here[i].data, there[i].data) {
			t.Errorf("linux/%s: the program differs when it is compiled in another folder", here[i].arch)
		}
		for _, path := range []string{root, elsewhere, os.TempDir()} {
			if bytes.Contains(there[i].data, []byte(path+"/")) {
				t.Errorf("linux/%s: the program holds the path %s", here[i].arch, path)
			}
		}
	}
}

// What Go notes in a program of how it was compiled is part of its digest.
func TestProgramsSayNothingOfTheCommit(t *testing.T) {
	want := map[string]string{"CGO_ENABLED": "0", "GOOS": "linux", "GOARM64": "v8.0", "GOAMD64": "v1", "-trimpath": "true", "-buildmode": "exe", "-compiler": "gc"}
	for _, p := range validator(t) {
		info, err := buildinfo.Read(bytes.NewReader(p.data))
		if err != nil {
			t.Fatalf("%s: %v", p.arch, err)
		}
		for _, s := range info.Settings {
			if value, known := want[s.Key]; s.Key != "GOARCH" && (!known || value != s.Value) {
				t.Errorf("%s: it says %s=%s", p.arch, s.Key, s.Value)
			}
		}
		if f, err := elf.NewFile(bytes.NewReader(p.data)); err != nil || f.Section(".note.go.buildid") != nil {
			t.Errorf("%s: it has a build id, %v", p.arch, err)
		}
	}
}

func TestProgramsRunAlone(t *testing.T) {
	want := map[string]elf.Machine{"arm64": elf.EM_AARCH64, "amd64": elf.EM_X86_64}
	programs := validator(t)
	if len(programs) != len(want) {
		t.Fatalf("%d programs, want %d", len(programs), len(want))
	}
	for _, p := range programs {
		f, err := elf.NewFile(bytes.NewReader(p.data))
		if err != nil {
			t.Fatalf("%s: %v", p.arch, err)
		}
		if f.Machine != want[p.arch] || f.Type != elf.ET_EXEC {
			t.Errorf("%s: a %v for %v, want an executable for %v", p.arch, f.Type, f.Machine, want[p.arch])
		}
		for _, part := range f.Progs {
			if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
				t.Errorf("%s: it has a %v: it is not static", p.arch, part.Type)
			}
		}
		delete(want, p.arch)
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
	good := map[string][]byte{}
	for _, p := range validator(t) {
		good[p.arch] = p.data
	}
	dir := t.TempDir()
	for path, data := range map[string][]byte{
		"arm64/well": good["arm64"], "amd64/well": good["amd64"],
		"arm64/dynamic": asDynamic(t, good["arm64"]), "amd64/dynamic": asDynamic(t, good["amd64"]),
		"arm64/swapped": good["amd64"], "amd64/swapped": good["arm64"],
		"arm64/script": []byte("#!/bin/sh\nexec validator\n"), "amd64/script": nil,
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := readPrograms(dir, []string{"well"}); err != nil {
		t.Errorf("a good program is refused: %v", err)
	}
	_, err := readPrograms(dir, []string{"well", "dynamic", "swapped", "script", "absent"})
	if err == nil {
		t.Fatal("bad programs are not refused")
	}
	for _, want := range []string{
		"dynamic for linux/arm64 is linked dynamically", "dynamic for linux/amd64 is linked dynamically",
		"swapped for linux/arm64 is for another machine, EM_X86_64", "swapped for linux/amd64 is for another machine, EM_AARCH64",
		"script for linux/arm64 is not a program", "script for linux/amd64 is not a program",
		"absent for linux/arm64", "absent for linux/amd64",
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
		err := compile(t.Context(), root, t.TempDir(), []string{"nosuch"}, &said)
		if err == nil || !strings.Contains(err.Error(), "compiling for linux/arm64: go build:") || !strings.Contains(said.String(), "services/nosuch") {
			t.Errorf("got %v, and on stderr:\n%s", err, &said)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		slow := t.TempDir()
		if err := os.WriteFile(filepath.Join(slow, "go"), []byte("#!/bin/sh\necho at work >&2\nexec /bin/sleep 60\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", slow)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := compile(ctx, root, t.TempDir(), []string{"validator"}, onText{"at work", cancel})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no go command", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		err := compile(t.Context(), root, t.TempDir(), []string{"validator"}, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), "the go command") || !strings.Contains(err.Error(), "install Go") {
			t.Errorf("got %v", err)
		}
	})
}
