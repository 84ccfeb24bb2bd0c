package s3

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// chunks reads a body in the format aws-chunked: each chunk is its size in
// hexadecimal, perhaps ";chunk-signature=…", CRLF, the bytes, CRLF; after a
// chunk of size 0 come trailing headers and an empty line. Signatures and
// trailers are passed over.
type chunks struct {
	from *bufio.Reader
	left int64 // of the chunk that is being read
	any  bool  // whether a chunk has been read
	end  bool
}

func newChunks(body io.Reader) *chunks { return &chunks{from: bufio.NewReader(body)} }

var errChunks = errors.New("the body is not in the format aws-chunked")

// Read implements io.Reader.
func (c *chunks) Read(to []byte) (int, error) {
	for c.left == 0 {
		if c.end {
			return 0, io.EOF
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if int64(len(to)) > c.left {
		to = to[:c.left]
	}
	n, err := c.from.Read(to)
	c.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next reads up to the first byte of the next chunk, or to the very end.
func (c *chunks) next() error {
	if c.any {
		if line, err := c.line(); err != nil || line != "" {
			return errors.Join(errChunks, err)
		}
	}
	c.any = true
	line, err := c.line()
	if err != nil {
		return err
	}
	digits, _, _ := strings.Cut(line, ";")
	c.left, err = strconv.ParseInt(digits, 16, 64)
	if err != nil || c.left < 0 {
		c.left = 0
		return errChunks
	}
	for c.left == 0 && !c.end {
		line, err = c.line()
		c.end = line == "" || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !c.end {
			return err
		}
	}
	return nil
}

func (c *chunks) line() (string, error) {
	line, err := c.from.ReadSlice('\n')
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return "", fmt.Errorf("read a chunk: %w", err)
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}
