package sqs

import (
	"crypto/md5" //nolint:gosec // The protocol of SQS prescribes MD5.
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// The limits of a message and of a batch, from the quotas of SQS.
const (
	MaxMessageBytes  = 1 << 20 // body and attributes together; also of a whole batch
	MaxAttributes    = 10
	MaxInFlight      = 120_000 // messages received and not yet deleted, per standard queue
	MaxDelay         = 15 * time.Minute
	MaxVisibility    = 12 * time.Hour
	MaxWait          = 20 * time.Second
	maxAttributeName = 256
	maxAttributeType = 256
)

// Attribute is one message attribute. The data type is String, Number or
// Binary, with a label after a dot if the sender wants one (Number.float).
type Attribute struct {
	Name     string
	DataType string
	String   string // the value of a String or a Number
	Binary   []byte // the value of a Binary
}

// IsBinary says which of the two values counts.
func (a *Attribute) IsBinary() bool { return baseType(a.DataType) == "Binary" }

// Outgoing is a message as its sender gives it.
type Outgoing struct {
	Body       string
	Attributes []Attribute
	// Delay hides the message at first; nil means the delay of the queue.
	Delay *time.Duration
	System
}

// System is what a sender may say beside the message: its group, by which AWS
// shares a queue fairly and which changes nothing here, and the header of X-Ray.
// Both are given to who receives it.
type System struct {
	GroupID, TraceHeader string
}

// Size is the message's size as the limits count it, in bytes.
func (o *Outgoing) Size() int { return Size(o.Body, o.Attributes) }

// Size is the size of a message as the limits and bills of SQS and SNS count it, in
// bytes.
func Size(body string, attributes []Attribute) int {
	size := len(body)
	for i := range attributes {
		a := &attributes[i]
		size += len(a.Name) + len(a.DataType) + len(a.String) + len(a.Binary)
	}
	return size
}

// Message is a message as a receiver gets it.
type Message struct {
	ID            string
	Body          string
	BodyMD5       string
	Attributes    []Attribute // sorted by name
	AttributesMD5 string      // empty without attributes
	Handle        string      // the receipt handle, good until the message is deleted
	Sent          time.Time
	FirstReceived time.Time
	Receives      int    // including this one
	SourceARN     string // of the queue that dead-lettered it, or empty
	System
}

// Text reports whether every character is one that SQS and SNS let through:
// #x9 | #xA | #xD | #x20-#xD7FF | #xE000-#xFFFD | #x10000-#x10FFFF, the
// characters of XML 1.0. Bytes that are not UTF-8 are refused too.
func Text(s string) bool {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if (r == utf8.RuneError && size == 1) || r == 0xFFFE || r == 0xFFFF {
			return false
		}
		i += size
	}
	return true
}

// check finds the first rule that the message breaks.
func (o *Outgoing) check(maxBytes int) error {
	if o.Body == "" {
		return protocol.Refuse(MissingParameter, "The request must contain the parameter MessageBody.")
	}
	if size := o.Size(); size > maxBytes {
		return protocol.Refuse(InvalidParameterValue,
			"One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", maxBytes)
	}
	if !Text(o.Body) {
		return protocol.Refuse(InvalidMessageContents,
			"Invalid binary character was found in the message body, the set of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	}
	if len(o.Attributes) > MaxAttributes {
		return protocol.Refuse(InvalidParameterValue,
			"Number of message attributes [%d] exceeds the allowed maximum [%d].", len(o.Attributes), MaxAttributes)
	}
	for i := range o.Attributes {
		if err := o.Attributes[i].Check(); err != nil {
			return err
		}
	}
	return nil
}

// Check finds the first rule of SQS that the attribute breaks. SNS has the same
// rules.
func (a *Attribute) Check() error {
	if reason := badAttributeName(a.Name); reason != "" {
		return protocol.Refuse(InvalidParameterValue, "The message attribute name '%s' is invalid. Reason: %s.", a.Name, reason)
	}
	if len(a.DataType) > maxAttributeType || !Text(a.DataType) {
		return protocol.Refuse(InvalidParameterValue, "The type of message attribute '%s' is too long or has invalid characters.", a.Name)
	}
	base := baseType(a.DataType)
	switch {
	case base != "Binary" && base != "Number" && base != "String":
		return protocol.Refuse(InvalidParameterValue,
			"The type of message attribute '%s' is invalid. You must use only the following supported type prefixes: Binary, Number, String.", a.Name)
	case base == "Binary" && len(a.Binary) == 0, base != "Binary" && a.String == "":
		return protocol.Refuse(InvalidParameterValue,
			"The message attribute '%s' must contain a non-empty value of message attribute type '%s'.", a.Name, a.DataType)
	case base == "Number" && !isNumber(a.String):
		return protocol.Refuse(InvalidParameterValue, "Can't cast the value of message attribute '%s' to a number.", a.Name)
	case base != "Binary" && !Text(a.String):
		return protocol.Refuse(InvalidParameterValue, "Invalid binary character was found in the message attribute '%s'.", a.Name)
	}
	return nil
}

// isNumber reports whether the text is a decimal number, within what a float64 can
// hold. Go's parser also accepts "inf", "nan" and hexadecimal digits.
func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil && strings.Trim(text, "+-.0123456789eE") == ""
}

func baseType(dataType string) string {
	base, _, _ := strings.Cut(dataType, ".")
	return base
}

func badAttributeName(name string) string {
	lower := strings.ToLower(name)
	switch {
	case name == "" || utf8.RuneCountInString(name) > maxAttributeName:
		return "it must have 1 to 256 characters"
	case strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."):
		return "it starts with a reserved prefix"
	case name[0] == '.' || name[len(name)-1] == '.' || strings.Contains(name, ".."):
		return "a period stands at its start or its end or beside another one"
	}
	for _, c := range name {
		if !protocol.IsWord(c) && c != '.' && !unicode.IsLetter(c) {
			return "only letters, digits, periods, hyphens and underscores are allowed"
		}
	}
	return ""
}

func hexMD5(data []byte) string {
	sum := md5.Sum(data) //nolint:gosec // See the import.
	var digits [2 * md5.Size]byte
	hex.Encode(digits[:], sum[:])
	return string(digits[:])
}

// attributesMD5 is the digest of message attributes as the developer guide of
// SQS defines it under "Calculating the MD5 message digest for message
// attributes": for each attribute, sorted by name, the name, the data type, one
// byte (1 for text, 2 for binary) and the value, each of the three with its
// length in four bytes, big endian, before it.
func attributesMD5(sorted []Attribute) string {
	if len(sorted) == 0 {
		return ""
	}
	var space [512]byte
	data := space[:0]
	for i := range sorted {
		a := &sorted[i]
		data = appendSized(data, a.Name)
		data = appendSized(data, a.DataType)
		if a.IsBinary() {
			data = append(data, 2)
			data = appendSized(data, a.Binary)
		} else {
			data = append(data, 1)
			data = appendSized(data, a.String)
		}
	}
	return hexMD5(data)
}

func appendSized[T string | []byte](to []byte, value T) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(len(value))) //nolint:gosec // A message has at most 1 MiB.
	return append(to, value...)
}

// sortedByName gives the attributes in the order of their names. It leaves what
// it was given as it was, because a publisher shares it between queues.
func sortedByName(attributes []Attribute) []Attribute {
	byName := func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) }
	if slices.IsSortedFunc(attributes, byName) {
		return attributes
	}
	sorted := slices.Clone(attributes)
	slices.SortFunc(sorted, byName)
	return sorted
}

// Select keeps the attributes that a receiver asked for: All, * or .* for every
// one, a name, or the start of names before .* (device.*). The digest is that
// of the attributes that are left.
func (m *Message) Select(names []string) {
	if len(m.Attributes) == 0 {
		return
	}
	var kept []Attribute
	for _, a := range m.Attributes {
		if slices.ContainsFunc(names, func(name string) bool { return asksFor(name, a.Name) }) {
			kept = append(kept, a)
		}
	}
	if len(kept) != len(m.Attributes) {
		m.Attributes, m.AttributesMD5 = kept, attributesMD5(kept)
	}
}

func asksFor(pattern, name string) bool {
	if pattern == "All" || pattern == "*" || pattern == name {
		return true
	}
	prefix, ok := strings.CutSuffix(pattern, ".*")
	return ok && strings.HasPrefix(name, prefix)
}
