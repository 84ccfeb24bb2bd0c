package sqs

import "container/heap"

// fifo is the visible messages, first in, first out. A deleted message stays in
// its place until it gets to the front.
type fifo struct {
	messages []*entry
	head     int
	count    int // of messages that are not deleted
}

func (f *fifo) push(m *entry) {
	if f.head > len(f.messages)/2 && f.head > 1024 {
		kept := copy(f.messages, f.messages[f.head:])
		clear(f.messages[kept:])
		f.messages, f.head = f.messages[:kept], 0
	}
	f.messages = append(f.messages, m)
	f.count++
}

// pop takes the first message that is still ready, or nil.
func (f *fifo) pop() *entry {
	for f.head < len(f.messages) {
		m := f.messages[f.head]
		f.messages[f.head] = nil
		f.head++
		if m.state == ready {
			f.count--
			return m
		}
	}
	f.messages, f.head = f.messages[:0], 0
	return nil
}

// forget counts one message as gone; its state keeps pop from giving it out.
func (f *fifo) forget() { f.count-- }

// hidden is a heap of messages, the one that is due first at the top.
type hidden []*entry

func (h *hidden) add(m *entry)        { heap.Push(h, m) }
func (h *hidden) remove(i int) *entry { return heap.Remove(h, i).(*entry) }
func (h *hidden) fix(i int)           { heap.Fix(h, i) }
func (h hidden) Len() int             { return len(h) }
func (h hidden) Less(i, j int) bool   { return h[i].due.Before(h[j].due) }
func (h hidden) Swap(i, j int)        { h[i], h[j] = h[j], h[i]; h[i].place, h[j].place = i, j }

// Push is for container/heap.
func (h *hidden) Push(x any) {
	m := x.(*entry)
	m.place = len(*h)
	*h = append(*h, m)
}

// Pop is for container/heap.
func (h *hidden) Pop() any {
	last := len(*h) - 1
	m := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return m
}
