package expression

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is the kind of a token.
type tokenKind int

const (
	end       tokenKind = iota
	name                // a bare word
	column              // {…}
	parameter           // ${…}
	text                // '…' or "…"
	number
	symbol // an operator or punctuation
)

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

// symbols are matched in this order, so that the longer ones come first.
var symbols = []string{"<>", "!=", ">=", "<=", "=", ">", "<", "+", "-", "*", "/", "%", "^", "(", ")", "[", "]", ","}

// tokens cuts an expression into tokens, of which the last is the end.
func tokens(s string) ([]token, error) {
	var all []token
	for at := 0; ; {
		skipped, err := skipSpace(s, at)
		if err != nil {
			return nil, err
		}
		if at = skipped; at == len(s) {
			return append(all, token{kind: end, at: at}), nil
		}
		t, next, err := scan(s, at)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
		at = next
	}
}

// skipSpace is where the next token begins, after spaces and comments.
func skipSpace(s string, at int) (int, error) {
	for at < len(s) {
		r, size := utf8.DecodeRuneInString(s[at:])
		switch {
		case unicode.IsSpace(r) || r == '\ufeff':
			at += size
		case strings.HasPrefix(s[at:], "//"):
			line := strings.IndexByte(s[at:], '\n')
			if line < 0 {
				return len(s), nil
			}
			at += line + 1
		case strings.HasPrefix(s[at:], "/*"):
			length := strings.Index(s[at+2:], "*/")
			if length < 0 {
				return 0, fault(s, at, "the comment is not closed with */")
			}
			at += 2 + length + 2
		default:
			return at, nil
		}
	}
	return at, nil
}

// scan reads the token at a place that is no space and not the end.
func scan(s string, at int) (token, int, error) {
	r, _ := utf8.DecodeRuneInString(s[at:])
	switch {
	case r == '\'' || r == '"':
		return scanText(s, at)
	case r == '{':
		return scanBraces(s, at, column, "{")
	case strings.HasPrefix(s[at:], "${"):
		return scanBraces(s, at, parameter, "${")
	case isDigit(s, at) || r == '.' && isDigit(s, at+1):
		return scanNumber(s, at)
	case isNameStart(r):
		next := skipName(s, at)
		return token{name, at, s[at:next]}, next, nil
	}
	for _, symbol := range symbols {
		if strings.HasPrefix(s[at:], symbol) {
			return symbolToken(at, symbol), at + len(symbol), nil
		}
	}
	return token{}, 0, fault(s, at, fmt.Sprintf("unexpected character %q", r))
}

// symbolToken is a token of a symbol; != is another way to write <>.
func symbolToken(at int, s string) token {
	if s == "!=" {
		s = "<>"
	}
	return token{symbol, at, s}
}

// scanText reads a string. A quote within it is doubled, or stands after a
// backslash, as does a backslash before either. Any other backslash is one: the
// real definitions write replace(x, "\n", "…") for texts that have the two
// characters \ and n in them, and put a line break into a string as it is.
func scanText(s string, at int) (token, int, error) {
	quote := s[at]
	var b strings.Builder
	for i := at + 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && strings.IndexByte(`\'"`, s[i+1]) >= 0:
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return token{text, at, b.String()}, i + 1, nil
		}
		b.WriteByte(s[i])
	}
	return token{}, 0, fault(s, at, fmt.Sprintf("the string is not closed with %c", quote))
}

// scanBraces reads {name} or ${name}; the name is all that is before the }.
func scanBraces(s string, at int, kind tokenKind, open string) (token, int, error) {
	inside := s[at+len(open):]
	length := strings.IndexByte(inside, '}')
	if length < 0 {
		return token{}, 0, fault(s, at, "the name is not closed with }")
	}
	if strings.TrimSpace(inside[:length]) == "" {
		return token{}, 0, fault(s, at, "there is no name between { and }")
	}
	return token{kind, at, inside[:length]}, at + len(open) + length + 1, nil
}

// scanNumber reads digits, with a fraction and an exponent if there are any.
func scanNumber(s string, at int) (token, int, error) {
	next := skipDigits(s, at)
	if next < len(s) && s[next] == '.' {
		next = skipDigits(s, next+1)
	}
	if exponent := next; exponent < len(s) && (s[exponent] == 'e' || s[exponent] == 'E') {
		exponent++
		if exponent < len(s) && (s[exponent] == '+' || s[exponent] == '-') {
			exponent++
		}
		if isDigit(s, exponent) {
			next = skipDigits(s, exponent)
		}
	}
	if r, _ := utf8.DecodeRuneInString(s[next:]); isNameStart(r) || isDigit(s, next) || r == '.' {
		return token{}, 0, fault(s, at, "a name that begins with a digit must stand between { and }")
	}
	return token{number, at, s[at:next]}, next, nil
}

func isDigit(s string, at int) bool { return at < len(s) && s[at] >= '0' && s[at] <= '9' }

func skipDigits(s string, at int) int {
	for isDigit(s, at) {
		at++
	}
	return at
}

func isNameStart(r rune) bool {
	return r != utf8.RuneError && (r == '_' || unicode.IsLetter(r))
}

func skipName(s string, at int) int {
	for at < len(s) {
		r, size := utf8.DecodeRuneInString(s[at:])
		if !isNameStart(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			break
		}
		at += size
	}
	return at
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
