package sqs

import (
	"crypto/md5" //nolint:gosec // The protocol of SQS prescribes MD5.
	"encoding/binary"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/headcount-etl/headcount/local/standin/protocol"
)

// The limits of a message and of a batch, from the quotas of SQS.
const (
	MaxMessageBytes  = 1 << 20 // body and attributes together; also of a whole batch
	MaxAttributes    = 10
	MaxInFlight      = 120_000 // messages received and not yet deleted, per standard queue
	maxDelay         = 900     // seconds, as the two below
	maxVisibility    = 43_200
	maxWait          = 20
	maxAttributeName = 256
	maxAttributeType = 256
)

// Value is the value of a message attribute, in JSON as AWS writes it. The data type
// is String, Number or Binary, with a label after a dot if the sender wants one
// (Number.float).
type Value struct {
	DataType    string
	StringValue string `json:",omitempty"` // of a String or a Number
	BinaryValue []byte `json:",omitempty"` // of a Binary
}

// IsBinary says which of the two values counts.
func (v Value) IsBinary() bool { return baseType(v.DataType) == "Binary" }

// Outgoing is a message as its sender gives it, in JSON as AWS reads it.
type Outgoing struct {
	Body       string           `json:"MessageBody"`
	Attributes map[string]Value `json:"MessageAttributes"` // by name; they are not changed
	// DelaySeconds hides the message at first; nil means the delay of the queue.
	DelaySeconds *int
	// System is what a sender may say beside the message: the header of X-Ray. It and
	// the group, by which AWS shares a queue fairly and which changes nothing here,
	// are given to who receives the message.
	System          map[string]Value `json:"MessageSystemAttributes"`
	GroupID         string           `json:"MessageGroupId"`
	DeduplicationID string           `json:"MessageDeduplicationId"` // of FIFO queues, so it is refused
}

const traceHeader = "AWSTraceHeader" // the only system attribute that a sender may set

// Size is the message's size as the limits count it, in bytes.
func (o *Outgoing) Size() int { return Size(o.Body, o.Attributes) }

// Size is the size of a message as the limits and bills of SQS and SNS count it, in
// bytes.
func Size(body string, attributes map[string]Value) int {
	size := len(body)
	for name, v := range attributes {
		size += len(name) + len(v.DataType) + len(v.StringValue) + len(v.BinaryValue)
	}
	return size
}

// Message is a message as a receiver gets it, in JSON as AWS writes it.
type Message struct {
	ID            string            `json:"MessageId"`
	Handle        string            `json:"ReceiptHandle"` // good until the message is deleted
	Body          string            // as it was sent
	BodyMD5       string            `json:"MD5OfBody"`
	Attributes    map[string]Value  `json:"MessageAttributes,omitempty"`
	AttributesMD5 string            `json:"MD5OfMessageAttributes,omitempty"` // empty without attributes
	System        map[string]string `json:"Attributes,omitempty"`             // what follows, for the protocol

	Sent, FirstReceived  time.Time `json:"-"`
	Receives             int       `json:"-"` // including this one
	SourceARN            string    `json:"-"` // of the queue that dead-lettered it, or empty
	GroupID, TraceHeader string    `json:"-"`
}

// Text reports whether every character is one that SQS and SNS let through:
// #x9 | #xA | #xD | #x20-#xD7FF | #xE000-#xFFFD | #x10000-#x10FFFF, the
// characters of XML 1.0. Bytes that are not UTF-8 are refused too.
func Text(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool {
		return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF
	})
}

// check finds the first rule that the message breaks.
func (o *Outgoing) check(maxBytes int) error {
	switch {
	case o.Body == "":
		return protocol.Refuse(MissingParameter, "The request must contain the parameter MessageBody.")
	case o.Size() > maxBytes:
		return invalid("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", maxBytes)
	case !Text(o.Body):
		return protocol.Refuse(InvalidMessageContents,
			"Invalid binary character was found in the message body, the set of allowed characters is "+
				"#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	case len(o.Attributes) > MaxAttributes:
		return invalid("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(o.Attributes), MaxAttributes)
	case o.DeduplicationID != "":
		return invalid("Value %s for parameter MessageDeduplicationId is invalid. "+
			"Reason: The request includes a parameter that is not valid for this queue type.", o.DeduplicationID)
	case len(o.GroupID) > 128 || strings.ContainsFunc(o.GroupID, func(c rune) bool { return c <= ' ' || c > '~' }):
		return invalid("Value for parameter MessageGroupId is invalid. " +
			"Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	for name, v := range o.Attributes {
		if err := v.Check(name); err != nil {
			return err
		}
	}
	for name, v := range o.System {
		if name != traceHeader || v.DataType != "String" || v.Check(name) != nil {
			return invalid("Message system attribute '%s' is invalid: only %s is allowed, a String that is not empty.", name, traceHeader)
		}
	}
	return checkSeconds("DelaySeconds", o.DelaySeconds, maxDelay)
}

// checkSeconds refuses a number of seconds that is not 0 to most. Nil is not given.
func checkSeconds(name string, seconds *int, most int) error {
	if seconds != nil && (*seconds < 0 || *seconds > most) {
		return invalid("Value %d for parameter %s is invalid. Reason: Must be >= 0 and <= %d.", *seconds, name, most)
	}
	return nil
}

// Check finds the first rule of SQS that the attribute of this name breaks. SNS has
// the same rules.
func (v Value) Check(name string) error {
	if !attributeName.MatchString(name) || utf8.RuneCountInString(name) > maxAttributeName || reserved.MatchString(name) {
		return invalid("The message attribute name '%s' is invalid: it must have 1 to %d letters, digits, hyphens and underscores, "+
			"and periods between them, and not begin with aws. or amazon.", name, maxAttributeName)
	}
	if len(v.DataType) > maxAttributeType || !Text(v.DataType) {
		return invalid("The type of message attribute '%s' is too long or has invalid characters.", name)
	}
	base := baseType(v.DataType)
	switch {
	case base != "Binary" && base != "Number" && base != "String":
		return invalid(
			"The type of message attribute '%s' is invalid. You must use only the following supported type prefixes: Binary, Number, String.", name)
	case base == "Binary" && len(v.BinaryValue) == 0, base != "Binary" && v.StringValue == "":
		return invalid("The message attribute '%s' must contain a non-empty value of message attribute type '%s'.", name, v.DataType)
	case base == "Number" && !isNumber(v.StringValue):
		return invalid("Can't cast the value of message attribute '%s' to a number.", name)
	case base != "Binary" && !Text(v.StringValue):
		return invalid("Invalid binary character was found in the message attribute '%s'.", name)
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

var (
	attributeName = regexp.MustCompile(`^[\pL0-9_-]+(\.[\pL0-9_-]+)*$`)
	reserved      = regexp.MustCompile(`^(?i)(aws|amazon)\.`)
)

func hexMD5(data []byte) string {
	sum := md5.Sum(data) //nolint:gosec // See the import.
	return hex.EncodeToString(sum[:])
}

// attributesMD5 is the digest of message attributes as the developer guide of
// SQS defines it under "Calculating the MD5 message digest for message
// attributes": for each attribute, sorted by name, the name, the data type, one
// byte (1 for text, 2 for binary) and the value, each of the three with its
// length in four bytes, big endian, before it. It is empty without attributes.
func attributesMD5(attributes map[string]Value) string {
	if len(attributes) == 0 {
		return ""
	}
	var data []byte
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		v := attributes[name]
		data = appendSized(appendSized(data, name), v.DataType)
		if v.IsBinary() {
			data = appendSized(append(data, 2), v.BinaryValue)
		} else {
			data = appendSized(append(data, 1), v.StringValue)
		}
	}
	return hexMD5(data)
}

func appendSized[T string | []byte](to []byte, value T) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(len(value))) //nolint:gosec // A message has at most 1 MiB.
	return append(to, value...)
}

// Select keeps the attributes that a receiver asked for: All, * or .* for every
// one, a name, or the start of names before .* (device.*). The digest is that
// of the attributes that are left.
func (m *Message) Select(names []string) {
	kept := maps.Clone(m.Attributes) // which all receives of the message share
	maps.DeleteFunc(kept, func(name string, _ Value) bool {
		return !slices.ContainsFunc(names, func(pattern string) bool { return asksFor(pattern, name) })
	})
	if len(kept) != len(m.Attributes) {
		m.Attributes, m.AttributesMD5 = kept, attributesMD5(kept)
	}
}

func asksFor(pattern, name string) bool {
	prefix, ok := strings.CutSuffix(pattern, ".*")
	return pattern == "All" || pattern == "*" || pattern == name || ok && strings.HasPrefix(name, prefix)
}

// sender is the principal that sent every message here.
const sender = "AIDAHEADCOUNTLOCALUSER"

// tell sets the system attributes of those names; All stands for every one.
func (m *Message) tell(names []string) {
	m.System = map[string]string{
		"SenderId":                         sender,
		"SentTimestamp":                    strconv.FormatInt(m.Sent.UnixMilli(), 10),
		"ApproximateReceiveCount":          strconv.Itoa(m.Receives),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.FirstReceived.UnixMilli(), 10),
		"DeadLetterQueueSourceArn":         m.SourceARN,
		"MessageGroupId":                   m.GroupID,
		traceHeader:                        m.TraceHeader,
	}
	maps.DeleteFunc(m.System, func(name, value string) bool {
		return value == "" || !slices.Contains(names, "All") && !slices.Contains(names, name)
	})
}
