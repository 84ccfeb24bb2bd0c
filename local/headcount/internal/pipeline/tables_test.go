package pipeline

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write what the preview's tests read")

// TestPreviewsSchema: the preview, which knows nothing of Headcount, is tested on
// tables and views as they are.
func TestPreviewsSchema(t *testing.T) {
	const path = "../../../preview/testdata/headcount.schema.json"
	want, err := json.MarshalIndent(Schema("v1", 0), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is stale (%v): go test ./internal/pipeline -run %s -update writes it", path, err, t.Name())
	}
}
