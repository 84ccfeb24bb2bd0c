package smoke

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/athena"
)

// fakeAthena speaks Athena's protocol. A query is answered with the lines of its
// own text after the first, each of fields between commas, NULL for none, two rows
// in a page; what it says in its first line decides its end.
type fakeAthena struct {
	mu      sync.Mutex
	queries []string
	looks   map[int]int
	stopped []string
	// onLong, which may be nil, is called when a query has been looked at often.
	onLong func()
}

func (f *fakeAthena) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var in struct {
		QueryString, QueryExecutionId, NextToken, WorkGroup string //nolint:revive // AWS's names
		QueryExecutionContext                               struct{ Database string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id, _ := strconv.Atoi(strings.TrimPrefix(in.QueryExecutionId, "q-"))
	var out any
	switch _, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); action {
	case "StartQueryExecution":
		if in.WorkGroup != "group" || in.QueryExecutionContext.Database != "base" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"InvalidRequestException","Message":"no such workgroup"}`)
			return
		}
		f.queries = append(f.queries, in.QueryString)
		out = map[string]any{"QueryExecutionId": "q-" + strconv.Itoa(len(f.queries)-1)}
	case "GetQueryExecution":
		out = map[string]any{"QueryExecution": map[string]any{"Status": f.status(id)}}
	case "GetQueryResults":
		out = f.page(id, in.NextToken)
	case "StopQueryExecution":
		f.stopped = append(f.stopped, in.QueryExecutionId)
		out = map[string]any{}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err := json.NewEncoder(w).Encode(out); err != nil {
		panic(err)
	}
}

// status is QUEUED at first, then RUNNING, then what the query wants.
func (f *fakeAthena) status(id int) map[string]any {
	if f.looks == nil {
		f.looks = map[int]int{}
	}
	if f.looks[id]++; f.looks[id] == 5 && f.onLong != nil {
		f.onLong()
	}
	end, _, _ := strings.Cut(f.queries[id], "\n")
	switch {
	case f.looks[id] == 1:
		return map[string]any{"State": "QUEUED"}
	case f.looks[id] == 2 || end == "forever":
		return map[string]any{"State": "RUNNING"}
	case end == "FAILED" || end == "CANCELLED":
		return map[string]any{"State": end, "StateChangeReason": "SYNTAX_ERROR: line 1:8:\n Column 'x' cannot be resolved"}
	}
	return map[string]any{"State": "SUCCEEDED"}
}

func (f *fakeAthena) page(id int, token string) any {
	lines := strings.Split(f.queries[id], "\n")[1:]
	from, _ := strconv.Atoi(token)
	to := min(from+2, len(lines))
	rows := []any{}
	for _, line := range lines[from:to] {
		data := []any{}
		for _, field := range strings.Split(line, ",") {
			if field == "NULL" {
				data = append(data, map[string]any{})
			} else {
				data = append(data, map[string]any{"VarCharValue": field})
			}
		}
		rows = append(rows, map[string]any{"Data": data})
	}
	out := map[string]any{"ResultSet": map[string]any{"Rows": rows}}
	if to < len(lines) {
		out["NextToken"] = strconv.Itoa(to)
	}
	return out
}

func newFakeAthena(t *testing.T) (*fakeAthena, *Athena) {
	t.Helper()
	fake := &fakeAthena{}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return fake, &Athena{
		API: athena.NewFromConfig(aws.Config{
			Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), RetryMaxAttempts: 1,
		}),
		Workgroup: "group", Database: "base", Every: time.Millisecond,
	}
}

func TestAthena(t *testing.T) {
	for name, tt := range map[string]struct {
		query string
		want  [][]string
		fault string
	}{
		"pages":       {"ok\na,b\n1,x\n2,NULL\n3,z\n4,w", [][]string{{"1", "x"}, {"2", ""}, {"3", "z"}, {"4", "w"}}, ""},
		"no rows":     {"ok\na,b", nil, ""},
		"failed":      {"FAILED\na", nil, "failed: SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved"},
		"cancelled":   {"CANCELLED\na", nil, "cancelled"},
		"one too few": {"ok\nn\n1\n2\n3", [][]string{{"1"}, {"2"}, {"3"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, a := newFakeAthena(t)
			_, got, err := a.Ask(t.Context(), tt.query)
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) || strings.Contains(err.Error(), "\n") {
					t.Errorf("error %v, want %q", err, tt.fault)
				}
				return
			}
			if err != nil || len(got)+len(tt.want) > 0 && !reflect.DeepEqual(got, table(tt.want...)) {
				t.Errorf("got %v, %v; want %v", got, err, tt.want)
			}
		})
	}
	_, a := newFakeAthena(t)
	a.Workgroup = "other"
	if _, _, err := a.Ask(t.Context(), "ok\nn"); err == nil || !strings.Contains(err.Error(), "no such workgroup") {
		t.Errorf("a workgroup that is not there: %v", err)
	}
}

// TestAthenaStops: nobody pays for a query that nobody waits for.
func TestAthenaStops(t *testing.T) {
	fake, a := newFakeAthena(t)
	ctx, cancel := context.WithCancel(t.Context())
	fake.onLong = cancel
	_, _, err := a.Ask(ctx, "forever\nn")
	if err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("error %v", err)
	}
	if !slices.Equal(fake.stopped, []string{"q-0"}) {
		t.Errorf("stopped %v", fake.stopped)
	}
}
