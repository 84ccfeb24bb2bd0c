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
func Parse(text string) (n Node, err error) {
	// Within the package a fault is thrown from where it is found.
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case *SyntaxError:
			n, err = nil, thrown
		default:
			panic(thrown)
		}
	}()
	if count := utf8.RuneCountInString(text); count > maxCharacters {
		return nil, fault(text, 0, fmt.Sprintf("the expression has %d characters; %d are allowed", count, maxCharacters))
	}
	p := &parser{text: text, tokens: tokens(text)}
	if p.peek().kind == end {
		p.fail("the expression is empty")
	}
	n = p.expression(loosest)
	if p.peek().kind != end {
		p.fail("unexpected " + p.peek().String())
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

// fail ends the parsing with a fault at the next token.
func (p *parser) fail(problem string) { panic(fault(p.text, p.peek().at, problem)) }

// operator is the next token as a binary operator with its precedence, 0 when it
// is none.
func (p *parser) operator() (string, int) {
	t := p.peek()
	switch t.kind {
	case symbol, name:
		operator := strings.ToUpper(t.text)
		return operator, precedence[operator]
	default:
		return "", 0
	}
}

// expression reads operands and the operators between them that bind at least
// as tightly as least.
func (p *parser) expression(least int) Node {
	if p.nesting++; p.nesting > maxNesting {
		p.fail(fmt.Sprintf("the expression is nested more than %d deep", maxNesting))
	}
	defer func() { p.nesting-- }()
	x := p.prefix()
	for {
		operator, binds := p.operator()
		if binds < least {
			return x
		}
		p.take()
		x = &Binary{At: At(x.Offset()), Operator: operator, X: x, Y: p.expression(binds + 1)}
	}
}

// prefix reads an operand with the signs and negations before it.
func (p *parser) prefix() Node {
	switch {
	case p.isWord("NOT"):
		return &Unary{At(p.take().at), "NOT", p.expression(negation)}
	case p.isSymbol(0, "-"):
		return &Unary{At(p.take().at), "-", p.expression(sign)}
	default:
		return p.operand()
	}
}

// operand reads what stands between operators.
func (p *parser) operand() Node {
	t := p.peek()
	switch {
	case t.kind == name:
		return p.word()
	case p.isSymbol(0, "("): // parentheses leave nothing behind
		p.take()
		x := p.expression(loosest)
		p.close(t, ")")
		return x
	case p.isSymbol(0, "["):
		return &List{At(t.at), p.items("]", p.sorted)}
	case t.kind == symbol || t.kind == end:
		p.fail("a value is missing before " + t.String())
	}
	p.take()
	switch t.kind {
	case column:
		return &Column{At(t.at), t.text}
	case parameter:
		return &Parameter{At(t.at), t.text}
	case text:
		return &Literal{At(t.at), String, t.text}
	default:
		kind := Integer
		if strings.ContainsAny(t.text, ".eE") {
			kind = Decimal
		}
		return &Literal{At(t.at), kind, t.text}
	}
}

// word reads a constant, a column without braces, or a call.
func (p *parser) word() Node {
	t := p.peek()
	word := strings.ToUpper(t.text)
	if word == "AND" || word == "OR" {
		p.fail("a value is missing before " + t.text)
	}
	if p.isSymbol(1, "(") {
		return p.call()
	}
	p.take()
	switch word {
	case "TRUE", "FALSE":
		return &Literal{At(t.at), Boolean, strings.ToLower(t.text)}
	case "NULL":
		return &Literal{At(t.at), Null, "null"}
	default:
		return &Column{At(t.at), t.text}
	}
}

// close takes the parenthesis or bracket that closes open.
func (p *parser) close(open token, with string) {
	switch {
	case p.isSymbol(0, with):
		p.take()
	case p.peek().kind == end:
		panic(fault(p.text, open.at, fmt.Sprintf("the %s is not closed with %s", open.text, with)))
	default:
		p.fail(fmt.Sprintf("unexpected %s where a , or a %s is missing", p.peek(), with))
	}
}

// items reads what stands between the next token and the symbol that closes it,
// with commas between the items.
func (p *parser) items(with string, item func() Node) (items []Node) {
	open := p.take()
	if p.isSymbol(0, with) {
		p.take()
		return nil
	}
	items = append(items, item())
	for p.isSymbol(0, ",") {
		p.take()
		items = append(items, item())
	}
	p.close(open, with)
	return items
}

// sorted reads an item of a list, with its direction if it has one.
func (p *parser) sorted() Node {
	x := p.expression(loosest)
	if descending := p.isWord("DESC"); descending || p.isWord("ASC") {
		p.take()
		return &Sorted{At(x.Offset()), x, descending}
	}
	return x
}

// call reads f(a, b).
func (p *parser) call() Node {
	t := p.take()
	function, ok := functions[strings.ToLower(t.text)]
	if !ok {
		problem := fmt.Sprintf("there is no function %s", t.text)
		if nearest := Nearest(t.text, functionNames); nearest != "" {
			problem += fmt.Sprintf("; did you mean %s?", nearest)
		}
		panic(fault(p.text, t.at, problem))
	}
	before := -1
	args := p.items(")", func() Node {
		before++
		return p.argument(function, before)
	})
	if problem := function.miscounts(len(args)); problem != "" {
		panic(fault(p.text, t.at, problem))
	}
	return &Call{At(t.at), function, args}
}

// argument reads an argument of a call, which has some before it: a keyword, or
// an expression.
func (p *parser) argument(f *Function, before int) Node {
	t := p.peek()
	alone := t.kind == name && (p.isSymbol(1, ",") || p.isSymbol(1, ")"))
	if word := strings.ToUpper(t.text); alone && before >= f.keywords.after && slices.Contains(f.keywords.words, word) {
		p.take()
		return &Keyword{At(t.at), word}
	}
	return p.expression(loosest)
}
