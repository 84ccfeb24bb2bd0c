package images

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is whom programs run as, by number: only by a number does a host see that
// it is not root. It has the name nonroot.
const user = "65532"

// epoch is the time of everything in an image: any other would differ between
// two builds, or lie.
var epoch = time.Unix(0, 0).UTC()

// Image is the image of a service.
type Image struct {
	service string
	v1.Image
	// Hash is its digest, known without a registry.
	Hash v1.Hash
	size int64 // what a host downloads, in bytes
}

// String gives the image's line in a list.
func (i Image) String() string {
	return fmt.Sprintf("%-10s %v (%.1f MB)", i.service, i.Hash, float64(i.size)/1e6)
}

// assemble puts a service's image together, an OCI image of two layers: what all
// services share, and the program, as /<service>. The digest depends on the
// arguments alone.
func assemble(service, arch string, program []byte) (Image, error) {
	base, err := baseLayer()
	if err != nil {
		return Image{}, err
	}
	// Whoever takes control of the program cannot write to it.
	own, err := layer([]file{{service, 0o555, program}})
	if err != nil {
		return Image{}, err
	}
	from := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	configured, err := mutate.ConfigFile(from, &v1.ConfigFile{
		OS:           "linux",
		Architecture: arch,
		Created:      v1.Time{Time: epoch},
		RootFS:       v1.RootFS{Type: "layers"},
		Config: v1.Config{
			User:       user + ":" + user,
			Entrypoint: []string{"/" + service},
			WorkingDir: "/",
			// Neither revision nor version: they would make another image of every commit.
			Labels: map[string]string{
				"org.opencontainers.image.title":  "headcount " + service,
				"org.opencontainers.image.source": "https://github.com/headcount-etl/headcount",
			},
		},
	})
	if err != nil {
		return Image{}, err
	}
	whole, err := mutate.Append(
		configured,
		mutate.Addendum{Layer: base, History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "certificates and users"}},
		mutate.Addendum{Layer: own, History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: service}},
	)
	if err != nil {
		return Image{}, err
	}
	manifest, err := whole.Manifest()
	if err != nil {
		return Image{}, err
	}
	digest, err := whole.Digest()
	return Image{service, whole, digest, manifest.Layers[0].Size + manifest.Layers[1].Size}, err
}

// file is a file of a layer, or a folder where its name ends with a slash. All
// are root's.
type file struct {
	name string
	mode int64
	data []byte
}

// baseLayer gives the layer that all images share.
func baseLayer() (v1.Layer, error) {
	return layer([]file{
		{"etc/", 0o755, nil},
		{"etc/group", 0o444, []byte("root:x:0:\nnonroot:x:" + user + ":\n")},
		{"etc/passwd", 0o444, []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:" + user + ":" + user + ":nonroot:/:/sbin/nologin\n")},
		{"etc/ssl/", 0o755, nil},
		{"etc/ssl/certs/", 0o755, nil},
		// The first place where Go looks on Linux.
		{"etc/ssl/certs/ca-certificates.crt", 0o444, authorities()},
	})
}

// authorities gives, in PEM, the certificate authorities that Mozilla trusts,
// as a Go module has them, so that they come with the source and not from the
// machine. Left out are those that Mozilla trusts only for what they signed up
// to some date: a file of certificates cannot say so. Amazon's are not among
// them.
func authorities() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return out.Bytes()
}

// layer gives a layer with files, in their order.
func layer(files []file) (v1.Layer, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range files {
		header := tar.Header{
			Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.data)),
			ModTime: epoch, Format: tar.FormatUSTAR,
		}
		if strings.HasSuffix(f.name, "/") {
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(&header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	// Not compressed: what gzip makes of the same bytes may change with the version of
	// the library.
	return static.NewLayer(archive.Bytes(), types.OCIUncompressedLayer), nil
}
