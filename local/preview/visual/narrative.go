package visual

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
)

// write puts the sentences, or the narrative, into the Drawing.
func (i *insight) write() {
	if i.narrative != "" {
		i.plan.undrawn(colored(i.narrative), "the colours of the text are")
		i.plan.drawing.Text = &Text{HTML: richHTML(i.narrative, richValues{parameter: parameters(i.plan.builder), narrative: i})}
		return
	}
	w := &rich{}
	for _, c := range i.computations {
		w.out.WriteString("<div>")
		w.text(c.sentence)
		w.out.WriteString("</div>")
	}
	i.plan.drawing.Text = &Text{HTML: w.out.String()}
}

// output is the value of a path: a computation's name, and that of an output.
func (i *insight) output(path string) (any, bool) {
	for _, c := range i.computations {
		if rest, ok := strings.CutPrefix(path, c.name+"."); ok && c.name != "" {
			if v, known := c.outputs[rest]; known {
				return v, true
			}
		}
	}
	return nil, false
}

// expression writes an expression of the narrative.
func (i *insight) expression(path string) string {
	v, known := i.output(path)
	if !known {
		i.plan.notes.add("the narrative's expression %s is not known", shorten(path, 60))
		return "…"
	}
	return written(v, Format{Type: "number", Decimals: -1})
}

// times is how often a loop over a path, such as Ranking.items, is run.
func (i *insight) times(path string) int {
	n, known := i.output(strings.TrimSpace(path) + "Count")
	times, _ := n.(int64)
	if !known {
		i.plan.notes.add("the narrative's loop over %s is left out: it is not known", shorten(path, 60))
	}
	return int(times)
}

var comparison = regexp.MustCompile(`^\s*([^\s<>=!&|]+)\s*(>=|<=|<>|!=|==|=|>|<)\s*([-\d.]+)\s*$`)

// holds evaluates a condition of the narrative: an output compared with a number. One
// that is not known does not hold, so that no two sentences contradict each other.
func (i *insight) holds(condition string) bool {
	if parts := comparison.FindStringSubmatch(condition); parts != nil {
		v, _ := i.output(parts[1])
		x, known := number(v)
		y, err := strconv.ParseFloat(parts[3], 64)
		if known && err == nil {
			order := map[int]string{-1: "< <= <> !=", 0: "<= >= = ==", 1: "> >= <> !="}[cmp.Compare(x, y)]
			return strings.Contains(" "+order+" ", " "+parts[2]+" ")
		}
	}
	i.plan.notes.add("the part of the narrative where %s is left out: that is not known", shorten(condition, 60))
	return false
}
