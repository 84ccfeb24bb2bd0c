// Package dashboards holds Headcount's QuickSight dashboard as JSON: the
// definition, for analysis and dashboard both, and the data sets that it
// stands on. The ARNs in them name an account of AWS's documentation; the stack
// puts in the real ones.
package dashboards

import "embed"

// Files are the JSON files.
//
//go:embed headcount.json datasets/*.json
var Files embed.FS

// The names of the files.
const (
	HeadcountFile = "headcount.json"
	HeadcountsSet = "datasets/headcounts.json"
	EventsSet     = "datasets/events.json"
	TotalsSet     = "datasets/totals.json"
	HotspotsSet   = "datasets/hotspots.json"
)
