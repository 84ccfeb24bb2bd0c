package pipeline

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// failures remembers the last failure that a service has logged, so that whoever
// waits need not look for it in a file.
type failures struct {
	mu   sync.Mutex
	last string
}

// watch gives a service's log, of which each write is one line, as zerolog writes.
func (f *failures) watch(log io.Writer) io.Writer { return watched{log, f} }

type watched struct {
	io.Writer
	failures *failures
}

func (w watched) Write(line []byte) (int, error) {
	var logged struct{ Service, Error, Message string }
	if json.Unmarshal(line, &logged) == nil && logged.Error != "" {
		w.failures.mu.Lock()
		w.failures.last = fmt.Sprintf("the %s says: %s: %s", logged.Service, logged.Message, logged.Error)
		w.failures.mu.Unlock()
	}
	return w.Writer.Write(line)
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
