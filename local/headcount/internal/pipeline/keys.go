package pipeline

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/headcount-etl/headcount/services/masker/mask"
)

// KeysFile is where the masking keys of a data folder are, below the folder.
const KeysFile = "masking-keys.json"

// keyRing reads the folder's masking keys, and makes one at first use. Only the
// owner may read the file: with it, pseudonyms can be recomputed.
func keyRing(dir string, now time.Time) (string, error) {
	path := filepath.Join(dir, KeysFile)
	text, err := os.ReadFile(path) // #nosec G703 -- the folder is the user's own
	if errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, mask.KeySize)
		_, _ = rand.Read(key) // never fails
		text = fmt.Appendf(nil, "[{\"id\":\"k1\",\"from\":%q,\"key\":%q,\"scope\":%q}]\n", now.UTC().Format(time.DateOnly), base64.StdEncoding.EncodeToString(key), mask.ScopeFlow)
		// Whole or absent, so that a full disk or a kill leaves no folder that never
		// starts again; and in the folder itself, so that no key is left elsewhere.
		err = renameio.WriteFile(path, text, 0o600, renameio.WithTempDir(dir))
	}
	if err != nil {
		return "", err
	}
	if _, err := mask.ParseRing(string(text)); err != nil {
		return "", fmt.Errorf("%s: %w: restore the file, or choose another folder with --data", path, err)
	}
	return string(text), nil
}
