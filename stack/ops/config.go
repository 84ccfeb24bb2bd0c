package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/settings"
)

// flowShown is a flow as it is printed. A member here hides the one of the same
// name in Flow: durations are written as in the configuration. Of the list of
// places there are its number and its key.
type flowShown struct {
	settings.Flow
	PlacesCount     int
	PlacesKey       string
	Window          string
	MaxAge          string
	FlushInterval   string
	RefreshInterval string
}

type configCommand struct {
	stackFlag
	Placeholders bool `help:"Print only the values that stand for an operator's own, a line each; nothing if there are none."`
}

// Run prints the configuration as indented JSON, or its placeholders.
func (c *configCommand) Run(s *settings.Settings, stdout io.Writer) error {
	if c.Placeholders {
		_, err := fmt.Fprint(stdout, strings.Join(append(s.Placeholders(), ""), "\n"))
		return err
	}
	shown := struct {
		*settings.Settings
		Flows []flowShown
	}{Settings: s}
	for i := range s.Flows {
		f := s.Flows[i]
		shown.Flows = append(shown.Flows, flowShown{
			Flow: f, PlacesCount: len(f.List), PlacesKey: names.PlacesKey(f.Name, f.PlacesData),
			Window: f.Window.String(), MaxAge: f.MaxAge.String(), FlushInterval: f.FlushInterval.String(), RefreshInterval: f.RefreshInterval.String(),
		})
	}
	out := json.NewEncoder(stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(shown)
}
