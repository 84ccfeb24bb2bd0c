package expression

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// tokenKind is the kind of a token, and its group in lexeme.
type tokenKind int

const (
	end       tokenKind = iota
	space               // with comments
	name                // a bare word
	column              // {…}
	parameter           // ${…}
	text                // '…' or "…"
	number
	symbol // an operator or punctuation
)

// lexeme is what an expression is cut into. In a string a quote is doubled, or stands
// after a backslash, as does a backslash before either. Any other backslash is one:
// the real definitions write replace(x, "\n", "…") for texts that have the two
// characters \ and n in them, and put a line break into a string as it is.
var lexeme = regexp.MustCompile(`^(?:` + strings.Join([]string{
	space:     `((?:[\s\v\x{85}\pZ\x{feff}]|//[^\n]*|/\*(?s:.*?)\*/)+)`,
	name:      `([_\pL][_\pL\pM\p{Nd}]*)`,
	column:    `\{([^}]*)\}`,
	parameter: `\$\{([^}]*)\}`,
	text:      `('(?:\\.|''|[^'\\]|\\\n)*'|"(?:\\.|""|[^"\\]|\\\n)*")`,
	number:    `((?:[0-9]+\.?|\.[0-9])[0-9]*(?:[eE][+-]?[0-9]+)?)`,
	symbol:    `(<>|!=|>=|<=|[=><+\-*/%^()\[\],])`,
}[space:], `|`) + `)`)

// afterNumber must not follow a number.
var afterNumber = regexp.MustCompile(`^[_\pL0-9.]`)

// unescape undoes the escapes of a string, by its quote.
var unescape = map[byte]*strings.Replacer{
	'\'': strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`, `''`, `'`),
	'"':  strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`, `""`, `"`),
}

// token is a piece of an expression.
type token struct {
	kind tokenKind
	at   int
	// text is the word, the name between the braces, the string without its
	// quotes and escapes, the number or the symbol.
	text string
}

// String is how an error names a token.
func (t token) String() string {
	switch t.kind {
	case end:
		return "the end"
	case column:
		return "{" + t.text + "}"
	case parameter:
		return "${" + t.text + "}"
	case text:
		return quote(t.text)
	default:
		return t.text
	}
}

// tokens cuts an expression into tokens, of which the last is the end.
func tokens(s string) (all []token) {
	for at := 0; at < len(s); {
		groups := lexeme.FindStringSubmatchIndex(s[at:])
		if groups == nil || strings.HasPrefix(s[at:], "/*") && groups[2*space] < 0 {
			panic(fault(s, at, unreadable(s[at:])))
		}
		for kind := space; kind <= symbol; kind++ {
			if from, to := groups[2*kind], groups[2*kind+1]; from >= 0 && kind != space {
				all = append(all, newToken(s, token{kind, at, s[at+from : at+to]}, s[at+groups[1]:]))
			}
		}
		at += groups[1]
	}
	return append(all, token{kind: end, at: len(s)})
}

// newToken is a token as the parser wants it; rest is what follows it in s.
func newToken(s string, t token, rest string) token {
	switch {
	case t.kind == number && afterNumber.MatchString(rest):
		panic(fault(s, t.at, "a name that begins with a digit must stand between { and }"))
	case t.kind == text && rest != "" && rest[0] == t.text[0]: // the last quote is one of a pair
		panic(fault(s, t.at, unreadable(t.text)))
	case t.kind == text:
		t.text = unescape[t.text[0]].Replace(t.text[1 : len(t.text)-1])
	case (t.kind == column || t.kind == parameter) && strings.TrimSpace(t.text) == "":
		panic(fault(s, t.at, "there is no name between { and }"))
	case t.text == "!=": // another way to write <>
		t.text = "<>"
	}
	return t
}

// unreadable says what is wrong where no token begins.
func unreadable(s string) string {
	switch {
	case strings.HasPrefix(s, "/*"):
		return "the comment is not closed with */"
	case s[0] == '\'' || s[0] == '"':
		return fmt.Sprintf("the string is not closed with %c", s[0])
	case s[0] == '{' || strings.HasPrefix(s, "${"):
		return "the name is not closed with }"
	default:
		r, _ := utf8.DecodeRuneInString(s)
		return fmt.Sprintf("unexpected character %q", r)
	}
}

// fault is a SyntaxError at a place of the text.
func fault(s string, at int, problem string) *SyntaxError {
	before := s[:at]
	start := strings.LastIndexByte(before, '\n') + 1
	return &SyntaxError{
		Offset:  at,
		Line:    1 + strings.Count(before, "\n"),
		Column:  1 + utf8.RuneCountInString(before[start:]),
		Problem: problem,
	}
}
