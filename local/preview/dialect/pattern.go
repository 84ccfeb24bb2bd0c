package dialect

import (
	"fmt"
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

// pattern is the second argument, a pattern of Joda, as DuckDB has it.
func (c *invocation) pattern(byDefault string) (string, error) {
	joda := byDefault
	if len(c.args) == 2 {
		var err error
		if joda, err = c.literal(1); err != nil {
			return "", err
		}
	}
	return strftime(c.name, joda)
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
			text, next, err := quoted(joda, i)
			if err != nil {
				return "", fmt.Errorf("%s: %w", what, err)
			}
			b.WriteString(strings.ReplaceAll(text, "%", "%%"))
			i = next
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

// quoted reads the text of a pattern from its quote on.
func quoted(joda string, at int) (text string, next int, err error) {
	var b strings.Builder
	for i := at + 1; i < len(joda); i++ {
		if joda[i] != '\'' {
			b.WriteByte(joda[i])
			continue
		}
		if i+1 < len(joda) && joda[i+1] == '\'' && i > at+1 { // a quote within
			b.WriteByte('\'')
			i++
			continue
		}
		if i == at+1 { // two quotes are one
			return "'", i + 1, nil
		}
		return b.String(), i + 1, nil
	}
	return "", 0, fmt.Errorf("the quote in the pattern %q is not closed", joda)
}

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
