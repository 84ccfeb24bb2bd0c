package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/shared/event"
	"github.com/headcount-etl/headcount/shared/pipeline"
)

// FaultsError names everything that is wrong with a stack's configuration.
type FaultsError struct {
	Stack  string
	Faults []string
}

func (e *FaultsError) Error() string {
	return fmt.Sprintf("bad configuration of stack %s: %s", e.Stack, strings.Join(e.Faults, "; "))
}

var (
	// Without dashes, so that no flow of one stack is named like one of another.
	stackName = regexp.MustCompile(`^[a-z0-9]{1,12}$`)
	// As the services accept FLOW, but shorter, so that the names of roles fit.
	flowName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,23}$`)
	// ARNs are written here, and begin with arn:aws:. So regions of other
	// partitions will not do; but for China's, their names have four parts.
	region   = regexp.MustCompile(`^([abd-z][a-z]|c[a-mo-z])-[a-z]+-[0-9]$`)
	anything = regexp.MustCompile(`(?s).`)
	// A user or group of QuickSight
	// (https://docs.aws.amazon.com/quicksight/latest/APIReference/qs-arn-format.html).
	principal = regexp.MustCompile(`^arn:aws:quicksight:[a-z0-9-]+:[0-9]{12}:(user|group)/[^/\s]+/\S+$`)
	digest    = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// retentions are the numbers of days that CloudWatch Logs knows
// (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html).
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

const century = 36500 // days

// Read reads a configuration. values are the keys without their namespace and
// their values as Pulumi gives them: text, and JSON for lists and objects. Files
// are looked for under root, the repository. The error is a *FaultsError.
func Read(stack string, values map[string]string, root string) (*Settings, error) {
	s, faults := read(stack, values, root)
	if faults != nil {
		return nil, &FaultsError{stack, faults}
	}
	return s, nil
}

// ForUp is Read for an up or a preview, which without Bootstrap also needs the
// images, and for which placeholders do not do.
func ForUp(stack string, values map[string]string, root string) (*Settings, error) {
	s, faults := read(stack, values, root)
	faults = append(faults, s.placeholders()...)
	if !s.Bootstrap {
		var missing []string
		s.Images, missing = readImages(root, stack)
		faults = append(faults, missing...)
	}
	if faults != nil {
		return nil, &FaultsError{stack, faults}
	}
	return s, nil
}

func read(stack string, values map[string]string, root string) (*Settings, []string) {
	var faults []string
	if !stackName.MatchString(stack) {
		faults = append(faults, fmt.Sprintf("its name is %s: must be 1 to 12 of a-z, 0-9", show(stack)))
	}
	c := newSection(Project+":", map[string]any{}, &faults)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value := values[key]
		c.values[key] = value
		if text := strings.TrimSpace(value); strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") {
			var tree any
			if err := json.Unmarshal([]byte(text), &tree); err != nil {
				c.bad(key, value, "JSON")
			}
			c.values[key] = tree
		}
	}
	s := &Settings{
		Stack:             stack,
		Region:            c.text("region", region, "a region such as eu-west-1"),
		Protect:           c.bool("protect"),
		Bootstrap:         c.bool("bootstrap"),
		Spot:              c.bool("spot"),
		Network:           c.choice("network", "", NAT, Endpoints),
		LakeBufferMB:      c.int("lakeBufferMB", required, 64, 128),
		LakeBufferSeconds: c.int("lakeBufferSeconds", required, 60, 900),
		LakeArchiveDays:   c.int("lakeArchiveDays", required, 0, century),
		LakeDays:          c.int("lakeDays", required, 0, century),
		PartialsDays:      c.int("partialsDays", required, 2, century),
		QuarantineDays:    c.int("quarantineDays", required, 1, century),
		ResultsDays:       c.int("resultsDays", required, 1, century),
		LogDays:           c.int("logDays", required, 1, century),
		FirstYear:         c.int("firstYear", required, 2000, 2200),
		LastYear:          c.int("lastYear", required, 2000, 2200),
		DashboardDays:     c.int("dashboardDays", required, 1, century),
		// An alarm looks back a day at most
		// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html).
		NoInputMinutes:    c.int("noInputMinutes", required, 0, 1440),
		MonthlyBudgetUSD:  c.int("monthlyBudgetUSD", required, 0, 1<<30),
		AthenaScanLimitMB: c.int("athenaScanLimitMB", required, 10, 1<<30),
	}
	if c.sound("noInputMinutes") && s.NoInputMinutes%NoInputStep != 0 {
		c.bad("noInputMinutes", s.NoInputMinutes, fmt.Sprintf("a multiple of %d", NoInputStep))
	}
	if c.sound("logDays") && !slices.Contains(retentions, s.LogDays) {
		c.bad("logDays", s.LogDays, "one of "+strings.Trim(fmt.Sprint(retentions), "[]"))
	}
	if s.LakeDays > 0 && s.LakeArchiveDays >= s.LakeDays {
		c.bad("lakeArchiveDays", s.LakeArchiveDays, fmt.Sprintf("less than lakeDays, %d, or 0: objects that are gone cannot be archived", s.LakeDays))
	}
	if c.sound("firstYear", "lastYear") && (s.LastYear < s.FirstYear || s.LastYear > s.FirstYear+20) {
		c.bad("lastYear", s.LastYear, "firstYear or up to 20 years later")
	}
	s.readFlows(c, root)
	s.readEmails(c)
	s.readQuickSight(c)
	c.finish()
	return s, faults
}

// readFlows reads the flows, and looks at them together.
func (s *Settings) readFlows(c *section, root string) {
	var names []string
	items := c.list("flows")
	whole := c.sound("flows")
	for _, item := range items {
		f := readFlow(item, root)
		s.Flows = append(s.Flows, f)
		if slices.Contains(names, f.Name) {
			item.fault("name", fmt.Sprintf("is %q: another flow has that name", f.Name))
		}
		if f.Name == "" {
			whole = false
			continue
		}
		names = append(names, f.Name)
	}
	if len(items) == 0 {
		c.fault("flows", "is missing: must be at least one flow")
	}
	if value, _ := c.scalar("publishedFlow"); whole && value != "" && len(names) > 0 && !slices.Contains(names, value) {
		c.bad("publishedFlow", value, "one of the flows: "+strings.Join(names, ", "))
	}
	s.PublishedFlow = c.text("publishedFlow", anything, "the name of a flow")
}

func readFlow(c *section, root string) Flow {
	f := Flow{
		Name:            c.text("name", flowName, "1 to 24 of a-z, 0-9, -, and not begin with -"),
		Places:          c.text("places", anything, "the CSV file of the places, from the repository's root"),
		RadiusM:         c.float("radiusM", 200, places.MaxRadiusM),
		MinPeople:       c.int("minPeople", 5, 1, 1<<30),
		Window:          c.duration("window", 5*time.Minute, 24*time.Hour),
		MaxAge:          c.duration("maxAge", 0, 876000*time.Hour),
		FlushInterval:   c.duration("flushInterval", 10*time.Second, 10*time.Minute),
		RefreshInterval: c.duration("refreshInterval", 30*time.Second, 15*time.Minute),
		LogLevel:        c.choice("logLevel", "info", "debug", "info", "warn", "error"),
		Workers:         map[string]Worker{},
	}
	for _, stage := range pipeline.Names(nil) {
		f.Workers[stage] = readWorker(c.object(stage))
	}
	if _, err := counts.NewWindow(f.Window); err != nil {
		c.fault("window", fmt.Sprintf("is %q: %v", f.Window, err))
	} else if f.Window%time.Second != 0 {
		c.bad("window", f.Window, "whole seconds")
	}
	if f.Places != "" {
		f.readPlaces(c, root)
	}
	c.finish()
	return f
}

func (f *Flow) readPlaces(c *section, root string) {
	var err error
	if f.PlacesData, err = os.ReadFile(filepath.Join(root, f.Places)); err != nil { //nolint:gosec // the operator's own file
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		c.fault("places", fmt.Sprintf("is %q: %v", f.Places, err))
		return
	}
	if f.List, err = places.ReadCSV(bytes.NewReader(f.PlacesData), f.RadiusM); err != nil {
		c.fault("places", fmt.Sprintf("is %q: %s", f.Places, strings.ReplaceAll(err.Error(), "\n", "; ")))
	}
}

// fargate gives for each size of CPU the least and the most memory, in MB, and
// the step between sizes
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html).
var fargate = map[int]struct{ least, most, step int }{
	512: {1024, 4096, 1024}, 1024: {2048, 8192, 1024}, 2048: {4096, 16384, 1024},
	4096: {8192, 30720, 1024}, 8192: {16384, 61440, 4096}, 16384: {32768, 122880, 8192},
}

// runs reports whether Fargate has a size of task.
func runs(cpu, memoryMB int) bool {
	if cpu == 256 {
		return memoryMB == 512 || memoryMB == 1024 || memoryMB == 2048
	}
	size, ok := fargate[cpu]
	return ok && memoryMB >= size.least && memoryMB <= size.most && (memoryMB-size.least)%size.step == 0
}

func readWorker(c *section) Worker {
	w := Worker{
		CPU:            c.int("cpu", 256, 256, 16384),
		MemoryMB:       c.int("memoryMB", 512, 512, 122880),
		MinTasks:       c.int("minTasks", 1, 1, 5000),
		MaxTasks:       c.int("maxTasks", 4, 1, 5000),
		BacklogPerTask: c.int("backlogPerTask", 1000, 1, 1<<30),
		// The services ask for a minute whenever they receive or renew.
		VisibilityTimeoutSeconds: c.int("visibilityTimeoutSeconds", 120, 60, 43200),
	}
	if c.sound("cpu", "memoryMB") && !runs(w.CPU, w.MemoryMB) {
		c.bad("memoryMB", w.MemoryMB, fmt.Sprintf("one that Fargate has with cpu %d", w.CPU))
	}
	if c.sound("minTasks", "maxTasks") && w.MinTasks > w.MaxTasks {
		c.bad("minTasks", w.MinTasks, fmt.Sprintf("at most maxTasks, %d", w.MaxTasks))
	}
	c.finish()
	return w
}

// readEmails reads the subscriptions of people. One that is there twice would be
// one for SNS, and two for Pulumi.
func (s *Settings) readEmails(c *section) {
	var notified []string
	for _, t := range event.Treatments {
		if t.Notify {
			notified = append(notified, string(t.Category))
		}
	}
	for _, c := range c.list("emails") {
		e := Email{
			Address:    c.text("address", anything, "an e-mail address"),
			Topic:      c.choice("topic", "", Alarms, Alerts),
			Categories: c.texts("categories", notified),
		}
		if parsed, err := mail.ParseAddress(e.Address); e.Address != "" && (err != nil || parsed.Address != e.Address) {
			c.bad("address", e.Address, "an e-mail address")
		}
		if e.Topic == Alarms && len(e.Categories) > 0 {
			c.fault("categories", "is there: only alerts have categories")
		}
		c.finish()
		same := func(other Email) bool { return other.Address == e.Address && other.Topic == e.Topic }
		if c.sound("topic") && slices.ContainsFunc(s.Emails, same) {
			c.fault("address", fmt.Sprintf("is %s: it has that topic already", show(e.Address)))
		}
		s.Emails = append(s.Emails, e)
	}
}

// ImagesFile gives the name of the committed file with the digests of a stack's
// images.
func ImagesFile(stack string) string { return "images." + stack + ".json" }

// readImages reads the digests of the services' images.
func readImages(root, stack string) (map[string]string, []string) {
	name, advice := ImagesFile(stack), "make images STACK="+stack+" writes it"
	data, err := os.ReadFile(filepath.Join(root, name)) //nolint:gosec // a name of ours
	if errors.Is(err, fs.ErrNotExist) {
		return nil, []string{"there is no " + name + ": " + advice}
	}
	var images map[string]string
	if err == nil {
		err = json.Unmarshal(data, &images)
	}
	if err != nil {
		return nil, []string{fmt.Sprintf("%s: %v: %s", name, err, advice)}
	}
	var faults []string
	for _, service := range pipeline.Names(nil) {
		switch image := images[service]; {
		case image == "":
			faults = append(faults, fmt.Sprintf("%s: %s is missing: %s", name, service, advice))
		case !digest.MatchString(image):
			faults = append(faults, fmt.Sprintf("%s: %s is %s: must be a digest, sha256: and 64 hexadecimal digits, since a tag may mean another image tomorrow: %s", name, service, show(image), advice))
		}
	}
	return images, faults
}
