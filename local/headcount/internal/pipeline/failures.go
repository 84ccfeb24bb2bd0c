package pipeline

import (
	"encoding/json"
	"fmt"
	"sync"
)

// failures remembers the last failure that a service has logged, so that whoever
// waits need not look for it in a file. Each write is one line of a service's log,
// as zerolog writes.
type failures struct {
	mu   sync.Mutex
	last string
}

func (f *failures) Write(line []byte) (int, error) {
	var logged struct{ Service, Error, Message string }
	if json.Unmarshal(line, &logged) == nil && logged.Error != "" {
		f.mu.Lock()
		f.last = fmt.Sprintf("the %s says: %s: %s", logged.Service, logged.Message, logged.Error)
		f.mu.Unlock()
	}
	return len(line), nil
}

// LastFailure is the last failure that a service has logged; "" is none.
func (p *Pipeline) LastFailure() string {
	p.failures.mu.Lock()
	defer p.failures.mu.Unlock()
	return p.failures.last
}

// withFailure adds the last failure to a text.
func (p *Pipeline) withFailure(text string) string {
	if last := p.LastFailure(); last != "" {
		return text + "; " + last
	}
	return text
}
