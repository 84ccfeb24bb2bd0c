package mask

import (
	"encoding/base64"
	"strings"
	"testing"
)

// FuzzParseRing: a ring that was read has sorted keys of the right size, an id each
// and another first day each; an error never holds a key.
func FuzzParseRing(f *testing.F) {
	secret := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	f.Add(`[{"id":"k1","from":"2026-01-01","key":"` + secret + `"},{"id":"k0","from":"2025-01-01","key":"` + secret + `"}]`)
	f.Add(`[{"id":"k1","from":"2026-02-30","key":"` + secret[1:] + `"}] x`)
	f.Fuzz(func(t *testing.T, text string) {
		ring, err := ParseRing(text)
		if err != nil {
			if strings.Contains(text, secret) && strings.Contains(err.Error(), secret) {
				t.Errorf("a key is in the error: %v", err)
			}
			return
		}
		ids := map[string]bool{}
		for i, k := range ring.keys {
			if len(k.secret) != KeySize || ids[k.ID] || i > 0 && ring.keys[i-1].From >= k.From {
				t.Errorf("key %d of %q", i, text)
			}
			ids[k.ID] = true
			if at := ring.keyOf(k.From); at != i {
				t.Errorf("the key of %s is %d, not %d", k.From, at, i)
			}
		}
		ring.Fingerprints()
	})
}
