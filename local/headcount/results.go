package main

import "io"

// results is stdout. It remembers the first write that failed: a command whose
// results are lost has failed, whether or not it looks at its writes.
type results struct {
	io.Writer
	err error
}

func (r *results) Write(p []byte) (int, error) {
	n, err := r.Writer.Write(p)
	if r.err == nil {
		r.err = err
	}
	return n, err
}
