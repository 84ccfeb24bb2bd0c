// Package e2e proves by test what the pipeline promises as a whole: rows that
// equal what SQL computes from the input, whatever is delivered twice, out of
// order or lost with a killed process; and personal data nowhere but in the lake
// and the quarantine. It holds tests only.
package e2e
