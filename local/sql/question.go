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
)

// question is one SQL statement that reads, taken apart.
type question struct {
	text string
	// tables are the names after FROM, in lower case, those of common table
	// expressions too; functions are those of table functions.
	tables, functions map[string]bool
	// schemas are those that a table is looked for in.
	schemas map[string]bool
	own     map[string]bool // names of common table expressions
}

// parse takes a statement apart, by DuckDB's own parser. It refuses text that is
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
		return nil, errors.New("query: only questions are answered: SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE, SHOW TABLES, PIVOT … ON … IN (…)")
	case parsed.Error:
		return nil, fmt.Errorf("query: %w", oneLine(errors.New(parsed.Message)))
	case len(parsed.Statements) == 0:
		return nil, errors.New("query: there is no SQL statement in it")
	case len(parsed.Statements) > 1:
		return nil, errors.New("query: there are several SQL statements in it: ask one at a time")
	}
	q := &question{text: text, tables: map[string]bool{}, functions: map[string]bool{}, schemas: map[string]bool{}, own: map[string]bool{}}
	q.walk(parsed.Statements[0])
	return q, nil
}

// walk looks for names in the serialized form of a statement.
func (q *question) walk(node any) {
	switch node := node.(type) {
	case []any:
		for _, member := range node {
			q.walk(member)
		}
	case map[string]any:
		name, _ := node["table_name"].(string)
		switch node["type"] {
		case "BASE_TABLE":
			q.tables[strings.ToLower(name)] = true
			schema, _ := node["schema_name"].(string)
			catalog, _ := node["catalog_name"].(string)
			if catalog != "" {
				schema = catalog + "." + schema
			}
			q.schemas[strings.ToLower(schema)] = true
		case "SHOW_REF":
			if name != "" && name != `"tables"` {
				q.tables[strings.ToLower(name)] = true
			}
		case "TABLE_FUNCTION":
			function, _ := node["function"].(map[string]any)
			name, _ := function["function_name"].(string)
			q.functions[strings.ToLower(name)] = true
		}
		if ctes, ok := node["cte_map"].(map[string]any); ok {
			entries, _ := ctes["map"].([]any)
			for _, entry := range entries {
				named, _ := entry.(map[string]any)
				name, _ := named["key"].(string)
				q.own[strings.ToLower(name)] = true
			}
		}
		for _, member := range node {
			q.walk(member)
		}
	}
}

// harmless are the table functions that read nothing but what they are given.
var harmless = []string{"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"}

// check refuses what reads anything but the known tables: files, settings, other
// databases.
func (q *question) check(known []string) error {
	for _, name := range slices.Sorted(maps.Keys(q.functions)) {
		if !slices.Contains(harmless, name) {
			return fmt.Errorf("query: %s() may not be asked, only the tables %s", name, strings.Join(known, ", "))
		}
	}
	for _, schema := range slices.Sorted(maps.Keys(q.schemas)) {
		if schema != "" && schema != live {
			return fmt.Errorf("query: the schema %s may not be asked, only the tables %s", schema, strings.Join(known, ", "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q.tables)) {
		if base, _ := strings.CutSuffix(name, "$path"); !slices.Contains(known, base) && !q.own[name] {
			return fmt.Errorf("query: there is no table %s, only %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}
