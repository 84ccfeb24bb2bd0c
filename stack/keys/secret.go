package keys

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// api is what this package calls of *secretsmanager.Client.
type api interface {
	GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, opts ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, opts ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	UpdateSecretVersionStage(ctx context.Context, in *secretsmanager.UpdateSecretVersionStageInput, opts ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error)
}

// current is the staging label of the version that counts.
const current = "AWSCURRENT"

var (
	// errNone says that there is no secret, or that it has no value.
	errNone = errors.New("there is none")
	// errChanged says that someone else changed the secret meanwhile.
	errChanged = errors.New("someone else changed it meanwhile")
)

// secret is one secret in Secrets Manager.
type secret struct {
	api          api
	name, region string
}

// version is one version of the secret's value.
type version struct{ id, value string }

// read gives the current version; errNone if there is none.
func (s secret) read(ctx context.Context) (version, error) {
	out, err := s.api.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.name, VersionStage: aws.String(current)})
	if errors.As(err, new(*types.ResourceNotFoundException)) {
		return version{}, errNone
	}
	if err != nil {
		return version{}, s.explain(err)
	}
	return version{aws.ToString(out.VersionId), aws.ToString(out.SecretString)}, nil
}

// firstVersion is the id of the first version of every secret's value. A version's
// value never changes, so that whoever writes another first ring is refused
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html).
const firstVersion = "headcount-first-masking-key-ring" // 32 to 64 characters

// first makes value the first and current version. Where another one is made at the
// same time, it gives that.
func (s secret) first(ctx context.Context, value string) (version, error) {
	_, err := s.api.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &s.name, SecretString: &value, ClientRequestToken: aws.String(firstVersion)})
	if errors.As(err, new(*types.ResourceExistsException)) {
		v, err := s.read(ctx)
		if errors.Is(err, errNone) {
			err = fmt.Errorf("secret %[1]s has had masking keys, but none of its versions has the label %[3]s: give it back to the right one with "+
				"`aws secretsmanager update-secret-version-stage --region %[2]s --secret-id %[1]s --version-stage %[3]s --move-to-version-id VERSION`; "+
				"other keys would count everyone of the past days twice", s.name, s.region, current)
		}
		return v, err
	}
	if err != nil {
		return version{}, s.explain(err)
	}
	return version{firstVersion, value}, nil
}

// replace makes value the current version if old still is, and gives its id;
// else errChanged, and nothing has changed.
//
// Secrets Manager has no conditional write, but moving a label is one: it names
// the version that loses the label, and fails if the label is elsewhere
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html).
// So the new version is written under a label of its own first, which nobody
// else moves.
func (s secret) replace(ctx context.Context, old version, value string) (id string, err error) {
	id = rand.Text() + rand.Text() // Secrets Manager wants 32 to 64 characters
	label := "headcount-" + id
	// What was begun is tidied up after an interrupt too.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	_, err = s.api.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &s.name, SecretString: &value, ClientRequestToken: &id, VersionStages: []string{label},
	})
	if err == nil {
		_, err = s.api.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
			SecretId: &s.name, VersionStage: aws.String(current), RemoveFromVersionId: &old.id, MoveToVersionId: &id,
		})
	}
	if err != nil {
		err = s.outcome(after, old, id, err)
	}
	// A version without labels is one that Secrets Manager may delete. That the
	// label stays where this fails does no harm.
	_, _ = s.api.UpdateSecretVersionStage(after, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &s.name, VersionStage: &label, RemoveFromVersionId: &id,
	})
	return id, err
}

// outcome looks at what has become of a replace that failed with err: where only
// the answer was lost, it has succeeded.
func (s secret) outcome(ctx context.Context, old version, id string, err error) error {
	now, readErr := s.read(ctx)
	switch {
	case readErr != nil:
		return fmt.Errorf("%w; and whether it was changed could not be seen: %w", s.explain(err), readErr)
	case now.id == id:
		return nil
	case now.id != old.id:
		return fmt.Errorf("secret %s: %w", s.name, errChanged)
	}
	return s.explain(err)
}

// explain names the secret in an answer of Secrets Manager, and says what to do
// about one that is being deleted.
func (s secret) explain(err error) error {
	var state *types.InvalidRequestException
	if errors.As(err, &state) && strings.Contains(state.ErrorMessage(), "delet") {
		return fmt.Errorf("secret %[1]s is scheduled for deletion: `aws secretsmanager restore-secret --region %[2]s --secret-id %[1]s` brings it back; "+
			"other keys in its place would count everyone of the past days twice, so they are right only for new flows: "+
			"then wait until it is gone (%[3]w)", s.name, s.region, err)
	}
	return fmt.Errorf("secret %s: %w", s.name, err)
}
