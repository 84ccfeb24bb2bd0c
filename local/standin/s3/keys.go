package s3

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/johannesboyne/gofakes3"
)

// maxName is the longest name of a file or folder on the file systems of
// Linux, macOS and Windows, in bytes.
const maxName = 255

// checkKey refuses the keys that a folder cannot hold as a plain file under the
// same name, and those that would lead out of it. S3 itself accepts any 1 to
// 1,024 bytes of UTF-8.
func checkKey(key string) error {
	refuse := func(reason string) error {
		return gofakes3.ErrorInvalidArgument("key", key,
			"headcount's stand-in keeps objects as files in folders: "+reason)
	}
	switch {
	case key == "":
		return refuse("a key must not be empty")
	case !utf8.ValidString(key) || strings.ContainsRune(key, 0):
		return refuse("a key must be UTF-8 without NUL")
	case strings.HasSuffix(key, "/"):
		return refuse("a key must not end with a slash")
	}
	for name := range strings.SplitSeq(key, "/") {
		switch {
		case name == "":
			return refuse("a key must not begin with a slash or have two in a row")
		case name == "." || name == "..":
			return refuse("a key must not have . or .. between its slashes")
		case len(name) > maxName:
			return refuse(fmt.Sprintf("a key must not have more than %d bytes between its slashes", maxName))
		}
	}
	// Windows has more rules: backslashes, colons, CON and so on.
	if local, err := filepath.Localize(key); err != nil || filepath.ToSlash(local) != key {
		return refuse("this machine has no file of that name")
	}
	return nil
}

// canHold says whether there can be an object of that key.
func canHold(key string) bool { return checkKey(key) == nil }

func isFolder(key string) error {
	return gofakes3.ErrorInvalidArgument("key", key,
		"headcount's stand-in keeps objects as files in folders: one key cannot be the folder of another")
}
