// Package mask hides the personal data of an event: it turns the user id into a
// pseudonym that is good for one UTC day, the birth date into an age band, and
// drops all else that could name a person.
package mask

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/shared/event"
)

// Masker masks events. It keeps its hashes, so it is for one goroutine.
type Masker struct {
	ring  *Ring
	flow  string
	macs  []hash.Hash // of each key of the ring, made when it is first used
	input []byte
	sum   []byte
}

// NewMasker returns a masker that uses the ring's keys for the events of a flow.
func NewMasker(r *Ring, flow string) *Masker {
	return &Masker{ring: r, flow: flow, macs: make([]hash.Hash, len(r.keys))}
}

// Mask gives what may be known of the valid event that d stands on. Only what
// is named here leaves the masker: this is the allow-list.
func (m *Masker) Mask(d *event.Decoder) event.Masked {
	e := d.Event()
	gender, _ := event.ParseGender(e.User.Gender) // a valid event has one of them
	return event.Masked{
		Person:     m.person(e.OccurredAt[:len("2006-01-02")], e.User.ID),
		OccurredAt: d.OccurredAt(),
		Latitude:   e.Position.Latitude,
		Longitude:  e.Position.Longitude,
		Gender:     gender,
		AgeBand:    event.AgeBandOf(d.Age()),
	}
}

// person gives the first 16 bytes of HMAC-SHA-256(key, day 0x00 user id), day
// as YYYY-MM-DD in UTC and key the one of that day, for the flow. Since the day is part
// of what is hashed, no one can be followed from one day to the next.
func (m *Masker) person(day, userID string) (p event.Person) {
	k := m.ring.keyOf(day)
	if m.macs[k] == nil {
		m.macs[k] = hmac.New(sha256.New, m.ring.keys[k].of(m.flow))
	}
	mac := m.macs[k]
	mac.Reset()
	m.input = append(append(append(m.input[:0], day...), 0), userID...)
	mac.Write(m.input)
	m.sum = mac.Sum(m.sum[:0])
	copy(p[:], m.sum)
	return p
}

// KeySize is the length of a key in bytes.
const KeySize = 32

// Ring is the list of masking keys. Each is good from its first day until the
// day before the next one's; the earliest covers all days before it too.
type Ring struct {
	keys []key // by first day
}

type key struct {
	ID   string `json:"id"`
	From string `json:"from"` // YYYY-MM-DD, in UTC
	Key  string `json:"key"`  // base64
	// Scope is ScopeFlow, or empty for a key from before there were scopes.
	Scope string `json:"scope"`

	secret []byte
}

// ScopeFlow is the scope of a key that gives a person another pseudonym in each flow, so
// that the partials of two flows cannot be joined.
const ScopeFlow = "flow"

// of gives what pseudonyms of a flow are made with: HMAC-SHA-256(key, "headcount flow "
// flow), or the key itself where it has no scope.
func (k *key) of(flow string) []byte {
	if k.Scope == "" {
		return k.secret
	}
	return k.mac("headcount flow " + flow)
}

func (k *key) mac(text string) []byte {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

var keyID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ParseRing reads a key ring: a JSON list of {"id", "from", "key", "scope"}, where from
// is the first day as YYYY-MM-DD, key is the base64 of 32 bytes, and scope may be
// missing. The error names every fault, and never a key.
func ParseRing(text string) (*Ring, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.DisallowUnknownFields()
	var keys []key
	if dec.Decode(&keys) != nil || !errors.Is(dec.Decode(new(any)), io.EOF) {
		// The decoder's own message could quote a key.
		return nil, errors.New(`not a JSON list of {"id":"…","from":"YYYY-MM-DD","key":"<base64>"}`)
	}
	var errs []error
	if len(keys) == 0 {
		errs = append(errs, errors.New("the list is empty"))
	}
	for i := range keys {
		k := &keys[i]
		if !keyID.MatchString(k.ID) {
			errs = append(errs, fmt.Errorf("key %d: id is not 1 to 64 letters, digits, dots, dashes or underscores", i))
		}
		if _, err := time.Parse(time.DateOnly, k.From); err != nil {
			errs = append(errs, fmt.Errorf("key %d: from is not a day as YYYY-MM-DD", i))
		}
		var err error
		if k.secret, err = base64.StdEncoding.DecodeString(k.Key); err != nil || len(k.secret) != KeySize {
			errs = append(errs, fmt.Errorf("key %d: key is not the base64 of %d bytes", i, KeySize))
		}
		k.Key = ""
		if k.Scope != "" && k.Scope != ScopeFlow {
			errs = append(errs, fmt.Errorf("key %d: scope is not %q, nor missing", i, ScopeFlow))
		}
		for j := range i {
			if keys[j].ID == k.ID {
				errs = append(errs, fmt.Errorf("keys %d and %d have the same id", j, i))
			}
			if keys[j].From == k.From {
				errs = append(errs, fmt.Errorf("keys %d and %d start on the same day", j, i))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	slices.SortFunc(keys, func(a, b key) int { return cmp.Compare(a.From, b.From) })
	return &Ring{keys}, nil
}

// Fingerprints describes the ring without giving its keys away, as
// "id@first-day=fingerprint" separated by commas, by first day. A fingerprint is
// the first 8 bytes of HMAC-SHA-256(key, "headcount fingerprint"), with " of flow" at the
// end for a key of that scope, in hexadecimal. The aggregator uses it to find a ring that
// would change the pseudonyms of days that are counted already.
func (r *Ring) Fingerprints() string {
	var parts []string
	for _, k := range r.keys {
		text := "headcount fingerprint"
		if k.Scope != "" {
			text += " of " + k.Scope
		}
		parts = append(parts, k.ID+"@"+k.From+"="+hex.EncodeToString(k.mac(text)[:8]))
	}
	return strings.Join(parts, ",")
}

// keyOf gives the number of the key for a day.
func (r *Ring) keyOf(day string) int {
	i := len(r.keys) - 1
	for i > 0 && r.keys[i].From > day {
		i--
	}
	return i
}
