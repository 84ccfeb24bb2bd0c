package dialect

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// directives are DuckDB's for those of a date's pattern. The letters are those of
// Joda, https://www.joda.org/joda-time/apidocs/org/joda/time/format/DateTimeFormat.html
var directives = map[string]string{
	"y": "%Y", "yy": "%y", "yyy": "%Y", "yyyy": "%Y", "Y": "%Y", "YY": "%y", "YYYY": "%Y",
	"M": "%-m", "MM": "%m", "MMM": "%b", "MMMM": "%B", "d": "%-d", "dd": "%d", "D": "%-j", "DDD": "%j",
	"E": "%a", "EE": "%a", "EEE": "%a", "EEEE": "%A", "a": "%p", "H": "%-H", "HH": "%H",
	"k": "%-H", "kk": "%H", // 24 at midnight for Joda, which is hardly ever meant
	"h": "%-I", "hh": "%I", "m": "%-M", "mm": "%M", "s": "%-S", "ss": "%S", "SSS": "%g", "SSSSSS": "%f", "Z": "%z",
}

// token is a part of a pattern: text between single quotes, of which two are one and
// no text at all is one quote; the same letter some times; or a character.
var token = func() *regexp.Regexp {
	text := `(?s)'((?:[^']|'')*)'|`
	for letter := 'a'; letter <= 'z'; letter++ {
		text += fmt.Sprintf("%c+|%c+|", letter, letter-'a'+'A')
	}
	return regexp.MustCompile(text + ".")
}()

// patterned are the functions whose second argument is a pattern of Joda, with that of
// the documentation where there is none. What parseDate cannot read is null.
var patterned = map[string]struct {
	byDefault string
	template
}{
	"formatDate": {"yyyy-MM-dd'T'HH:mm:ss:SSS", template{[]Type{Datetime, String}, String, "strftime(%s, %s)"}},
	"parseDate":  {"yyyy-MM-dd", template{[]Type{String, String}, Datetime, "try_strptime(%s, %s)"}},
}

// byPattern translates a function of a pattern, as DuckDB has it.
func byPattern(c *invocation) (Value, error) {
	joda := patterned[c.name].byDefault
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
	return c.fill(patterned[c.name].template)
}

// strftime translates a pattern.
func strftime(what, joda string) (string, error) {
	if joda == "" {
		return "", fmt.Errorf("the pattern of %s is empty", what)
	}
	var b strings.Builder
	for _, part := range token.FindAllStringSubmatch(joda, -1) {
		first := part[0][0]
		switch directive := directives[part[0]]; {
		case directive != "":
			b.WriteString(directive)
		case part[0] == "'":
			return "", fmt.Errorf("%s: the quote in the pattern %q is not closed", what, joda)
		case first == '\'':
			b.WriteString(strings.NewReplacer("''", "'", "%", "%%").Replace(cmp.Or(part[1], "'")))
		case first >= 'a' && first <= 'z' || first >= 'A' && first <= 'Z':
			return "", Unsupported{fmt.Sprintf("%s in the pattern of %s", part[0], what)}
		default:
			b.WriteString(strings.ReplaceAll(part[0], "%", "%%"))
		}
	}
	return b.String(), nil
}
