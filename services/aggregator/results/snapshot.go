package results

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/places"
)

// A snapshot is the union of the rows of the partials that its footer covers, in the
// columns of a partial. It is a cache: its name says how many partials it covers, with
// zeros in front so that S3 lists the fullest last, and the hash of its bytes, the footer
// among them. So it never changes, and one that was damaged does not fit its name.
const (
	countDigits = 10
	hashBytes   = 8
)

// SnapshotPrefix gives what the keys of all snapshots of an hour begin with.
func SnapshotPrefix(flow string, hour counts.Hour) string {
	return fmt.Sprintf("snapshots/flow=%s/hour=%s/", flow, hour)
}

// SnapshotCount gives how many partials a snapshot covers, from its key; false where no
// snapshot has such a key.
func SnapshotCount(key string) (n int, ok bool) {
	digits, _, ok := strings.Cut(key[strings.LastIndexByte(key, '/')+1:], "-")
	if n, err := strconv.Atoi(digits); ok && err == nil && n > 0 && len(digits) == countDigits {
		return n, true
	}
	return 0, false
}

// Covered gives how many partials covers are.
func Covered(covers map[string]int) (n int) {
	for _, last := range covers {
		n += last
	}
	return n
}

func snapshotKey(flow string, hour counts.Hour, covers map[string]int, data []byte) string {
	hash := sha256.Sum256(data)
	return fmt.Sprintf("%s%0*d-%s.parquet", SnapshotPrefix(flow, hour), countDigits, Covered(covers), hex.EncodeToString(hash[:hashBytes]))
}

// EncodeSnapshot gives a set as a snapshot, and the key that the snapshot has. covers
// says which partials went into the set; list is as for EncodePartial. The same rows and
// covers give the same bytes.
func EncodeSnapshot(set *counts.Set, list []places.Place, covers map[string]int, flow string) (key string, data []byte, err error) {
	data, err = encodeRows(set, list, footer(flow, set.Hour(), covers))
	if err != nil {
		return "", nil, fmt.Errorf("snapshot of %v: %w", set.Hour(), err)
	}
	return snapshotKey(flow, set.Hour(), covers, data), data, nil
}

// ReadSnapshot gives which partials a snapshot covers. One that is damaged, or that was
// written under another key, is an error. DecodePartialInto reads its rows.
func ReadSnapshot(key string, data []byte) (covers map[string]int, err error) {
	f, err := ReadFooter(data)
	if err != nil {
		return nil, err
	}
	for _, last := range f.Covers {
		if last < 1 {
			return nil, fmt.Errorf("footer: %s: the partial %d", coversKey, last)
		}
	}
	if key != snapshotKey(f.Flow, f.Hour, f.Covers, data) {
		return nil, errors.New("the content does not fit the key")
	}
	return f.Covers, nil
}
