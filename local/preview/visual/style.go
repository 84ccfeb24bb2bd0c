package visual

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// styleOf is the style attribute of an <inline> or <block>, with a space before
// it; empty when there is none.
func styleOf(e *rich) string {
	var styles []string
	if size, ok := pixels(e.attrs["font-size"]); ok {
		styles = append(styles, "font-size:"+strconv.FormatFloat(size, 'f', -1, 64)+"px")
	}
	color, back := e.attrs["color"], e.attrs["background-color"]
	color, back = hex(&color), hex(&back)
	switch {
	case back != "" && color != "" && contrast(color, back) >= readable:
		styles = append(styles, "color:"+color, "background-color:"+back)
	case back != "":
		styles = append(styles, "color:"+over(back), "background-color:"+back)
	case color != "" && contrast(color, lightPage) >= readable && contrast(color, darkPage) >= readable:
		styles = append(styles, "color:"+color)
	}
	switch align := e.attrs["align"]; align {
	case "left", "right", "center", "justify":
		styles = append(styles, "text-align:"+align)
	}
	if len(styles) == 0 {
		return ""
	}
	return fmt.Sprintf(` style="%s"`, strings.Join(styles, ";"))
}

// pixels reads a length in pixels, between what can be read and what leaves room.
func pixels(s string) (float64, bool) {
	n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(s), "px"), 64)
	if err != nil || math.IsNaN(n) {
		return 0, false
	}
	return max(11, min(n, 40)), true
}

// The page is light or dark as its reader likes, and a definition's texts were
// coloured for one background. A colour that could not be read on the other is
// left to the page: 3 is WCAG 2.2's least contrast of large texts,
// https://www.w3.org/TR/WCAG22/#contrast-minimum.
const (
	lightPage = "#ffffff"
	darkPage  = "#161a1f"
	readable  = 3
)

// contrast is the contrast ratio of two colours, 1 to 21, as
// https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio defines it.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is the relative luminance of #rrggbb, 0 to 1.
func luminance(color string) float64 {
	n, err := strconv.ParseUint(strings.TrimPrefix(color, "#"), 16, 32)
	if err != nil {
		return 0
	}
	linear := func(shift int) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}

// over is black or white, whichever can be read over a colour.
func over(back string) string {
	if contrast("#000000", back) >= contrast("#ffffff", back) {
		return "#000000"
	}
	return "#ffffff"
}

// link reports whether an address may be followed: the web and mail alone.
func link(address string) (string, bool) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return "", false
	}
	switch u.Scheme {
	case "http", "https":
		return u.String(), u.Host != ""
	case "mailto":
		return u.String(), u.Opaque != ""
	default:
		return "", false
	}
}
