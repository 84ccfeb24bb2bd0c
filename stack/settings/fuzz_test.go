package settings_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/shared/pipeline"
	"github.com/headcount-etl/headcount/stack/settings"
)

// FuzzRead reads whatever anybody may write into a configuration: it never
// panics, and gives either faults, a line each, or settings that keep what they
// promise.
func FuzzRead(f *testing.F) {
	seed, err := json.Marshal(good())
	if err != nil {
		f.Fatal(err)
	}
	f.Add("dev", seed)
	for _, pairs := range [][]string{
		{"flows", `[{"name":"v1","places":"bad.csv"}]`},
		{"flows", `[` + short + `,"window":"90m","masker":{"minTasks":3}},{"name":"v2"}]`},
		{"flows", `[null,[],{"name":{}}]`},
		{"emails", `[{"address":"a@example.com","topic":"alerts","categories":[null,{}]}]`},
		{"region", "[", "lastYear", "2046"},
	} {
		seed, err := json.Marshal(with(pairs...))
		if err != nil {
			f.Fatal(err)
		}
		f.Add("a-b", seed)
	}
	root := folder(f, files)
	f.Fuzz(func(t *testing.T, stack string, data []byte) {
		// Text goes to Read as it is, anything else as the JSON that Pulumi writes.
		var tree map[string]json.RawMessage
		if json.Unmarshal(data, &tree) != nil {
			return
		}
		values := map[string]string{}
		for key, raw := range tree {
			text := string(raw)
			_ = json.Unmarshal(raw, &text)
			values[key] = text
		}
		s, err := settings.Read(stack, values, root)
		if err != nil {
			var faults *settings.FaultsError
			if s != nil || !errors.As(err, &faults) || len(faults.Faults) == 0 || strings.Contains(strings.Join(faults.Faults, ""), "\n") {
				t.Errorf("got %+v, %q", s, err)
			}
			return
		}
		published := func(f settings.Flow) bool { return f.Name == s.PublishedFlow }
		if s.Region == "" || s.Stack != stack || !slices.ContainsFunc(s.Flows, published) || s.LastYear < s.FirstYear {
			t.Errorf("got %+v", s)
		}
		for _, f := range s.Flows {
			if f.Window <= 0 || 24*time.Hour%f.Window != 0 || f.MinPeople < 1 || !(f.RadiusM > 0) || len(f.List) == 0 {
				t.Errorf("flow %+v", f)
			}
			for _, name := range pipeline.Names(nil) {
				if w := f.Workers[name]; w.MinTasks < 1 || w.MinTasks > w.MaxTasks || w.CPU < 256 || w.VisibilityTimeoutSeconds < 60 {
					t.Errorf("%s of %s: %+v", name, f.Name, w)
				}
			}
		}
	})
}
