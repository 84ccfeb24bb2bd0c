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

// write writes texts, nodes, and lists of nodes with commas between them.
func write(b *strings.Builder, parts ...any) {
	for _, part := range parts {
		switch n := part.(type) {
		case string:
			b.WriteString(n)
		case []Node:
			for i, item := range n {
				if i > 0 {
					b.WriteString(", ")
				}
				write(b, item)
			}
		case *Literal:
			if n.Kind == String {
				write(b, quote(n.Text))
			} else {
				write(b, n.Text)
			}
		case *Column:
			write(b, "{", n.Name, "}")
		case *Parameter:
			write(b, "${", n.Name, "}")
		case *Unary:
			write(b, strings.Replace(n.Operator, "NOT", "NOT ", 1))
			writeOperand(b, n.X)
		case *Binary:
			writeOperand(b, n.X)
			write(b, " ", n.Operator, " ")
			writeOperand(b, n.Y)
		case *Call:
			write(b, n.Function.Name, "(", n.Args, ")")
		case *List:
			write(b, "[", n.Items, "]")
		case *Sorted:
			order := " ASC"
			if n.Descending {
				order = " DESC"
			}
			write(b, n.X, order)
		case *Keyword:
			write(b, n.Word)
		}
	}
}

// writeOperand puts an operation within another into parentheses.
func writeOperand(b *strings.Builder, n Node) {
	switch n.(type) {
	case *Unary, *Binary:
		write(b, "(", n, ")")
	default:
		write(b, n)
	}
}

// quote writes a string as an expression does.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
