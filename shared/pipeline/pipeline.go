// Package pipeline is the chain of stages as data: who reads which queue, who
// writes which, and what each stage may touch besides.
//
// The stack makes queues, grants, scaling, alarms and the dashboard of it, the
// command makes the same of the stand-in, and the smoke test and the metrics
// read it. A stage that is added here exists in all of them;
// docs/extending.md shows one. The package imports nothing but the standard
// library.
package pipeline

import (
	"slices"
	"strings"
)

// Entry is the queue that the topic fills.
const Entry = "ingest"

// Stages is the chain, in the order in which an event passes it. Each stage
// reads the queue that the one before it fills, the first one the Entry.
var Stages = chain(
	Stage{Name: "validator", Output: "valid", May: []Resource{Quarantine, Alerts}},
	Stage{Name: "masker", Output: "masked", May: []Resource{Quarantine, Alerts, Keys}},
	Stage{Name: "aggregator", Own: "finals", May: []Resource{Aggregates, Places}, Holds: true, Buries: true},
)

// Stage is one step of the chain: a service with a queue before it.
type Stage struct {
	// Name is that of the service, its image, its logs and its metrics.
	Name string
	// Input is the queue that the stage reads. The chain sets it.
	Input string
	// Output is the queue that the stage sends to, which the next stage reads.
	// The last stage has none.
	Output string
	// Own is a queue that the stage both fills and reads, for work that it
	// leaves to any of its tasks; empty for most.
	Own string
	// May is what the stage may touch besides its queues.
	May []Resource
	// Holds is whether the stage keeps messages until its output is durable,
	// far longer than it takes to send them on: what is in flight is then part of
	// its backlog.
	Holds bool
	// Buries is whether the stage itself sends messages that can never be done to the
	// dead-letter queue of its input.
	Buries bool
}

// Resource is something that stages share besides queues.
type Resource string

// The resources.
const (
	Quarantine Resource = "quarantine" // the bucket of rejected events: add objects
	Alerts     Resource = "alerts"     // the topic of reports on rejected events: publish
	Keys       Resource = "keys"       // the masking keys: read
	Aggregates Resource = "aggregates" // the bucket of counts: read and write those of the flow
	Places     Resource = "places"     // the flow's list of places: read
)

// settings are the environment variables that name the resources to a service.
var settings = map[Resource]string{
	Quarantine: "QUARANTINE_BUCKET", Alerts: "ALERT_TOPIC_ARN", Keys: "MASKING_KEYS", Aggregates: "AGGREGATES_BUCKET", Places: "POIS",
}

// chain gives each stage its input.
func chain(stages ...Stage) []Stage {
	input := Entry
	for i := range stages {
		stages[i].Input = input
		input = stages[i].Output
	}
	return stages
}

// Named gives the stage of that name. It panics where there is none: names
// stand in code.
func Named(name string) Stage {
	for _, s := range Stages {
		if s.Name == name {
			return s
		}
	}
	panic("pipeline: no stage " + name)
}

// Names gives the names of the stages that want agrees with, in the order of
// the chain; a nil want agrees with all.
func Names(want func(Stage) bool) (names []string) {
	for _, s := range Stages {
		if want == nil || want(s) {
			names = append(names, s.Name)
		}
	}
	return names
}

// Queues gives the queues, in the order in which events pass them.
func Queues() (queues []string) {
	for _, s := range Stages {
		queues = append(queues, s.Reads()...)
	}
	return queues
}

// Reader gives the stage that reads a queue. It panics where there is none.
func Reader(queue string) Stage {
	for _, s := range Stages {
		if slices.Contains(s.Reads(), queue) {
			return s
		}
	}
	panic("pipeline: no queue " + queue)
}

// Reads gives the queues that the stage reads.
func (s Stage) Reads() []string {
	if s.Own == "" {
		return []string{s.Input}
	}
	return []string{s.Input, s.Own}
}

// Can reports whether the stage may touch a resource.
func (s Stage) Can(r Resource) bool { return slices.Contains(s.May, r) }

// Environment gives the environment variables that name to a stage its queues and
// what it may touch, as far as values are given.
func Environment[V any](s Stage, queues map[string]V, resources map[Resource]V) map[string]V {
	environment := map[string]V{}
	set := func(queue, setting string) {
		if value, ok := queues[queue]; ok && queue != "" {
			environment[setting] = value
		}
	}
	set(s.Input, "INPUT_QUEUE_URL")
	set(s.Output, "OUTPUT_QUEUE_URL")
	set(s.Own, strings.ToUpper(s.Own)+"_QUEUE_URL")
	for _, r := range s.May {
		if value, ok := resources[r]; ok {
			environment[settings[r]] = value
		}
	}
	return environment
}
