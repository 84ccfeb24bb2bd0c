// Package provide does what `pulumi up` needs and what is no resource of Pulumi's:
// it pushes the services' images, makes the first masking key and ECS's
// service-linked role. The program calls it in an update only, never in a preview.
//
// Each step is safe to repeat, after a failure anywhere, and to run twice at once:
// what is there already is success.
package provide

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/headcount-etl/headcount/stack/images"
	"github.com/headcount-etl/headcount/stack/keys"
	"github.com/headcount-etl/headcount/stack/names"
)

// Provider provides for one run of the program.
type Provider struct {
	images map[string]images.Image

	mu       sync.Mutex
	cfg      *aws.Config // nil until the account is verified
	signedIn authn.Authenticator
}

// FromSource compiles the services of the repository at root, which tells what their
// images are, and asks AWS nothing. stderr gets what the go command says.
func FromSource(ctx context.Context, root string, stderr io.Writer) (*Provider, error) {
	built, err := images.Build(ctx, root, stderr)
	if err != nil {
		return nil, err
	}
	return &Provider{images: built}, nil
}

// Digest gives the digest of a service's image: sha256: and 64 hexadecimal digits.
func (p *Provider) Digest(service string) string { return p.images[service].Hash.String() }

// Push pushes a service's image to a repository of the stack's, by its URL.
func (p *Provider) Push(ctx context.Context, stack names.Names, service, url string) error {
	as, err := p.signIn(ctx, stack)
	if err != nil {
		return err
	}
	return images.Push(ctx, url, as, p.images[service])
}

// Key gives the version of the masking keys in the secret, and makes the first key
// where there is none.
func (p *Provider) Key(ctx context.Context, stack names.Names, secretARN string) (version string, err error) {
	cfg, err := p.verified(ctx, stack)
	if err != nil {
		return "", err
	}
	return keys.First(ctx, secretsmanager.NewFromConfig(cfg), secretARN, stack.Region, time.Now())
}

// ecsRole is ECS's service-linked role, one for the account, and who it is for
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html).
const ecsRole, ecsService = "AWSServiceRoleForECS", "ecs.amazonaws.com"

// Role makes ECS's service-linked role where the account has none.
func (p *Provider) Role(ctx context.Context, stack names.Names) error {
	cfg, err := p.verified(ctx, stack)
	if err != nil {
		return err
	}
	api := iam.NewFromConfig(cfg)
	there := func() error {
		_, err := api.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(ecsRole)})
		return err
	}
	err = there()
	if errors.As(err, new(*types.NoSuchEntityException)) {
		_, err = api.CreateServiceLinkedRole(ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String(ecsService)})
		// Somebody else has just made it.
		if err != nil && there() == nil {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("ECS's service-linked role %s: %w", ecsRole, err)
	}
	return nil
}

// verified gives the configuration of AWS's clients. Credentials come from where
// Pulumi's provider for AWS finds its own: it must have found the same account.
func (p *Provider) verified(ctx context.Context, stack names.Names) (aws.Config, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cfg != nil {
		return *p.cfg, nil
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(stack.Region))
	if err != nil {
		return aws.Config{}, err
	}
	caller, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return aws.Config{}, fmt.Errorf("whose account this is: %w", err)
	}
	if account := aws.ToString(caller.Account); account != stack.Account {
		return aws.Config{}, fmt.Errorf("the credentials of the shell are of the account %s, and those of Pulumi's provider of %s: set AWS_PROFILE, so that both are of one account", account, stack.Account)
	}
	p.cfg = &cfg
	return cfg, nil
}

// signIn signs in to ECR, once for all images.
func (p *Provider) signIn(ctx context.Context, stack names.Names) (authn.Authenticator, error) {
	cfg, err := p.verified(ctx, stack)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.signedIn == nil {
		p.signedIn, err = images.SignIn(ctx, ecr.NewFromConfig(cfg))
	}
	return p.signedIn, err
}
