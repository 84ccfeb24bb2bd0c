package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

const projectFile = "Pulumi.yaml"

// Root gives the repository: the folder, from the working directory upwards,
// that holds Pulumi.yaml.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, projectFile)); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("there is no %s in %s or above: run this inside the repository", projectFile, dir)
		}
	}
}

// Load reads the configuration of a stack from the files under root, as the
// Pulumi CLI does: Pulumi.yaml has the defaults, Pulumi.<stack>.yaml the rest.
// Faults of the values are a *FaultsError.
func Load(root, stack string) (*Settings, error) {
	values, err := Values(root, stack)
	if err != nil {
		return nil, err
	}
	return Read(stack, values, root)
}

// Values gives the configuration of a stack as Pulumi gives it to the program:
// by key, without the namespace. A key that names no namespace is of Pulumi's
// project, as it is for Pulumi. Secrets are an error, since only Pulumi can read
// them.
func Values(root, stack string) (map[string]string, error) {
	values, err := Defaults(root)
	if err != nil {
		return nil, err
	}
	var file struct{ Config map[string]any }
	name := "Pulumi." + stack + ".yaml"
	if err := readYAML(filepath.Join(root, name), &file); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: the stack %q has no configuration", name, stack)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for key, value := range file.Config {
		namespace, rest, ok := strings.Cut(key, ":")
		if ok && namespace != Project {
			continue // a provider's
		}
		if ok {
			key = rest
		}
		if values[key], err = text(value); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, key, err)
		}
	}
	return values, nil
}

// Defaults gives what Pulumi.yaml says of keys that a stack's file leaves out.
func Defaults(root string) (map[string]string, error) {
	var project struct {
		Config map[string]struct{ Default any }
	}
	if err := readYAML(filepath.Join(root, projectFile), &project); err != nil {
		return nil, fmt.Errorf("%s: %w", projectFile, err)
	}
	values := map[string]string{}
	for key, declared := range project.Config {
		if declared.Default == nil {
			continue
		}
		var err error
		if values[key], err = text(declared.Default); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", projectFile, key, err)
		}
	}
	return values, nil
}

func readYAML(path string, into any) error {
	data, err := os.ReadFile(path) //nolint:gosec // a file of the repository
	if err != nil {
		return err
	}
	return yaml.Unmarshal(data, into)
}

// secret finds what Pulumi has encrypted in the JSON of a value: an object with the
// one member secure.
var secret = regexp.MustCompile(`\{"secure":"[^"]+"\}`)

// text writes a value as Pulumi hands it to a program.
func text(value any) (string, error) {
	data, err := json.Marshal(value)
	switch value.(type) {
	case nil:
		return "", errors.New("it has no value")
	case []any, map[string]any:
		if secret.Match(data) {
			return "", errors.New("it is, or holds, a secret, which only Pulumi can read: nothing here is secret, set it with `pulumi config set` without --secret")
		}
		return string(data), err
	default:
		return fmt.Sprint(value), nil
	}
}
