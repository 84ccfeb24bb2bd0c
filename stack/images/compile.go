package images

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// architecture is that of the images, by Go's name, which is OCI's too: the
// stack's tasks run on it.
const architecture = "arm64"

// compile builds the services under root for Linux as into/<service>. What it
// makes depends on nothing but the source and the version of Go: not on the
// folder, the time or the user's own settings.
func compile(ctx context.Context, root, into, arch string, services []string, stderr io.Writer) error {
	tool, err := exec.LookPath("go")
	if err != nil {
		return errors.New("the go command, which compiles the services, is not in PATH: install Go 1.26 or later from https://go.dev/dl/")
	}
	if _, err := fmt.Fprintf(stderr, "compiling %s for linux/%s\n", strings.Join(services, ", "), arch); err != nil {
		return err
	}
	// -buildvcs and -buildid would make another program of every commit.
	args := []string{"build", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", into + string(filepath.Separator)}
	for _, service := range services {
		args = append(args, "./services/"+service)
	}
	cmd := exec.CommandContext(ctx, tool, args...) //nolint:gosec // the user's own go command
	cmd.Dir = root
	cmd.Stderr = stderr
	cmd.Env = append(
		cmd.Environ(), // where PWD is root: Go compares it with the folders of go.work
		"GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0",
		// Over what the user may have set for programs of this machine. GOFLAGS is not
		// empty because Go would then read it from the user's `go env -w`.
		"GOARM64=v8.0", "GOAMD64=v1", "GOEXPERIMENT=", "GOFLAGS=-trimpath",
		// The versions of modules with which the tests of the repository ran.
		"GOWORK="+filepath.Join(root, "go.work"),
	)
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("compiling for linux/%s: go build: %w", arch, err)
	}
	return nil
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
