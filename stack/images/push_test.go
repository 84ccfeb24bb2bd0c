package images

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/stack/settings"
)

// small gives an image of each service, of programs that do not run.
func small(t *testing.T, content string) []image {
	t.Helper()
	var out []image
	for _, service := range pipeline.Names(nil) {
		out = append(out, assembled(t, service, architecture, []byte(content)))
	}
	return out
}

func reference(t *testing.T, at registry, repository string, digest v1.Hash) name.Reference {
	t.Helper()
	ref, err := name.NewDigest(at.host + "/" + repository + "@" + digest.String())
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// pull gives an image from the registry.
func pull(t *testing.T, from registry, repository string, digest v1.Hash) v1.Image {
	t.Helper()
	img, err := remote.Image(reference(t, from, repository, digest), remote.WithContext(t.Context()), remote.WithAuth(from.auth))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

var devRepositories = []string{"headcount-dev/validator", "headcount-dev/masker", "headcount-dev/aggregator"}

func TestPublish(t *testing.T) {
	fake, root := newECR(t, devRepositories...), t.TempDir()
	built := small(t, "one")
	var out bytes.Buffer
	if err := publish(t.Context(), root, "dev", built, fake.access(), &out); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), " is in headcount-dev/"); n != 3 || !strings.HasSuffix(out.String(), "images.dev.json written: commit it\n") {
		t.Errorf("it says\n%s", &out)
	}
	var digests map[string]string
	data, err := os.ReadFile(filepath.Join(root, "images.dev.json"))
	if err == nil {
		err = json.Unmarshal(data, &digests)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range built {
		if digests[i.service] != i.digest.String() {
			t.Errorf("the file says %q of %s, want %v", digests[i.service], i.service, i.digest)
		}
		files, err := unpack(pull(t, fake.access(), "headcount-dev/"+i.service, i.digest))
		if err != nil || string(files[i.service].data) != "one" {
			t.Errorf("%s: pulled %q, %v", i.service, files[i.service].data, err)
		}
		if tag := "headcount-dev/" + i.service + ":" + i.digest.Hex[:12]; !slices.Contains(fake.tags, tag) {
			t.Errorf("there is no tag %s in %v", tag, fake.tags)
		}
	}

	before := fake.count()
	out.Reset()
	if err := publish(t.Context(), root, "dev", built, fake.access(), &out); err != nil {
		t.Fatalf("pushed again: %v", err)
	}
	if n := fake.count(); n != before {
		t.Errorf("pushing again made %d requests that write", n-before)
	}
	if n := strings.Count(out.String(), " is in headcount-dev/"); n != 3 || !strings.HasSuffix(out.String(), "images.dev.json is as it was\n") {
		t.Errorf("it says\n%s", &out)
	}
	if err := publish(t.Context(), root, "dev", small(t, "two"), fake.access(), &out); err != nil || len(fake.tags) != 6 {
		t.Errorf("another version: %v, tags %v", err, fake.tags)
	}
}

// A file that names an image that is not there would make tasks that cannot
// start.
func TestNothingIsWrittenBeforeAllIsPushed(t *testing.T) {
	fake, root := newECR(t, devRepositories[:2]...), t.TempDir()
	err := publish(t.Context(), root, "dev", small(t, "one"), fake.access(), &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "there is no repository headcount-dev/aggregator: an up") {
		t.Errorf("got %v", err)
	}
	if files, err := os.ReadDir(root); err != nil || len(files) > 0 {
		t.Errorf("there is %v, %v", files, err)
	}
}

func TestPushFails(t *testing.T) {
	fake := newECR(t, devRepositories...)
	one, two := small(t, "one")[0], small(t, "two")[0]
	to := fake.access()
	t.Run("the tag is another image's", func(t *testing.T) {
		forged := two
		forged.digest = one.digest
		if err := to.push(t.Context(), devRepositories[0], forged); err != nil {
			t.Fatal(err)
		}
		err := to.push(t.Context(), devRepositories[0], one)
		if err == nil || !strings.Contains(err.Error(), ":"+one.digest.Hex[:12]) || !strings.Contains(err.Error(), "The tag is immutable") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a wrong password", func(t *testing.T) {
		wrong := registry{to.host, &authn.Basic{Username: "AWS", Password: "not-this-one"}}
		err := wrong.push(t.Context(), devRepositories[1], one)
		if err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "not-this-one") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := to.push(ctx, devRepositories[1], one); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// login is called as Run calls it, with AWS's own client and the configuration
// of the repository.
func TestLogin(t *testing.T) {
	fake := newECR(t, devRepositories...)
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL_ECR": fake.URL, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "",
		"AWS_REGION": "us-west-2", "AWS_PROFILE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(key, value)
	}
	root, err := settings.Root()
	if err != nil {
		t.Fatal(err)
	}
	s, err := settings.Load(root, "dev")
	if err != nil {
		t.Fatal(err)
	}
	to, err := login(t.Context(), s.Region)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(fake.signed, "/"+s.Region+"/ecr/") {
		t.Errorf("asked by %s, want the stack's region, %s", fake.signed, s.Region)
	}
	if err := to.push(t.Context(), devRepositories[0], small(t, "one")[0]); err != nil {
		t.Error(err)
	}
}

// answer is an ECR that gives one answer.
type answer struct {
	out *ecr.GetAuthorizationTokenOutput
	err error
}

func (a answer) GetAuthorizationToken(context.Context, *ecr.GetAuthorizationTokenInput, ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error) {
	return a.out, a.err
}

func TestAccessRefusesBadAnswers(t *testing.T) {
	token := func(token, endpoint string) *ecr.GetAuthorizationTokenOutput {
		return &ecr.GetAuthorizationTokenOutput{AuthorizationData: []ecrtypes.AuthorizationData{
			{AuthorizationToken: aws.String(token), ProxyEndpoint: aws.String(endpoint)},
		}}
	}
	good := base64.StdEncoding.EncodeToString([]byte("AWS:" + password))
	const endpoint = "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com"
	to, err := access(t.Context(), answer{out: token(good, endpoint)})
	if err != nil || to.host != "111122223333.dkr.ecr.eu-west-1.amazonaws.com" {
		t.Errorf("got %q, %v", to.host, err)
	}
	for _, c := range []struct {
		what string
		answer
		want string
	}{
		{"a fault", answer{err: errors.New("AccessDenied")}, "AccessDenied"},
		{"no token", answer{out: &ecr.GetAuthorizationTokenOutput{}}, "it gave no token"},
		{"nothing in it", answer{out: &ecr.GetAuthorizationTokenOutput{AuthorizationData: make([]ecrtypes.AuthorizationData, 1)}}, `its registry is ""`},
		{"no URL", answer{out: token(good, "dkr.ecr")}, `its registry is "dkr.ecr"`},
		{"no base64", answer{out: token("AWS:"+password, endpoint)}, "its token is not"},
		{"no password", answer{out: token(base64.StdEncoding.EncodeToString([]byte(password)), endpoint)}, "its token is not"},
	} {
		_, err := access(t.Context(), c.answer)
		if err == nil || !strings.HasPrefix(err.Error(), "no access to ECR: ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), password) {
			t.Errorf("%s: got %v, want %q in it", c.what, err, c.want)
		}
	}
}
