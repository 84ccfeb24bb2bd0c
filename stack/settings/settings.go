// Package settings is what an operator may turn: the configuration of a stack,
// typed, with every fault of it named at once. The keys, their types and their
// defaults stand in Pulumi.yaml; a flow's own in Flow and Worker.
//
// It knows no Pulumi, so that the tools behind make read the same settings.
package settings

import (
	"time"

	"github.com/headcount-etl/headcount/services/aggregator/places"
)

// Project is the name of the Pulumi project, and the namespace of its keys.
const Project = "headcount"

// The kinds of network.
const (
	// NAT is one NAT gateway in a public subnet.
	NAT = "nat"
	// Endpoints is an interface endpoint for each service, in both zones.
	Endpoints = "endpoints"
)

// Settings is the configuration of one stack, checked.
type Settings struct {
	// Stack is the name of the stack: 1 to 12 of a-z and 0-9.
	Stack string
	// Region is the AWS region of all resources.
	Region string
	// Protect protects what holds data from destruction.
	Protect bool
	// Bootstrap leaves the workers out.
	Bootstrap bool
	// Spot runs the tasks on capacity that AWS may reclaim.
	Spot bool
	// Network is NAT or Endpoints.
	Network string
	// PublishedFlow is the name of one of the flows.
	PublishedFlow string
	// Flows are the flows, at least one, in the order of the configuration.
	Flows []Flow
	// LakeBufferMB and LakeBufferSeconds are when Firehose writes.
	LakeBufferMB, LakeBufferSeconds int
	// The ages in days at which objects go; 0 is never, where it is allowed.
	LakeArchiveDays, LakeDays, PartialsDays, QuarantineDays, ResultsDays, LogDays int
	// FirstYear and LastYear bound the partitions that Athena sees.
	FirstYear, LastYear int
	// DashboardDays is how many days of headcounts the dashboard sees.
	DashboardDays int
	// NoInputMinutes is after how many minutes without any input an alarm goes
	// off, a multiple of NoInputStep; 0 is never.
	NoInputMinutes int
	// MonthlyBudgetUSD is what the account may cost in a month, in US dollars,
	// before an alert; 0 is no budget.
	MonthlyBudgetUSD int
	// AthenaScanLimitMB is the most a query may scan.
	AthenaScanLimitMB int
	// Emails are the subscriptions to the topics for people.
	Emails []Email
	// QuickSightPrincipal is the ARN of who sees the dashboard; empty for no
	// QuickSight.
	QuickSightPrincipal string
	// QuickSightAuthor is the ARN of who may change the analysis; empty for no
	// analysis. There is none without QuickSightPrincipal.
	QuickSightAuthor string
	// Images gives for each service the digest of its image, sha256:<64 hex
	// digits>, from images.<stack>.json; empty while there is no such file.
	Images map[string]string
}

// Flow is the configuration of one flow.
type Flow struct {
	// Name is 1 to 24 of a-z, 0-9 and -.
	Name string
	// Places is the CSV file of the places, from the root of the repository.
	Places string
	// PlacesData is what the file holds, and List what it says.
	PlacesData []byte
	List       []places.Place
	// Window divides a day.
	Window time.Duration
	// RadiusM is the radius in metres of places that name none.
	RadiusM float64
	// MinPeople is k: cells with fewer people are suppressed.
	MinPeople int
	// MaxAge is the greatest age of an event at its arrival; 0 is any.
	MaxAge time.Duration
	// FlushInterval and RefreshInterval are the aggregator's intervals.
	FlushInterval, RefreshInterval time.Duration
	// LogLevel is debug, info, warn or error.
	LogLevel string
	// Workers are the flow's services, by stage.
	Workers map[string]Worker
}

// Worker is the configuration of one service of a flow.
type Worker struct {
	// CPU is in units of 1/1024 of a virtual CPU; with MemoryMB a pair that
	// Fargate knows.
	CPU, MemoryMB int
	// MinTasks and MaxTasks bound the autoscaling.
	MinTasks, MaxTasks int
	// BacklogPerTask is how many messages may wait for each running task.
	BacklogPerTask int
	// VisibilityTimeoutSeconds is that of the queue that the service reads.
	VisibilityTimeoutSeconds int
}

// NoInputStep is in how many minutes input is counted.
const NoInputStep = 5

// The topics for people.
const (
	// Alarms is the topic of CloudWatch's alarms.
	Alarms = "alarms"
	// Alerts is the topic of the services' digests of rejected events.
	Alerts = "alerts"
)

// Email is a subscription of a person.
type Email struct {
	Address string
	// Topic is Alarms or Alerts.
	Topic string
	// Categories are the categories of rejections wanted; none is all.
	Categories []string
}
