package expression

import "strings"

// Print writes an expression in one way whatever way it was written in: without
// comments, with braces around each column and parentheses around each operation
// within another. Parse gives the same tree again; two expressions that print
// the same mean the same.
func Print(n Node) string {
	var b strings.Builder
	write(&b, n)
	return b.String()
}

func write(b *strings.Builder, n Node) {
	switch n := n.(type) {
	case *Literal:
		if n.Kind == String {
			b.WriteString(quote(n.Text))
		} else {
			b.WriteString(n.Text)
		}
	case *Column:
		b.WriteString("{" + n.Name + "}")
	case *Parameter:
		b.WriteString("${" + n.Name + "}")
	case *Unary:
		b.WriteString(n.Operator)
		if n.Operator == "NOT" {
			b.WriteByte(' ')
		}
		writeOperand(b, n.X)
	case *Binary:
		writeOperand(b, n.X)
		b.WriteString(" " + n.Operator + " ")
		writeOperand(b, n.Y)
	case *Call:
		b.WriteString(n.Function.Name)
		writeAll(b, "(", n.Args, ")")
	case *List:
		writeAll(b, "[", n.Items, "]")
	case *Sorted:
		write(b, n.X)
		if n.Descending {
			b.WriteString(" DESC")
		} else {
			b.WriteString(" ASC")
		}
	case *Keyword:
		b.WriteString(n.Word)
	}
}

// writeOperand puts an operation within another into parentheses.
func writeOperand(b *strings.Builder, n Node) {
	switch n.(type) {
	case *Unary, *Binary:
		b.WriteByte('(')
		write(b, n)
		b.WriteByte(')')
	default:
		write(b, n)
	}
}

func writeAll(b *strings.Builder, open string, nodes []Node, closing string) {
	b.WriteString(open)
	for i, n := range nodes {
		if i > 0 {
			b.WriteString(", ")
		}
		write(b, n)
	}
	b.WriteString(closing)
}

// quote writes a string as an expression does.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
