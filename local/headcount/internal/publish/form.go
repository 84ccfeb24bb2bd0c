package publish

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// headBytes is the most that is looked at to see of what form an input is.
const headBytes = 1 << 20

// magic are the first bytes of forms that are no text, or not in UTF-8.
var magic = []struct{ bytes, says string }{
	{"\xff\xfe", "is UTF-16, want UTF-8: `iconv -f UTF-16 -t UTF-8 FILE` converts it"},
	{"\xfe\xff", "is UTF-16, want UTF-8: `iconv -f UTF-16 -t UTF-8 FILE` converts it"},
	{"{\x00", "is UTF-16, want UTF-8: `iconv -f UTF-16LE -t UTF-8 FILE` converts it"},
	{"\x00{", "is UTF-16, want UTF-8: `iconv -f UTF-16BE -t UTF-8 FILE` converts it"},
	{"PK\x03\x04", "is a zip archive, want text or gzip: `unzip -p FILE` unpacks it"},
	{"\x28\xb5\x2f\xfd", "is compressed by zstd, want text or gzip: `zstd -dc FILE` unpacks it"},
	{"\xfd7zXZ\x00", "is compressed by xz, want text or gzip: `xz -dc FILE` unpacks it"},
	{"BZh", "is compressed by bzip2, want text or gzip: `bzip2 -dc FILE` unpacks it"},
	{"PAR1", "is a Parquet file, want a JSON object a line"},
}

// Lines gives the lines of an input: it undoes gzip where the input begins with its
// magic number, and leaves out a byte order mark before the first line: editors
// write one into a file, and it is no part of the first event. In a message it
// would be: RFC 8259 forbids it there, so the validator rejects it.
//
// An input whose beginning shows that no line of it can be an event is an
// *InputError, which names the command that makes lines of it. A single line that
// is bad shows nothing.
func Lines(r io.Reader) (io.Reader, error) {
	lines := bufio.NewReaderSize(r, headBytes)
	if start, _ := lines.Peek(2); bytes.Equal(start, []byte{0x1f, 0x8b}) {
		zip, err := gzip.NewReader(lines)
		if err != nil {
			return nil, &InputError{Cause: inputCause(err)}
		}
		lines = bufio.NewReaderSize(zip, headBytes)
	}
	if mark, _ := lines.Peek(3); bytes.Equal(mark, []byte("\xEF\xBB\xBF")) {
		_, _ = lines.Discard(3) // they are in the buffer
	}
	for _, m := range magic {
		if start, _ := lines.Peek(len(m.bytes)); string(start) == m.bytes {
			return nil, &InputError{Cause: m.says}
		}
	}
	// No more is waited for than is needed: the input may come from a program that
	// writes an event now and then.
	for size := 1; ; size = lines.Buffered() + 1 {
		_, err := lines.Peek(size)
		head, _ := lines.Peek(lines.Buffered())
		form, known := formOf(head, err != nil || len(head) == headBytes)
		if form != nil {
			return nil, form
		}
		if known {
			return lines, nil
		}
	}
}

// formOf says what is wrong with the form of an input that begins with head, if
// anything is. It is not known while more must be seen. The head is all where no
// more can be.
func formOf(head []byte, all bool) (form *InputError, known bool) {
	text := bytes.TrimLeft(head, " \t\r\n")
	if len(text) == 0 {
		return nil, all
	}
	if text[0] != '{' && text[0] != '[' {
		return separated(text, all)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	var first json.RawMessage
	err := decoder.Decode(&first)
	// An array in one line is one, too, where an event in it is malformed.
	cut := errors.Is(err, io.ErrUnexpectedEOF) || err != nil && text[0] == '[' && !bytes.ContainsRune(text, '\n')
	switch {
	case cut && !all:
		return nil, false
	case err != nil && !cut:
		return nil, true // a bad line
	}
	value, rest := text[:decoder.InputOffset()], bytes.TrimLeft(text[decoder.InputOffset():], " \t\r\n")
	if cut {
		value, rest = text, nil
	}
	overLines := bytes.ContainsRune(bytes.TrimSpace(value), '\n')
	switch {
	case text[0] == '{' && overLines:
		return &InputError{Cause: "begins with a JSON object over several lines, want an event a line: `jq -c . FILE` writes it so"}, true
	case text[0] == '{':
		return nil, true
	case !overLines && len(rest) == 0 && !all:
		return nil, false
	case overLines || len(rest) == 0 || rest[0] != '{': // else one bad line before events
		return &InputError{Cause: "begins with a JSON array, want an event a line: `jq -c '.[]' FILE` writes it so"}, true
	}
	return nil, true
}

// separated finds a table of separated values: nowhere in sight is an object.
func separated(text []byte, all bool) (form *InputError, known bool) {
	header, rest, _ := bytes.Cut(text, []byte("\n"))
	switch {
	case bytes.ContainsRune(text, '{'):
		return nil, true
	case !bytes.ContainsRune(rest, '\n') && !all:
		return nil, false
	case len(bytes.TrimSpace(rest)) > 0 && bytes.ContainsAny(header, ",;\t"):
		return &InputError{Cause: "looks like CSV, want a JSON object a line"}, true
	}
	return nil, true
}

// InputError says that an input is no lines of events, or could not be read to its
// end; what was read before is published.
type InputError struct {
	Line  int // in which it ends, from 1; 0 where no line could be read
	Cause string
}

func (e *InputError) Error() string {
	if e.Line == 0 {
		return e.Cause
	}
	return fmt.Sprintf("%s, in line %d", e.Cause, e.Line)
}

// inputCause says what is wrong where reading has failed with err.
func inputCause(err error) string {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "ends in the middle of its gzip data"
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt):
		return "has damaged gzip data"
	}
	return "cannot be read: " + err.Error()
}
