package event

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Masked is all that leaves the masker: one anonymous person, somewhere, at
// one time. It has no field that could hold a name, an e-mail address, a phone
// number, an address, a device id or a birth date, so a leak does not compile.
type Masked struct {
	// Person is the first 16 bytes of HMAC-SHA-256(key, day 0x00 user id), so
	// that it differs from day to day.
	Person Person
	// OccurredAt is the event's instant in milliseconds since the Unix epoch,
	// rounded down.
	OccurredAt int64
	// Latitude and Longitude are in degrees, exact: coarser ones would corrupt
	// the counts at a radius's edge. They go no further than the aggregator.
	Latitude, Longitude float64
	Gender              Gender
	AgeBand             AgeBand
}

// Person is a pseudonym that is good for one UTC day.
type Person [16]byte

// Gender is one of the contract's genders; its zero value is Female.
type Gender uint8

// The genders, in the order in which tables show them.
const (
	Female Gender = iota
	Male
	Other
	Undisclosed
)

// Genders are the names of the genders, indexed by Gender.
var Genders = [...]string{"female", "male", "other", "undisclosed"}

func (g Gender) String() string { return Genders[g] }

// ParseGender finds the gender of that name, exactly as the contract spells it.
func ParseGender(name string) (Gender, bool) {
	i := slices.Index(Genders[:], name)
	return Gender(max(i, 0)), i >= 0 //nolint:gosec // few names
}

// AgeBand is one of seven ranges of age in full years; its zero value is 0-17.
type AgeBand uint8

// AgeBands are the names of the bands, indexed by AgeBand.
var AgeBands = [...]string{"0-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+"}

// ageBandStarts holds the first year of each band but the first.
var ageBandStarts = [...]int{18, 25, 35, 45, 55, 65}

func (b AgeBand) String() string { return AgeBands[b] }

// AgeBandOf gives the band of an age in full years.
func AgeBandOf(age int) AgeBand {
	band := AgeBand(0)
	for _, start := range ageBandStarts {
		if age >= start {
			band++
		}
	}
	return band
}

// ParseAgeBand finds the band of that name.
func ParseAgeBand(name string) (AgeBand, bool) {
	i := slices.Index(AgeBands[:], name)
	return AgeBand(max(i, 0)), i >= 0 //nolint:gosec // few names
}

// maskedVersion is the first byte of an encoded Masked; it is no character that
// JSON text can begin with.
const maskedVersion = 0x01

// maskedSize is the length in bytes of an encoded Masked: the version, the
// person, three 8-byte numbers (big endian), gender and age band.
const maskedSize = 1 + len(Person{}) + 3*8 + 2

// AppendMasked appends the compact encoding of m to dst.
func AppendMasked(dst []byte, m *Masked) []byte {
	dst = append(dst, maskedVersion)
	dst = append(dst, m.Person[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.OccurredAt)) //nolint:gosec // the same 64 bits
	dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(m.Latitude))
	dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(m.Longitude))
	return append(dst, byte(m.Gender), byte(m.AgeBand))
}

// DecodeMasked appends to into what a payload past the masker holds: what
// AppendMasked wrote, or plain JSON, which a person has put into a queue. The
// first byte says which. JSON is one object or several, with person (32
// hexadecimal digits), occurred_at_ms, latitude, longitude, gender and age_band,
// and nothing else. Errors name what is wrong, never a value.
func DecodeMasked(payload string, into []Masked) ([]Masked, error) {
	if payload == "" || payload[0] != maskedVersion {
		return decodeMaskedJSON(payload, into)
	}
	m, err := decodeMasked(payload)
	return append(into, m), err
}

func decodeMasked(data string) (m Masked, err error) {
	if len(data) != maskedSize {
		return m, fmt.Errorf("a masked event has %d bytes, not %d", maskedSize, len(data))
	}
	number := func(i int) uint64 { return binary.BigEndian.Uint64([]byte(data[i : i+8])) }
	at := 1 + copy(m.Person[:], data[1:])
	m.OccurredAt = int64(number(at)) //nolint:gosec // the same 64 bits
	m.Latitude = math.Float64frombits(number(at + 8))
	m.Longitude = math.Float64frombits(number(at + 16))
	m.Gender, m.AgeBand = Gender(data[at+24]), AgeBand(data[at+25])
	return m, m.check()
}

// maskedJSON is a Masked as a person writes it.
type maskedJSON struct {
	Person       string   `json:"person"`
	OccurredAtMS *int64   `json:"occurred_at_ms"`
	Latitude     *float64 `json:"latitude"`
	Longitude    *float64 `json:"longitude"`
	Gender       string   `json:"gender"`
	AgeBand      string   `json:"age_band"`
}

func decodeMaskedJSON(body string, into []Masked) ([]Masked, error) {
	dec := json.NewDecoder(strings.NewReader(body))
	dec.DisallowUnknownFields()
	for n := 0; ; n++ {
		var j maskedJSON
		err := dec.Decode(&j)
		if errors.Is(err, io.EOF) && n > 0 {
			return into, nil
		}
		if err != nil {
			return into, fmt.Errorf("masked event %d is not of the form {person, occurred_at_ms, latitude, longitude, gender, age_band}", n)
		}
		m, err := j.masked()
		if err != nil {
			return into, fmt.Errorf("masked event %d: %w", n, err)
		}
		into = append(into, m)
	}
}

func (j *maskedJSON) masked() (m Masked, err error) {
	person, err := hex.DecodeString(j.Person)
	if err != nil || len(person) != len(m.Person) {
		return m, errors.New("person is not 32 hexadecimal digits")
	}
	if j.OccurredAtMS == nil || j.Latitude == nil || j.Longitude == nil {
		return m, errors.New("occurred_at_ms, latitude and longitude are required")
	}
	var ok1, ok2 bool
	copy(m.Person[:], person)
	m.OccurredAt, m.Latitude, m.Longitude = *j.OccurredAtMS, *j.Latitude, *j.Longitude
	m.Gender, ok1 = ParseGender(j.Gender)
	m.AgeBand, ok2 = ParseAgeBand(j.AgeBand)
	if !ok1 || !ok2 {
		return m, errors.New("gender or age_band is not one of the contract's")
	}
	return m, m.check()
}

// check refuses what would be counted in the wrong place.
func (m *Masked) check() error {
	switch {
	case int(m.Gender) >= len(Genders):
		return fmt.Errorf("no gender has the number %d", m.Gender)
	case int(m.AgeBand) >= len(AgeBands):
		return fmt.Errorf("no age band has the number %d", m.AgeBand)
	case !(m.Latitude >= -90 && m.Latitude <= 90): // refuses NaN too
		return errors.New("latitude is not within -90..90")
	case !(m.Longitude >= -180 && m.Longitude <= 180):
		return errors.New("longitude is not within -180..180")
	}
	return nil
}
