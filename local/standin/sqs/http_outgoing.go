package sqs

import (
	"strings"
	"time"
)

// outgoing translates one message; with an error it still has its size.
func (in *outgoingInput) outgoing() (out Outgoing, err error) {
	out.Body = in.MessageBody
	if len(in.MessageAttributes) > 0 {
		out.Attributes = make([]Attribute, 0, len(in.MessageAttributes))
		for name, value := range in.MessageAttributes {
			out.Attributes = append(out.Attributes, Attribute{
				Name: name, DataType: value.DataType, String: value.StringValue, Binary: value.BinaryValue,
			})
		}
	}
	if in.MessageDeduplicationID != "" {
		return out, refuse(InvalidParameterValue,
			"Value %s for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type.", in.MessageDeduplicationID)
	}
	if out.Delay, err = duration("DelaySeconds", in.DelaySeconds, MaxDelay); err == nil {
		out.System, err = in.system()
	}
	return out, err
}

// system translates what a sender may say beside the message.
func (in *outgoingInput) system() (System, error) {
	const trace = "AWSTraceHeader" // the only one that a sender may set
	header, given := in.MessageSystemAttributes[trace]
	switch {
	case len(in.MessageSystemAttributes) > 1 || !given && len(in.MessageSystemAttributes) > 0:
		return System{}, refuse(InvalidParameterValue, "Message system attribute names are invalid: only %s is allowed.", trace)
	case given && (header.DataType != "String" || header.StringValue == "" || !Text(header.StringValue)):
		return System{}, refuse(InvalidParameterValue, "Message system attribute '%s' must be a String that is not empty.", trace)
	case len(in.MessageGroupID) > 128 || strings.ContainsFunc(in.MessageGroupID, func(c rune) bool { return c <= ' ' || c > '~' }):
		return System{}, refuse(InvalidParameterValue,
			"Value for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	return System{GroupID: in.MessageGroupID, TraceHeader: header.StringValue}, nil
}

// md5 is the digest of the system attributes that the sender has set.
func (s *System) md5() string {
	if s.TraceHeader == "" {
		return ""
	}
	return attributesMD5([]Attribute{{Name: "AWSTraceHeader", DataType: "String", String: s.TraceHeader}})
}

// duration reads a number of seconds, 0 to most. Nil is not given: the queue's own
// holds.
func duration(name string, seconds *int, most time.Duration) (*time.Duration, error) {
	if seconds == nil {
		return nil, nil // See above.
	}
	if n := *seconds; n < 0 || n > int(most/time.Second) { // before it is nanoseconds, which could overflow
		return nil, refuse(InvalidParameterValue, "Value %d for parameter %s is invalid. Reason: Must be >= 0 and <= %d.", n, name, int(most/time.Second))
	}
	given := time.Duration(*seconds) * time.Second
	return &given, nil
}
