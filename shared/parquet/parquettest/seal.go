package parquettest

import (
	"bytes"
	"fmt"
	"hash/crc32"
)

// Seal gives a changed file the right checksum, as somebody would who wants it to be
// read; false where it has no place for one.
func Seal(data []byte) bool {
	const mark, size = "\x18\x06crc32c\x18\x08", 8
	at := bytes.LastIndex(data, []byte(mark)) + len(mark)
	if at < len(mark) || at+size > len(data) {
		return false
	}
	copy(data[at:], "00000000")
	copy(data[at:], fmt.Sprintf("%08x", crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))))
	return true
}
