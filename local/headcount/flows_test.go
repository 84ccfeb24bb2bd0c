package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/services/aggregator/places"
)

// TestFlowIsWhatIsSaid: a flow has the settings that its --flow names, in any order, and
// the run's flags for all others.
func TestFlowIsWhatIsSaid(t *testing.T) {
	settings := rapid.Custom(func(t *rapid.T) flowFlags {
		return flowFlags{
			Pois: rapid.StringMatching(`[a-z/.:=]{1,9}`).Draw(t, "pois"), Window: time.Duration(rapid.Int64().Draw(t, "window")),
			Radius: rapid.Float64().Draw(t, "radius"), MinPeople: rapid.Int().Draw(t, "min-people"), Hotspots: rapid.Int().Draw(t, "level"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		of, own := settings.Draw(t, "the run's"), settings.Draw(t, "its own")
		values := map[string]any{"pois": own.Pois, "window": own.Window, "radius": own.Radius, "min-people": own.MinPeople, "hotspot-level": own.Hotspots}
		if n := reflect.TypeFor[flowFlags]().NumField(); n != len(values) {
			t.Fatalf("%d settings, %d keys", n, len(values))
		}
		want, separator, text := of, ":", "day"
		for _, key := range rapid.Permutation([]string{"pois", "window", "radius", "min-people", "hotspot-level"}).Draw(t, "order")[:rapid.IntRange(0, 5).Draw(t, "keys")] {
			text += fmt.Sprintf("%s%s=%v", separator, key, values[key])
			separator = ","
			switch key {
			case "pois":
				want.Pois = own.Pois
			case "window":
				want.Window = own.Window
			case "radius":
				want.Radius = own.Radius
			case "min-people":
				want.MinPeople = own.MinPeople
			case "hotspot-level":
				want.Hotspots = own.Hotspots
			}
		}
		got, faults := of.readFlow(text)
		if faults != nil || got.name != "day" || got.flowFlags != want {
			t.Errorf("%s of %+v is %+v, %v; want %+v", text, of, got, faults, want)
		}
	})
}

// TestFlowMistakes: each is named with its flow, before anything is made.
func TestFlowMistakes(t *testing.T) {
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
	bad := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,98.8606,2.3376\n")
	for name, tt := range map[string]struct {
		flows []string
		want  []string
	}{
		"twice":             {[]string{"day", "day:window=24h"}, []string{"--flow day is there twice"}},
		"no such key":       {[]string{"day:windw=24h"}, []string{`--flow day: there is no "windw", only pois, window, radius, min-people and hotspot-level`}},
		"no value":          {[]string{"day:window"}, []string{`--flow day: "window" is not key=value`, "day:window=24h"}},
		"an empty value":    {[]string{"day:pois="}, []string{`--flow day: "pois=" is not key=value`}},
		"nothing said":      {[]string{"day:"}, []string{`--flow day: "" is not key=value`}},
		"a key twice":       {[]string{"day:window=1h,window=24h"}, []string{"--flow day: window is there twice"}},
		"no duration":       {[]string{"day:window=24"}, []string{`--flow day: window "24" is not a duration such as 5m or 24h`}},
		"no number":         {[]string{"day:min-people=5.5,radius=far"}, []string{`min-people "5.5" is not a whole number`, `radius "far" is not a number of metres`}},
		"values":            {[]string{"day:window=7m,radius=0,min-people=0,hotspot-level=3"}, []string{"--flow day: window 7m0s is not", "--flow day: radius 0 is not", "--flow day: min-people 0 is not", "--flow day: hotspot-level 3 is not"}},
		"places":            {[]string{"v1", "day:pois=" + bad}, []string{"--flow day: pois " + bad + ": places: line 2"}},
		"no places":         {[]string{"day:pois=nowhere"}, []string{"--flow day: pois nowhere: no such file"}},
		"a name":            {[]string{"Day:window=24h"}, []string{`--flow "Day" is not 1 to 24 of a-z`}},
		"a name for stacks": {[]string{"a234567890123456789012345"}, []string{"is not 1 to 24 of a-z"}},
		"several":           {[]string{"day:x=1", "v1", "v1"}, []string{`--flow day: there is no "x"`, "--flow v1 is there twice"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "new")
			args := []string{"run", "--events", "-", "--pois", pois, "--data", dir}
			for _, f := range tt.flows {
				args = append(args, "--flow", f)
			}
			code, out, stderr := headcount(t, events, args...)
			if code != exitInput || out != "" || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit %d, stdout %q, stderr %q: want %d and one line", code, out, stderr, exitInput)
			}
			for _, want := range tt.want {
				if strings.Count(stderr, want) != 1 {
					t.Errorf("%q does not say %q once", stderr, want)
				}
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("the data folder is made")
			}
		})
	}
}

// TestFlagOfTheRunIsOneFault: what is wrong in a flag of the run is named once, however
// many flows have it, and not at all where none has.
func TestFlagOfTheRunIsOneFault(t *testing.T) {
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
	args := []string{"run", "--events", "-", "--pois", pois, "--data", t.TempDir(), "--window", "7m", "--min-people", "0", "--flow", "day:window=24h", "--flow", "week:window=12h"}
	if code, _, stderr := headcount(t, events, args...); code != exitInput || strings.Contains(stderr, "7m") || strings.Count(stderr, "--min-people 0") != 1 {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// TestSharedListIsReadOnce: the list of places may be a pipe.
func TestSharedListIsReadOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // only read from
	if err := os.Symlink(fmt.Sprintf("/dev/fd/%d", r.Fd()), path); err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c := &runCommand{flowFlags: flowFlags{Pois: path, Window: time.Minute, Radius: 200, MinPeople: 1}, Flow: []string{"v1", "day:window=24h"}}
	flows, faults := c.readFlows()
	if want := []places.Place{{ID: "louvre", Name: "Louvre", Latitude: 48.8606, Longitude: 2.3376, RadiusM: 200}}; faults != nil || len(flows) != 2 || !reflect.DeepEqual(flows[0].Places, want) || !reflect.DeepEqual(flows[1].Places, want) {
		t.Errorf("%+v, %v", flows, faults)
	}
}

// TestSeveralFlows: a balance for each, the views of one, and nothing written where one
// of them is not what the folder has.
func TestSeveralFlows(t *testing.T) {
	dir := t.TempDir()
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
	run := func(flows ...string) (int, string, string) {
		args := []string{"run", "--events", "-", "--pois", pois, "--data", dir}
		for _, f := range flows {
			args = append(args, "--flow", f)
		}
		return headcount(t, events, args...)
	}
	code, out, stderr := run("hour:window=1h", "day:window=24h,hotspot-level=0")
	if lines := strings.Split(out, "\n"); code != exitDone || len(lines) != 3 || !strings.HasPrefix(lines[0], `{"flow":"hour","published":4,"valid":1,`) || !strings.HasPrefix(lines[1], `{"flow":"day","published":4,"valid":1,`) {
		t.Errorf("exit %d, %s, %s", code, out, stderr)
	}
	for text, want := range map[string]int{"         flow  hour  day  each gets all events\n": 1, "   aggregated     1    1  near a place or not\n": 1, "the balance closes": 1, "rejected:\n": 1} {
		if strings.Count(stderr, text) != want {
			t.Errorf("%q is not there %d times: %s", text, want, stderr)
		}
	}
	// The views show one flow, v1 if nothing is said, and a note names those that there are.
	for flow, want := range map[string]string{"v1": "n\n0\n", "hour": "n\n1\n", "day": "n\n1\n"} {
		code, out, stderr := headcount(t, "", "query", "--data", dir, "--days", "0", "--flow", flow, "--format", "csv", "SELECT count(*) AS n FROM published_totals WHERE flow = '"+flow+"' AND poi_id IS NULL")
		if code != exitDone || out != want || strings.Contains(stderr, "one flow, of the flows there: day, hour\n") != (flow == "v1") {
			t.Errorf("flow %s: exit %d, %s, %s", flow, code, out, stderr)
		}
	}
	before := files(t, dir)
	code, out, stderr = run("new:window=1m", "hour:window=30m", "day:window=24h")
	if code != exitInput || out != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "flow hour was made with other settings: the window was 1h0m0s, is 30m0s") || !strings.Contains(stderr, "another flow (--flow)") {
		t.Errorf("exit %d, %s, %s", code, out, stderr)
	}
	if after := files(t, dir); !reflect.DeepEqual(after, before) {
		t.Errorf("written all the same: had %v, has %v", before, after)
	}
	// Nobody near the places of one flow is an error that names it.
	far := write(t, "poi_id,name,latitude,longitude\npole,Pole,90,0\n")
	if code, _, stderr := run("hour:window=1h", "far:pois="+far); code != exitInput || !strings.Contains(stderr, "0 of 1 valid event near any place of flow far") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

// TestTwoProtectsNobody: run and demo say so of each flow with a MIN_PEOPLE of 2, and go on.
func TestTwoProtectsNobody(t *testing.T) {
	pois := write(t, "poi_id,name,latitude,longitude\nlouvre,Louvre,48.8606,2.3376\n")
	for name, args := range map[string][]string{
		"run":  {"run", "--events", "-", "--pois", pois, "--min-people", "2", "--flow", "v1", "--flow", "one:min-people=1", "--flow", "three:min-people=3"},
		"demo": {"demo", "--people", "5", "--speed", "3600", "--minutes", "1", "--min-people", "2", "--listen", "127.0.0.1:0"},
	} {
		code, _, stderr := headcount(t, events, append(args, "--data", filepath.Join(t.TempDir(), "new"))...)
		if want := "headcount: min-people of the flow v1 is 2, which protects nobody"; code != exitDone || strings.Count(stderr, want) != 1 || strings.Count(stderr, "protects nobody") != 1 {
			t.Errorf("%s: exit %d, want %q once: %s", name, code, want, stderr)
		}
	}
}

// files gives the objects in the buckets of a data folder, with their sizes.
func files(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	sizes := map[string]int64{}
	err := filepath.WalkDir(filepath.Join(dir, pipeline.BucketsFolder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		sizes[path] = info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sizes
}
