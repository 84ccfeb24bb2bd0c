// Package keys makes the first masking key of a stack, for `pulumi up`, and rotates
// and lists its keys: what `ops keys` does.
//
// The key ring is the value of a secret in Secrets Manager. Pulumi manages the
// secret, and never its value, so that the keys are in no state file. Nothing here
// prints a key, and nothing removes one from the ring or changes the key of a
// day that has begun: docs/privacy.md says why.
package keys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/settings"
)

// Options say what Run does, and are the flags of ops. The zero value lists the keys.
type Options struct {
	Rotate bool   `help:"Add a key from DAY on."`
	Day    string `arg:"" optional:"" help:"The first day of a new key: YYYY-MM-DD in UTC; tomorrow if it is left out."`
}

// Validate refuses a day that is not asked for.
func (o Options) Validate() error {
	if o.Day != "" && !o.Rotate {
		return fmt.Errorf("unexpected argument %s: a day goes with --rotate", o.Day)
	}
	return nil
}

// First gives the id of the current version of a secret's value, and makes the
// value, a ring with one new key, where there is none. Of two at once, one makes it.
// The id is an ARN or a name.
func First(ctx context.Context, api api, id, region string, now time.Time) (version string, err error) {
	s := secret{api, id, region}
	v, err := s.read(ctx)
	if errors.Is(err, errNone) {
		v, err = s.first(ctx, firstRing(now))
	}
	if err != nil {
		return "", err
	}
	// Maskers that cannot read it would not start.
	if _, err := parse(v.value); err != nil {
		return "", fmt.Errorf("secret %s: %w", id, err)
	}
	return v.id, nil
}

// Run rotates or lists the key ring of a stack with the caller's credentials, and
// writes to stdout what it did.
func Run(ctx context.Context, s *settings.Settings, o Options, stdout io.Writer) error {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(s.Region))
	if err != nil {
		return err
	}
	n := names.Names{Stack: s.Stack, Region: s.Region}
	k := keeper{secret{secretsmanager.NewFromConfig(cfg), n.KeyRing(), n.Region}, n.Stack, time.Now()}
	text, err := k.do(ctx, o)
	if err != nil {
		return err
	}
	_, err = io.WriteString(stdout, text)
	return err
}

// keeper keeps the key ring of a stack. Its methods give what is to be printed.
type keeper struct {
	secret secret
	stack  string
	now    time.Time
}

func (k keeper) do(ctx context.Context, o Options) (string, error) {
	if o.Rotate {
		return k.rotate(ctx, o.Day)
	}
	return k.list(ctx)
}

func (k keeper) list(ctx context.Context) (string, error) {
	r, _, err := k.read(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("secret %s:\n%v", k.secret.name, r), nil
}

// rotate adds a key from a day on, or from tomorrow.
func (k keeper) rotate(ctx context.Context, from string) (string, error) {
	if from == "" {
		from = day(k.now.AddDate(0, 0, 1))
	}
	r, old, err := k.read(ctx)
	if err != nil {
		return "", err
	}
	if err := r.check(from, k.now); err != nil {
		return "", err
	}
	value, id := r.with(from)
	added, err := parse(value)
	if err != nil {
		return "", err // nothing that the masker could not read is written
	}
	newVersion, err := k.secret.replace(ctx, old, value)
	if errors.Is(err, errChanged) {
		err = fmt.Errorf("%w: look with `go run ./stack/ops keys --stack %s`, and rotate again if need be", err, k.stack)
	}
	if err != nil {
		return "", err
	}
	begins, _ := time.Parse(time.DateOnly, from) // it was checked
	return fmt.Sprintf(`secret %[1]s: added key %[2]s
%[3]vNext: pulumi up --stack %[4]s gives it to the maskers. It must be done before %[5]s 00:00 UTC, in %[6]s.
If no masker has the key by then, it must not be deployed: the aggregators would stop. Undo it, and rotate to a later day:
  aws secretsmanager update-secret-version-stage --region %[7]s --secret-id %[1]s --version-stage AWSCURRENT --move-to-version-id %[8]s --remove-from-version-id %[9]s
`, k.secret.name, id, added, k.stack, from, left(begins.Sub(k.now)), k.secret.region, old.id, newVersion), nil
}

// left writes how long there is yet, to the minute.
func left(d time.Duration) string {
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// read gives the ring, and the version that it stands in.
func (k keeper) read(ctx context.Context) (*ring, version, error) {
	v, err := k.secret.read(ctx)
	if errors.Is(err, errNone) {
		return nil, v, fmt.Errorf("secret %s: %w: `pulumi up --stack %s` makes the first one", k.secret.name, err, k.stack)
	}
	if err != nil {
		return nil, v, err
	}
	r, err := parse(v.value)
	if err != nil {
		return nil, v, fmt.Errorf("secret %s: %w", k.secret.name, err)
	}
	return r, v, nil
}
