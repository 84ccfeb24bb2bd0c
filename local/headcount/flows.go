package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/services/aggregator/counts"
	"github.com/headcount-etl/headcount/services/aggregator/partials"
	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/services/aggregator/suppress"
	"github.com/headcount-etl/headcount/shared/service"
)

// maxFlowName is how long the name of a flow may be in a stack, where the names of
// roles begin with it (stack/settings).
const maxFlowName = 24

// flowFlags are the settings of a flow: flags of run, and keys of its flag --flow.
type flowFlags struct {
	Pois      string        `required:"" placeholder:"FILE" help:"Places as CSV: poi_id,name,latitude,longitude[,radius_m]."`
	Window    time.Duration `default:"5m" help:"Length of the windows, such as 1m or 1h; divides a day (${default})."`
	Radius    float64       `default:"200" placeholder:"M" help:"Metres around a place that names none itself (${default})."`
	MinPeople int           `default:"1" placeholder:"N" help:"Cells with fewer people are suppressed (${default})."`
	Hotspots  int           `name:"hotspot-level" default:"15" placeholder:"L" help:"S2 level, 12 to 17, of the cells in which people are counted besides places; 0 counts none (${default})."`
}

// set sets the value of a key, which is the name of its flag.
func (f *flowFlags) set(key, value string) (err error) {
	want := "a whole number"
	switch key {
	case "pois":
		f.Pois = value
	case "window":
		want = "a duration such as 5m or 24h"
		f.Window, err = time.ParseDuration(value)
	case "radius":
		want = "a number of metres"
		f.Radius, err = strconv.ParseFloat(value, 64)
	case "min-people":
		f.MinPeople, err = strconv.Atoi(value)
	case "hotspot-level":
		f.Hotspots, err = strconv.Atoi(value)
	default:
		return fmt.Errorf("there is no %q, only pois, window, radius, min-people and hotspot-level", key)
	}
	if err != nil {
		return fmt.Errorf("%s %q is not %s", key, value, want)
	}
	return nil
}

// givenFlow is a flow as the command line has it.
type givenFlow struct {
	flowFlags
	name string
	own  map[string]bool // the keys that its --flow has; the others are the run's flags
}

// readFlow reads NAME[:key=value[,key=value…]]. What it does not say is as in f.
func (f flowFlags) readFlow(text string) (*givenFlow, mistakes) {
	name, settings, more := strings.Cut(text, ":")
	if !service.IsFlow(name) || len(name) > maxFlowName {
		return nil, mistakes{badFlow(name, maxFlowName).Error()}
	}
	g := &givenFlow{flowFlags: f, name: name, own: map[string]bool{}}
	if !more {
		return g, nil
	}
	var m mistakes
	for pair := range strings.SplitSeq(settings, ",") {
		key, value, ok := strings.Cut(pair, "=")
		switch {
		case !ok || value == "":
			m.where(true, "--flow %s: %q is not key=value: want it as in --flow day:window=24h,radius=500", name, pair)
		case g.own[key]:
			m.where(true, "--flow %s: %s is there twice", name, key)
		default:
			err := g.set(key, value)
			m.where(err != nil, "--flow %s: %v", name, err)
		}
		g.own[key] = true
	}
	return g, m
}

// called gives the name under which somebody has given a setting.
func (g *givenFlow) called(key string) string {
	if g.own[key] {
		return "--flow " + g.name + ": " + key
	}
	return "--" + key
}

// check names every fault of the values, and gives the settings. read reads a list of
// places.
func (g *givenFlow) check(read func(path string, radiusM float64) ([]places.Place, error)) (s pipeline.FlowSettings, m mistakes) {
	_, err := counts.NewWindow(g.Window)
	m.where(err != nil || g.Window%time.Second != 0, "%s %s is not whole seconds that divide a day, such as 1m, 5m or 1h", g.called("window"), g.Window)
	radiusM := g.Radius
	if !(radiusM > 0 && radiusM <= places.MaxRadiusM) {
		m.where(true, "%s %g is not above 0 and at most %d metres", g.called("radius"), radiusM, places.MaxRadiusM)
		radiusM = 1 // to look for the other faults of the places
	}
	m.where(g.MinPeople < 1, "%s %d is not at least 1", g.called("min-people"), g.MinPeople)
	m.where(!partials.IsLevel(g.Hotspots), "%s %d is not an S2 level from %d to %d, or 0 for none", g.called("hotspot-level"), g.Hotspots, partials.MinLevel, partials.MaxLevel)
	list, err := read(g.Pois, radiusM)
	if err != nil {
		m.where(true, "%s %s: %s", g.called("pois"), g.Pois, oneLine(err))
	}
	return pipeline.FlowSettings{Name: g.name, Places: list, Window: g.Window, MinPeople: g.MinPeople, HotspotLevel: g.Hotspots}, m
}

// warnOfFlows says which flows hide cells and protect nobody.
func warnOfFlows(stderr io.Writer, flows []pipeline.FlowSettings) {
	for _, f := range flows {
		if w := suppress.Warning(f.MinPeople); w != "" {
			fmt.Fprintf(stderr, "headcount: min-people of the flow %s is %s\n", f.Name, w)
		}
	}
}

// readFlows reads the flows with their places. A list that several flows share is read
// once, as it may be a pipe.
func (r *runCommand) readFlows() (flows []pipeline.FlowSettings, m mistakes) {
	type list struct {
		path    string
		radiusM float64
	}
	lists := map[list][]places.Place{}
	read := func(path string, radiusM float64) (all []places.Place, err error) {
		key := list{path, radiusM}
		if lists[key] == nil {
			lists[key], err = readPlaces(path, radiusM)
		}
		return lists[key], err
	}
	for _, text := range r.Flow {
		g, faults := r.readFlow(text)
		if len(faults) == 0 {
			var s pipeline.FlowSettings
			s, faults = g.check(read)
			m.where(slices.ContainsFunc(flows, func(f pipeline.FlowSettings) bool { return f.Name == g.name }), "--flow %s is there twice: each flow has a name of its own", g.name)
			flows = append(flows, s)
		}
		for _, fault := range faults {
			m.where(!slices.Contains(m, fault), "%s", fault) // a flag of the run is wrong in each flow
		}
	}
	return flows, m
}

func readPlaces(path string, radiusM float64) ([]places.Place, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.New(cause(err))
	}
	defer f.Close() //nolint:errcheck // only read from
	return places.ReadCSV(f, radiusM)
}
