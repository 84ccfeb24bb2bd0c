package sql

import (
	"fmt"
	"regexp"
	"strings"
)

// hiveTypes gives DuckDB's name for each of Hive's primitive types
// (https://cwiki.apache.org/confluence/display/Hive/LanguageManual+Types).
var hiveTypes = map[string]string{
	"boolean": "BOOLEAN", "tinyint": "TINYINT", "smallint": "SMALLINT", "int": "INTEGER", "integer": "INTEGER",
	"bigint": "BIGINT", "float": "FLOAT", "double": "DOUBLE", "string": "VARCHAR", "binary": "BLOB",
	"date": "DATE", "timestamp": "TIMESTAMP",
}

// sized matches types with parameters: decimal(10,2), varchar(20), char(3).
var sized = regexp.MustCompile(`^(decimal\(\d+,\d+\)|(?:var)?char\(\d+\))$`)

// duckType translates a type from Hive's language to DuckDB's: primitive types,
// and arrays, maps and structs of any depth. The error says what is not a type.
func duckType(hive string) (string, error) {
	t := strings.ToLower(strings.TrimSpace(hive))
	if name, ok := hiveTypes[t]; ok {
		return name, nil
	}
	if sized.MatchString(t) {
		return strings.ToUpper(t), nil
	}
	kind, inner, ok := strings.Cut(t, "<")
	inner, closed := strings.CutSuffix(inner, ">")
	if !ok || !closed {
		return "", fmt.Errorf("%q is not a type of Hive", hive)
	}
	parts := splitTop(inner)
	var types []string
	for _, part := range parts {
		prefix := ""
		if kind == "struct" {
			name, rest, ok := strings.Cut(part, ":")
			if !ok || strings.TrimSpace(name) == "" {
				return "", fmt.Errorf("%q in a struct is not name:type", part)
			}
			prefix, part = identifier(strings.TrimSpace(name))+" ", rest
		}
		name, err := duckType(part)
		if err != nil {
			return "", err
		}
		types = append(types, prefix+name)
	}
	switch {
	case kind == "array" && len(types) == 1:
		return types[0] + "[]", nil
	case kind == "map" && len(types) == 2:
		return "MAP(" + types[0] + ", " + types[1] + ")", nil
	case kind == "struct":
		return "STRUCT(" + strings.Join(types, ", ") + ")", nil
	}
	return "", fmt.Errorf("%q is not a type of Hive", hive)
}

// splitTop splits at the commas that stand outside of all brackets.
func splitTop(s string) []string {
	var parts []string
	depth, from := 0, 0
	for i, r := range s {
		switch r {
		case '<', '(':
			depth++
		case '>', ')':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, s[from:i])
				from = i + 1
			}
		}
	}
	return append(parts, s[from:])
}
