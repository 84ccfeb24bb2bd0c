package keys

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/services/masker/mask"
)

// ring is the value of the secret: a key ring as the masker reads it.
type ring struct {
	// keys are by first day, and at least one.
	keys []key
	// fingerprints are of the same keys in the same order: 16 hexadecimal digits.
	fingerprints []string
}

// key is one of a ring's.
type key struct {
	ID   string `json:"id"`
	From string `json:"from"` // the first day, YYYY-MM-DD in UTC
	Key  string `json:"key"`  // base64 of mask.KeySize bytes
	// Scope is mask.ScopeFlow, or empty for a key from before there were scopes.
	Scope string `json:"scope,omitempty"`
}

// firstRing makes a ring with one new key. Its first day matters to nobody, as
// the earliest key covers all days before it too; today says when it was made.
func firstRing(now time.Time) string {
	return encode([]key{{"k1", day(now), newKey(), mask.ScopeFlow}})
}

// parse reads a ring as the masker does. The error names every fault, and never
// a key.
func parse(text string) (*ring, error) {
	checked, err := mask.ParseRing(text)
	if err != nil {
		return nil, fmt.Errorf("it holds no key ring: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	r := &ring{}
	if json.Unmarshal([]byte(text), &r.keys) != nil { // whose own error could quote a key
		return nil, errors.New("it holds no key ring that can be read")
	}
	slices.SortFunc(r.keys, func(a, b key) int { return strings.Compare(a.From, b.From) })
	for part := range strings.SplitSeq(checked.Fingerprints(), ",") {
		_, fingerprint, _ := strings.Cut(part, "=")
		r.fingerprints = append(r.fingerprints, fingerprint)
	}
	return r, nil
}

// with gives the value of the ring with one more key, and its id. from must
// have been checked.
func (r *ring) with(from string) (text, id string) {
	for n := len(r.keys) + 1; ; n++ {
		id = fmt.Sprintf("k%d", n)
		if !slices.ContainsFunc(r.keys, func(k key) bool { return k.ID == id }) {
			break
		}
	}
	return encode(append(slices.Clone(r.keys), key{id, from, newKey(), mask.ScopeFlow})), id
}

// check checks whether a key may be added from a day on. Days that have begun,
// and those that another key was announced for, keep the key that they have:
// with a second one a person would have a second pseudonym on that day.
func (r *ring) check(from string, now time.Time) error {
	if _, err := time.Parse(time.DateOnly, from); err != nil {
		return fmt.Errorf("%q is not a day as YYYY-MM-DD", from)
	}
	if today := day(now); from <= today {
		return fmt.Errorf("%s is too early: a new key must start after %s, today in UTC", from, today)
	}
	if latest := r.keys[len(r.keys)-1]; from <= latest.From {
		return fmt.Errorf("%s is too early: key %s starts on %s, and a new one must start later", from, latest.ID, latest.From)
	}
	return nil
}

// String lists the keys, a line each: id, first day, fingerprint.
func (r *ring) String() string {
	var b strings.Builder
	for i, k := range r.keys {
		fmt.Fprintf(&b, "  %-8s from %s  fingerprint %s\n", k.ID, k.From, r.fingerprints[i])
	}
	return b.String()
}

// day gives today, in UTC. It begins five minutes early, as for the aggregator:
// an event may lie so far ahead of its arrival.
func day(now time.Time) string {
	return now.Add(5 * time.Minute).UTC().Format(time.DateOnly)
}

func newKey() string {
	var secret [mask.KeySize]byte
	_, _ = rand.Read(secret[:]) // never fails: it ends the program instead
	return base64.StdEncoding.EncodeToString(secret[:])
}

func encode(keys []key) string {
	data, _ := json.Marshal(keys) // strings: never fails
	return string(data)
}
