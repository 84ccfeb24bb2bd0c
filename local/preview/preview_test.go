package preview

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/local/preview/visual"
)

// request sends one request and gives the status and the body.
func request(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(got)
}

// TestOnlyItsOwnPage: other hosts and origins are refused, and there is nothing to
// be had but the page's own files.
func TestOnlyItsOwnPage(t *testing.T) {
	dir := t.TempDir()
	makeHeadcounts(t, dir, 1)
	makeEvents(t, dir)
	url := start(t, dir).URL()
	for _, tt := range []struct {
		method, path string
		header       []string
		want         int
	}{
		{"GET", "/", nil, 200},
		{"GET", "/assets/page.js", nil, 200},
		{"GET", "/", []string{"Host", "headcount.example"}, 403},
		{"GET", "/api/dashboard", []string{"Host", "headcount.example:8080"}, 403},
		{"POST", "/api/visual?sheet=now&visual=now-people", []string{"Origin", "https://headcount.example"}, 403},
		{"POST", "/api/visual?sheet=now&visual=now-people", []string{"Origin", url}, 200},
		{"POST", "/api/visual?sheet=now&visual=nothing", nil, 404},
		{"POST", "/api/values?sheet=now&control=nothing", nil, 404},
		{"GET", "/assets/../http.go", nil, 404},
		{"GET", "/assets/%2e%2e/%2e%2e/http.go", nil, 404},
		{"GET", "/etc/passwd", nil, 404},
		{"DELETE", "/", nil, 405},
	} {
		if code, body := request(t, tt.method, url+tt.path, "{}", tt.header...); code != tt.want {
			t.Errorf("%s %s %v: %d, want %d: %.100s", tt.method, tt.path, tt.header, code, tt.want, body)
		}
	}
	if code, body := request(t, "POST", url+"/api/visual?sheet=now&visual=now-people", "{"); code != 400 || !strings.Contains(body, "state") {
		t.Errorf("%d %s", code, body)
	}
	code, body := request(t, "POST", url+"/api/values?sheet=now&control=now-gender", "{}")
	if want := `{"values":["female","male","other","undisclosed"],"more":false}`; code != 200 || body != want {
		t.Errorf("%d %s, want %s", code, body, want)
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "localhost", "example.com:80"} {
		_, err := Start(t.Context(), Config{Listen: address, File: "any.json", Read: func() ([]byte, error) { return []byte("{}"), nil }})
		if err == nil || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestFaults breaks our definition in many ways: each is shown with its path, and
// the visuals that have nothing to do with it are drawn.
func TestFaults(t *testing.T) {
	dir := t.TempDir()
	makeHeadcounts(t, dir, 1)
	whole, err := os.ReadFile(ourDefinition)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "broken.json")
	write := func(text []byte) {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(whole)
	makeOthers(t, dir)
	views := maps.Clone(ourViews)
	views["events"] = View{Name: "recent_events", Imported: true, Narrow: "it is narrow"}
	s, err := Start(t.Context(), Config{
		Listen: "127.0.0.1:0", File: file, Dir: dir, Schema: ourSchema(t),
		Views:    views,
		DataSets: map[string]string{"unused": "SELECT 1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, tt := range []struct {
		name, old, new string
		path, problem  string // of one of the faults
		broken         string // a visual that shows a fault, or a placeholder
	}{
		{"no lake", "", "", "$.DataSetIdentifierDeclarations[1]", "there are no rows for recent_events in the Parquet files", ""},
		{"no lake that shows", "", "", "$.DataSetIdentifierDeclarations[1]", "; it is narrow", ""},
		{"unknown visual", `"KPIVisual": {
            "VisualId": "now-places"`, `"KIPVisual": {
            "VisualId": "now-places"`, "$.Sheets[0].Visuals[1].KIPVisual", "KPIVisual", "$.Sheets[0].Visuals[1]"},
		{"missing column", `"Expression": "{poi_name}"`, `"Expression": "{poi_nam}"`, "$.CalculatedFields[7].Expression", "poi_name", "now-places"},
		{"missing parameter", "${Period} = \\\"Last hour\\\"", "${Perio} = \\\"Last hour\\\"", "$.CalculatedFields[3].Expression", "Period", "time-age"},
		{"circle", `"Expression": "{gender}"`, `"Expression": "{Gender}"`, "$.CalculatedFields[8].Expression", "Gender", "now-gender"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !bytes.Contains(whole, []byte(tt.old)) {
				t.Fatalf("the definition has no %s", tt.old)
			}
			write(bytes.Replace(whole, []byte(tt.old), []byte(tt.new), 1))
			var p page
			code, body := request(t, "GET", s.URL()+"/api/dashboard", "")
			if err := json.Unmarshal([]byte(body), &p); err != nil || code != 200 {
				t.Fatal(code, err, body)
			}
			found := false
			for _, f := range p.Faults {
				found = found || f.Path == tt.path && strings.Contains(f.Problem, tt.problem) && f.File == "broken.json"
			}
			if !found {
				t.Errorf("no fault at %s with %q: %v", tt.path, tt.problem, p.Faults)
			}
			if tt.broken == "" {
				return
			}
			var d visual.Drawing
			drawing := func(id string) {
				sheet := p.Sheets[slices.IndexFunc(p.Sheets, func(s sheet) bool {
					return slices.ContainsFunc(s.Elements, func(e element) bool { return e.ID == id })
				})]
				d = visual.Drawing{}
				code, body := request(t, "POST", s.URL()+"/api/visual?sheet="+sheet.ID+"&visual="+id, "{}")
				if err := json.Unmarshal([]byte(body), &d); err != nil || code != 200 {
					t.Fatal(code, err, body)
				}
			}
			if drawing(tt.broken); len(d.Faults) == 0 && d.Placeholder == nil {
				t.Errorf("%s is drawn: %+v", tt.broken, d)
			}
			if drawing("now-people"); d.KPI == nil || len(d.Faults) > 0 {
				t.Errorf("now-people is not drawn: %+v", d)
			}
		})
	}
	write([]byte("{\n  \"Sheets\": [,]\n}"))
	faults, err := s.Faults(t.Context())
	if err != nil || len(faults) != 1 || !strings.Contains(faults[0].Error(), "line 2") {
		t.Errorf("syntax: %v %v", err, faults)
	}
}

// TestDataSets: a data set can be any SQL, and what is none is named.
func TestDataSets(t *testing.T) {
	text := `{"DataSetIdentifierDeclarations":[{"Identifier":"a","DataSetArn":"arn:a"},{"Identifier":"b","DataSetArn":"arn:b"},{"Identifier":"c","DataSetArn":"arn:c"}],
		"Sheets":[{"SheetId":"s","Visuals":[{"TableVisual":{"VisualId":"v","ChartConfiguration":{"FieldWells":{"TableAggregatedFieldWells":{
			"GroupBy":[{"CategoricalDimensionField":{"FieldId":"f","Column":{"DataSetIdentifier":"a","ColumnName":"x\"; DROP TABLE t; --"}}}],"Values":[]}}}}}]}]}`
	s, err := Start(t.Context(), Config{
		Listen: "127.0.0.1:0", File: "sets.json", Read: func() ([]byte, error) { return []byte(text), nil },
		DataSets: map[string]string{"a": `SELECT 'it''s' AS "x""; DROP TABLE t; --"`, "b": "no SQL"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	faults, err := s.Faults(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"sets.json: $.DataSetIdentifierDeclarations[1]: data set \"b\": --dataset b:", "sets.json: $.DataSetIdentifierDeclarations[2]: data set \"c\": nothing says where its rows come from"} {
		if !slices.ContainsFunc(faults, func(f definition.Fault) bool { return strings.HasPrefix(f.Error(), want) }) {
			t.Errorf("no fault %s in %v", want, faults)
		}
	}
	if code, body := request(t, "POST", s.URL()+"/api/visual?sheet=s&visual=v", "{}"); code != 200 || !strings.Contains(body, `"rows":[[{"value":"it's","text":"it's"}]]`) {
		t.Errorf("%d %s", code, body)
	}
}

// TestColumnsThatDifferInCapitals: to DuckDB they are one name, to QuickSight two.
func TestColumnsThatDifferInCapitals(t *testing.T) {
	text := `{"DataSetIdentifierDeclarations":[{"Identifier":"d","DataSetArn":"arn:d"}],
		"Sheets":[{"SheetId":"s","Visuals":[{"TableVisual":{"VisualId":"v","ChartConfiguration":{"FieldWells":{"TableUnaggregatedFieldWells":{"Values":[
			{"FieldId":"a","Column":{"DataSetIdentifier":"d","ColumnName":"resource id"}},{"FieldId":"b","Column":{"DataSetIdentifier":"d","ColumnName":"Resource Id"}},
			{"FieldId":"c","Column":{"DataSetIdentifier":"d","ColumnName":"resource_1"}}]}}}}}]}]}`
	s, err := Start(t.Context(), Config{
		Listen: "127.0.0.1:0", File: "sets.json", Read: func() ([]byte, error) { return []byte(text), nil },
		DataSets: map[string]string{"e": "SELECT 1", "d": `SELECT 1 AS "resource id", 2 AS "Resource Id", 3 AS resource_1`},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	faults, err := s.Faults(t.Context())
	if want := `--dataset e: there is no data set "e", only d`; !slices.ContainsFunc(faults, func(f definition.Fault) bool { return f.Problem == want }) {
		t.Errorf("no fault says %s: %v", want, faults)
	}
	if err != nil || slices.ContainsFunc(faults, func(f definition.Fault) bool { return strings.Contains(f.Problem, "column") }) {
		t.Errorf("the faults are %v, %v", faults, err)
	}
	if _, body := request(t, "POST", s.URL()+"/api/visual?sheet=s&visual=v", "{}"); !strings.Contains(body, `"rows":[[{"value":1,"text":"1"},{"value":2,"text":"2"},{"value":3,"text":"3"}]]`) {
		t.Error(body)
	}
}
