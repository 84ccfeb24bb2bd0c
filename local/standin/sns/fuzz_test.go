package sns

import (
	"testing"

	"github.com/headcount-etl/headcount/local/standin/sqs"
)

// FuzzPolicy: any text is a policy or an error, and any policy says of any message
// whether it is wanted, the same each time.
func FuzzPolicy(f *testing.F) {
	f.Add(`{"store":["fans",{"prefix":"fa"},{"anything-but":["a"]}],"b":[{"exists":false}]}`, `{"store":{"a.b":["x",null]},"store.a":1}`, true)
	f.Add(`{"a.b":{"c":[{"equals-ignore-case":"X"},{"suffix":"y"}]}}`, `["x",1,true,null]`, false)
	f.Fuzz(func(t *testing.T, text, message string, onBody bool) {
		p, err := parsePolicy(text, onBody)
		if p == nil || err != nil {
			return
		}
		object := func() map[string]any {
			if onBody {
				return bodyObject(message)
			}
			return attributesObject(map[string]sqs.Value{
				"store": {DataType: "String", StringValue: message}, "a": {DataType: "String.Array", StringValue: message},
				"b": {DataType: "Number", StringValue: message}, "c": {DataType: "Binary", BinaryValue: []byte(message)},
			})
		}
		if first := p.matches(object()); first != p.matches(object()) {
			t.Errorf("%s matches %s: %v, and then not", text, message, first)
		}
	})
}
