package sql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
)

// MistakeError says that the question is at fault, and not the data.
type MistakeError struct{ err error }

func (e *MistakeError) Error() string { return e.err.Error() }
func (e *MistakeError) Unwrap() error { return e.err }

func mistake(format string, args ...any) error { return &MistakeError{fmt.Errorf(format, args...)} }

// asked is an error that DuckDB gives to a question: a mistake where it does not
// understand it.
func asked(err error) error {
	var from *duckdb.Error
	if errors.As(err, &from) {
		switch from.Type {
		case duckdb.ErrorTypeParser, duckdb.ErrorTypeSyntax, duckdb.ErrorTypeBinder, duckdb.ErrorTypeCatalog:
			return mistake("query: %w", oneLine(err))
		}
	}
	return fmt.Errorf("query: %w", oneLine(err))
}

// question is one SQL statement that reads, parsed.
type question struct {
	text string
	// tables are the names after FROM, in lower case, those of common table
	// expressions too; foreign are those that are no such expression's where they
	// stand. others are what else it reads that no question may.
	tables, foreign map[string]bool
	others          []string
}

// parse parses a statement, by DuckDB's own parser. It refuses text that is
// not one question: the serialized form has no other statement, so that nothing
// that writes, sets or loads gets through.
func parse(ctx context.Context, conn *sql.Conn, text string) (*question, error) {
	var answer []byte
	if err := conn.QueryRowContext(ctx, "SELECT json_serialize_sql("+quote(text)+")::VARCHAR").Scan(&answer); err != nil {
		return nil, fmt.Errorf("query: %w", oneLine(err))
	}
	var parsed struct {
		Error      bool
		Type       string `json:"error_type"`
		Message    string `json:"error_message"`
		Statements []any
	}
	if err := json.Unmarshal(answer, &parsed); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	switch {
	case parsed.Type == "not implemented":
		return nil, mistake("query: only questions are answered: SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE, SHOW TABLES, PIVOT … ON … IN (…)")
	case parsed.Error:
		return nil, mistake("query: %w", oneLine(errors.New(parsed.Message)))
	case len(parsed.Statements) == 0:
		return nil, mistake("query: there is no SQL statement in it")
	case len(parsed.Statements) > 1:
		return nil, mistake("query: there are several SQL statements in it: ask one at a time")
	}
	q := &question{text: text, tables: map[string]bool{}, foreign: map[string]bool{}}
	q.walk(parsed.Statements[0], nil)
	return q, nil
}

// walk looks for names in the serialized form of a statement. own are the names of
// the common table expressions that are visible there.
func (q *question) walk(node any, own map[string]bool) {
	switch node := node.(type) {
	case []any:
		for _, member := range node {
			q.walk(member, own)
		}
	case map[string]any:
		q.name(node, own)
		own = q.walkNamed(node["cte_map"], own)
		for key, member := range node {
			if key != "cte_map" {
				q.walk(member, own)
			}
		}
	}
}

// walkNamed walks through common table expressions, each of which sees those before
// it, and itself where it is recursive. It gives the names that are visible after
// them.
func (q *question) walkNamed(node any, own map[string]bool) map[string]bool {
	ctes, _ := node.(map[string]any)
	entries, _ := ctes["map"].([]any)
	if len(entries) == 0 {
		return own
	}
	if own = maps.Clone(own); own == nil {
		own = map[string]bool{}
	}
	for _, entry := range entries {
		named, _ := entry.(map[string]any)
		key, _ := named["key"].(string)
		name := strings.ToLower(key)
		inside := own
		if recursive(named["value"]) {
			inside = maps.Clone(own)
			inside[name] = true
		}
		q.walk(named["value"], inside)
		own[name] = true
	}
	return own
}

// recursive reports whether a common table expression is one of WITH RECURSIVE that
// reads itself.
func recursive(node any) bool {
	cte, _ := node.(map[string]any)
	query, _ := cte["query"].(map[string]any)
	body, _ := query["node"].(map[string]any)
	return body["type"] == "RECURSIVE_CTE_NODE"
}

// name notes the name of a table or of a table function.
func (q *question) name(node map[string]any, own map[string]bool) {
	text, _ := node["table_name"].(string)
	table := strings.ToLower(text)
	switch node["type"] {
	case "BASE_TABLE":
		schema, _ := node["schema_name"].(string)
		catalog, _ := node["catalog_name"].(string)
		if catalog != "" {
			schema = catalog + "." + schema
		}
		if schema != "" {
			q.others = append(q.others, "the schema "+schema)
		}
		q.tables[table] = true
		if schema != "" || !own[table] {
			q.foreign[table] = true
		}
	case "SHOW_REF":
		if table != "" && table != `"tables"` {
			q.tables[table], q.foreign[table] = true, true
		}
	case "TABLE_FUNCTION":
		function, _ := node["function"].(map[string]any)
		name, _ := function["function_name"].(string)
		if name = strings.ToLower(name); !slices.Contains(harmless, name) {
			q.others = append(q.others, name+"()")
		}
	}
}

// harmless are the table functions that read nothing but what they are given.
var harmless = []string{"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"}

// check refuses what reads anything but the known tables: files, settings, other
// databases.
func (q *question) check(known []string) error {
	if len(q.others) > 0 {
		return mistake("query: %s may not be asked, only the tables %s", slices.Max(q.others), strings.Join(known, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(q.foreign)) {
		if base, _ := strings.CutSuffix(name, "$path"); !slices.Contains(known, base) {
			return mistake("query: there is no table %s, only %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}
