package images

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// registry is where images are pushed to, and who pushes.
type registry struct {
	host string // such as 111122223333.dkr.ecr.eu-west-1.amazonaws.com
	auth authn.Authenticator
}

// tokens is what is needed of ECR.
type tokens interface {
	GetAuthorizationToken(context.Context, *ecr.GetAuthorizationTokenInput, ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error)
}

// access gives the registry of the caller's account, with a password that is
// good for 12 hours. Errors never show the password.
func access(ctx context.Context, api tokens) (registry, error) {
	out, err := api.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return registry{}, fmt.Errorf("no access to ECR: %w", err)
	}
	if len(out.AuthorizationData) == 0 {
		return registry{}, errors.New("no access to ECR: it gave no token")
	}
	data := out.AuthorizationData[0]
	endpoint, err := url.Parse(aws.ToString(data.ProxyEndpoint))
	if err != nil || endpoint.Host == "" {
		return registry{}, fmt.Errorf("no access to ECR: its registry is %q: must be a URL", aws.ToString(data.ProxyEndpoint))
	}
	token, err := base64.StdEncoding.DecodeString(aws.ToString(data.AuthorizationToken))
	user, password, ok := strings.Cut(string(token), ":")
	if err != nil || !ok {
		return registry{}, errors.New("no access to ECR: its token is not a user and a password in base64")
	}
	return registry{endpoint.Host, &authn.Basic{Username: user, Password: password}}, nil
}

// tagDigits is how many digits of an image's digest are its tag. The tag is for
// people, and keeps the image from counting as untagged.
const tagDigits = 12

// push uploads an image to a repository; where its tag is there with the same
// image, the library writes nothing. ECR does not accept a tag for another image,
// since the tags of our repositories are immutable.
func (r registry) push(ctx context.Context, repository string, i image) error {
	tag, err := name.NewTag(fmt.Sprintf("%s/%s:%s", r.host, repository, i.digest.Hex[:tagDigits]))
	if err != nil {
		return err
	}
	err = remote.Write(tag, i, remote.WithContext(ctx), remote.WithAuth(r.auth))
	var refused *transport.Error
	if errors.As(err, &refused) {
		for _, d := range refused.Errors {
			if d.Code == transport.NameUnknownErrorCode {
				return fmt.Errorf("there is no repository %s: an up, with bootstrap: true if it is the first, makes it", repository)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("pushing %v: %w", tag, err)
	}
	return nil
}
