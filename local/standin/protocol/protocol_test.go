package protocol

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestWhatIsRefused: a body that is not the JSON that was expected, or too long, is
// the sender's fault; a failure of this machine is the receiver's. All are counted.
func TestWhatIsRefused(t *testing.T) {
	counted := 0
	service := &JSON{
		Service: "x", Target: "X.", Version: "1.1", MaxBody: 100, TooLong: Refuse("Long", "too long"),
		Malformed: "Malformed", Unknown: "Unknown", Internal: "Internal",
		Names: func(e *Error) (errorType, queryError string) { return "x#" + e.Code, e.Code + ";" + e.Side() },
		Count: func(string, Used, int64) { counted++ },
		Actions: map[string]Action{
			"Put": On(func(_ context.Context, in *struct{ Data []byte }, _ *Used) (any, error) {
				if len(in.Data) == 0 {
					return nil, errors.New("the disk is full")
				}
				return map[string]string{"Data": string(in.Data)}, nil
			}),
		},
	}
	for _, tt := range []struct {
		action, body, answer, queryError string
		status                           int
	}{
		{"Put", `{"Data":"PCYi","More":1}`, `{"Data":"<&\""}`, "", 200},
		{"Put", `{"Data":`, `"__type":"x#Malformed"`, "Malformed;Sender", 400},
		{"Put", `{"Data":5}`, `"__type":"x#Malformed"`, "Malformed;Sender", 400},
		{"Put", `{"Data":"no base64"}`, `"__type":"x#Malformed"`, "Malformed;Sender", 400},
		{"Put", strings.Repeat(" ", 101), `"__type":"x#Long"`, "Long;Sender", 400},
		{"Put", "", `"message":"the disk is full"`, "Internal;Receiver", 500},
		{"Get", "{}", "stand-in has no x Get.", "Unknown;Sender", 501},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(tt.body))
		r.Header.Set("X-Amz-Target", "X."+tt.action)
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		if got := w.Body.String(); w.Code != tt.status || !strings.Contains(got, tt.answer) || w.Header().Get("X-Amzn-Query-Error") != tt.queryError {
			t.Errorf("%s %s: %d %s %s", tt.action, tt.body, w.Code, w.Header(), got)
		}
	}
	if counted != 7 {
		t.Errorf("counted %d requests", counted)
	}
}

// TestPages: the pages of a list, one after another, are the list.
func TestPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching("[ab]{1,3}"), 0, 10, rapid.ID).Draw(t, "names")
		slices.Sort(names)
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		var got []string
		for last, more := "", true; more; {
			var page []string
			if page, more = Page(names, last, limit); len(page) > limit || more && len(page) < limit {
				t.Fatalf("%q, more: %t", page, more)
			}
			if got = append(got, page...); more {
				last = page[len(page)-1]
			}
		}
		if !slices.Equal(got, names) {
			t.Fatalf("%q of %q", got, names)
		}
	})
}
