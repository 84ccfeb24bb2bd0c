package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/dashboards/views"
	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	finals "github.com/headcount-etl/headcount/services/aggregator/results"
	"github.com/headcount-etl/headcount/shared/event"
)

var update = flag.Bool("update", false, "write the answers into the documents")

const dataDocument, flowsDocument = "docs/data.md", "docs/flows.md"

// column is a column as docs/data.md describes it.
type column struct{ name, kind, null, example string }

// described gives the columns in the section of a table.
func described(t *testing.T, doc, table string) (all []column) {
	t.Helper()
	_, section, found := strings.Cut(doc, "\n## "+table+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, "|"); strings.HasPrefix(line, "| `") && len(cells) == 7 {
			for i := range cells {
				cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
			}
			all = append(all, column{cells[1], cells[2], cells[3], cells[4]})
		}
	}
	if !found || len(all) == 0 {
		t.Fatalf("%s describes no columns of %s", dataDocument, table)
	}
	return all
}

var member = regexp.MustCompile(`^([a-z_]+):([a-z]+)$`)

// leaves gives the columns of the tables that files and code have, those in
// structures by their path.
func leaves(t *testing.T, name, kind string) (all []column) {
	members, nested := strings.CutPrefix(kind, "struct<")
	if !nested {
		return []column{{name: name, kind: kind}}
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(members, ">"), ",") {
		m := member.FindStringSubmatch(part)
		if m == nil {
			t.Fatalf("%s: %q is no member of one level", name, part)
		}
		all = append(all, column{name: name + "." + m[1], kind: m[2]})
	}
	return all
}

// TestDataColumns compares the tables of docs/data.md with those of the code.
func TestDataColumns(t *testing.T) {
	doc := document(t, dataDocument)
	want := map[string][]column{}
	for _, table := range pipeline.Schema(defaultFlow, 0).Tables {
		for _, c := range table.Columns {
			want[table.Name] = append(want[table.Name], leaves(t, c.Name, c.Type)...)
		}
		for _, name := range table.Partitions {
			want[table.Name] = append(want[table.Name], column{name: name, kind: "string"})
		}
	}
	for _, c := range views.Events("").Columns {
		want["events_safe"] = append(want["events_safe"], column{name: c.Name, kind: c.Type})
	}
	if len(want) != 6 {
		t.Fatalf("tables: %v", want)
	}
	for table, columns := range want {
		var got []column
		for _, c := range described(t, doc, table) {
			got = append(got, column{name: c.name, kind: c.kind})
		}
		if !slices.Equal(got, columns) {
			t.Errorf("%s: described are\n%v, there are\n%v", table, got, columns)
		}
	}
	for _, table := range finals.Tables {
		for i, c := range described(t, doc, table.Name) {
			if i < len(table.Columns) && table.Columns[i].Required != (c.null == "never") {
				t.Errorf("%s: %s is null: %q", table.Name, c.name, c.null)
			}
		}
	}
	for _, c := range event.LakeColumns() {
		if !strings.Contains(doc, "| `"+c.Name) {
			t.Errorf("events: %s is not described", c.Name)
		}
	}
}

// TestData makes the data of docs/data.md by its commands, finds its example rows in
// it, and asks its questions. With -update it writes the answers into the document.
func TestData(t *testing.T) {
	doc := document(t, dataDocument)
	dir := filepath.Join(t.TempDir(), "paris")
	makeData(t, doc, dir)
	for _, table := range []string{"headcounts", "totals", "events", "events_safe", "quarantine"} {
		var conditions []string
		for _, c := range described(t, doc, table) {
			if c.example == "" { // it is another one whenever the data is made
				continue
			}
			name := strings.ReplaceAll(c.name, "index", `"index"`)
			conditions = append(conditions, "CAST("+name+" AS varchar) = '"+strings.ReplaceAll(c.example, "'", "''")+"'")
		}
		if out := ask(t, dir, "SELECT count(*) > 0 AS found FROM "+table+" WHERE "+strings.Join(conditions, " AND "), "csv"); out != "found\ntrue\n" {
			t.Errorf("%s has no row like the example: %v", table, conditions)
		}
	}
	if n := strings.Count(doc, "\n### "); n != 14 {
		t.Errorf("there are %d questions", n)
	}
	checkAnswers(t, dataDocument, dir)
}

// TestFlowsGuide does the same for docs/flows.md.
func TestFlowsGuide(t *testing.T) {
	doc := document(t, flowsDocument)
	dir := filepath.Join(t.TempDir(), "flows")
	makeData(t, doc, dir, "earth.csv", write(t, block(t, doc, "csv")))
	checkAnswers(t, flowsDocument, dir)
}

// checkAnswers asks the questions of a document, of a data folder, and compares the
// answers with those that follow them. With -update it writes them into the document.
func checkAnswers(t *testing.T, name, dir string) {
	t.Helper()
	doc := document(t, name)
	for _, b := range blocks(doc) {
		if b.info != "sql" && b.info != "sql duckdb" {
			continue
		}
		var rows []map[string]any
		if err := json.Unmarshal([]byte(ask(t, dir, b.text, "json")), &rows); err != nil || len(rows) == 0 {
			t.Errorf("%s\ngives no rows: %v", b.text, err)
		}
		answer := ask(t, dir, b.text, "table")
		after := strings.Index(doc, b.text) + len(b.text) + len("```\n")
		shown := ""
		if rest, found := strings.CutPrefix(doc[after:], "\n```text\n"); found {
			shown, _, _ = strings.Cut(rest, "```")
		}
		switch {
		case strings.Contains(b.text, "lag_minutes"), strings.Contains(b.text, "first_day"): // they depend on the day on which the data is made
		case shown == answer:
		case *update:
			rest := strings.TrimPrefix(doc[after:], "\n```text\n"+shown+"```\n")
			doc = doc[:after] + "\n```text\n" + answer + "```\n" + rest
		default:
			t.Errorf("%s\nthe document shows\n%s, it is\n%s (go test -run '%s' -update)", b.text, shown, answer, t.Name())
		}
	}
	if *update {
		if err := os.WriteFile(filepath.Join(root, name), []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// makeData runs the commands of a document that make the data. others are names in them
// and what stands for these here.
func makeData(t *testing.T, doc, dir string, others ...string) {
	t.Helper()
	events, folder := "", "data/"+filepath.Base(dir)
	replace := strings.NewReplacer(append([]string{"local/headcount/", "", folder, dir, "\\\n", ""}, others...)...)
	for line := range strings.Lines(replace.Replace(block(t, doc, "sh"))) {
		args := words(strings.TrimSpace(strings.TrimPrefix(line, "headcount ")))
		if at := slices.Index(args, "paris.ndjson"); at > 0 {
			args[at] = "-"
		}
		code, out, stderr := headcount(t, events, args...)
		if code != exitDone {
			t.Fatalf("%s: exit %d, %s", line, code, stderr)
		}
		if args[0] == "simulate" {
			events = out
		}
	}
}

func ask(t *testing.T, dir, question, format string) string {
	t.Helper()
	code, out, stderr := headcount(t, "", "query", "--data", dir, "--days", "0", "--format", format, question)
	if code != exitDone {
		t.Errorf("%s\nexit %d, %s", question, code, stderr)
	}
	return out
}

// TestDataInAthena parses the questions of both documents as Trino does, of which Athena's SQL is.
func TestDataInAthena(t *testing.T) {
	modules := nodeModules(t)
	var questions []string
	for _, b := range blocks(document(t, dataDocument) + document(t, flowsDocument)) {
		if b.info == "sql" || b.info == "sql athena" {
			questions = append(questions, b.text)
		}
	}
	if len(questions) != 14+3 {
		t.Fatalf("%d questions", len(questions))
	}
	questions = append(questions, "SELECT 1 FROM t GROUP ALL BY") // to see that it notices
	input, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join(t.TempDir(), "trino.cjs")
	build := exec.CommandContext(t.Context(), filepath.Join(modules, ".bin", "esbuild"), "testdata/node/trino.mjs", "--bundle", "--platform=node", "--outfile="+bundle) //nolint:gosec // the test's own
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	parse := exec.CommandContext(t.Context(), "node", bundle) //nolint:gosec // the test's own
	parse.Stdin = strings.NewReader(string(input))
	out, err := parse.Output()
	if err != nil {
		t.Fatal(err)
	}
	var faults [][]string
	if err := json.Unmarshal(out, &faults); err != nil || len(faults) != len(questions) {
		t.Fatalf("%v: %s", err, out)
	}
	for i, found := range faults {
		if wrong := i == len(questions)-1; wrong != (len(found) > 0) {
			t.Errorf("%s\n%s", questions[i], fmt.Sprint(found))
		}
	}
}
