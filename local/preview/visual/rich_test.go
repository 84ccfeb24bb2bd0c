package visual

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// puts gives parameters their names in capitals.
var puts = richValues{parameter: strings.ToUpper}

func TestRichText(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"title":            {"<visual-title>Now</visual-title>", "Now"},
		"indented":         {"<visual-title>\n  <inline font-size=\"20px\">Daily\u00a0</inline>\n  <inline>\n    <b>c</b>\n  </inline>\n  <inline>ost</inline>\n</visual-title>", "Daily cost"},
		"parameter":        {"<visual-title>\n  In\n  <parameter>${place}</parameter>\n  since '\n  <parameter>${days}</parameter>\n  ' days.\n  <br/>\n  Yes (\n  <b>no</b>\n  )\n</visual-title>", "In PLACE since 'DAYS' days. Yes (no)"},
		"before a bracket": {"<t>\n  <b>a</b>\n  (b)\n</t>", "a (b)"},
		"entities":         {"<t>&amp;&#128161;&nbsp;&eacute;</t>", "&💡 é"},
		"list":             {"<t><ul><li>a</li><li>b</li></ul></t>", "a b"},
		"no elements":      {"plain ${x}", "plain ${x}"},
		"malformed":        {"<t>a <b>b</t> &nope; ${x}", "a b &nope; ${x}"},
		"never closed":     {"<t>a", "a"},
		"an expression":    {"<t><expression>A.b</expression><expression>${x}</expression></t>", "…X"},
		"empty":            {"", ""},
		"deep":             {strings.Repeat("<b>", 100) + "x" + strings.Repeat("</b>", 100), "x"},
	} {
		if got := richText(c.in, puts); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestRichHTML(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"text":           {"<text-box>a &lt;b&gt; &quot;</text-box>", "a &lt;b&gt; &#34;"},
		"inline":         {`<text-box><inline font-size="40px" color="#767676">x</inline></text-box>`, `<span style="font-size:40px">x</span>`},
		"sizes":          {`<t><inline font-size="400px">a</inline><inline font-size="19.2px">b</inline><inline font-size="1px">c</inline><inline font-size="x">d</inline></t>`, `<span style="font-size:40px">a</span><span style="font-size:19.2px">b</span><span style="font-size:11px">c</span><span>d</span>`},
		"theme's colour": {`<t><inline color="Accent">x</inline></t>`, `<span>x</span>`},
		"style injected": {`<t><inline color="red;position:fixed" font-size="10px;x" style="a" onclick="b">x</inline></t>`, `<span>x</span>`},
		"block":          {`<t><block align="center">x</block><br/><block align="center"/><br/>y</t>`, `<div style="text-align:center">x</div><div style="text-align:center"></div><br/>y`},
		"align injected": {`<t><block align="center&quot; x=">x</block></t>`, `<div>x</div>`},
		"link":           {`<t><a href="https://example.org/?a=1&amp;b=%22" target="_blank">x</a></t>`, `<a href="https://example.org/?a=1&amp;b=%22" target="_blank" rel="noopener">x</a>`},
		"mail":           {`<t><a href="mailto:a@example.org">x</a></t>`, `<a href="mailto:a@example.org" target="_blank" rel="noopener">x</a>`},
		"bad links":      {`<t><a href="javascript:alert(1)">x</a><a href=" JaVaScRiPt:alert(1)">x</a><a href="data:text/html,x">x</a><a href="//example.org">x</a><a href="https:x">x</a><a>x</a></t>`, `xxxxxx`},
		"list":           {"<t>\n<ul>\n  <li class=\"ql\">\n      <b>No</b>\n      : x\n  </li>\n</ul></t>", "<ul><li><b>No</b>: x </li></ul>"},
		"script":         {`<t><script>alert("x")</script><img src="x"/></t>`, `alert(&#34;x&#34;)`},
		"parameter":      {`<t><parameter>${<b>}</parameter></t>`, ``},
		"parameter text": {`<t>a <parameter>${x&lt;}</parameter></t>`, `a X&lt;`},
		"malformed":      {`<t><b>x</t><i onclick="y">z`, `<b>x</b><b><i>z</i></b>`},
		"comment":        {`<t><!-- x --><?php y?>z</t>`, `z`},
	} {
		if got := richHTML(c.in, puts); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", name, got, c.want)
		}
	}
}

var (
	allowedStyle = regexp.MustCompile(`^(font-size:[0-9.]+px|text-align:(left|right|center|justify))(;text-align:(left|right|center|justify))*$`)
	allowedLink  = regexp.MustCompile(`^(https?://|mailto:)`)
)

// FuzzRichHTML holds the HTML of any text box to the list of what is allowed.
func FuzzRichHTML(f *testing.F) {
	for _, seed := range []string{
		`<text-box><inline color="#767676" font-size="40px">a</inline><br/><block align="center"><a href="https://x.org">b</a></block></text-box>`,
		`<text-box><ul><li><b>x</b> &amp; <parameter>${p}</parameter></li></ul></text-box>`,
		`<a href="javascript:x">`, `<t><![CDATA[<x>]]></t>`, "<t>&#0;\x00</t>", "${", `<t><i:b xmlns:i="x">y</i:b></t>`,
		`<narrative><expression>a.b</expression></narrative>`,
	} {
		f.Add(seed)
	}
	elements := append([]string{"div", "span", "br", "a"}, same...)
	f.Fuzz(func(t *testing.T, s string) {
		out := richHTML(s, richValues{parameter: func(name string) string { return "<" + name + `">&` }})
		richText(s, puts)
		d := xml.NewDecoder(strings.NewReader("<root>" + out + "</root>"))
		d.Entity = map[string]string{}
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatalf("%q is not well-formed: %v", out, err)
			}
			e, ok := token.(xml.StartElement)
			if !ok || e.Name.Local == "root" {
				continue
			}
			if !slices.Contains(elements, e.Name.Local) {
				t.Fatalf("%q has the element %s", out, e.Name.Local)
			}
			for _, a := range e.Attr {
				ok := false
				switch a.Name.Local {
				case "style":
					ok = allowedStyle.MatchString(a.Value)
				case "href":
					ok = allowedLink.MatchString(a.Value)
				case "target":
					ok = a.Value == "_blank"
				case "rel":
					ok = a.Value == "noopener"
				}
				if !ok {
					t.Fatalf("%q has the attribute %s", out, a.Name.Local)
				}
			}
		}
	})
}
