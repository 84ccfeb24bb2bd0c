package event

import (
	"strings"
	"testing"
)

func TestConsent(t *testing.T) {
	for text, want := range map[string]ConsentState{
		`{"consent":{"analytics":true}}`:                                   ConsentAnalytics,
		`{"consent":{"analytics":1}}`:                                      ConsentUnknown,
		`{"consent":{"analytics":false}}`:                                  ConsentNone,
		`{"consent":{"analytics":"no"}}`:                                   ConsentNone,
		`{"consent":{}}`:                                                   ConsentUnknown,
		`{}`:                                                               ConsentUnknown,
		`{"ANALYTICS":No,"consent":{"analytics":true}}`:                    ConsentNone,
		`{"analytics":false,"consent":{"analytics":true}}`:                 ConsentNone,
		`{"consent":{"analytics":true,"analytics":true}}`:                  ConsentUnknown, // malformed
		`{"consent":{"analytics":false,"analytics":false}}`:                ConsentNone,
		`{"consent":{"analytics":true},"consent":{"analytics" : "false"}}`: ConsentNone,
		`{"user":,"consent":{"analytics": false}}`:                         ConsentNone,
		`{"user":,"consent":{"\u0061nalytics": false}}`:                    ConsentNone,
		`{"user":,"consent":{"analytics": true}}`:                          ConsentUnknown,
		`{"user":{"full_name":"F\u00e9lix"},"consent":{"analytics":true}}`: ConsentAnalytics,
	} {
		d := NewDecoder()
		d.Reset(text)
		if d.Next(); d.ConsentToKeep() != want {
			t.Errorf("%s: %d, want %d", text, d.ConsentToKeep(), want)
		}
	}
}

func BenchmarkConsentOf(b *testing.B) {
	text := `{"full_name":"` + strings.Repeat("Nobody ", 90) + `","consent":{"analytics":true}}`
	for b.Loop() {
		if ConsentOf(text) != ConsentUnknown {
			b.Fatal("a no")
		}
	}
}
