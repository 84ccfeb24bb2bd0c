package images

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/headcount-etl/headcount/stack/settings"
)

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// container is an unpacked image.
type container struct {
	dir string
	v1.Config
	env []string
}

// unpackInto writes the files of an image to a folder, with their permissions
// and, if it may, their owners.
func unpackInto(t *testing.T, img v1.Image, dir string) {
	t.Helper()
	files, err := unpack(img)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range files {
		path, mode := filepath.Join(dir, name), f.header.FileInfo().Mode()
		if mode.IsDir() {
			if err := os.MkdirAll(path, mode); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.data, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			if err := os.Chown(path, f.header.Uid, f.header.Gid); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// command runs the image's program as its config says. Root sees nothing but
// the image, as in a container, and is the image's user; others can do neither.
func (c container) command(ctx context.Context, args ...string) *exec.Cmd {
	path := c.Entrypoint[0]
	cmd := exec.CommandContext(ctx, filepath.Join(c.dir, path), args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	if os.Getuid() == 0 {
		user, group, _ := strings.Cut(c.User, ":")
		// What is no number becomes root, which the test sees.
		uid, _ := strconv.ParseUint(user, 10, 32)
		gid, _ := strconv.ParseUint(group, 10, 32)
		cmd.Path, cmd.Dir = path, c.WorkingDir
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.dir, Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	return cmd
}

// healthcheck gives the exit code of the check that ECS makes, and what it says.
func (c container) healthcheck(ctx context.Context, t *testing.T) (int, string) {
	t.Helper()
	out, err := c.command(ctx, "healthcheck").Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		return exit.ExitCode(), string(out)
	}
	return 0, string(out)
}

// The whole way of a program, for this machine: compiled, packed, pushed, pulled, unpacked, run by
// the user that the image names, and asked how it is by the image's own means.
func TestPulledImageIsWell(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the images are for Linux, this machine runs " + runtime.GOOS)
	}
	to := newECR(t, repository)
	root, err := settings.Root()
	if err != nil {
		t.Fatal(err)
	}
	program, err := compileValidator(t.Context(), root, t.TempDir(), runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	i := assembled(t, "validator", runtime.GOARCH, program)
	if err := to.push(t, i); err != nil {
		t.Fatal(err)
	}
	img := to.pull(t, i.Hash)
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := container{dir: t.TempDir(), Config: config.Config, env: []string{
		// No one listens there: AWS that does not answer is not ill health.
		"AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		// The health check finds the service by this URL, so that of another run of this test is another.
		"INPUT_QUEUE_URL=http://127.0.0.1:1/000000000000/" + filepath.Base(t.TempDir()) + strconv.Itoa(os.Getpid()),
		"OUTPUT_QUEUE_URL=http://127.0.0.1:1/000000000000/valid", "QUARANTINE_BUCKET=quarantine",
	}}
	unpackInto(t, img, c.dir)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if code, said := c.healthcheck(ctx, t); code != 1 {
		t.Fatalf("not running, the check exits with %d: %s", code, said)
	}
	var log bytes.Buffer
	service := c.command(t.Context())
	service.Stdout, service.Stderr = &log, &log
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- service.Wait() }()
	t.Cleanup(func() { _ = service.Process.Kill() })

	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for code, said := c.healthcheck(ctx, t); code != 0; code, said = c.healthcheck(ctx, t) {
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("the service ended: %v\n%s", err, &log)
		case <-ctx.Done():
			t.Fatalf("not well in %v: %s", patience, said)
		}
	}
	if os.Getuid() == 0 {
		var stat syscall.Stat_t
		if err := syscall.Stat("/proc/"+strconv.Itoa(service.Process.Pid), &stat); err != nil || stat.Uid != 65532 || stat.Gid != 65532 {
			t.Errorf("it runs as %d:%d, %v", stat.Uid, stat.Gid, err)
		}
	}
	if err := service.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the service ended with %v\n%s", err, &log)
		}
	case <-ctx.Done():
		t.Fatal("the service does not end")
	}
	if code, said := c.healthcheck(ctx, t); code != 1 {
		t.Errorf("ended, the check exits with %d: %s", code, said)
	}
}
