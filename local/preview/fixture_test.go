package preview

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/headcount-etl/headcount/local/preview/sql"
)

// The tests draw the dashboard of this repository, a definition that uses much of
// what is drawn, on tables like those it is made for. The command's tests write
// testdata/headcount.schema.json.
const (
	ourDefinition    = "../../dashboards/headcount.json"
	lakeFolder       = "buckets/headcount-lake/data"
	headcountsFolder = "buckets/headcount-aggregates/headcounts"
)

func ourSchema(tb testing.TB) (s sql.Schema) {
	tb.Helper()
	text, err := os.ReadFile("testdata/headcount.schema.json")
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
