package definition

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
)

// The bounds of a grid:
// https://docs.aws.amazon.com/quicksight/latest/APIReference/API_GridLayoutElement.html
const (
	gridColumns = 36
	gridRows    = 9010 // row indices are 0 to 9009
	maxRowSpan  = 21
)

// layout checks what places things on a sheet.
func (c *checker) layout(node any, p path, in scope) {
	switch n := node.(type) {
	case *types.GridLayoutElement:
		c.element(n.ElementType, n.ElementId, p, in)
		c.bounds(n, p)
	case *types.FreeFormLayoutElement:
		c.element(n.ElementType, n.ElementId, p, in)
	case *types.GridLayoutConfiguration:
		c.overlaps(n, p)
	}
}

// element checks that what is placed is on the sheet, and is placed once.
func (c *checker) element(kind types.LayoutElementType, id *string, p path, in scope) {
	if kind == "" || id == nil {
		return
	}
	thing := thing(strings.ReplaceAll(strings.ToLower(string(kind)), "_", " ")) // FILTER_CONTROL is a filter control
	p = p.member("ElementId")
	c.refer(role{refers: thing, sameSheet: true}, *id, p, in)
	k := keyOf(thing, *id, in)
	if other, twice := c.placed[k]; twice {
		c.faultf(p, "the %s %q is placed already: %s", thing, *id, other)
		return
	}
	c.placed[k] = p.String()
}

// unplaced finds the visuals that a sheet with a layout does not place. Without
// one, QuickSight places them itself.
func (c *checker) unplaced() {
	for _, d := range c.declared {
		if d.thing != visual {
			continue
		}
		var layouts []types.Layout
		switch s := d.in.sheet.(type) {
		case *types.SheetDefinition:
			layouts = s.Layouts
		case *types.TooltipSheetDefinition:
			layouts = s.Layouts
		}
		if _, ok := c.placed[d.key]; !ok && len(layouts) > 0 {
			c.faultf(path(d.path), "the visual %q is not in the layout of its sheet", d.id)
		}
	}
}

// bounds checks that an element lies within the grid.
func (c *checker) bounds(e *types.GridLayoutElement, p path) {
	width, height := int(deref(e.ColumnSpan)), int(deref(e.RowSpan))
	column, row := int(deref(e.ColumnIndex)), int(deref(e.RowIndex))
	if e.ColumnSpan != nil && (width < 1 || width > gridColumns) {
		c.faultf(p.member("ColumnSpan"), "an element is 1 to %d columns wide, not %d", gridColumns, width)
	} else if column < 0 || column+width > gridColumns {
		c.faultf(p.member("ColumnIndex"), "columns %d to %d are outside the grid's %d", column, column+width-1, gridColumns)
	}
	if e.RowSpan != nil && (height < 1 || height > maxRowSpan) {
		c.faultf(p.member("RowSpan"), "an element is 1 to %d rows high, not %d", maxRowSpan, height)
	}
	if row < 0 || row >= gridRows {
		c.faultf(p.member("RowIndex"), "row %d is outside the grid's %d", row, gridRows)
	}
}

// overlaps checks that no two elements of a grid lie on one another. Those
// without an index are placed by QuickSight.
func (c *checker) overlaps(grid *types.GridLayoutConfiguration, p path) {
	type placed struct{ at, left, right, top, bottom int }
	var all []placed
	for i, e := range grid.Elements {
		if e.ColumnIndex == nil || e.RowIndex == nil {
			continue
		}
		left, top := int(*e.ColumnIndex), int(*e.RowIndex)
		all = append(all, placed{i, left, left + int(deref(e.ColumnSpan)), top, top + int(deref(e.RowSpan))})
	}
	slices.SortStableFunc(all, func(a, b placed) int { return cmp.Compare(a.top, b.top) })
	for i, a := range all {
		for _, b := range all[i+1:] {
			if b.top >= a.bottom {
				break // and so are all that follow
			}
			if a.left < b.right && b.left < a.right && b.top < b.bottom {
				one, other := min(a.at, b.at), max(a.at, b.at)
				elements := p.member("Elements")
				first := elements.item(one).String()
				c.faultf(elements.item(other), "the element lies on another: %s", first)
			}
		}
	}
}
