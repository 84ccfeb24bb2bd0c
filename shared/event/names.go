package event

// nameSet holds the names of the objects that are open, innermost last, to find
// duplicates: by comparing while an object is small, by a map from then on, so
// that an object of ten thousand names does not take their square.
type nameSet struct {
	names []string
	seen  map[seenName]struct{}
}

type seenName struct {
	object int
	name   string
}

// fewNames is up to how many names comparing is cheaper than hashing.
const fewNames = 16

// begin opens an object and gives its handle.
func (n *nameSet) begin() int { return len(n.names) }

// add reports whether the name is new in the innermost object.
func (n *nameSet) add(object int, name string) bool {
	mine := n.names[object:]
	if len(mine) < fewNames {
		for _, other := range mine {
			if other == name {
				return false
			}
		}
		n.names = append(n.names, name)
		return true
	}
	if n.seen == nil {
		n.seen = make(map[seenName]struct{})
	}
	if len(mine) == fewNames {
		for _, other := range mine {
			n.seen[seenName{object, other}] = struct{}{}
		}
	}
	if _, found := n.seen[seenName{object, name}]; found {
		return false
	}
	n.seen[seenName{object, name}] = struct{}{}
	n.names = append(n.names, name)
	return true
}

// end closes the innermost object.
func (n *nameSet) end(object int) {
	if mine := n.names[object:]; len(mine) > fewNames {
		for _, name := range mine {
			delete(n.seen, seenName{object, name})
		}
	}
	n.names = n.names[:object]
}

func (n *nameSet) reset() {
	n.names = n.names[:0]
	clear(n.seen)
}
