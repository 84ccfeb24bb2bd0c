package expression

// Walk visits a node and all that is in it, each before its parts and from left
// to right. Where visit says false, the parts are left out.
func Walk(n Node, visit func(Node) bool) {
	if n == nil || !visit(n) {
		return
	}
	for _, part := range parts(n) {
		Walk(part, visit)
	}
}

// parts are the nodes right under a node.
func parts(n Node) []Node {
	switch n := n.(type) {
	case *Unary:
		return []Node{n.X}
	case *Binary:
		return []Node{n.X, n.Y}
	case *Call:
		return n.Args
	case *List:
		return n.Items
	case *Sorted:
		return []Node{n.X}
	default:
		return nil
	}
}
