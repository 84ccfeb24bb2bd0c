package sqs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestAttributesMD5(t *testing.T) {
	// The examples of npm's aws-md5-of-message-attributes, which were checked
	// against AWS.
	plain := Value{DataType: "String", StringValue: "attribValue 1"}
	number := Value{DataType: "Number.float", StringValue: "4563442423554324324264524243.32543234"}
	binary := Value{DataType: "Binary", BinaryValue: []byte("Hello binary world!")}
	for want, attributes := range map[string]map[string]Value{
		"":                                 nil,
		"19e27d4e946b072f3f58da80d94fd778": {"attribName1": plain},
		"9fe1b90bbd9965bdf77bac517c7d2495": {"customNumberTypeAttrib": number},
		"31a92b15d92f8db860eda32aceb656c3": {"binaryAttribute": binary},
		"c932db14a896c663f83c260297d594ff": {"attribName1": plain, "customNumberTypeAttrib": number, "binaryAttribute": binary},
	} {
		if got := attributesMD5(attributes); got != want {
			t.Errorf("%v: %s, not %s", attributes, got, want)
		}
	}
}

func TestSelectedAttributes(t *testing.T) {
	all := map[string]Value{
		"a":         {DataType: "String", StringValue: "1"},
		"device.id": {DataType: "String", StringValue: "2"},
		"device.os": {DataType: "String", StringValue: "3"},
	}
	for _, test := range []struct {
		names, want []string
	}{
		{nil, nil},
		{[]string{"All"}, []string{"a", "device.id", "device.os"}},
		{[]string{".*"}, []string{"a", "device.id", "device.os"}},
		{[]string{"*"}, []string{"a", "device.id", "device.os"}},
		{[]string{"device.*"}, []string{"device.id", "device.os"}},
		{[]string{"a", "none"}, []string{"a"}},
	} {
		m := Message{Attributes: all, AttributesMD5: attributesMD5(all)}
		m.Select(test.names)
		got := slices.Sorted(maps.Keys(m.Attributes))
		if !slices.Equal(got, test.want) || m.AttributesMD5 != attributesMD5(m.Attributes) || len(all) != 3 {
			t.Errorf("%q selects %q", test.names, got)
		}
	}
}

func TestText(t *testing.T) {
	for s, want := range map[string]bool{
		"": true, "\t\n\r ~\u007f\u0080": true, "\ud7ff\ue000\ufffd\U00010000\U0010ffff": true,
		"\x00": false, "\x08": false, "\x0b": false, "\x1f": false, "\ufffe": false, "\uffff": false, "\xff": false, "\xed\xa0\x80": false,
	} {
		if Text(s) != want {
			t.Errorf("%q", s)
		}
	}
}

func TestRefusals(t *testing.T) {
	s := New("http://x")
	q := newQueue(t, s, "q", map[string]string{"MaximumMessageSize": "1024"})
	attribute := func(name, dataType, value string) Outgoing {
		return Outgoing{Body: "x", Attributes: map[string]Value{name: {DataType: dataType, StringValue: value}}}
	}
	eleven := map[string]Value{}
	for i := range 11 {
		eleven[fmt.Sprint("a", i)] = Value{DataType: "String", StringValue: "v"}
	}
	for want, messages := range map[string][]Outgoing{
		MissingParameter:       {{}},
		InvalidMessageContents: {{Body: "\x01"}},
		InvalidParameterValue: {
			{Body: strings.Repeat("x", 1025)},
			{Body: strings.Repeat("x", 1020), Attributes: map[string]Value{"abc": {DataType: "String", StringValue: "v"}}},
			{Body: "x", Attributes: eleven},
			attribute("", "String", "v"), attribute("aws.x", "String", "v"), attribute(".a", "String", "v"),
			attribute("a..b", "String", "v"), attribute("a b", "String", "v"), attribute("a", "Text", "v"),
			attribute("a", "Number", "many"), attribute("a", "Number", "NaN"), attribute("a", "Number", "-inf"), attribute("a", "Number", "0x1p4"),
			attribute("a", "Number", "1e999"), attribute("a", "String", "\x01"), attribute("a", "String", ""), attribute("a", "Binary", ""),
		},
	} {
		for _, m := range messages {
			if r := q.Send([]Outgoing{m}); !is(r[0].Err, want) {
				t.Errorf("%+v: %v, not %s", m, r[0].Err, want)
			}
		}
	}
	for want, attributes := range map[string]map[string]string{
		InvalidAttributeName:  {"FifoQueue": "false"},
		InvalidAttributeValue: {"VisibilityTimeout": "43201"},
		UnsupportedOperation:  {"FifoQueue": "true"},
		InvalidParameterValue: {"RedrivePolicy": `{"deadLetterTargetArn":"` + ARN("none") + `","maxReceiveCount":"3"}`},
	} {
		if _, err := s.Create("new", attributes); !is(err, want) {
			t.Errorf("%v: %v, not %s", attributes, err, want)
		}
	}
	for _, name := range []string{"", "a b", "ä", strings.Repeat("x", 81)} {
		if _, err := s.Create(name, nil); !is(err, InvalidParameterValue) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if c := q.Counts(); c.Total() != 0 {
		t.Errorf("%+v", c)
	}
}
