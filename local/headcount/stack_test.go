package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/local/headcount/internal/pipeline"
	"github.com/headcount-etl/headcount/local/standin"
)

// onEndpoint gives a file of a stack's outputs whose region and topic are those of
// an endpoint on this machine.
func onEndpoint(t *testing.T, url, topic string) string {
	t.Helper()
	t.Setenv("AWS_ENDPOINT_URL", url)
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
	text, err := os.ReadFile("../../stack/testdata/outputs.dev.json")
	if err != nil {
		t.Fatal(err)
	}
	var outputs map[string]any
	if err := json.Unmarshal(text, &outputs); err != nil {
		t.Fatal(err)
	}
	outputs["region"], outputs["topicArn"] = "us-east-1", topic
	if text, err = json.Marshal(outputs); err != nil {
		t.Fatal(err)
	}
	return write(t, string(text))
}

// TestPublish: the events of a file reach the topic, each message with its consent,
// and what the stack will reject is named.
func TestPublish(t *testing.T) {
	dir := t.TempDir()
	cloud, err := standin.Start(t.Context(), standin.Config{Listen: "127.0.0.1:0", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	made, err := pipeline.Create(t.Context(), cloud, "v1")
	if err != nil {
		t.Fatal(err)
	}
	outputs := onEndpoint(t, cloud.URL(), made.TopicARN)
	code, out, stderr := headcount(t, events, "publish", "--events", "-", "--outputs", outputs)
	if code != 0 || out != `{"events":4,"no_consent":1,"messages":4}`+"\n" || !strings.Contains(stderr, "missing_field event_id, first in line 4") {
		t.Errorf("exit %d, %s, %s", code, out, stderr)
	}
	if code, _, stderr := headcount(t, "", "publish", "--events", "-", "--outputs", outputs); code != exitInput || !strings.Contains(stderr, "holds no events") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if code, _, stderr := headcount(t, "[\n{}]", "publish", "--events", "-", "--outputs", outputs); code != exitInput || !strings.Contains(stderr, "JSON array") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if err := cloud.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Three of the four lie in the lake, or among what cannot be converted.
	lake := 0
	err = filepath.WalkDir(filepath.Join(dir, pipeline.BucketsFolder, pipeline.LakeBucket), func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			lake++
		}
		return err
	})
	if err != nil || lake == 0 {
		t.Errorf("%d objects in the lake, %v", lake, err)
	}
}

// athenaStub answers one query as Athena does.
func athenaStub(t *testing.T, asked *string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch action {
		case "StartQueryExecution":
			var in struct{ QueryString string }
			_ = json.Unmarshal(body, &in)
			*asked = in.QueryString
			fmt.Fprint(w, `{"QueryExecutionId":"q"}`)
		case "GetQueryExecution":
			fmt.Fprint(w, `{"QueryExecution":{"Status":{"State":"SUCCEEDED"}}}`)
		case "GetQueryResults":
			fmt.Fprint(w, `{"ResultSet":{"ResultSetMetadata":{"ColumnInfo":[{"Name":"poi","Type":"varchar"},{"Name":"people","Type":"bigint"}]},
				"Rows":[{"Data":[{"VarCharValue":"poi"},{"VarCharValue":"people"}]},{"Data":[{"VarCharValue":"louvre"},{"VarCharValue":"12"}]},{"Data":[{"VarCharValue":""},{}]}]}}`)
		default:
			t.Errorf("%s", action)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// TestQueryAthena: a stack answers in the formats of a data folder.
func TestQueryAthena(t *testing.T) {
	var asked string
	outputs := onEndpoint(t, athenaStub(t, &asked).URL, "arn:aws:sns:us-east-1:000000000000:t")
	for format, want := range map[string]string{
		"csv":   "poi,people\nlouvre,12\n\"\",\n",
		"json":  "[\n{\"poi\":\"louvre\",\"people\":12},\n{\"poi\":\"\",\"people\":null}\n]\n",
		"table": "poi     people\n------  ------\nlouvre      12\n          NULL\n(2 rows)\n",
	} {
		code, out, stderr := headcount(t, "SELECT 1", "query", "--outputs", outputs, "--format", format)
		if code != 0 || out != want || asked != "SELECT 1" {
			t.Errorf("%s: exit %d, %q, want %q; %s", format, code, out, want, stderr)
		}
	}
}

// TestWhereTheQuestionIs: SQL comes as an argument, from a file or from stdin.
func TestWhereTheQuestionIs(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, "buckets/empty")
	t.Setenv("HEADCOUNT_DATA", dir)
	const question = "-- one\nSELECT 1 AS n"
	for _, args := range [][]string{{"query", "--format=csv", question}, {"query", "--format=csv", "-f", write(t, question)}, {"query", "--format=csv"}} {
		if code, out, stderr := headcount(t, question, args...); code != 0 || out != "n\n1\n" {
			t.Errorf("%v: exit %d, %q, %s", args, code, out, stderr)
		}
	}
	for want, args := range map[string][]string{
		"stdin is empty": {"query"}, "give one of them": {"query", "SELECT 1", "-f", "x"}, "no such file": {"query", "-f", "nowhere"},
		"name a stack both": {"query", "--stack", "a", "--outputs", "b", "SELECT 1"},
	} {
		if code, _, stderr := headcount(t, " \n", args...); code != exitInput || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: exit %d, %s, want %q", args, code, stderr, want)
		}
	}
	// Pulumi's CLI is what knows a stack's outputs.
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "pulumi"), []byte("#!/bin/sh\necho \"$@\" is not there >&2; exit 3\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/bin:/usr/bin")
	if code, _, stderr := headcount(t, "", "smoke", "--stack", "a b"); code != exitInput || !strings.Contains(stderr, "stack output --json --stack a b is not there") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	t.Setenv("PATH", t.TempDir())
	if code, _, stderr := headcount(t, "", "smoke", "--stack", "dev"); code != exitInput || !strings.Contains(stderr, "Pulumi's CLI is missing") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}
