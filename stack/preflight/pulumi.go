package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// state gives the ids of the resources that Pulumi has in the stack's state; none where
// there is no stack yet.
func (l *look) state(ctx context.Context) (ids map[string]bool, found []Finding) {
	ids = map[string]bool{}
	out, err := l.pulumi(ctx, "whoami", "--json")
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return ids, []Finding{{true, "Pulumi's CLI is missing", "install it: https://www.pulumi.com/docs/install/"}}
	case err != nil:
		return ids, []Finding{{true, fmt.Sprintf("Pulumi does not say where it keeps its state (%v)", reason(err)), "`pulumi login`, or `pulumi login --local` for a try"}}
	}
	var backend struct{ URL string }
	if err := json.Unmarshal(out, &backend); err != nil {
		return ids, []Finding{unknown("where Pulumi keeps its state", err)}
	}
	found = l.secrets(backend.URL)
	if out, err = l.pulumi(ctx, "stack", "export", "--stack", l.Stack); err != nil {
		if !strings.Contains(reason(err), "no stack named") {
			found = append(found, unknown("the stack's state", errors.New(reason(err))))
		}
		return ids, found
	}
	var state struct {
		Deployment struct{ Resources []struct{ ID string } }
	}
	if err := json.Unmarshal(out, &state); err != nil {
		return ids, append(found, unknown("the stack's state", err))
	}
	for _, r := range state.Deployment.Resources {
		ids[r.ID] = true
	}
	return ids, found
}

// reason is what a command that failed wrote to stderr, or the error.
func reason(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return strings.Join(strings.Fields(string(exit.Stderr)), " ")
	}
	return err.Error()
}

// secrets finds that Pulumi encrypts by a passphrase that nobody has given. Pulumi's
// cloud encrypts by itself where the stack's file names no other way.
func (l *look) secrets(backend string) []Finding {
	var stack struct {
		SecretsProvider string `yaml:"secretsprovider"`
		Salt            string `yaml:"encryptionsalt"`
	}
	name := "Pulumi." + l.Stack + ".yaml"
	text, err := os.ReadFile(filepath.Join(l.root, name))
	if err == nil {
		err = yaml.Unmarshal(text, &stack)
	}
	if err != nil {
		return []Finding{unknown(name, err)}
	}
	byPassphrase := stack.Salt != "" || stack.SecretsProvider == "passphrase" || stack.SecretsProvider == "" && !strings.HasPrefix(backend, "https://")
	if byPassphrase && l.env("PULUMI_CONFIG_PASSPHRASE") == "" && l.env("PULUMI_CONFIG_PASSPHRASE_FILE") == "" {
		return []Finding{{false, "Pulumi encrypts the state's secrets by a passphrase, and asks for it in each command", "set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE, and keep it: without it the state cannot be read"}}
	}
	return nil
}
