package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"

	"github.com/headcount-etl/headcount/stack/names"
)

// Means is program.Means without AWS: it notes what it is asked to provide.
type Means struct {
	// Fail, if set, may fail a call. Calls are named as in Provided.
	Fail func(call string) error
	// Changed are services whose images are other ones.
	Changed []string

	mu    sync.Mutex
	calls []string
	keys  map[string]string // by ARN: the version
}

// KeyVersion is the version of the masking keys.
const KeyVersion = "00000000-0000-4000-8000-000000000002"

// Provided gives what was called since the last time, sorted: role, push SERVICE URL,
// key ARN.
func (m *Means) Provided() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	calls := m.calls
	m.calls = nil
	slices.Sort(calls)
	return calls
}

// KeyOf gives the version of the masking keys in a secret; "" is none.
func (m *Means) KeyOf(secretARN string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keys[secretARN]
}

func (m *Means) note(call string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, call)
	if m.Fail != nil {
		return m.Fail(call)
	}
	return nil
}

// Digest gives the digest of an image that nobody has built.
func (m *Means) Digest(service string) string {
	if slices.Contains(m.Changed, service) {
		service += " changed"
	}
	sum := sha256.Sum256([]byte(service))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Push notes the image.
func (m *Means) Push(_ context.Context, _ names.Names, service, url string) error {
	return m.note("push " + service + " " + url)
}

// Role notes the role.
func (m *Means) Role(context.Context, names.Names) error { return m.note("role") }

// Key notes the key.
func (m *Means) Key(_ context.Context, _ names.Names, secretARN string) (string, error) {
	if err := m.note("key " + secretARN); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys = map[string]string{}
	}
	m.keys[secretARN] = KeyVersion
	return KeyVersion, nil
}
