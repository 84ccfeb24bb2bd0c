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
	"unicode/utf8"

	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/partials"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/services/aggregator/suppress"
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

// stackName is without dashes, so that no flow of one stack is named like one of
// another.
var stackName = regexp.MustCompile(`^[a-z0-9]{1,12}$`)

// patterns are what texts must match, by the tag like.
var patterns = map[string]*regexp.Regexp{
	// ARNs are written here, and begin with arn:aws:. So regions of other
	// partitions will not do; but for China's, their names have four parts.
	"region": regexp.MustCompile(`^([abd-z][a-z]|c[a-mo-z])-[a-z]+-[0-9]$`),
	// As the services accept FLOW, but shorter, so that the names of roles fit.
	"flow": regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,23}$`),
}

// principal is a user or group of QuickSight
// (https://docs.aws.amazon.com/quicksight/latest/APIReference/qs-arn-format.html).
var principal = regexp.MustCompile(`^arn:aws:quicksight:[a-z0-9-]+:[0-9]{12}:(user|group)/[^/\s]+/\S+$`)

// retentions are the numbers of days that CloudWatch Logs knows
// (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html).
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

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

// ForUp is Read for an up or a preview, for which placeholders do not do.
func ForUp(stack string, values map[string]string, root string) (*Settings, error) {
	s, faults := read(stack, values, root)
	if faults = append(faults, s.Placeholders()...); faults != nil {
		return nil, &FaultsError{stack, faults}
	}
	return s, nil
}

// Warnings are what an operator should know of settings that are no faults, in a year.
func (s *Settings) Warnings(year int) (all []string) {
	if year >= s.LastYear {
		all = append(all, fmt.Sprintf("Athena sees nothing after %d (headcount:lastYear): raise it before the year ends", s.LastYear))
	}
	for _, f := range s.Flows {
		if w := suppress.Warning(f.MinPeople); w != "" {
			all = append(all, fmt.Sprintf("minPeople of the flow %s (headcount:flows) is %s", f.Name, w))
		}
	}
	return all
}

func read(stack string, values map[string]string, root string) (*Settings, []string) {
	var faults []string
	if !stackName.MatchString(stack) {
		faults = append(faults, fmt.Sprintf("its name is %s: must be 1 to 12 of a-z, 0-9", show(stack)))
	}
	c := newSection(Project+":", map[string]any{}, &faults, root)
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
	s := &Settings{Stack: stack}
	c.fill(s)
	return s, faults
}

func (s *Settings) check(c *section) {
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
	for _, user := range s.quickSightUsers() {
		if *user.arn != "" && !principal.MatchString(*user.arn) {
			c.bad(user.name, *user.arn, "the ARN of a QuickSight user or group, such as arn:aws:quicksight:eu-west-1:111122223333:group/default/analysts")
			*user.arn = ""
		}
	}
	if s.QuickSightAuthor != "" && s.QuickSightPrincipal == "" && c.sound("quickSightPrincipal") {
		c.fault("quickSightAuthor", "is there without quickSightPrincipal: QuickSight is left out where nobody sees the dashboard")
	}
	s.readFlows(c)
	s.readEmails(c)
}

// readFlows reads the flows, and looks at them together.
func (s *Settings) readFlows(c *section) {
	var names []string
	items := c.list("flows")
	whole := c.sound("flows")
	for _, item := range items {
		var f Flow
		item.fill(&f)
		s.Flows = append(s.Flows, f)
		if slices.Contains(names, f.Name) {
			item.fault("name", fmt.Sprintf("is %q: another flow has that name", f.Name))
		}
		if kept := time.Duration(s.PartialsDays) * 24 * time.Hour; c.sound("partialsDays") && item.sound("maxAge") && f.MaxAge >= kept {
			item.bad("maxAge", f.MaxAge, fmt.Sprintf("less than partialsDays, %s, or 0: an hour whose partials have expired counts nobody any more", kept))
		}
		if item.sound("hotspotLevel") && !partials.IsLevel(f.HotspotLevel) {
			item.bad("hotspotLevel", f.HotspotLevel, fmt.Sprintf("an S2 level from %d to %d, or 0 for no hot spots", partials.MinLevel, partials.MaxLevel))
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
	if whole && s.PublishedFlow != "" && len(names) > 0 && !slices.Contains(names, s.PublishedFlow) {
		c.bad("publishedFlow", s.PublishedFlow, "one of the flows: "+strings.Join(names, ", "))
	}
}

func (f *Flow) check(c *section) {
	f.Workers = map[string]Worker{}
	for _, stage := range pipeline.Names(nil) {
		var w Worker
		c.object(stage).fill(&w)
		f.Workers[stage] = w
	}
	if _, err := counts.NewWindow(f.Window); err != nil {
		c.fault("window", fmt.Sprintf("is %q: %v", f.Window, err))
	} else if f.Window%time.Second != 0 {
		c.bad("window", f.Window, "whole seconds")
	}
	if f.Places != "" {
		f.readPlaces(c)
	}
}

func (f *Flow) readPlaces(c *section) {
	var err error
	if f.PlacesData, err = os.ReadFile(filepath.Join(c.root, f.Places)); err != nil { //nolint:gosec // the operator's own file
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		c.fault("places", fmt.Sprintf("is %q: %v", f.Places, err))
		return
	}
	if !utf8.Valid(f.PlacesData) {
		c.fault("places", fmt.Sprintf("is %q: the file is not UTF-8", f.Places))
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

func (w *Worker) check(c *section) {
	if c.sound("cpu", "memoryMB") && !runs(w.CPU, w.MemoryMB) {
		c.bad("memoryMB", w.MemoryMB, fmt.Sprintf("one that Fargate has with cpu %d", w.CPU))
	}
	if c.sound("minTasks", "maxTasks") && w.MinTasks > w.MaxTasks {
		c.bad("minTasks", w.MinTasks, fmt.Sprintf("at most maxTasks, %d", w.MaxTasks))
	}
}

// readEmails reads the subscriptions of people. One that is there twice would be
// one for SNS, and two for Pulumi.
func (s *Settings) readEmails(c *section) {
	for _, c := range c.list("emails") {
		var e Email
		c.fill(&e)
		same := func(other Email) bool { return other.Address == e.Address && other.Topic == e.Topic }
		if c.sound("topic") && slices.ContainsFunc(s.Emails, same) {
			c.fault("address", fmt.Sprintf("is %s: it has that topic already", show(e.Address)))
		}
		s.Emails = append(s.Emails, e)
	}
}

func (e *Email) check(c *section) {
	var notified []string
	for _, t := range event.Treatments {
		if t.Notify {
			notified = append(notified, string(t.Category))
		}
	}
	e.Categories = c.texts("categories", notified)
	e.checkEvents(c)
	if parsed, err := mail.ParseAddress(e.Address); e.Address != "" && (err != nil || parsed.Address != e.Address) {
		c.bad("address", e.Address, "an e-mail address")
	}
	if e.Topic != Alerts && len(e.Categories) > 0 {
		c.fault("categories", "is there: only alerts have categories")
	}
}

// filterMost is how many attributes a filter policy of SNS may name, less the one that
// is always there
// (https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html).
const filterMost = 4

// checkEvents reads what only an e-mail of events has. An event names a person, and what
// is in a mailbox neither expires nor is deleted with the person's other data: so it is
// to be said, and to be a part of the input.
func (e *Email) checkEvents(c *section) {
	filter := c.object("filter")
	e.Filter = map[string][]string{}
	for _, attribute := range slices.Sorted(maps.Keys(filter.values)) {
		for i, value := range composed[[]any](filter, attribute, "a list of values") {
			text, ok := value.(string)
			if !ok {
				filter.bad(fmt.Sprintf("%s[%d]", attribute, i), value, "a text")
			}
			e.Filter[attribute] = append(e.Filter[attribute], text)
		}
		if len(e.Filter[attribute]) == 0 && filter.sound(attribute) {
			filter.fault(attribute, "has no values: no message would have one")
		}
	}
	switch {
	case e.Topic != Events && len(filter.values) > 0:
		c.fault("filter", "is there: only events have attributes to filter by")
	case e.Topic != Events && e.PersonalData:
		c.fault("personalData", "is true: only e-mails of events hold personal data")
	case e.Topic != Events:
	case !e.PersonalData:
		c.fault("personalData", "is missing: must be true, to say that each of these e-mails names a person and where they were, in a mailbox where nothing expires, is deleted with the person, or is seen by their rights (docs/privacy.md)")
	case len(filter.values) == 0 || len(filter.values) > filterMost:
		c.fault("filter", fmt.Sprintf("has %d attributes: must be 1 to %d with lists of values, since nobody reads a mail for each event", len(filter.values), filterMost))
	case filter.values["consent"] != nil:
		filter.fault("consent", "is there: what was published without consent is left out of e-mails in any case")
	}
}
