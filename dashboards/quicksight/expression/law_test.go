package expression

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// nodes draws trees as Parse gives them.
func nodes(depth int) *rapid.Generator[Node] {
	leaves := rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) Node { return &Literal{Kind: String, Text: s} }),
		rapid.Map(rapid.StringMatching(`0|[1-9][0-9]{0,20}`), func(s string) Node { return &Literal{Kind: Integer, Text: s} }),
		rapid.Map(rapid.StringMatching(`[0-9]{1,3}\.[0-9]{0,3}(e-?[0-9])?`), func(s string) Node { return &Literal{Kind: Decimal, Text: s} }),
		rapid.Map(rapid.SampledFrom([]string{"true", "false"}), func(s string) Node { return &Literal{Kind: Boolean, Text: s} }),
		rapid.Just[Node](&Literal{Kind: Null, Text: "null"}),
		rapid.Map(rapid.StringMatching(`[^}]{1,11}`).Filter(func(s string) bool { return strings.TrimSpace(s) != "" }), // as the parser asks
			func(s string) Node { return &Column{Name: s} }),
		rapid.Map(rapid.StringMatching(`[A-Za-z0-9-]{1,9}`), func(s string) Node { return &Parameter{Name: s} }),
	)
	if depth == 0 {
		return leaves
	}
	inner := nodes(depth - 1)
	operators := []string{"+", "-", "*", "/", "%", "^", "=", "<>", ">", ">=", "<", "<=", "AND", "OR"}
	return rapid.OneOf(
		leaves,
		rapid.Custom(func(t *rapid.T) Node {
			return &Unary{Operator: rapid.SampledFrom([]string{"-", "NOT"}).Draw(t, "operator"), X: inner.Draw(t, "x")}
		}),
		rapid.Custom(func(t *rapid.T) Node {
			return &Binary{Operator: rapid.SampledFrom(operators).Draw(t, "operator"), X: inner.Draw(t, "x"), Y: inner.Draw(t, "y")}
		}),
		rapid.Custom(func(t *rapid.T) Node { return call(t, inner) }),
		rapid.Custom(func(t *rapid.T) Node {
			item := rapid.OneOf(inner, rapid.Custom(func(t *rapid.T) Node {
				return &Sorted{X: inner.Draw(t, "x"), Descending: rapid.Bool().Draw(t, "descending")}
			}))
			return &List{Items: list(t, item, 0, 3)}
		}),
	)
}

func call(t *rapid.T, argument *rapid.Generator[Node]) Node {
	f := rapid.SampledFrom(Functions()).Draw(t, "function")
	most := f.most
	if most < 0 {
		most = f.least
	}
	c := &Call{Function: f, Args: list(t, argument, f.least, most)}
	if len(f.keywords.words) > 0 && most > f.keywords.after && len(c.Args) == most {
		c.Args[most-1] = &Keyword{Word: rapid.SampledFrom(f.keywords.words).Draw(t, "keyword")}
	}
	return c
}

// list draws nodes; none at all are nil, as from Parse.
func list(t *rapid.T, item *rapid.Generator[Node], least, most int) []Node {
	if items := rapid.SliceOfN(item, least, most).Draw(t, "items"); len(items) > 0 {
		return items
	}
	return nil
}

func TestPrintAndParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := nodes(4).Draw(t, "tree")
		printed := Print(n)
		again, err := Parse(printed)
		if err != nil {
			t.Fatalf("%s: %v", printed, err)
		}
		if Print(again) != printed || !reflect.DeepEqual(placeless(again), placeless(n)) {
			t.Fatalf("%s became %s", printed, Print(again))
		}
	})
}

// placeless sets all places to 0.
func placeless(n Node) Node {
	Walk(n, func(n Node) bool {
		reflect.ValueOf(n).Elem().FieldByName("At").SetInt(0)
		return true
	})
	return n
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"ifelse({a b} = 'x', -1.5e3, NOT contains(${p}, \"y\\\"\", CASE_INSENSITIVE), [a DESC], null)",
		"sumOver(sum(x), [a, b], PRE_AGG) / 2 // c\n", "/*", "{", "${", "'", "1e", "a.b", "\xff",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := Parse(text)
		if err != nil {
			return
		}
		printed := Print(n)
		again, err := Parse(printed)
		if err != nil && len(printed) < maxCharacters {
			t.Fatalf("%q prints as %q: %v", text, printed, err)
		}
		if err == nil && Print(again) != printed {
			t.Fatalf("%q prints as %q, and that as %q", text, printed, Print(again))
		}
		Walk(n, func(n Node) bool {
			if n.Offset() < 0 || n.Offset() >= len(text) {
				t.Fatalf("%q: %T at %d", text, n, n.Offset())
			}
			return true
		})
	})
}
