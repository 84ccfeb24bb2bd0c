package images

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/headcount-etl/headcount/stack/settings"
)

// Digests gives for each service the digest of its image index: sha256: and 64
// hexadecimal digits. settings reads them back and checks them.
type Digests map[string]string

// Write writes digests to the file of a stack, images.<stack>.json under root: an
// object, a line for each service, in the order of their names. The file is
// replaced as a whole or not at all, and not touched where it says the same;
// changed tells which.
func Write(root, stack string, digests Digests) (changed bool, err error) {
	data, err := json.MarshalIndent(digests, "", "  ")
	if err != nil {
		return false, err
	}
	data = append(data, '\n')
	path := filepath.Join(root, settings.ImagesFile(stack))
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return false, nil
	}
	temp := path + ".tmp"
	err = os.WriteFile(temp, data, 0o644) //nolint:gosec // it is committed: everyone may read it
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp) // there may be none
		return false, err
	}
	return true, nil
}
