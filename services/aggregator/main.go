// Command aggregator counts masked events by window, place, gender and age band.
//
// It has no flags; its settings are environment variables, which
// docs/architecture.md lists. `aggregator healthcheck` asks the running one how
// it is.
package main

import (
	"github.com/headcount-etl/headcount/services/aggregator/worker"
	"github.com/headcount-etl/headcount/shared/service"
)

func main() { service.Main("aggregator", worker.Run) }
