package images

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/authn"
)

// small gives an image of a program that does not run.
func small(t *testing.T, content string) Image {
	t.Helper()
	return assembled(t, "validator", architecture, []byte(content))
}

func TestPush(t *testing.T) {
	to, one := newECR(t, repository), small(t, "one")
	if err := to.push(t, one); err != nil {
		t.Fatal(err)
	}
	files, err := unpack(to.pull(t, one.Hash))
	if err != nil || string(files["validator"].data) != "one" {
		t.Errorf("pulled %q, %v", files["validator"].data, err)
	}
	if tag := repository + ":" + one.Hash.Hex[:12]; !slices.Contains(to.tags, tag) {
		t.Errorf("there is no tag %s in %v", tag, to.tags)
	}
	before := to.count()
	if err := to.push(t, one); err != nil {
		t.Fatalf("pushed again: %v", err)
	}
	if n := to.count(); n != before {
		t.Errorf("pushing again made %d requests that write", n-before)
	}
	if err := to.push(t, small(t, "two")); err != nil || len(to.tags) != 2 {
		t.Errorf("another version: %v, tags %v", err, to.tags)
	}
}

// TestPushAtOnce: somebody else pushes the same image between our look and our
// write. ECR refuses our tag, which is theirs, and both have succeeded.
func TestPushAtOnce(t *testing.T) {
	to, one := newECR(t, repository), small(t, "one")
	others := 0
	to.before = func(method, path string) {
		if method != "PUT" || !strings.Contains(path, "/manifests/") {
			return
		}
		to.before = nil // theirs is not disturbed
		others++
		if err := to.push(t, one); err != nil {
			t.Errorf("the other one: %v", err)
		}
	}
	if err := to.push(t, one); err != nil || others != 1 || len(to.tags) != 1 {
		t.Errorf("%v; %d others, tags %v", err, others, to.tags)
	}
}

func TestPushFails(t *testing.T) {
	to, one := newECR(t, repository), small(t, "one")
	t.Run("no repository", func(t *testing.T) {
		err := Push(t.Context(), to.url("headcount-dev/nosuch"), signedIn, one)
		if err == nil || !strings.Contains(err.Error(), "pushing "+to.url("headcount-dev/nosuch:")) || !strings.Contains(err.Error(), "NAME_UNKNOWN") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no name of a repository", func(t *testing.T) {
		if err := Push(t.Context(), "127.0.0.1/UPPER", signedIn, one); err == nil || !strings.Contains(err.Error(), "image of validator: ") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a wrong password", func(t *testing.T) {
		err := Push(t.Context(), to.url(repository), &authn.Basic{Username: "AWS", Password: "not-this-one"}, one)
		if err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "not-this-one") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Push(ctx, to.url(repository), signedIn, one); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the tag is another image's", func(t *testing.T) {
		forged := small(t, "two")
		forged.Hash = one.Hash
		if err := to.push(t, forged); err != nil {
			t.Fatal(err)
		}
		err := to.push(t, one)
		if err == nil || !strings.Contains(err.Error(), ":"+one.Hash.Hex[:12]) || !strings.Contains(err.Error(), "The tag is immutable") {
			t.Errorf("got %v", err)
		}
	})
}

// answer is an ECR that gives one answer.
type answer struct {
	out *ecr.GetAuthorizationTokenOutput
	err error
}

func (a answer) GetAuthorizationToken(context.Context, *ecr.GetAuthorizationTokenInput, ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error) {
	return a.out, a.err
}

func TestSignIn(t *testing.T) {
	token := func(token string) *ecr.GetAuthorizationTokenOutput {
		return &ecr.GetAuthorizationTokenOutput{AuthorizationData: []ecrtypes.AuthorizationData{{AuthorizationToken: aws.String(token)}}}
	}
	as, err := SignIn(t.Context(), answer{out: token(base64.StdEncoding.EncodeToString([]byte("AWS:" + password)))})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := as.Authorization(); err != nil || got.Username != "AWS" || got.Password != password {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, c := range []struct {
		what string
		answer
		want string
	}{
		{"a fault", answer{err: errors.New("AccessDenied")}, "AccessDenied"},
		{"no token", answer{out: &ecr.GetAuthorizationTokenOutput{}}, "it gave no token"},
		{"nothing in it", answer{out: &ecr.GetAuthorizationTokenOutput{AuthorizationData: make([]ecrtypes.AuthorizationData, 1)}}, "its token is not"},
		{"no base64", answer{out: token("AWS:" + password)}, "its token is not"},
		{"no password", answer{out: token(base64.StdEncoding.EncodeToString([]byte(password)))}, "its token is not"},
	} {
		_, err := SignIn(t.Context(), c.answer)
		if err == nil || !strings.HasPrefix(err.Error(), "no access to ECR: ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), password) {
			t.Errorf("%s: got %v, want %q in it", c.what, err, c.want)
		}
	}
}
