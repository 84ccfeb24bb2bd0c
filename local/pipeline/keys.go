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

	"github.com/headcount-etl/headcount/services/masker/mask"
)

// KeysFile is where the masking keys of a data folder are, below the folder.
const KeysFile = "masking-keys.json"

// keyRing reads the folder's masking keys, and makes one at first use. Only the
// owner may read the file: with it, pseudonyms can be recomputed.
func keyRing(dir string, now time.Time) (string, error) {
	path := filepath.Join(dir, KeysFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, mask.KeySize)
		_, _ = rand.Read(key) // never fails
		text = fmt.Appendf(nil, "[{\"id\":\"k1\",\"from\":%q,\"key\":%q}]\n", now.UTC().Format(time.DateOnly), base64.StdEncoding.EncodeToString(key))
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return "", err
	}
	if _, err := mask.ParseRing(string(text)); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return string(text), nil
}
