package event

import (
	"encoding/hex"
	"strings"
	"testing"
)

// FuzzDecodeMasked: what is read is within the bounds of a Masked, comes out of the
// compact encoding as it is, and an error quotes nothing.
func FuzzDecodeMasked(f *testing.F) {
	f.Add(string(AppendMasked(nil, &Masked{Latitude: 1, Longitude: -2, Gender: Other, AgeBand: 3})))
	f.Add(` {"person":"` + hex.EncodeToString(make([]byte, 16)) + `","occurred_at_ms":1,"latitude":0,"longitude":0,"gender":"female","age_band":"18-24"}` + "\n")
	f.Fuzz(func(t *testing.T, payload string) {
		got, err := DecodeMasked(payload, []Masked{{}})
		if len(got) < 1 || err == nil && len(got) < 2 {
			t.Fatalf("%d events of %q, %v", len(got), payload, err)
		}
		if err != nil {
			if len(payload) > 100 && strings.Contains(err.Error(), payload[:50]) {
				t.Errorf("quoted: %v", err)
			}
			return
		}
		for _, m := range got[1:] {
			if err := m.check(); err != nil {
				t.Error(err)
			}
			again, err := DecodeMasked(string(AppendMasked(nil, &m)), nil)
			if err != nil || len(again) != 1 || again[0] != m {
				t.Errorf("%v became %v, %v", m, again, err)
			}
		}
	})
}
