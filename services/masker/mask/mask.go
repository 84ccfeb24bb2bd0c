package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"

	"github.com/headcount-etl/headcount/shared/event"
)

// Masker masks events. It keeps its hashes, so it is for one goroutine.
type Masker struct {
	ring  *Ring
	macs  []hash.Hash // of each key of the ring, made when it is first used
	input []byte
	sum   []byte
}

// NewMasker returns a masker that uses the ring's keys.
func NewMasker(r *Ring) *Masker {
	return &Masker{ring: r, macs: make([]hash.Hash, len(r.keys))}
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
// as YYYY-MM-DD in UTC and key the one of that day. Since the day is part of
// what is hashed, no one can be followed from one day to the next.
func (m *Masker) person(day, userID string) (p event.Person) {
	k := m.ring.keyOf(day)
	if m.macs[k] == nil {
		m.macs[k] = hmac.New(sha256.New, m.ring.keys[k].secret)
	}
	mac := m.macs[k]
	mac.Reset()
	m.input = append(append(append(m.input[:0], day...), 0), userID...)
	mac.Write(m.input)
	m.sum = mac.Sum(m.sum[:0])
	copy(p[:], m.sum)
	return p
}
