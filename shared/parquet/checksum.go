package parquet

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
)

// A wrong byte could change a value and nothing else. So a file carries a checksum
// of all its other bytes, and nothing is parsed before that agrees.
// It stands in the footer, as the last of the key-value pairs, where other
// readers pass it by.
const checksumKey = "crc32c"

// unsealed is the checksum's place before it is known, and what stands there
// for the computation: eight hexadecimal digits.
const unsealed = "00000000"

// checksumMark is how thrift's compact protocol writes the pair up to the
// value: field 1 of type string, its length, the key; field 2 of type string,
// the length of the value.
const checksumMark = "\x18\x06" + checksumKey + "\x18\x08"

var (
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
	errChecksum = errors.New("the file is corrupted: its checksum does not agree")
)

// checksumAt gives the place of the digits, -1 if there is none. What follows
// the pair in a footer is the same in all files, so the last mark is the one.
func checksumAt(data []byte) int {
	at := bytes.LastIndex(data, []byte(checksumMark))
	if at < 0 || at+len(checksumMark)+len(unsealed) > len(data) {
		return -1
	}
	return at + len(checksumMark)
}

// checksum computes the digits of data, which has them at the place given.
func checksum(data []byte, at int) []byte {
	sum := crc32.Update(0, castagnoli, data[:at])
	sum = crc32.Update(sum, castagnoli, []byte(unsealed))
	sum = crc32.Update(sum, castagnoli, data[at+len(unsealed):])
	return hex.AppendEncode(nil, binary.BigEndian.AppendUint32(nil, sum))
}

// seal writes the checksum into data.
func seal(data []byte) error {
	at := checksumAt(data)
	if at < 0 {
		return fmt.Errorf("the footer has no place for %s", checksumKey)
	}
	copy(data[at:], checksum(data, at))
	return nil
}

// verify reports data that is not, to the last bit, what seal left.
func verify(data []byte) error {
	at := checksumAt(data)
	if at < 0 {
		return errors.New("the file is corrupted, truncated or of another writer: it has no checksum")
	}
	if !bytes.Equal(data[at:at+len(unsealed)], checksum(data, at)) {
		return errChecksum
	}
	return nil
}
