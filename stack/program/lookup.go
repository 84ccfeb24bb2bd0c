package program

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/secretsmanager"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/names"
)

// keyRing is the secret with the masking keys. Its value never comes here: it
// would be in Pulumi's state.
type keyRing struct{ arn, version string }

// found is what the workers need and the program does not create.
type found struct {
	keyRing keyRing
	// placesKeys gives the key of each flow's places in the aggregates bucket.
	placesKeys map[string]string
}

// lookUp finds what the workers need and the program does not create: the
// masking keys, and the lists of places. It comes first, so that an up without
// them changes nothing, and above all removes no running worker. A preview only
// warns of places that are not in the bucket yet, so that a pull request that
// changes them shows what else it changes.
func (s *stack) lookUp() (*found, error) {
	found := &found{placesKeys: map[string]string{}}
	for i := range s.Flows {
		found.placesKeys[s.Flows[i].Name] = names.PlacesKey(s.Flows[i].Name, s.Flows[i].PlacesData)
	}
	if s.Bootstrap {
		return found, nil
	}
	var err error
	if found.keyRing, err = s.lookUpKeys(); err != nil {
		return nil, err
	}
	for i := range s.Flows {
		key := found.placesKeys[s.Flows[i].Name]
		_, err := s3.LookupBucketObject(s.ctx, &s3.LookupBucketObjectArgs{
			Bucket: s.names.Bucket(names.Aggregates), Key: key,
		}, pulumi.Provider(s.provider))
		if err == nil {
			continue
		}
		err = fmt.Errorf("flow %s: %s is not at s3://%s/%s: make places STACK=%s puts it there (%w)",
			s.Flows[i].Name, s.Flows[i].Places, s.names.Bucket(names.Aggregates), key, s.Stack, err)
		if !s.ctx.DryRun() {
			return nil, err
		}
		if err := s.ctx.Log.Warn(err.Error(), nil); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// lookUpKeys finds the secret and the version of it that is current, which the
// task definition names: a rotated ring is another task definition, and a
// preview shows it.
func (s *stack) lookUpKeys() (keyRing, error) {
	advice := fmt.Sprintf("make keys STACK=%s makes it", s.Stack)
	secret, err := secretsmanager.LookupSecret(s.ctx, &secretsmanager.LookupSecretArgs{
		Name: pulumi.StringRef(s.names.KeyRing()),
	}, pulumi.Provider(s.provider))
	if err != nil {
		return keyRing{}, fmt.Errorf("there is no secret %s in %s: %s (%w)", s.names.KeyRing(), s.Region, advice, err)
	}
	versions, err := secretsmanager.GetSecretVersions(s.ctx, &secretsmanager.GetSecretVersionsArgs{SecretId: secret.Arn}, pulumi.Provider(s.provider))
	if err != nil {
		return keyRing{}, fmt.Errorf("secret %s: %w", s.names.KeyRing(), err)
	}
	for _, v := range versions.Versions {
		if slices.Contains(v.VersionStages, "AWSCURRENT") {
			return keyRing{secret.Arn, v.VersionId}, nil
		}
	}
	return keyRing{}, fmt.Errorf("secret %s has no value: %s", s.names.KeyRing(), advice)
}
