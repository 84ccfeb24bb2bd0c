// Package chaos runs the real services, two tasks of each, against the stand-in,
// with faults between them and AWS, and kills them meanwhile. Places are added to the
// flow, hot spots switched on and keys rotated under way. At the end the rows
// must equal what SQL computes from the input, and nothing else may be left over.
// It holds tests only:
//
//	go test -run TestChaos ./internal/chaos -seed 1 -kills 300 -events 1000000
//
// Fault n and kill n are functions of the seed and n, whatever runs at the same
// time: what they are, at which call of which task. When that call comes is up to
// the scheduler of the machine, so a seed gives the same faults, not the same run.
package chaos
