package quicksight

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
)

// differences are where CloudFormation accepts less than QuickSight's API.
var differences = func() (d struct {
	// Absent are members that CloudFormation does not know, as Struct.Member by
	// the API's names.
	Absent []string
	// Required are texts that it cannot do without.
	Required []string
	// Most is how many items it accepts in a list that may be longer in the API.
	Most map[string]int
},
) {
	if err := json.Unmarshal(cloudFormation, &d); err != nil {
		panic(fmt.Sprintf("quicksight: cloudformation.json: %v", err))
	}
	return d
}()

// cloudFormation is made by differences.py.
//
//go:embed cloudformation.json
var cloudFormation []byte

// replaced are the members that the stack's own ARNs replace.
var replaced = []string{"DataSetIdentifierDeclaration.DataSetArn", "DataSetPhysicalTableMapRelationalTable.DataSourceArn"}

var timeType = reflect.TypeFor[time.Time]()

// placeholder is the account in the files' ARNs.
const placeholder = "111122223333"

// conformer goes through a JSON tree and the Go type that it was decoded into
// side by side, and notes what cannot be passed on. The tree is what
// encoding/json makes of a document, with json.Number.
type conformer struct {
	file   string
	faults []definition.Fault
}

func (c *conformer) faultf(at, format string, args ...any) {
	c.faults = append(c.faults, definition.Fault{File: c.file, Path: at, Problem: fmt.Sprintf(format, args...)})
}

// conform gives the tree as it is to be passed on: instants are numbers in the
// API, and texts in CloudFormation.
func (c *conformer) conform(node any, t reflect.Type, at string) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == timeType {
		return instant(node)
	}
	switch node := node.(type) {
	case map[string]any:
		if t.Kind() == reflect.Struct {
			c.members(node, t, at)
			break
		}
		for _, name := range slices.Sorted(maps.Keys(node)) {
			node[name] = c.conform(node[name], t.Elem(), member(at, name))
		}
	case []any:
		for i := range node {
			node[i] = c.conform(node[i], t.Elem(), fmt.Sprintf("%s[%d]", at, i))
		}
	case string:
		if strings.HasPrefix(node, "arn:") && strings.Contains(node, ":"+placeholder+":") {
			c.faultf(at, "%q is in the account %s, and the stack does not know what stands for it", node, placeholder)
		}
	}
	return node
}

// members conforms the members of an object.
func (c *conformer) members(node map[string]any, t reflect.Type, at string) {
	for _, required := range differences.Required {
		owner, name, _ := strings.Cut(required, ".")
		if text, _ := node[name].(string); owner == t.Name() && text == "" {
			c.faultf(at, "%s is missing, without which CloudFormation refuses it", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(node)) {
		at, path := member(at, name), t.Name()+"."+name
		field, known := fieldOf(t, name)
		if !known || slices.Contains(differences.Absent, path) {
			c.faultf(at, "CloudFormation does not know it")
			continue
		}
		if slices.Contains(replaced, path) {
			continue
		}
		items, _ := node[name].([]any)
		if most := differences.Most[path]; most > 0 && len(items) > most {
			c.faultf(at, "CloudFormation accepts %d items at most, not %d", most, len(items))
		}
		node[name] = c.conform(node[name], field.Type, at)
	}
}

// fieldOf finds the field of a member; encoding/json ignores the case of its name.
func fieldOf(t reflect.Type, name string) (reflect.StructField, bool) {
	return t.FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, name) })
}

// instant gives an instant as text. The API has it in seconds since 1970, with
// milliseconds.
func instant(node any) any {
	number, ok := node.(json.Number)
	if !ok {
		return node
	}
	seconds, err := number.Float64()
	if err != nil {
		return node // which definition.Load refuses
	}
	return time.UnixMilli(int64(math.Round(seconds * 1e3))).UTC().Format(time.RFC3339Nano)
}

// member is the JSON path of a member, as the package definition writes it.
func member(at, name string) string {
	for _, r := range name {
		if r != '_' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') {
			return at + "[" + strconv.Quote(name) + "]"
		}
	}
	return at + "." + name
}
