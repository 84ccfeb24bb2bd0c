package metrics

import "github.com/headcount-etl/headcount/shared/pipeline"

// Unit is a CloudWatch unit, as the embedded metric format spells it.
type Unit string

// The units in use.
const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
)

// Statistic says how a metric's values are put together, here between two
// flushes and in CloudWatch over time and tasks.
type Statistic string

// The statistics in use, as CloudWatch spells them.
const (
	Sum     Statistic = "Sum"
	Maximum Statistic = "Maximum"
)

// Metric describes one metric. Alarms and dashboards are built from it.
type Metric struct {
	// Name is the CloudWatch name of the metric.
	Name string
	// Unit is what one of its values counts or measures.
	Unit Unit
	// Statistic is the only one that makes sense of it.
	Statistic Statistic
	// Services are the services that send it.
	Services []string
	// Dimensions are the dimensions under which CloudWatch keeps it.
	Dimensions []string
	// Help says what it means, in one line.
	Help string
}

// Name is a metric that has the dimensions Stack, Service and Flow: an index
// into Table.
type Name uint8

// The metrics with the dimensions Stack, Service and Flow.
const (
	EventsReceived Name = iota
	EventsValid
	EventsMasked
	EventsAggregated
	EventsNearPlaces
	LateEvents
	CellRowsLeft
	PacksSent
	PartialsWritten
	FinalsWritten
	FinalsPostponed
	FinalsContended
	SnapshotsWritten
	SnapshotsIgnored
	ObjectsSkipped
	ObjectsDamaged
	PartialsGone
	EventAge
	MessagesReceived
	MessagesDone
	MessagesFailed
	MessagesDead
	MessagesReturned
	MessageAge
	BatchTime
	PausedTime
	Panics
	names
)

// NameByCategory is a metric that also has the dimension Category: an index
// into Table.
type NameByCategory uint8

// The metrics with the dimensions Stack, Service, Flow and Category.
const (
	EventsRejected NameByCategory = NameByCategory(names) + iota
	EventsQuarantined
	AlertsSent
	allNames
)

var (
	validator  = []string{"validator"}
	masker     = []string{"masker"}
	aggregator = []string{"aggregator"}
	rejecting  = pipeline.Names(func(s pipeline.Stage) bool { return s.Can(pipeline.Quarantine) })
	alerting   = pipeline.Names(func(s pipeline.Stage) bool { return s.Can(pipeline.Alerts) })
	sending    = pipeline.Names(func(s pipeline.Stage) bool { return s.Output != "" })
	all        = pipeline.Names(nil)

	// The stack comes first, so that two stacks of an account do not add up.
	perFlow     = []string{"Stack", "Service", "Flow"}
	perCategory = []string{"Stack", "Service", "Flow", "Category"}
)

// Table is every metric of Headcount, indexed by Name and NameByCategory.
// Redelivered messages count again in all of them: exact numbers are in the
// rows of `headcounts`, here a balance closes but for duplicates:
//
//	validator   EventsReceived = EventsValid + Σ EventsRejected
//	masker      EventsReceived = EventsMasked + Σ EventsRejected
//	aggregator  EventsReceived = EventsAggregated
var Table = []Metric{
	EventsReceived:   {"EventsReceived", Count, Sum, all, perFlow, "Events found in the messages of the input queue."},
	EventsValid:      {"EventsValid", Count, Sum, validator, perFlow, "Events that kept the contract and were sent on."},
	EventsMasked:     {"EventsMasked", Count, Sum, masker, perFlow, "Events that were made anonymous and sent on."},
	EventsAggregated: {"EventsAggregated", Count, Sum, aggregator, perFlow, "Events whose sets stand in a partial, or that were near no place."},
	EventsNearPlaces: {"EventsNearPlaces", Count, Sum, aggregator, perFlow, "Aggregated events that were within the radius of a place."},
	LateEvents:       {"LateEvents", Count, Sum, aggregator, perFlow, "Rows of partials that came after partials of their hour had expired, and are in no final."},
	CellRowsLeft:     {"CellRowsLeft", Count, Sum, aggregator, perFlow, "Rows left out of hotspots because an hour has too many cells."},
	PacksSent:        {"PacksSent", Count, Sum, sending, perFlow, "Messages sent to the output queue."},
	PartialsWritten:  {"PartialsWritten", Count, Sum, aggregator, perFlow, "Partial objects written."},
	FinalsWritten:    {"FinalsWritten", Count, Sum, aggregator, perFlow, "Final objects written."},
	FinalsPostponed:  {"FinalsPostponed", Count, Sum, aggregator, perFlow, "Finals messages put off because the final was younger than the refresh interval."},
	FinalsContended:  {"FinalsContended", Count, Sum, aggregator, perFlow, "Finals begun again because another task had written the same one."},
	SnapshotsWritten: {"SnapshotsWritten", Count, Sum, aggregator, perFlow, "Snapshots of an hour's partials written."},
	SnapshotsIgnored: {"SnapshotsIgnored", Count, Sum, aggregator, perFlow, "Snapshots that were not used, as they are damaged or do not fit the partials."},
	ObjectsSkipped:   {"ObjectsSkipped", Count, Sum, aggregator, perFlow, "Objects among the partials that are none, counted once by each task."},
	ObjectsDamaged:   {"ObjectsDamaged", Count, Sum, aggregator, perFlow, "Tries of an hour that a damaged object stopped, whose finals wait for an operator."},
	PartialsGone:     {"PartialsGone", Count, Sum, aggregator, perFlow, "Partials that were gone before any final covered them: their people are not counted."},
	EventAge:         {"EventAge", Milliseconds, Maximum, aggregator, perFlow, "Longest time between an event's arrival and its partial, replays left out."},

	MessagesReceived: {"MessagesReceived", Count, Sum, all, perFlow, "Messages received, redelivered ones included."},
	MessagesDone:     {"MessagesDone", Count, Sum, all, perFlow, "Messages handled and deleted."},
	MessagesFailed:   {"MessagesFailed", Count, Sum, all, perFlow, "Messages that a try could not do: they are tried again, or go back to the queue."},
	MessagesDead:     {"MessagesDead", Count, Sum, all, perFlow, "Messages that can never be done, sent to the dead-letter queue at once."},
	MessagesReturned: {"MessagesReturned", Count, Sum, all, perFlow, "Messages given back untouched when the service stopped."},
	MessageAge:       {"MessageAge", Milliseconds, Maximum, all, perFlow, "Longest time between a message's sending and its handling."},
	BatchTime:        {"BatchTime", Milliseconds, Sum, all, perFlow, "Time spent in handlers; per second, the mean number of busy ones."},
	PausedTime:       {"PausedTime", Milliseconds, Sum, all, perFlow, "Time in which nothing could be done because a downstream service failed."},
	Panics:           {"Panics", Count, Sum, all, perFlow, "Panics recovered from, in a stage or a handler."},

	EventsRejected:    {"EventsRejected", Count, Sum, rejecting, perCategory, "Events rejected, by category."},
	EventsQuarantined: {"EventsQuarantined", Count, Sum, rejecting, perCategory, "Rejections written to the quarantine, by category."},
	AlertsSent:        {"AlertsSent", Count, Sum, alerting, perCategory, "Alert digests published, by category."},
}

// String gives the CloudWatch name.
func (n Name) String() string { return Table[n].Name }

// String gives the CloudWatch name.
func (n NameByCategory) String() string { return Table[n].Name }
