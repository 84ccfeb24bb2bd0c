package sql

import (
	"regexp"
	"strings"
)

// nested matches a type of Hive's that has others in it, of which none is nested, and
// member the name of a struct's member.
var (
	nested = regexp.MustCompile(`(array|map|struct)<([^<>]*)>`)
	member = regexp.MustCompile(`(\w+):`)
)

// duckType translates a type from Hive's language to DuckDB's, whose names of the
// primitive types are the same
// (https://cwiki.apache.org/confluence/display/Hive/LanguageManual+Types).
func duckType(hive string) string {
	duck := strings.ToLower(hive)
	for nested.MatchString(duck) {
		duck = nested.ReplaceAllStringFunc(duck, func(t string) string {
			switch part := nested.FindStringSubmatch(t); part[1] {
			case "array":
				return part[2] + "[]"
			case "map":
				return "map(" + part[2] + ")"
			default:
				return "struct(" + member.ReplaceAllString(part[2], `"$1" `) + ")"
			}
		})
	}
	return duck
}
