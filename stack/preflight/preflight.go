// Package preflight looks, before an up, for what would stop it halfway: `ops
// preflight`. It changes nothing, in AWS or elsewhere.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/settings"
)

// Finding is something to see to.
type Finding struct {
	// Stops is whether an up would fail.
	Stops bool
	// What is so, and what to Do about it.
	What, Do string
}

func (f Finding) String() string {
	kind := "note"
	if f.Stops {
		kind = "stop"
	}
	return fmt.Sprintf("%s  %s: %s", kind, f.What, f.Do)
}

// look is what all checks share.
type look struct {
	*settings.Settings
	names names.Names
	root  string
	cfg   aws.Config
	// pulumi runs Pulumi's CLI, and gives what it writes to stdout.
	pulumi func(ctx context.Context, args ...string) ([]byte, error)
	// env looks a variable of the environment up.
	env func(name string) string
}

// Run looks at everything with the caller's credentials, and writes a line for each
// finding to stdout. The error says how many of them would stop an up.
func Run(ctx context.Context, root string, s *settings.Settings, stdout io.Writer) error {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(s.Region))
	if err != nil {
		return err
	}
	l := look{Settings: s, names: names.Names{Stack: s.Stack, Region: s.Region}, root: root, cfg: cfg, pulumi: cli(root), env: os.Getenv}
	stops := 0
	for _, f := range l.findings(ctx) {
		if f.Stops {
			stops++
		}
		if _, err := fmt.Fprintln(stdout, f); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if stops > 0 {
		return fmt.Errorf("%d of the findings would stop an up of stack %s", stops, s.Stack)
	}
	_, err = fmt.Fprintf(stdout, "nothing found that would stop an up of stack %s in account %s, region %s\n", s.Stack, l.names.Account, s.Region)
	return err
}

// cli runs Pulumi's CLI in the repository.
func cli(root string) func(ctx context.Context, args ...string) ([]byte, error) {
	return func(ctx context.Context, args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "pulumi", append(args, "--non-interactive")...) //nolint:gosec // the arguments are ours
		cmd.Dir = root
		return cmd.Output()
	}
}

// findings gives all there are. Without credentials AWS is asked nothing else.
func (l *look) findings(ctx context.Context) []Finding {
	var all []Finding
	for _, fault := range l.Placeholders() {
		all = append(all, Finding{true, "bad configuration", fault})
	}
	for _, warning := range l.Warnings(time.Now().UTC().Year()) {
		all = append(all, Finding{false, "configuration", warning})
	}
	state, found := l.state(ctx)
	all = append(all, found...)
	caller, err := sts.NewFromConfig(l.cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return append(all, Finding{
			true, fmt.Sprintf("AWS does not say whose account this is (%v)", err),
			"sign in (`aws sso login`, `aws configure`; AWS_PROFILE chooses), and see that the account has the region " + l.Region + " switched on",
		})
	}
	l.names.Account = aws.ToString(caller.Account)
	for _, fault := range l.OtherAccount(l.names.Account) {
		all = append(all, Finding{true, "bad configuration", fault})
	}
	all = append(all, l.buckets(ctx, state)...)
	all = append(all, l.keys(ctx)...)
	all = append(all, l.flows(ctx)...)
	all = append(all, l.quotas(ctx)...)
	return append(all, l.quickSight(ctx)...)
}

// unknown is the finding that something could not be looked at.
func unknown(what string, err error) Finding {
	return Finding{false, fmt.Sprintf("could not look at %s (%v)", what, err), "see whether your identity may read it; an up may still succeed"}
}

// code gives the code of AWS's error; "" is none.
func code(err error) string {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
