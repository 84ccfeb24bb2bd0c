package visual

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// richValues are what is put into a rich text.
type richValues struct {
	parameter func(name string) string
	narrative *insight // whose narrative it is, nil for none
}

// rich writes the markup of titles, text boxes and narratives as HTML:
// <text-box>, <visual-title>, <visual-subtitle> or <narrative> with <inline>,
// <block>, <br/>, <a>, <ul>, <ol>, <li>, <b>, <i>, <u>, <s>, <parameter> and, in a
// narrative, <expression>, <if> and <for> within.
type rich struct {
	out    strings.Builder
	values richValues
	loops  int // around what is written
	index  int // of the turn of the innermost loop
}

// selfClosed is an element such as <block/>, which HTML would take for one that
// begins; <br/> it knows.
var selfClosed = regexp.MustCompile(`<([a-zA-Z][\w-]*)((?:\s+[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*/>`)

// richHTML is a rich text as HTML: div, span, br, ul, ol, li, b, i, u, s and a
// alone, with the attributes style, href, target and rel, and all text escaped.
// It is well-formed XML, too. What is malformed is read as browsers do.
func richHTML(s string, values richValues) string {
	s = strings.ReplaceAll(selfClosed.ReplaceAllString(s, "<$1$2></$1>"), "</br>", "")
	w := &rich{values: values}
	nodes, err := html.ParseFragment(strings.NewReader(s), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil { // nested too deeply
		w.text(s)
	}
	root := &html.Node{}
	for _, n := range nodes {
		root.AppendChild(n)
	}
	w.content(root)
	return strings.TrimSpace(w.out.String())
}

var (
	inLine = regexp.MustCompile(`</?(span|b|i|u|s|a)\b[^>]*>`)
	tags   = regexp.MustCompile(`<[^>]*>`)
)

// richText is the plain text of a rich one, on one line.
func richText(s string, values richValues) string {
	text := tags.ReplaceAllString(inLine.ReplaceAllString(richHTML(s, values), ""), " ")
	return strings.Join(strings.Fields(html.UnescapeString(text)), " ")
}

// content writes what stands in an element.
func (w *rich) content(n *html.Node) {
	afterBlock := false
	for c := range n.ChildNodes() {
		text := spaced(c.Data)
		switch {
		case c.Type == html.TextNode && text == "":
			continue
		case c.Type == html.TextNode:
			w.text(text)
		case c.Type == html.ElementNode && (c.Data != "br" || !afterBlock):
			// A <br/> behind a block only ends the line that the block ends anyway.
			w.element(c)
		}
		afterBlock = c.Data == "block" && c.FirstChild != nil
	}
}

// text writes a text, in characters that XML and HTML allow.
func (w *rich) text(s string) {
	w.out.WriteString(html.EscapeString(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' && r != '\n' || r == utf8.RuneError || r&0xfffe == 0xfffe {
			return -1
		}
		return r
	}, s)))
}

// same are the elements that are called the same in HTML.
var same = []string{"ul", "ol", "li", "b", "i", "u", "s"}

// element writes an element. Of those that nobody knows, text-box and narrative among
// them, the content alone is written. The number of a loop's turn is put into paths and
// conditions.
func (w *rich) element(n *html.Node) {
	i := w.values.narrative
	item := func(s string) string { return strings.ReplaceAll(s, "[index]", "["+strconv.Itoa(w.index)+"]") }
	address, isLink := link(attribute(n, "href"))
	tag, attributes := "", ""
	switch {
	case n.Data == "br":
		w.out.WriteString("<br/>")
		return
	case n.Data == "parameter" || n.Data == "expression":
		var path strings.Builder
		for c := range n.Descendants() {
			if c.Type == html.TextNode {
				path.WriteString(c.Data)
			}
		}
		w.text(w.filled(n.Data, item(strings.TrimSpace(path.String()))))
		return
	case n.Data == "if" && i != nil:
		if !i.holds(item(attribute(n, "condition"))) {
			return
		}
	case n.Data == "for" && i != nil:
		if w.loops++; w.loops <= 2 { // or loops in loops would not end
			for w.index = range i.times(item(attribute(n, "range"))) {
				w.content(n)
			}
		}
		w.loops--
		return
	case n.Data == "inline":
		tag, attributes = "span", styleOf(n)
	case n.Data == "block":
		tag, attributes = "div", styleOf(n)
	case n.Data == "a" && isLink:
		tag, attributes = "a", ` href="`+html.EscapeString(address)+`" target="_blank" rel="noopener"`
	case slices.Contains(same, n.Data):
		tag = n.Data
	}
	if tag == "" {
		w.content(n)
		return
	}
	w.out.WriteString("<" + tag + attributes + ">")
	w.content(n)
	w.out.WriteString("</" + tag + ">")
}

// filled is what stands for a <parameter> or an <expression>.
func (w *rich) filled(name, path string) string {
	switch {
	case name == "parameter" || strings.HasPrefix(path, "${"):
		return putIn(path, w.values.parameter)
	case w.values.narrative == nil:
		return "…"
	default:
		return w.values.narrative.expression(path)
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// styleOf is the style attribute of an <inline> or <block>, with a space before
// it; empty when there is none. Colours are the page's: a definition's were chosen for
// one background, and the page is light or dark as its reader likes.
func styleOf(n *html.Node) string {
	var styles []string
	if size, ok := pixels(attribute(n, "font-size")); ok {
		// between what can be read and what leaves room
		styles = append(styles, "font-size:"+strconv.FormatFloat(max(11, min(size, 40)), 'f', -1, 64)+"px")
	}
	switch align := attribute(n, "align"); align {
	case "left", "right", "center", "justify":
		styles = append(styles, "text-align:"+align)
	}
	if len(styles) == 0 {
		return ""
	}
	return fmt.Sprintf(` style="%s"`, strings.Join(styles, ";"))
}

// pixels reads a length in pixels.
func pixels(s string) (n float64, ok bool) {
	n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(s), "px"), 64)
	return n, err == nil && !math.IsNaN(n)
}

// link reports whether an address may be followed: the web and mail alone.
func link(address string) (string, bool) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return "", false
	}
	return u.String(), (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" || u.Scheme == "mailto" && u.Opaque != ""
}

// colored reports whether a rich text has colours, which are not drawn.
func colored(s string) bool { return strings.Contains(s, `color="`) }

// indents are the edges of a text that indentation has made, and what stands in their
// place. QuickSight's exports are indented, so that a text's edges may have grown a line
// break that nobody wrote: it is a space where two words would run together, else
// nothing. A space that counts is a no-break one there.
var indents = []struct {
	blank *regexp.Regexp
	by    string
}{
	{regexp.MustCompile(`^[ \t\r]*\n[ \t\r\n]*([^\p{L}\p{N}( \t\r\n]|$)`), "$1"},
	{regexp.MustCompile(`([^\p{L}\p{N}.,;:!?) \t\r\n])[ \t\r]*\n[ \t\r\n]*$`), "$1"},
	{regexp.MustCompile(`[ \t\r\n]+`), " "},
}

// spaced removes the indentation of a text.
func spaced(s string) string {
	for _, i := range indents {
		s = i.blank.ReplaceAllString(s, i.by)
	}
	return s
}
