package images

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"golang.org/x/crypto/x509roots/fallback/bundle"
	"pgregory.net/rapid"
)

// entry is a file of an image.
type entry struct {
	header tar.Header
	data   []byte
}

// unpack gives the files of an image by name, as a container would see them.
func unpack(img v1.Image) (map[string]entry, error) {
	archive := mutate.Extract(img)
	defer archive.Close() //nolint:errcheck // read only
	entries := map[string]entry{}
	for r := tar.NewReader(archive); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		entries[header.Name] = entry{*header, data}
	}
}

func assembled(t *testing.T, service, arch string, program []byte) Image {
	t.Helper()
	i, err := assemble(service, arch, program)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestImagesAreOCI(t *testing.T) {
	to := newECR(t, repository)
	i := assembled(t, "validator", architecture, validator(t))
	if err := to.push(t, i); err != nil {
		t.Fatal(err)
	}
	one := to.pull(t, i.Hash)
	if err := validate.Image(one, validate.Fast); err != nil {
		t.Error(err)
	}
	manifest, err := one.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.MediaType != types.OCIManifestSchema1 || manifest.Config.MediaType != types.OCIConfigJSON || len(manifest.Layers) != 2 {
		t.Errorf("the manifest is %s, the config %s, with %d layers", manifest.MediaType, manifest.Config.MediaType, len(manifest.Layers))
	}
	var size int64
	for _, l := range manifest.Layers {
		if l.MediaType != types.OCIUncompressedLayer {
			t.Errorf("a layer is %s", l.MediaType)
		}
		size += l.Size
	}
	if i.size != size {
		t.Errorf("its size is said to be %d, and is %d", i.size, size)
	}
	config, err := one.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := config.Config
	if config.OS != "linux" || config.Architecture != "arm64" || config.Variant != "" || c.User != "65532:65532" || c.WorkingDir != "/" ||
		!slices.Equal(c.Entrypoint, []string{"/validator"}) || len(c.Cmd) != 0 || len(c.Env) != 0 || len(c.ExposedPorts) != 0 ||
		c.Labels["org.opencontainers.image.title"] != "headcount validator" || c.Labels["org.opencontainers.image.source"] == "" {
		t.Errorf("the config is %+v", config)
	}
	if len(config.History) != 2 || config.Created.Unix() != 0 || config.History[0].Created.Unix() != 0 || config.History[1].Created.Unix() != 0 {
		t.Errorf("created %v, history %+v", config.Created, config.History)
	}
}

func TestImageHoldsThis(t *testing.T) {
	program := validator(t)
	files, err := unpack(assembled(t, "validator", architecture, program))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, f := range files {
		h := f.header
		got = append(got, fmt.Sprintf("%c %04o %d:%d %s", h.Typeflag, h.Mode, h.Uid, h.Gid, name))
		if h.ModTime.Unix() != 0 || h.Uname != "" || h.Gname != "" {
			t.Errorf("%s is of %v, owned by %q, %q", name, h.ModTime, h.Uname, h.Gname)
		}
	}
	slices.Sort(got)
	want := []string{
		"0 0444 0:0 etc/group", "0 0444 0:0 etc/passwd", "0 0444 0:0 etc/ssl/certs/ca-certificates.crt",
		"0 0555 0:0 validator",
		"5 0755 0:0 etc", "5 0755 0:0 etc/ssl", "5 0755 0:0 etc/ssl/certs",
	}
	if !slices.Equal(got, want) {
		t.Errorf("it holds\n%v, want\n%v", got, want)
	}
	if !bytes.Equal(files["validator"].data, program) {
		t.Error("the program is not the one that was compiled")
	}
	if !bytes.Contains(files["etc/passwd"].data, []byte("\nnonroot:x:65532:65532:")) || !bytes.Contains(files["etc/group"].data, []byte("\nnonroot:x:65532:")) {
		t.Error("there is no user nonroot")
	}
}

// The law of assemble: what was put in comes out, the digest depends on it and
// on nothing else, not even on the time.
func TestDigestIsOfTheContent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		service := rapid.StringMatching(`[a-z]{1,12}`).Draw(t, "service")
		data := rapid.SliceOfN(rapid.Byte(), 1, 2000).Draw(t, "program")
		changed := bytes.Clone(data)
		changed[rapid.IntRange(0, len(data)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		a, err := assemble(service, "arm64", data)
		if err != nil {
			t.Fatal(err)
		}
		b, err := assemble(service, "arm64", changed)
		if err != nil {
			t.Fatal(err)
		}
		if a.Hash == b.Hash {
			t.Fatal("another program, the same digest")
		}
		files, err := unpack(a)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(files[service].data, data) {
			t.Fatal("another program comes out than went in")
		}
	})
}

func TestDigestIsOfNoTime(t *testing.T) {
	now := assembled(t, "validator", architecture, []byte("one"))
	synctest.Test(t, func(t *testing.T) { // where it is the year 2000
		if time.Since(epoch) > 40*365*24*time.Hour {
			t.Fatal("it is not another time")
		}
		if then := assembled(t, "validator", architecture, []byte("one")); then.Hash != now.Hash {
			t.Errorf("now %v, in the year 2000 %v", now.Hash, then.Hash)
		}
	})
}

// AWS's endpoints show certificates of Amazon's own authorities
// (https://www.amazontrust.com/repository/).
func TestAuthorities(t *testing.T) {
	names := map[string]bool{}
	trusted := map[string]bool{}
	for rest := authorities(); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if len(rest) > 0 {
				t.Errorf("%d bytes at the end are no certificate", len(rest))
			}
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || !c.IsCA {
			t.Fatalf("not an authority: %v, %v", block.Headers, err)
		}
		names[c.Subject.CommonName] = true
		trusted[string(block.Bytes)] = true
	}
	for n := 1; n <= 4; n++ {
		if name := fmt.Sprintf("Amazon Root CA %d", n); !names[name] {
			t.Errorf("there is no %s", name)
		}
	}
	if len(trusted) < 80 {
		t.Errorf("only %d authorities: Mozilla trusts more than a hundred", len(trusted))
	}
	for root := range bundle.Roots() {
		if trusted[string(root.Certificate)] != (root.Constraint == nil) {
			c, err := x509.ParseCertificate(root.Certificate)
			t.Errorf("%v (%v) is trusted: %t", c.Subject, err, root.Constraint != nil)
		}
	}
	t.Logf("%d authorities", len(trusted))
}
