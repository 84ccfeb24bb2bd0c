package main

import (
	"fmt"
	"io"
)

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

// withResults runs a command and gives its exit code, exitFailed for exitDone where
// something that it wrote to stdout is lost.
func withResults(std streams, run func(streams) int) int {
	r := &results{Writer: std.out}
	code := run(streams{std.in, r, std.err})
	if code == exitDone && r.err != nil {
		fmt.Fprintf(std.err, "headcount: the results are not complete: %v\n", r.err)
		return exitFailed
	}
	return code
}
