// Package results turns sets of counts into the objects that the aggregator
// stores, and back: partials, which hold the sets themselves, and finals, which
// hold the rows of the tables headcounts, totals and hotspots. It knows their columns
// and their keys, and no storage.
package results

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
)

// PartialName says which partial an object is: the Nth, counting from 1, that a
// writer wrote for an hour of a flow.
type PartialName struct {
	Flow   string
	Hour   counts.Hour
	Writer string
	N      int
}

// PartialPrefix gives what the keys of all partials of an hour begin with.
func PartialPrefix(flow string, hour counts.Hour) string {
	return fmt.Sprintf("partials/flow=%s/hour=%s/", flow, hour)
}

// PartialKey gives the key of a partial, for example
// partials/flow=v1/hour=2026-11-23T13/3f2a-1.parquet. Neither flow nor writer
// may be empty or hold a slash.
func PartialKey(flow string, hour counts.Hour, writer string, n int) string {
	return PartialPrefix(flow, hour) + writer + "-" + strconv.Itoa(n) + ".parquet"
}

// ParsePartialKey undoes PartialKey. Any other key is an error.
func ParsePartialKey(key string) (PartialName, error) {
	bad := fmt.Errorf("results: %q is not the key of a partial", key)
	parts := strings.Split(key, "/")
	if len(parts) != 4 {
		return PartialName{}, bad
	}
	name := PartialName{Flow: strings.TrimPrefix(parts[1], "flow=")}
	hour, err := counts.ParseHour(strings.TrimPrefix(parts[2], "hour="))
	if err != nil {
		return PartialName{}, bad
	}
	name.Hour = hour
	file := strings.TrimSuffix(parts[3], ".parquet")
	dash := strings.LastIndexByte(file, '-')
	if dash < 0 {
		return PartialName{}, bad
	}
	name.Writer = file[:dash]
	if name.N, err = strconv.Atoi(file[dash+1:]); err != nil {
		return PartialName{}, bad
	}
	// What was trimmed and parsed leniently shows when the key is made again.
	if name.Flow == "" || name.Writer == "" || name.N < 1 || PartialKey(name.Flow, name.Hour, name.Writer, name.N) != key {
		return PartialName{}, bad
	}
	return name, nil
}
