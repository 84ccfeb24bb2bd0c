package expression

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxCharacters is how long an expression may be:
// https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CalculatedField.html
const maxCharacters = 32000

// maxNesting bounds how deep parentheses, calls, lists and signs may stand in one
// another, so that a text that was written to do harm cannot use up the stack.
const maxNesting = 400

// The precedence of the operators, from the loosest:
// https://docs.aws.amazon.com/quicksight/latest/user/arithmetic-and-comparison-operators.html
// The documentation says nothing of several powers in a row: they go from left
// to right, as in SQL.
const (
	loosest = iota + 1
	conjunction
	negation
	comparison
	addition
	multiplication
	sign
	power
)

// precedence is that of a binary operator.
var precedence = map[string]int{
	"OR": loosest, "AND": conjunction,
	"=": comparison, "<>": comparison, ">": comparison, ">=": comparison, "<": comparison, "<=": comparison,
	"+": addition, "-": addition,
	"*": multiplication, "/": multiplication, "%": multiplication,
	"^": power,
}

// Parse reads an expression. Its error is a *SyntaxError: a text that is no
// expression, an unknown function, or one with the wrong number of arguments.
func Parse(text string) (Node, error) {
	if count := utf8.RuneCountInString(text); count > maxCharacters {
		return nil, fault(text, 0, fmt.Sprintf("the expression has %d characters; %d are allowed", count, maxCharacters))
	}
	all, err := tokens(text)
	if err != nil {
		return nil, err
	}
	p := &parser{text: text, tokens: all}
	if p.peek().kind == end {
		return nil, p.fault("the expression is empty")
	}
	n, err := p.expression(loosest)
	if err != nil {
		return nil, err
	}
	if p.peek().kind != end {
		return nil, p.fault("unexpected " + p.peek().String())
	}
	return n, nil
}

// parser reads the tokens of an expression from left to right.
type parser struct {
	text    string
	tokens  []token // the last is the end
	next    int
	nesting int
}

func (p *parser) peek() token { return p.tokens[p.next] }

// take is the next token, which is not the end.
func (p *parser) take() token {
	t := p.tokens[p.next]
	p.next++
	return t
}

// isSymbol says whether the token i after the next one is a symbol.
func (p *parser) isSymbol(i int, s string) bool {
	if p.next+i >= len(p.tokens) {
		return false
	}
	t := p.tokens[p.next+i]
	return t.kind == symbol && t.text == s
}

// isWord says whether the next token is a bare word, in any case.
func (p *parser) isWord(word string) bool {
	t := p.peek()
	return t.kind == name && strings.EqualFold(t.text, word)
}

// fault is a fault at the next token.
func (p *parser) fault(problem string) *SyntaxError {
	return fault(p.text, p.peek().at, problem)
}

// operator is the next token as a binary operator with its precedence, 0 when it
// is none.
func (p *parser) operator() (string, int) {
	t := p.peek()
	switch t.kind {
	case symbol:
		return t.text, precedence[t.text]
	case name:
		word := strings.ToUpper(t.text)
		return word, precedence[word]
	default:
		return "", 0
	}
}

// expression reads operands and the operators between them that bind at least
// as tightly as least.
func (p *parser) expression(least int) (Node, error) {
	if p.nesting++; p.nesting > maxNesting {
		return nil, p.fault(fmt.Sprintf("the expression is nested more than %d deep", maxNesting))
	}
	defer func() { p.nesting-- }()
	x, err := p.prefix()
	if err != nil {
		return nil, err
	}
	for {
		operator, binds := p.operator()
		if binds < least {
			return x, nil
		}
		p.take()
		y, err := p.expression(binds + 1)
		if err != nil {
			return nil, err
		}
		x = &Binary{At: At(x.Offset()), Operator: operator, X: x, Y: y}
	}
}

// prefix reads an operand with the signs and negations before it.
func (p *parser) prefix() (Node, error) {
	operator, binds := "", 0
	switch {
	case p.isWord("NOT"):
		operator, binds = "NOT", negation
	case p.isSymbol(0, "-"):
		operator, binds = "-", sign
	default:
		return p.operand()
	}
	at := p.take().at
	x, err := p.expression(binds)
	if err != nil {
		return nil, err
	}
	return &Unary{At(at), operator, x}, nil
}

// operand reads what stands between operators.
func (p *parser) operand() (Node, error) {
	t := p.peek()
	switch {
	case t.kind == text:
		p.take()
		return &Literal{At(t.at), String, t.text}, nil
	case t.kind == number:
		p.take()
		return &Literal{At(t.at), kindOfNumber(t.text), t.text}, nil
	case t.kind == column:
		p.take()
		return &Column{At(t.at), t.text}, nil
	case t.kind == parameter:
		p.take()
		return &Parameter{At(t.at), t.text}, nil
	case t.kind == name:
		return p.word()
	case p.isSymbol(0, "("):
		return p.parenthesis()
	case p.isSymbol(0, "["):
		return p.list()
	default:
		return nil, p.fault("a value is missing before " + t.String())
	}
}

// kindOfNumber tells whole numbers from others.
func kindOfNumber(s string) Kind {
	if strings.ContainsAny(s, ".eE") {
		return Decimal
	}
	return Integer
}

// word reads a constant, a column without braces, or a call.
func (p *parser) word() (Node, error) {
	if p.isSymbol(1, "(") && !p.isWord("AND") && !p.isWord("OR") {
		return p.call()
	}
	t := p.peek()
	switch strings.ToUpper(t.text) {
	case "AND", "OR":
		return nil, p.fault("a value is missing before " + t.text)
	case "TRUE", "FALSE":
		p.take()
		return &Literal{At(t.at), Boolean, strings.ToLower(t.text)}, nil
	case "NULL":
		p.take()
		return &Literal{At(t.at), Null, "null"}, nil
	default:
		p.take()
		return &Column{At(t.at), t.text}, nil
	}
}

// parenthesis reads an expression in parentheses, which leave nothing behind.
func (p *parser) parenthesis() (Node, error) {
	open := p.take()
	x, err := p.expression(loosest)
	if err != nil {
		return nil, err
	}
	return x, p.close(open, ")")
}

// close takes the parenthesis or bracket that closes open.
func (p *parser) close(open token, with string) error {
	if p.isSymbol(0, with) {
		p.take()
		return nil
	}
	if p.peek().kind == end {
		return fault(p.text, open.at, fmt.Sprintf("the %s is not closed with %s", open.text, with))
	}
	return p.fault(fmt.Sprintf("unexpected %s where a , or a %s is missing", p.peek(), with))
}

// items reads what stands between open and its closing symbol, with commas
// between the items.
func (p *parser) items(with string, item func() (Node, error)) ([]Node, error) {
	open := p.take()
	var items []Node
	if p.isSymbol(0, with) {
		p.take()
		return nil, nil
	}
	for {
		n, err := item()
		if err != nil {
			return nil, err
		}
		items = append(items, n)
		if !p.isSymbol(0, ",") {
			return items, p.close(open, with)
		}
		p.take()
	}
}

// list reads [a, b DESC].
func (p *parser) list() (Node, error) {
	at := p.peek().at
	items, err := p.items("]", p.sorted)
	if err != nil {
		return nil, err
	}
	return &List{At(at), items}, nil
}

// sorted reads an item of a list, with its direction if it has one.
func (p *parser) sorted() (Node, error) {
	x, err := p.expression(loosest)
	if err != nil {
		return nil, err
	}
	if descending := p.isWord("DESC"); descending || p.isWord("ASC") {
		p.take()
		return &Sorted{At(x.Offset()), x, descending}, nil
	}
	return x, nil
}

// call reads f(a, b).
func (p *parser) call() (Node, error) {
	t := p.take()
	function, ok := Lookup(t.text)
	if !ok {
		problem := fmt.Sprintf("there is no function %s", t.text)
		if nearest := Nearest(t.text, functionNames); nearest != "" {
			problem += fmt.Sprintf("; did you mean %s?", nearest)
		}
		return nil, fault(p.text, t.at, problem)
	}
	before := 0
	args, err := p.items(")", func() (Node, error) {
		before++
		return p.argument(function.keywords, before-1)
	})
	if err != nil {
		return nil, err
	}
	if problem := function.miscounts(len(args)); problem != "" {
		return nil, fault(p.text, t.at, problem)
	}
	return &Call{At(t.at), function, args}, nil
}

// argument reads an argument of a call, which has some before it: a keyword, or
// an expression.
func (p *parser) argument(known keywords, before int) (Node, error) {
	t := p.peek()
	alone := t.kind == name && (p.isSymbol(1, ",") || p.isSymbol(1, ")"))
	if word := strings.ToUpper(t.text); alone && before >= known.after && slices.Contains(known.words, word) {
		p.take()
		return &Keyword{At(t.at), word}, nil
	}
	return p.expression(loosest)
}
