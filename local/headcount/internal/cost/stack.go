package cost

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Service is one of a flow's three services, as a stack runs it.
type Service struct {
	Name     string // v1-validator
	VCPU, GB float64
	// OnDemand is how many of its tasks run on demand; those above it run on Spot,
	// capacity that AWS may take back.
	OnDemand int
	Min, Max int // tasks
	Flush    time.Duration
	Refresh  time.Duration
}

// Stack is what the list of a stack's resources says about its cost.
type Stack struct {
	Name, Region string
	// Flows are the services of each flow: validator, masker, aggregator.
	Flows [][3]Service
	// Window is the length of the windows of the first flow.
	Window time.Duration
	// NATs, Addresses and Endpoints are how many run; an interface endpoint
	// counts once for each of its zones.
	NATs, Addresses, Endpoints int
	// AlarmMetrics is how many metrics alarms look at; those that autoscaling
	// makes by itself are among them.
	AlarmMetrics, Dashboards, Keys int
	// Insights says that Container Insights is on.
	Insights bool
	// CrawlsPerDay is how often crawlers run.
	CrawlsPerDay float64
	// Repositories of images, Queues and Topics that are encrypted with a key.
	Repositories, Queues, Topics int
	// KeyReuse is for how long SQS uses a data key.
	KeyReuse time.Duration
	// Buffer is how long, and BufferBytes how much, Firehose gathers.
	Buffer      time.Duration
	BufferBytes float64
	// Days after which objects go to Glacier Instant Retrieval or are deleted; 0
	// is never.
	LakeArchiveDays, LakeDays, PartialsDays, QuarantineDays, ErrorsDays int
	NoncurrentDays                                                      int
}

// ReadStack reads stack/testdata/resources.<name>.json: what the Pulumi program
// asks AWS for. A type of resource that is not known here is an error, so that
// nothing that costs is forgotten.
func ReadStack(path, name string) (Stack, error) {
	content, err := os.ReadFile(path) //nolint:gosec // a file of the repository
	if err != nil {
		return Stack{}, err
	}
	s, err := parseStack(content)
	s.Name = name
	if err != nil {
		return s, fmt.Errorf("%s: %s", path, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return s, nil
}

type resource struct {
	Type   string          `json:"type"`
	Name   string          `json:"name"`
	Inputs json.RawMessage `json:"inputs"`
}

// builder gathers what belongs together from several resources.
type builder struct {
	Stack
	tasks   map[string]definition // by the flow's and the service's name
	targets map[string]target     // by the service's name
	desired map[string]int
	// onDemand is Service.OnDemand, by the service's name.
	onDemand map[string]int
}

type definition struct {
	vcpu, gb float64
	env      map[string]string
}

type target struct{ least, most int }

func parseStack(content []byte) (Stack, error) {
	var resources []resource
	if err := json.Unmarshal(content, &resources); err != nil {
		return Stack{}, err
	}
	b := builder{tasks: map[string]definition{}, targets: map[string]target{}, desired: map[string]int{}, onDemand: map[string]int{}}
	var faults []error
	for _, r := range resources {
		read, known := readers[r.Type]
		if !known && !isFree(r.Type) {
			faults = append(faults, fmt.Errorf("%s is not known: say in local/headcount/internal/cost/readers.go what it costs, or that it is free", r.Type))
		}
		if !known {
			continue
		}
		if err := read(&b, r); err != nil {
			faults = append(faults, fmt.Errorf("%s %s: %w", r.Type, r.Name, err))
		}
	}
	if b.Region == "" {
		faults = append(faults, errors.New("no provider names the region"))
	}
	return b.Stack, errors.Join(append(faults, b.flows())...)
}

// flows puts the services together.
func (b *builder) flows() error {
	var faults []error
	names := map[string]bool{}
	for name := range b.desired {
		flow, _ := cutLast(name, "-")
		names[flow] = true
	}
	for _, flow := range sorted(names) {
		var services [3]Service
		for i, short := range []string{"validator", "masker", "aggregator"} {
			name := flow + "-" + short
			d, defined := b.tasks[name]
			t, scaled := b.targets[name]
			n, there := b.desired[name]
			if !there || !defined {
				faults = append(faults, fmt.Errorf("flow %s has no service, or no task definition, %s", flow, name))
				continue
			}
			if !scaled {
				t = target{n, n}
			}
			services[i] = Service{Name: name, VCPU: d.vcpu, GB: d.gb, OnDemand: b.onDemand[name], Min: t.least, Max: t.most}
			if short == "aggregator" {
				var errs [3]error
				services[i].Flush, errs[0] = time.ParseDuration(d.env["FLUSH_INTERVAL"])
				services[i].Refresh, errs[1] = time.ParseDuration(d.env["REFRESH_INTERVAL"])
				b.Window, errs[2] = time.ParseDuration(d.env["WINDOW"])
				faults = append(faults, errs[:]...)
			}
		}
		b.Flows = append(b.Flows, services)
	}
	if len(b.Flows) == 0 {
		faults = append(faults, errors.New("it has no services"))
	}
	return errors.Join(faults...)
}

func cutLast(s, sep string) (before, after string) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):]
	}
	return s, ""
}

func sorted(set map[string]bool) []string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// crawls gives how often a day a schedule is due: a time of day, every day or on
// one day of the week.
func crawls(schedule string) (float64, error) {
	fields := strings.Fields(strings.TrimSuffix(strings.TrimPrefix(schedule, "cron("), ")"))
	if len(fields) == 6 {
		_, minute := strconv.Atoi(fields[0])
		_, hour := strconv.Atoi(fields[1])
		everyDay := (fields[2] == "*" && fields[4] == "?") || (fields[2] == "?" && fields[4] == "*")
		oneDay := fields[2] == "?" && len(fields[4]) == 3 || fields[2] == "?" && len(fields[4]) == 1 && fields[4] != "*"
		if minute == nil && hour == nil && fields[3] == "*" && fields[5] == "*" {
			switch {
			case everyDay:
				return 1, nil
			case oneDay:
				return 1.0 / 7, nil
			}
		}
	}
	return 0, fmt.Errorf("the schedule %q is neither daily nor weekly: local/headcount/internal/cost/stack.go must learn it", schedule)
}
