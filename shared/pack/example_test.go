package pack_test

import (
	"fmt"

	"github.com/headcount-etl/headcount/shared/pack"
	"github.com/headcount-etl/headcount/shared/queue"
)

// Two events of one message and one of another travel in a pack. Whoever opens it
// knows where each came from.
func Example() {
	first := pack.Origin{MessageID: "m-1", ReceivedAt: 1767225600000}
	second := pack.Origin{MessageID: "m-2", ReceivedAt: 1767225600500, Replay: true}

	var w pack.Writer // collects what a batch of messages has become
	w.Attributes(map[string]string{"keys": "k1@2026-01-01=0123456789abcdef"})
	w.Add(0, first, 0, []byte(`{"n":1}`))
	w.Add(0, first, 1, []byte(`{"n":2}`))
	w.Add(1, second, 0, []byte(`{"n":3}`))
	for _, p := range w.Close() {
		fmt.Println(p.Attributes())

		// The next stage receives it as a message.
		records, err := pack.Open(&queue.Message{ID: "hop", Body: p.Body, Attributes: p.Attributes()})
		if err != nil {
			fmt.Println(err)
		}
		for r := range records {
			fmt.Println(r.Origin.MessageID, r.Index, r.Payload, r.Origin.Replay)
		}
	}
	// Output:
	// map[count:3 encoding:headcount-pack-1 keys:k1@2026-01-01=0123456789abcdef]
	// m-1 0 {"n":1} false
	// m-1 1 {"n":2} false
	// m-2 0 {"n":3} true
}
