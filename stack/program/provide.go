package program

import (
	"context"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/secretsmanager"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// What an up needs and what is no resource is done here, where what it depends on is
// known, and what depends on it waits. A preview does none of it and gets the same values,
// as far as they can be known: this is the only file that asks DryRun.

// afterRole gives the name of the cluster when ECS's service-linked role is there, one
// for the account: no resource can be of something that may be there already, and is
// not to be destroyed.
func (s *stack) afterRole(cluster string) pulumi.StringOutput {
	return pulumi.String(cluster).ToStringOutput().ApplyTWithContext(s.ctx.Context(), func(ctx context.Context, name string) (string, error) {
		if s.ctx.DryRun() {
			return name, nil
		}
		return name, s.means.Role(ctx, s.names)
	}).(pulumi.StringOutput)
}

// pushed gives the reference of a service's image when it is in its repository. It is by
// digest: a tag may mean another image tomorrow.
func (s *stack) pushed(service string, repository *ecr.Repository) pulumi.StringOutput {
	return repository.RepositoryUrl.ApplyTWithContext(s.ctx.Context(), func(ctx context.Context, url string) (string, error) {
		reference := url + "@" + s.means.Digest(service)
		if s.ctx.DryRun() {
			return reference, nil
		}
		return reference, s.means.Push(ctx, s.names, service, url)
	}).(pulumi.StringOutput)
}

// keyRing is the secret with the masking keys, and the version of it that is current,
// which the task definition names: a rotated ring is another task definition, and a
// preview shows it. The value never comes here: it would be in Pulumi's state.
type keyRing struct{ arn, version pulumi.StringOutput }

// keyRing creates the secret. It is kept where the aggregates are, which are of no use
// without it: other keys for a day that was counted count everyone of it twice. So a
// secret that is there already, of an earlier stack of that name, becomes this stack's.
func (s *stack) keyRing() keyRing {
	options, recovery := s.kept(), 0 // so that the name is free again at once
	if s.Protect {
		recovery = 30 // days, the longest
	}
	if arn := s.earlierSecret(); arn != "" {
		options = append(options, pulumi.Import(pulumi.ID(arn)))
	}
	secret := add(s, secretsmanager.NewSecret, "masking-keys", &secretsmanager.SecretArgs{
		Name:                 pulumi.String(s.names.KeyRing()),
		Description:          pulumi.String("The masking keys of Headcount. Lost keys, or other ones for a past day, count everyone of that day twice."),
		RecoveryWindowInDays: pulumi.Int(recovery),
	}, options...)
	version := secret.Arn.ApplyTWithContext(s.ctx.Context(), func(ctx context.Context, arn string) (pulumi.StringOutput, error) {
		if s.ctx.DryRun() {
			return s.currentVersion(arn)
		}
		version, err := s.means.Key(ctx, s.names, arn)
		return pulumi.String(version).ToStringOutput(), err
	}).(pulumi.StringOutput)
	return keyRing{secret.Arn, version}
}

// earlierSecret gives the ARN of the secret if it is there, whoever made it.
func (s *stack) earlierSecret() string {
	name := s.names.KeyRing()
	found, err := secretsmanager.GetSecrets(s.ctx, &secretsmanager.GetSecretsArgs{
		Filters: []secretsmanager.GetSecretsFilter{{Name: "name", Values: []string{name}}},
	}, pulumi.Provider(s.provider))
	if err != nil {
		check(fmt.Errorf("whether there is a secret %s: %w", name, err))
	}
	// The filter is for names that begin so. An ARN adds six random characters to the name.
	prefix := s.names.ARN("secretsmanager", "secret:"+name+"-")
	for _, arn := range found.Arns {
		if len(arn) == len(prefix)+6 && arn[:len(prefix)] == prefix {
			return arn
		}
	}
	return ""
}

// currentVersion gives the current version of the secret by what a preview may do, which
// is not to read it. It is not known before the first up.
func (s *stack) currentVersion(arn string) (pulumi.StringOutput, error) {
	versions, err := secretsmanager.GetSecretVersions(s.ctx, &secretsmanager.GetSecretVersionsArgs{SecretId: arn}, pulumi.Provider(s.provider))
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("secret %s: %w", arn, err)
	}
	for _, v := range versions.Versions {
		if slices.Contains(v.VersionStages, "AWSCURRENT") {
			return pulumi.String(v.VersionId).ToStringOutput(), nil
		}
	}
	return pulumi.UnsafeUnknownOutput(nil).ApplyT(func(any) string { return "" }).(pulumi.StringOutput), nil
}
