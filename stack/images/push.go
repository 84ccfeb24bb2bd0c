package images

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// tokens is what is needed of ECR.
type tokens interface {
	GetAuthorizationToken(context.Context, *ecr.GetAuthorizationTokenInput, ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error)
}

// SignIn gives a password for the registry of the caller's account, good for 12
// hours. Errors never show the password.
func SignIn(ctx context.Context, api tokens) (authn.Authenticator, error) {
	out, err := api.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return nil, fmt.Errorf("no access to ECR: %w", err)
	}
	if len(out.AuthorizationData) == 0 {
		return nil, errors.New("no access to ECR: it gave no token")
	}
	token, err := base64.StdEncoding.DecodeString(aws.ToString(out.AuthorizationData[0].AuthorizationToken))
	user, password, ok := strings.Cut(string(token), ":")
	if err != nil || !ok {
		return nil, errors.New("no access to ECR: its token is not a user and a password in base64")
	}
	return &authn.Basic{Username: user, Password: password}, nil
}

// tagDigits is how many digits of an image's digest are its tag. The tag is for
// people, and keeps the image from counting as untagged: those expire.
const tagDigits = 12

// Push uploads an image to a repository, such as
// 111122223333.dkr.ecr.eu-west-1.amazonaws.com/headcount-dev/validator. Where its
// tag is there with the same image already, also one that somebody else pushes at
// the same time, it succeeds. The tags of our repositories are immutable: ECR
// refuses a tag that another image has.
func Push(ctx context.Context, repository string, as authn.Authenticator, i Image) error {
	tag, err := name.NewTag(repository + ":" + i.Hash.Hex[:tagDigits])
	if err != nil {
		return fmt.Errorf("image of %s: %w", i.service, err)
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuth(as)}
	failed := remote.Write(tag, i, options...)
	if failed == nil {
		return nil
	}
	if there, err := remote.Head(tag, options...); err == nil && there.Digest == i.Hash {
		return nil
	}
	return fmt.Errorf("pushing %v: %w", tag, failed)
}
