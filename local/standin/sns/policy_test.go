package sns

import (
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/headcount-etl/headcount/local/standin/sqs"
)

func TestPoliciesOnAttributes(t *testing.T) {
	type attributes = map[string]sqs.Value
	binary := sqs.Value{DataType: "Binary", BinaryValue: []byte("x")}
	all := attributes{
		"store":     {DataType: "String", StringValue: "fans"},
		"price":     {DataType: "Number", StringValue: "210.750"},
		"interests": {DataType: "String.Array", StringValue: `["soccer", "rugby", 5, true, null]`},
		"binary":    binary,
	}
	for _, test := range []struct {
		policy     string
		attributes attributes
		want       bool
	}{
		{`{"store":["fans"]}`, all, true},
		{`{"store":["Fans"]}`, all, false},
		{`{"store":["a","fans"]}`, all, true},
		{`{"store":["fans"],"price":[1]}`, all, false},
		{`{"store":["fans"],"none":["x"]}`, all, false},
		{`{"price":[210.75]}`, all, true},
		{`{"price":["210.750"]}`, all, false},
		{`{"store":[5]}`, all, false},
		{`{"interests":["rugby"]}`, all, true},
		{`{"interests":[5]}`, all, true},
		{`{"interests":[true]}`, all, true},
		{`{"interests":[null]}`, all, true},
		{`{"interests":[false,6,"golf"]}`, all, false},
		{`{"store":[{"prefix":"fa"}]}`, all, true},
		{`{"store":[{"prefix":"an"}]}`, all, false},
		{`{"store":[{"suffix":"ns"}]}`, all, true},
		{`{"store":[{"equals-ignore-case":"FANS"}]}`, all, true},
		{`{"store":[{"anything-but":"fans"}]}`, all, false},
		{`{"store":[{"anything-but":["a","b"]}]}`, all, true},
		{`{"store":[{"anything-but":["a","fans"]}]}`, all, false},
		{`{"store":[{"anything-but":{"prefix":"fa"}}]}`, all, false},
		{`{"interests":[{"anything-but":["rugby"]}]}`, all, true}, // soccer is something else
		{`{"price":[{"anything-but":[210.75]}]}`, all, false},
		{`{"none":[{"anything-but":["x"]}]}`, all, false}, // it is not there
		{`{"store":[{"exists":true}]}`, all, true},
		{`{"store":[{"exists":false}]}`, all, false},
		{`{"none":[{"exists":true}]}`, all, false},
		{`{"none":[{"exists":false}]}`, all, true},
		{`{"none":[{"exists":false}]}`, nil, false}, // as AWS says: an empty set matches nothing
		{`{"none":[{"exists":false}]}`, attributes{"binary": binary}, true},
		{`{"binary":[{"exists":true}]}`, all, false}, // as AWS says: binary ones are not looked at
		{`{"none":[{"exists":false},"x"]}`, all, true},
		{`{"a":["x"]}`, attributes{"a": {DataType: "String.Array", StringValue: "no JSON"}}, false},
	} {
		p, err := parsePolicy(test.policy, false)
		if err != nil {
			t.Errorf("%s: %v", test.policy, err)
			continue
		}
		if got := p.matches(attributesObject(test.attributes)); got != test.want {
			t.Errorf("%s on %v: %t", test.policy, test.attributes, got)
		}
	}
}

func TestPoliciesOnTheBody(t *testing.T) {
	const body = `{"kind":"order","price":10,"paid":true,"gift":null,"empty":"","tags":["a","b"],
		"user":{"id":"u1","address":{"city":"Paris"}},"items":[{"sku":"x","n":1},{"sku":"y","n":2}]}`
	for _, test := range []struct {
		policy, body string
		want         bool
	}{
		{`{"kind":["order"]}`, body, true},
		{`{"price":[10.0]}`, body, true},
		{`{"paid":[true]}`, body, true},
		{`{"paid":["true"]}`, body, false},
		{`{"gift":[null]}`, body, true},
		{`{"gift":[{"exists":true}]}`, body, false},
		{`{"empty":[{"exists":true}]}`, body, false},
		{`{"tags":["b"]}`, body, true},
		{`{"user":{"id":["u1"],"address":{"city":["Paris","Rome"]}}}`, body, true},
		{`{"user":{"id":["u1"],"address":{"city":["Rome"]}}}`, body, false},
		{`{"user":["u1"]}`, body, false},
		{`{"user":[{"anything-but":"x"}]}`, body, false},
		{`{"user":[{"exists":true}]}`, body, false}, // only a leaf exists
		{`{"items":{"sku":["y"]}}`, body, true},
		{`{"items":{"sku":["x"],"n":[2]}}`, body, false},
		{`{"none":{"below":[{"exists":false}]}}`, body, true},
		{`{"user.id":["u1"],"user":{"address.city":["Paris"]}}`, body, true},
		{`{"user.id":["u1"],"user":{"address.city":["Rome"]}}`, body, false},
		{`{"items.sku":["x"],"items.n":[1]}`, body, true},
		{`{"items.sku":["x"],"items.n":[2]}`, body, false}, // of two items
		{`{"object":{"nested":["v"]}}`, `{"object.nested":"v"}`, true},
		{`{"object.nested":["v"]}`, `{"object.nested":"v"}`, true},
		{`{"a":{"b":["1"],"c":["2"]}}`, `{"a":{"b":"1"},"a.c":"2"}`, true},
		{`{"a":{"b":["1"]}}`, `{"a":"0","a.b":"1"}`, true},
		{`{"detail":{"p.n":{"l":[{"prefix":"q"}]}}}`, `{"detail":{"p":{"n":{"l":["q1"]}}}}`, true},
		{`{"R":{"o":{"key":[{"prefix":"a"}]}}}`, `{"R":[{"o":[[{"key":"abc"}]]}]}`, true},
		{`{"R":{"o":{"key":[{"prefix":"b"}]}}}`, `{"R":[{"o":[[{"key":"abc"}]]}]}`, false},
		{`{"tags":["c"]}`, `{"tags":[["a"],[["b","c"]]]}`, true},
		{`{"kind":[{"exists":false}]}`, `{}`, false},
		{`{"kind":["order"]}`, `[{"kind":"order"}]`, false},
		{`{"kind":["order"]}`, `{"kind":"order"}{"kind":"order"}`, false},
		{`{"kind":["order"]}`, `order`, false},
	} {
		p, err := parsePolicy(test.policy, true)
		if err != nil {
			t.Errorf("%s: %v", test.policy, err)
			continue
		}
		if got := p.matches(bodyObject(test.body)); got != test.want {
			t.Errorf("%s on %s: %t", test.policy, test.body, got)
		}
	}
}

func TestBadPolicies(t *testing.T) {
	for _, text := range []string{
		`x`, `[]`, `null`, `"x"`, `{} {}`, `{"a":"x"}`, `{"a":1}`, `{"a":[]}`, `{"a":[[1]]}`, `{"a":[{}]}`,
		`{"a":{"b":["x"]}}`, `{"a":[{"unknown":"x"}]}`, `{"a":[{"prefix":"x","suffix":"y"}]}`, `{"a":[{"prefix":1}]}`,
		`{"a":[{"prefix":""}]}`, `{"a":[{"exists":"yes"}]}`, `{"a":[{"anything-but":[]}]}`,
		`{"a":[{"anything-but":[true]}]}`, `{"a":[{"anything-but":{"exists":true}}]}`, `{"a":[{"anything-but":{"suffix":"x"}}]}`,
		`{"a":[{"anything-but":[1e10]}]}`, `{"a":[1e10]}`,
		`{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]}`,
		`{"a":[` + strings.Repeat(`"x",`, 150) + `"x"]}`,
	} {
		if p, err := parsePolicy(text, false); err == nil {
			t.Errorf("%s is accepted: %+v", text, p)
		}
	}
	for _, text := range []string{`{"a":{}}`, `{"a":{"b":"x"}}`, `{"a":{"b":{"c":[` + strings.Repeat(`"x",`, 50) + `"x"]}}}`} {
		if p, err := parsePolicy(text, true); err == nil {
			t.Errorf("%s is accepted: %+v", text, p)
		}
	}
	for _, text := range []string{``, `{}`} {
		if p, err := parsePolicy(text, false); err != nil || p != nil {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
}

// TestWhatIsMissingIsNamed: what AWS has in policies and the stand-in has not.
func TestWhatIsMissingIsNamed(t *testing.T) {
	for policy, want := range map[string]string{
		`{"$or":[{"a":["x"]},{"b":["x"]}]}`:    "headcount's stand-in has no $or",
		`{"a":[{"numeric":["=",1]}]}`:          "does not know the match type numeric, but anything-but, equals-ignore-case, exists, prefix, suffix",
		`{"a":[{"cidr":"10.0.0.0/24"}]}`:       "does not know the match type cidr",
		`{"a":["x",{"wildcard":"a*"}]}`:        "does not know the match type wildcard",
		`{"a":[{"anything-but":{"prefi":1}}]}`: "anything-but: want prefix, or values",
	} {
		if _, err := parsePolicy(policy, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", policy, err)
		}
	}
}

// TestMailFile: every address that is accepted has a file of its own in the folder.
func TestMailFile(t *testing.T) {
	s := New(nil, nil, t.TempDir(), zerolog.Nop())
	for address, want := range map[string]string{
		"ops@example.com": "ops@example.com.txt", "a.b+c@x-y.org": "a.b+c@x-y.org.txt", "a/b@x": "a%2Fb@x.txt", "a_b@x": "a_b@x.txt", "ü@x": "%C3%BC@x.txt",
		"../../etc/passwd@x": "", "/etc@x": "%2Fetc@x.txt", "..@x": "", ".a@x": "", `"a b"@x`: "", "a\\b@x": "", "a@x\n": "", "A <a@x>": "", "nobody": "",
		strings.Repeat("a", 300) + "@x": "", strings.Repeat("/", 100) + "@x": "",
	} {
		err := s.checkEndpoint("email", address)
		if got := MailFile(address); (err != nil) != (want == "") || want != "" && got != want {
			t.Errorf("%s: %s, %v", address, got, err)
		}
	}
}
