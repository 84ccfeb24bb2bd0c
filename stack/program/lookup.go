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

// lookUp finds what the workers need and the program does not create: the
// masking keys, and the lists of places. It comes first, so that an up without
// them changes nothing, and above all removes no running worker. A preview only
// warns of places that are not in the bucket yet, so that a pull request that
// changes them shows what else it changes.
func (s *stack) lookUp() keyRing {
	if s.Bootstrap {
		return keyRing{}
	}
	ring, bucket := s.lookUpKeys(), s.names.Bucket(names.Aggregates)
	for _, f := range s.Flows {
		key := names.PlacesKey(f.Name, f.PlacesData)
		_, err := s3.LookupBucketObject(s.ctx, &s3.LookupBucketObjectArgs{Bucket: bucket, Key: key}, pulumi.Provider(s.provider))
		if err == nil {
			continue
		}
		err = fmt.Errorf("flow %s: %s is not at s3://%s/%s: make places STACK=%s puts it there (%w)",
			f.Name, f.Places, bucket, key, s.Stack, err)
		if s.ctx.DryRun() {
			err = s.ctx.Log.Warn(err.Error(), nil)
		}
		check(err)
	}
	return ring
}

// lookUpKeys finds the secret and the version of it that is current, which the
// task definition names: a rotated ring is another task definition, and a
// preview shows it.
func (s *stack) lookUpKeys() keyRing {
	name, advice := s.names.KeyRing(), fmt.Sprintf("make keys STACK=%s makes it", s.Stack)
	secret, err := secretsmanager.LookupSecret(s.ctx, &secretsmanager.LookupSecretArgs{Name: &name}, pulumi.Provider(s.provider))
	if err != nil {
		check(fmt.Errorf("there is no secret %s in %s: %s (%w)", name, s.Region, advice, err))
	}
	versions, err := secretsmanager.GetSecretVersions(s.ctx, &secretsmanager.GetSecretVersionsArgs{SecretId: secret.Arn}, pulumi.Provider(s.provider))
	if err != nil {
		check(fmt.Errorf("secret %s: %w", name, err))
	}
	for _, v := range versions.Versions {
		if slices.Contains(v.VersionStages, "AWSCURRENT") {
			return keyRing{secret.Arn, v.VersionId}
		}
	}
	panic(failure{fmt.Errorf("secret %s has no value: %s", name, advice)})
}
