package dialect

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// directives are DuckDB's for the letters of a date's pattern, by how often a
// letter stands: the first that is not empty at that count or before it. The
// letters are those of Joda,
// https://www.joda.org/joda-time/apidocs/org/joda/time/format/DateTimeFormat.html
var directives = map[rune][]string{
	'y': {"%Y", "%y", "%Y"},
	'Y': {"%Y", "%y", "%Y"},
	'M': {"%-m", "%m", "%b", "%B"},
	'd': {"%-d", "%d"},
	'D': {"%-j", "", "%j"},
	'E': {"%a", "", "", "%A"},
	'a': {"%p"},
	'H': {"%-H", "%H"},
	'k': {"%-H", "%H"}, // 24 at midnight for Joda, which is hardly ever meant
	'h': {"%-I", "%I"},
	'm': {"%-M", "%M"},
	's': {"%-S", "%S"},
}

// byPattern puts the second argument, a pattern of Joda, into a template as DuckDB has
// it.
func (c *invocation) byPattern(byDefault string, t template) (Value, error) {
	joda := byDefault
	if len(c.args) == 2 {
		var err error
		if joda, err = c.literal(1); err != nil {
			return Value{}, err
		}
	}
	pattern, err := strftime(c.name, joda)
	if err != nil {
		return Value{}, err
	}
	c.args = []Value{c.args[0], constant(pattern, Text(pattern), String)}
	return c.fill(t)
}

// strftime translates a pattern. Text stands between single quotes, as in
// yyyy-MM-dd'T'HH; two of them are one.
func strftime(what, joda string) (string, error) {
	if joda == "" {
		return "", fmt.Errorf("the pattern of %s is empty", what)
	}
	var b strings.Builder
	for i := 0; i < len(joda); {
		r, size := utf8.DecodeRuneInString(joda[i:])
		switch {
		case r == '\'':
			text := quoted.FindStringSubmatch(joda[i:])
			if text == nil {
				return "", fmt.Errorf("%s: the quote in the pattern %q is not closed", what, joda)
			}
			b.WriteString(strings.NewReplacer("''", "'", "%", "%%").Replace(cmp.Or(text[1], "'")))
			i += len(text[0])
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			count := 1
			for i+count < len(joda) && rune(joda[i+count]) == r {
				count++
			}
			directive := directive(r, count)
			if directive == "" {
				return "", Unsupported{fmt.Sprintf("%s in the pattern of %s", joda[i:i+count], what)}
			}
			b.WriteString(directive)
			i += count
		default:
			b.WriteString(strings.ReplaceAll(joda[i:i+size], "%", "%%"))
			i += size
		}
	}
	return b.String(), nil
}

// quoted is the text of a pattern between quotes. Without text they are one quote.
var quoted = regexp.MustCompile(`^'((?:[^']|'')*)'`)

// directive is that of a letter that stands count times, empty for none.
func directive(letter rune, count int) string {
	switch letter {
	case 'S':
		return map[int]string{3: "%g", 6: "%f"}[count]
	case 'Z':
		return map[int]string{1: "%z"}[count]
	}
	known := directives[letter]
	for i := min(count, len(known)) - 1; i >= 0; i-- {
		if known[i] != "" {
			return known[i]
		}
	}
	return ""
}
