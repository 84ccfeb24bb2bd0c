package keys

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// manager is Secrets Manager with at most one secret, and with the labels as
// its API reference describes them. A version without labels, which Secrets
// Manager may delete at any time, is gone at once. The zero manager has no secret.
type manager struct {
	exists, deleted bool
	values          map[string]string // by version
	labels          map[string]string // the version of each label
	// before, if set, is called before each call, with its name: an error is the
	// answer. after is the same once the call has had its effect.
	before, after func(call string) error
}

type (
	noSecret  = types.ResourceNotFoundException
	badState  = types.InvalidRequestException
	badParam  = types.InvalidParameterException
	hasSecret = types.ResourceExistsException
)

// failAt has a call fail from now on, before or after its effect.
func (m *manager) failAt(when, call string, with error) {
	fail := func(now string) error {
		if now == call {
			return with
		}
		return nil
	}
	if when == "before" {
		m.before = fail
	} else {
		m.after = fail
	}
}

// call does what is to be done if the secret is there and nothing hinders it.
func (m *manager) call(name string, do func() error) error {
	if m.before != nil {
		if err := m.before(name); err != nil {
			return err
		}
	}
	switch {
	case m.deleted:
		return &badState{Message: aws.String("You can't perform this operation on the secret because it was marked for deletion.")}
	case !m.exists:
		return &noSecret{Message: aws.String("Secrets Manager can't find the specified secret.")}
	}
	if err := do(); err != nil {
		return err
	}
	if m.after != nil {
		return m.after(name)
	}
	return nil
}

// set makes the secret with one version.
func (m *manager) set(value string) {
	m.exists, m.values, m.labels = true, map[string]string{"first": value}, map[string]string{current: "first"}
}

func (m *manager) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	out := &secretsmanager.GetSecretValueOutput{}
	return out, m.call("get", func() error {
		id, found := m.labels[*in.VersionStage]
		if !found {
			return &noSecret{Message: aws.String("Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")}
		}
		out.VersionId, out.SecretString = &id, aws.String(m.values[id])
		return nil
	})
}

func (m *manager) PutSecretValue(_ context.Context, in *secretsmanager.PutSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error) {
	return &secretsmanager.PutSecretValueOutput{}, m.call("put", func() error {
		id, stages := *in.ClientRequestToken, in.VersionStages
		if len(id) < 32 || len(id) > 64 {
			return &badParam{Message: aws.String("the token must have 32 to 64 characters")}
		}
		if had, found := m.values[id]; found && had != *in.SecretString {
			return &hasSecret{Message: aws.String("a version cannot be changed")}
		}
		if len(stages) == 0 {
			stages = []string{current}
		}
		if m.values == nil {
			m.values, m.labels = map[string]string{}, map[string]string{}
		}
		m.values[id] = *in.SecretString
		for _, label := range stages {
			m.move(label, id)
		}
		return nil
	})
}

func (m *manager) UpdateSecretVersionStage(_ context.Context, in *secretsmanager.UpdateSecretVersionStageInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	name := "move"
	if in.MoveToVersionId == nil {
		name = "unlabel"
	}
	return &secretsmanager.UpdateSecretVersionStageOutput{}, m.call(name, func() error {
		at, attached := m.labels[*in.VersionStage]
		if attached && at != aws.ToString(in.RemoveFromVersionId) {
			return &badParam{Message: aws.String(fmt.Sprintf("the label %s is currently attached to version %s", *in.VersionStage, at))}
		}
		if in.MoveToVersionId == nil {
			delete(m.labels, *in.VersionStage)
			m.prune()
			return nil
		}
		if _, found := m.values[*in.MoveToVersionId]; !found {
			return &noSecret{Message: aws.String("Secrets Manager can't find the version")}
		}
		m.move(*in.VersionStage, *in.MoveToVersionId)
		return nil
	})
}

func (m *manager) move(label, id string) {
	if had, found := m.labels[label]; found && label == current && had != id {
		m.labels["AWSPREVIOUS"] = had
	}
	m.labels[label] = id
	m.prune()
}

func (m *manager) prune() {
	labelled := slices.Collect(maps.Values(m.labels))
	maps.DeleteFunc(m.values, func(id, _ string) bool { return !slices.Contains(labelled, id) })
}

// value is the current one.
func (m *manager) value() string { return m.values[m.labels[current]] }

// left are the labels other than Secrets Manager's own.
func (m *manager) left() (labels []string) {
	for label := range m.labels {
		if !slices.Contains([]string{current, "AWSPREVIOUS"}, label) {
			labels = append(labels, label)
		}
	}
	return labels
}

// interrupted is a manager whose calls fail when their context has ended.
type interrupted struct{ *manager }

func (i interrupted) UpdateSecretVersionStage(ctx context.Context, in *secretsmanager.UpdateSecretVersionStageInput, opts ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return i.manager.UpdateSecretVersionStage(ctx, in, opts...)
}

func (i interrupted) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, opts ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return i.manager.GetSecretValue(ctx, in, opts...)
}
