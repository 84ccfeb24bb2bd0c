package sns

import "testing"

// FuzzPolicy: any text is a policy or an error, and any policy says of any message
// whether it is wanted, the same each time.
func FuzzPolicy(f *testing.F) {
	f.Add(`{"store":["fans",{"prefix":"fa"},{"anything-but":["a"]},{"numeric":[">",1,"<=",2]}],"$or":[{"a":[1]},{"b":[{"exists":false}]}]}`, `{"store":{"a.b":["x",null]},"store.a":1}`, true)
	f.Add(`{"a.b":{"c":[{"cidr":"10.0.0.0/8"},{"equals-ignore-case":"X"},{"suffix":"y"}]}}`, `["x",1,true,null]`, false)
	f.Fuzz(func(t *testing.T, text, message string, onBody bool) {
		p, err := parsePolicy(text, onBody)
		if p == nil || err != nil {
			return
		}
		object := func() map[string]any {
			if onBody {
				return bodyObject(message)
			}
			return attributesObject([]Attribute{
				{Name: "store", DataType: "String", String: message}, {Name: "a", DataType: "String.Array", String: message},
				{Name: "b", DataType: "Number", String: message}, {Name: "c", DataType: "Binary", Binary: []byte(message)},
			})
		}
		if first := p.matches(object()); first != p.matches(object()) {
			t.Errorf("%s matches %s: %v, and then not", text, message, first)
		}
	})
}
