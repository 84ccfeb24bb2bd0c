package smoke

import (
	"os"
	"testing"
)

// TestReadOutputsOfTheStack reads what the Pulumi program gives, as Pulumi's own
// engine has it.
func TestReadOutputsOfTheStack(t *testing.T) {
	f, err := os.Open("../../../../stack/testdata/outputs.dev.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read from
	o, err := ReadOutputs(f)
	if err != nil {
		t.Fatal(err)
	}
	if f := o.Flows["v1"]; o.FirstYear == 0 || f.PlacesKey == "" || f.Window == 0 || f.Services["masker"] != "v1-masker" || o.Buckets.Lake == "" {
		t.Errorf("got %+v", o)
	}
}
