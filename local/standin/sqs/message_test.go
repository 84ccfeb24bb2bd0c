package sqs

import (
	"slices"
	"strings"
	"testing"
)

func TestAttributesMD5(t *testing.T) {
	// The examples of npm's aws-md5-of-message-attributes, which were checked
	// against AWS.
	plain := Attribute{Name: "attribName1", DataType: "String", String: "attribValue 1"}
	number := Attribute{Name: "customNumberTypeAttrib", DataType: "Number.float", String: "4563442423554324324264524243.32543234"}
	binary := Attribute{Name: "binaryAttribute", DataType: "Binary", Binary: []byte("Hello binary world!")}
	for want, attributes := range map[string][]Attribute{
		"":                                 nil,
		"19e27d4e946b072f3f58da80d94fd778": {plain},
		"9fe1b90bbd9965bdf77bac517c7d2495": {number},
		"31a92b15d92f8db860eda32aceb656c3": {binary},
		"c932db14a896c663f83c260297d594ff": {plain, number, binary},
	} {
		if got := attributesMD5(sortedByName(attributes)); got != want {
			t.Errorf("%v: %s, not %s", attributes, got, want)
		}
	}
}

func TestSelectedAttributes(t *testing.T) {
	all := []Attribute{
		{Name: "a", DataType: "String", String: "1"},
		{Name: "device.id", DataType: "String", String: "2"},
		{Name: "device.os", DataType: "String", String: "3"},
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
		var got []string
		for _, a := range m.Attributes {
			got = append(got, a.Name)
		}
		if !slices.Equal(got, test.want) || m.AttributesMD5 != attributesMD5(m.Attributes) {
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
		return Outgoing{Body: "x", Attributes: []Attribute{{Name: name, DataType: dataType, String: value}}}
	}
	for want, messages := range map[string][]Outgoing{
		MissingParameter:       {{}},
		InvalidMessageContents: {{Body: "\x01"}},
		InvalidParameterValue: {
			{Body: strings.Repeat("x", 1025)},
			{Body: strings.Repeat("x", 1020), Attributes: []Attribute{{Name: "abc", DataType: "String", String: "v"}}},
			{Body: "x", Attributes: make([]Attribute, 11)},
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
