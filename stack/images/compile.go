package images

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// architecture is that of the images, by Go's name, which is OCI's too: the
// stack's tasks run on it.
const architecture = "arm64"

// compile builds the services under root for Linux as into/<service>. What it
// makes depends on nothing but the source and the version of Go that go.work
// names: not on the folder, the time, the caches or the user's own settings.
func compile(ctx context.Context, root, into, arch string, services []string, stderr io.Writer) error {
	tool, err := exec.LookPath("go")
	if err != nil {
		return errors.New("the go command, which compiles the services, is not in PATH: install Go 1.26 or later from https://go.dev/dl/")
	}
	environment, err := environment(ctx, tool, root, arch)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stderr, "compiling %s for linux/%s\n", strings.Join(services, ", "), arch); err != nil {
		return err
	}
	// -trimpath, -buildvcs and -buildid: else a folder and a commit would be in the program.
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", into + string(filepath.Separator)}
	for _, service := range services {
		args = append(args, "./services/"+service)
	}
	cmd := exec.CommandContext(ctx, tool, args...) //nolint:gosec // the user's own go command
	cmd.Dir = root
	cmd.Stderr = stderr
	cmd.Env = append(cmd.Environ(), environment...) // where PWD is root: Go compares it with the folders of go.work
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("compiling for linux/%s: go build: %w", arch, interrupted(ctx, err))
	}
	return nil
}

// interrupted gives the reason of a command that failed: its context's end, if that
// is over.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// fetching are the settings by which Go finds and keeps modules and what it has
// compiled. They are the user's own: no program depends on them.
var fetching = []string{"GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS", "GOPATH", "GOMODCACHE", "GOCACHE"}

// environment gives the variables with which the go command compiles: fixed where a
// program depends on them, over what the user may have set for programs of this
// machine.
func environment(ctx context.Context, tool, root, arch string) ([]string, error) {
	version, err := toolchain(root)
	if err != nil {
		return nil, err
	}
	set := []string{
		"GOTOOLCHAIN=" + version, "GOOS=linux", "GOARCH=" + arch, "CGO_ENABLED=0",
		"GOARM64=v8.0", "GOAMD64=v1", "GOFLAGS=", "GOEXPERIMENT=", "GOFIPS140=off",
		// The versions of modules with which the tests of the repository ran.
		"GOWORK=" + filepath.Join(root, "go.work"),
		// Where a variable is empty, Go reads it from the file of `go env -w`: there is none,
		// and so what it says of fetching is repeated here.
		"GOENV=off",
	}
	cmd := exec.CommandContext(ctx, tool, append([]string{"env", "-json"}, fetching...)...) //nolint:gosec // the user's own go command
	cmd.Dir = os.TempDir()                                                                  // where no go.work asks for a version
	out, err := cmd.Output()
	var users map[string]string
	if err == nil {
		err = json.Unmarshal(out, &users)
	}
	if err != nil {
		return nil, fmt.Errorf("go env: %w", interrupted(ctx, err))
	}
	for _, name := range fetching {
		set = append(set, name+"="+users[name])
	}
	return set, nil
}

var toolchainLine = regexp.MustCompile(`(?m)^toolchain (go\S+)`)

// toolchain gives the version of Go that compiles the services: the one that go.work
// names. Where another one is installed, the go command fetches it.
func toolchain(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "go.work")) //nolint:gosec // a file of the repository
	if err != nil {
		return "", err
	}
	found := toolchainLine.FindSubmatch(text)
	if found == nil {
		return "", errors.New("go.work has no line such as `toolchain go1.26.8`: it says which version of Go compiles the services, since another one makes other images")
	}
	return string(found[1]), nil
}

// readPrograms reads what compile made, by service, and checks it. The error names
// every program that is wrong.
func readPrograms(from, arch string, services []string) (map[string][]byte, error) {
	programs := map[string][]byte{}
	var faults []string
	for _, service := range services {
		data, err := os.ReadFile(filepath.Join(from, service))
		if err == nil {
			err = check(data, arch)
		}
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s for linux/%s %v", service, arch, err))
		}
		programs[service] = data
	}
	if faults != nil {
		return nil, errors.New(strings.Join(faults, "; "))
	}
	return programs, nil
}

// machines are those that services are compiled for: the tasks', and the one that
// runs the tests.
var machines = map[string]elf.Machine{"arm64": elf.EM_AARCH64, "amd64": elf.EM_X86_64}

// check checks whether a program can run alone on an architecture: in an image
// without any library it must not ask for one. The error reads on after the
// program's name.
func check(data []byte, arch string) error {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("is not a program for Linux: %w", err)
	}
	if f.Machine != machines[arch] {
		return fmt.Errorf("is for another machine, %v", f.Machine)
	}
	dynamic := func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }
	if slices.ContainsFunc(f.Progs, dynamic) {
		return errors.New("is linked dynamically, but an image has no libraries: was it compiled without CGO_ENABLED=0?")
	}
	return nil
}
