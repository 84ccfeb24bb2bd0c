package parquet

import (
	"encoding/binary"
	"fmt"
)

// Footer and page headers are written in thrift's compact protocol
// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
// They are read here without a schema, within bounds: a length is compared with what
// is there before anything is allocated.
const (
	// maxDepth is how deep values may nest: Parquet needs six.
	maxDepth = 16
	// maxValues is how many values may be read of one file: a hundred bytes each. A
	// row group has some 40 for each column.
	maxValues = 1 << 20
)

// fault is what is panicked with where a file is wrong; rescue makes it an error.
type fault string

func failf(format string, args ...any) { panic(fault(fmt.Sprintf(format, args...))) }

// rescue is to be deferred: a panic is a file that was sealed wrong.
func rescue(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", ErrMalformed, r)
	}
}

// thriftStruct has the fields of a struct in the order of the file. Values are int64,
// bool, []byte, []any or thriftStruct.
type thriftStruct []thriftField

type thriftField struct {
	id    int64
	value any
}

// field gives the field of that number; it must be there, and a T.
func field[T any](s thriftStruct, id int64) T {
	v, ok := optional[T](s, id)
	if !ok {
		failf("field %d is not there", id)
	}
	return v
}

func optional[T any](s thriftStruct, id int64) (v T, ok bool) {
	for _, f := range s {
		if f.id == id {
			if v, ok = f.value.(T); !ok {
				failf("field %d is of another type", id)
			}
			return v, true
		}
	}
	return v, false
}

// thriftReader reads values from the beginning of data.
type thriftReader struct {
	data   []byte
	values int // that may still be read
}

func (r *thriftReader) take(n uint64) []byte {
	if n > uint64(len(r.data)) {
		failf("%d bytes of %d", n, len(r.data))
	}
	taken := r.data[:n]
	r.data = r.data[n:]
	return taken
}

func (r *thriftReader) uvarint() uint64 { return number(r, binary.Uvarint) }

// varint is a signed number in zigzag encoding, as Go's are.
func (r *thriftReader) varint() int64 { return number(r, binary.Varint) }

func number[T any](r *thriftReader, decode func([]byte) (T, int)) T {
	v, n := decode(r.data)
	if n <= 0 {
		failf("no number")
	}
	r.data = r.data[n:]
	return v
}

// The types of thrift's compact protocol that Parquet uses.
const (
	thriftTrue, thriftFalse, thriftByte, thriftI16, thriftI32, thriftI64 = 1, 2, 3, 4, 5, 6
	thriftDouble, thriftBinary, thriftList, thriftObject                 = 7, 8, 9, 12
)

func (r *thriftReader) object(depth int) (s thriftStruct) {
	for id := int64(0); ; {
		head := r.take(1)[0]
		if head == 0 {
			return s
		}
		if delta := int64(head >> 4); delta > 0 {
			id += delta
		} else {
			id = r.varint()
		}
		var v any
		switch kind := head & 15; kind {
		case thriftTrue, thriftFalse:
			v = kind == thriftTrue
			r.count()
		default:
			v = r.value(kind, depth)
		}
		s = append(s, thriftField{id, v})
	}
}

func (r *thriftReader) count() {
	if r.values--; r.values < 0 {
		failf("more than %d values", maxValues)
	}
}

// value reads a value, a bool as in a list.
func (r *thriftReader) value(kind byte, depth int) any {
	r.count()
	if depth > maxDepth {
		failf("nested more than %d deep", maxDepth)
	}
	switch kind {
	case thriftTrue, thriftFalse:
		return r.take(1)[0] == thriftTrue
	case thriftByte:
		return int64(r.take(1)[0])
	case thriftI16, thriftI32, thriftI64:
		return r.varint()
	case thriftDouble:
		return r.take(8)
	case thriftBinary:
		return r.take(r.uvarint())
	case thriftObject:
		return r.object(depth + 1)
	case thriftList:
		head := r.take(1)[0]
		n := uint64(head >> 4)
		if n == 15 {
			n = r.uvarint()
		}
		if n > uint64(len(r.data)) { // of at least a byte each
			failf("a list of %d in %d bytes", n, len(r.data))
		}
		list := make([]any, 0, min(n, 64))
		for range n {
			list = append(list, r.value(head&15, depth+1))
		}
		return list
	default:
		failf("a value of type %d", kind)
		return nil
	}
}
