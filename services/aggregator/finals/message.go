package finals

import (
	"encoding/json"
	"time"

	"github.com/headcount-etl/headcount/shared/queue"
)

// Message is the body of a finals message: writer has written its partial n of
// the hour. With Rebuild it names an hour only, and asks an operator's question: make
// the hour's finals from its partials, whatever they are now.
type Message struct {
	Flow    string `json:"flow"`
	Hour    string `json:"hour"` // "2026-11-23T13", in UTC
	Writer  string `json:"writer,omitempty"`
	N       int    `json:"n,omitempty"`
	Rebuild bool   `json:"rebuild,omitempty"`
}

// Out gives the message that is to be sent.
func (m Message) Out(delay time.Duration) queue.Out {
	body, _ := json.Marshal(m) // strings and a number cannot fail
	return queue.Out{Body: string(body), Delay: delay}
}
