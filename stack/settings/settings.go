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

// The formats of the lake.
const (
	Parquet = "parquet"
	ORC     = "orc"
)

// Settings is the configuration of one stack, checked. Here, in Flow, Worker and
// Email, a field's tags say what may be configured: key, its name; range, the least
// and the greatest whole number; most, the greatest fraction or the longest
// duration; oneOf, the values that there are; like, which of patterns it must
// match; want, how a fault says that; default, the value where there is none. A key
// without default is required: for a stack's own keys Pulumi.yaml has the defaults.
type Settings struct {
	// Stack is the name of the stack: 1 to 12 of a-z and 0-9.
	Stack string
	// Region is the AWS region of all resources.
	Region string `key:"region" like:"region" want:"a region such as eu-west-1"`
	// Protect protects what holds data from destruction.
	Protect bool `key:"protect"`
	// Spot runs the tasks on capacity that AWS may reclaim.
	Spot bool `key:"spot"`
	// Network is NAT or Endpoints.
	Network string `key:"network" oneOf:"nat endpoints"`
	// PublishedFlow is the name of one of the flows.
	PublishedFlow string `key:"publishedFlow" want:"the name of a flow"`
	// Flows are the flows, at least one, in the order of the configuration.
	Flows []Flow
	// LakeFormat is Parquet or ORC.
	LakeFormat string `key:"lakeFormat" oneOf:"parquet orc"`
	// LakeBufferMB and LakeBufferSeconds are when Firehose writes.
	LakeBufferMB      int `key:"lakeBufferMB" range:"64 128"`
	LakeBufferSeconds int `key:"lakeBufferSeconds" range:"60 900"`
	// The ages in days at which objects go; 0 is never, where it is allowed.
	LakeArchiveDays int `key:"lakeArchiveDays" range:"0 36500"`
	LakeDays        int `key:"lakeDays" range:"0 36500"`
	PartialsDays    int `key:"partialsDays" range:"2 36500"`
	QuarantineDays  int `key:"quarantineDays" range:"1 36500"`
	ResultsDays     int `key:"resultsDays" range:"1 36500"`
	LogDays         int `key:"logDays" range:"1 36500"`
	// FirstYear and LastYear bound the partitions that Athena sees.
	FirstYear int `key:"firstYear" range:"2000 2200"`
	LastYear  int `key:"lastYear" range:"2000 2200"`
	// DashboardDays is how many days of headcounts the dashboard sees.
	DashboardDays int `key:"dashboardDays" range:"1 36500"`
	// NoInputMinutes is after how many minutes without any input an alarm goes
	// off, a multiple of NoInputStep; 0 is never. An alarm looks back a day at most
	// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html).
	NoInputMinutes int `key:"noInputMinutes" range:"0 1440"`
	// MonthlyBudgetUSD is what the account may cost in a month, in US dollars,
	// before an alert; 0 is no budget.
	MonthlyBudgetUSD int `key:"monthlyBudgetUSD" range:"0 1073741824"`
	// AthenaScanLimitMB is the most a query may scan.
	AthenaScanLimitMB int `key:"athenaScanLimitMB" range:"10 1073741824"`
	// Emails are the subscriptions to the topics for people.
	Emails []Email
	// QuickSightPrincipal is the ARN of who sees the dashboard; empty for no
	// QuickSight.
	QuickSightPrincipal string `key:"quickSightPrincipal" default:""`
	// QuickSightAuthor is the ARN of who may change the analysis; empty for no
	// analysis. There is none without QuickSightPrincipal.
	QuickSightAuthor string `key:"quickSightAuthor" default:""`
}

// Flow is the configuration of one flow.
type Flow struct {
	// Name is 1 to 24 of a-z, 0-9 and -.
	Name string `key:"name" like:"flow" want:"1 to 24 of a-z, 0-9, -, and not begin with -"`
	// Places is the CSV file of the places, from the root of the repository.
	Places string `key:"places" want:"the CSV file of the places, from the repository's root"`
	// PlacesData is what the file holds, and List what it says.
	PlacesData []byte         `json:"-"`
	List       []places.Place `json:"-"`
	// Window divides a day.
	Window time.Duration `key:"window" default:"5m" most:"24h"`
	// RadiusM is the radius in metres of places that name none, up to
	// places.MaxRadiusM.
	RadiusM float64 `key:"radiusM" default:"200" most:"20015115"`
	// MinPeople is k: cells with fewer people are suppressed.
	MinPeople int `key:"minPeople" default:"5" range:"1 1073741824"`
	// HotspotLevel is the S2 level of the cells in which people are counted besides, 0
	// for none.
	HotspotLevel int `key:"hotspotLevel" default:"15" range:"0 17"`
	// MaxAge is the greatest age of an event at its arrival, less than PartialsDays; 0
	// is any.
	MaxAge time.Duration `key:"maxAge" default:"816h" most:"876000h"`
	// FlushInterval and RefreshInterval are the aggregator's intervals.
	FlushInterval   time.Duration `key:"flushInterval" default:"10s" most:"10m"`
	RefreshInterval time.Duration `key:"refreshInterval" default:"30s" most:"15m"`
	// LogLevel is debug, info, warn or error.
	LogLevel string `key:"logLevel" default:"info" oneOf:"debug info warn error"`
	// Workers are the flow's services, by stage.
	Workers map[string]Worker
}

// Worker is the configuration of one service of a flow.
type Worker struct {
	// CPU is in units of 1/1024 of a virtual CPU; with MemoryMB a pair that
	// Fargate knows.
	CPU      int `key:"cpu" default:"256" range:"256 16384"`
	MemoryMB int `key:"memoryMB" default:"512" range:"512 122880"`
	// MinTasks and MaxTasks bound the autoscaling.
	MinTasks int `key:"minTasks" default:"1" range:"1 5000"`
	MaxTasks int `key:"maxTasks" default:"4" range:"1 5000"`
	// BacklogPerTask is how many messages may wait for each running task.
	BacklogPerTask int `key:"backlogPerTask" default:"1000" range:"1 1073741824"`
	// VisibilityTimeoutSeconds is that of the queue that the service reads. The
	// services ask for a minute whenever they receive or renew.
	VisibilityTimeoutSeconds int `key:"visibilityTimeoutSeconds" default:"120" range:"60 43200"`
}

// NoInputStep is in how many minutes input is counted.
const NoInputStep = 5

// The topics for people.
const (
	// Alarms is the topic of CloudWatch's alarms.
	Alarms = "alarms"
	// Alerts is the topic of the services' digests of rejected events.
	Alerts = "alerts"
	// Events is the topic that the app publishes to: what is there names people.
	Events = "events"
)

// Email is a subscription of a person.
type Email struct {
	Address string `key:"address" want:"an e-mail address"`
	// Topic is Alarms, Alerts or Events.
	Topic string `key:"topic" oneOf:"alarms alerts events"`
	// PersonalData says that the operator knows what mails of events hold.
	PersonalData bool `key:"personalData" default:"false"`
	// Filter are the values of message attributes of which the e-mails are, for Events;
	// all attributes must have one of theirs.
	Filter map[string][]string
	// Categories are the categories of rejections wanted; none is all.
	Categories []string
}
