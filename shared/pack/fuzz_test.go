package pack

import (
	"encoding/base64"
	"slices"
	"testing"

	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/queue"
)

// FuzzOpen: what Open accepts has as many records as it says, the same each time, and
// within the bounds.
func FuzzOpen(f *testing.F) {
	var w Writer
	for i := range 3 {
		w.Add(i, Origin{MessageID: "m", ReceivedAt: 5, Replay: i == 1, Consent: event.ConsentAnalytics}, i, []byte("{}"))
	}
	for _, p := range w.Close() {
		frame, err := base64.StdEncoding.DecodeString(p.Body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame, "3", true)
	}
	f.Add([]byte("\x28\xb5\x2f\xfd\xa4\xff\xff\xff\xff\x01\x00\x00"), "0", true)
	f.Fuzz(func(t *testing.T, frame []byte, count string, packed bool) {
		m := &queue.Message{ID: "hop", Body: base64.StdEncoding.EncodeToString(frame), Attributes: map[string]string{AttributeCount: count}}
		if packed {
			m.Attributes[AttributeEncoding] = Encoding
		}
		records, err := Open(m)
		if err != nil {
			return
		}
		first := slices.Collect(records)
		size := 0
		for _, r := range first {
			size += len(r.Payload)
		}
		if len(first) > event.MaxEvents || size > max(maxDecoded, len(m.Body)) || !slices.Equal(first, slices.Collect(records)) {
			t.Errorf("%d records of %d bytes", len(first), size)
		}
	})
}
