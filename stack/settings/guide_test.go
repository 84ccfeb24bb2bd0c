package settings_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/stack/settings"
)

var guideYAML = regexp.MustCompile("(?s)\n```yaml\n(.*?)```\n")

// TestFlowsGuide reads the configuration that docs/flows.md shows, and looks whether the
// flows are those that its command line has.
func TestFlowsGuide(t *testing.T) {
	files := map[string]string{}
	for _, name := range []string{"docs/flows.md", "Pulumi.yaml", "local/headcount/sample/places.csv"} {
		text, err := os.ReadFile(filepath.Join(root, name)) //nolint:gosec // the repository's own
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	shown := guideYAML.FindAllStringSubmatch(files["docs/flows.md"], -1)
	if len(shown) != 1 {
		t.Fatalf("%d blocks of YAML", len(shown))
	}
	files["Pulumi.guide.yaml"] = shown[0][1] + "  headcount:region: eu-west-1\n"
	s, err := settings.Load(folder(t, files), "guide")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Flows) != 3 || s.PublishedFlow != "v1" {
		t.Fatalf("%d flows, %s is published", len(s.Flows), s.PublishedFlow)
	}
	for i, want := range []settings.Flow{
		{Name: "v1", Window: 5 * time.Minute, RadiusM: 200, HotspotLevel: 15, RefreshInterval: 30 * time.Second},
		{Name: "day", Window: 24 * time.Hour, RadiusM: 200, RefreshInterval: 15 * time.Minute},
		{Name: "near", Window: 5 * time.Minute, RadiusM: 100, HotspotLevel: 15, RefreshInterval: 30 * time.Second},
	} {
		f := s.Flows[i]
		if f.Name != want.Name || f.Window != want.Window || f.RadiusM != want.RadiusM || f.HotspotLevel != want.HotspotLevel || f.RefreshInterval != want.RefreshInterval {
			t.Errorf("got %+v, want %+v", f, want)
		}
	}
	if line := "--flow v1 --flow day:window=24h,hotspot-level=0 --flow near:radius=100 "; !strings.Contains(files["docs/flows.md"], line) {
		t.Errorf("the command line has not %q", line)
	}
}
