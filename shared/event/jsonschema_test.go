package event

import (
	"encoding/json"
	"fmt"
	"math"
)

// jsonSchema gives the contract for producers as a JSON Schema of draft
// 2020-12, indented, with a newline at the end. What a schema cannot say (the
// age, the distance from the arrival, duplicate keys, the size, and that numbers
// are read as doubles before they are compared) is in its description.
func jsonSchema() ([]byte, error) {
	root := objectSchema(-1)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = fmt.Sprintf("Headcount event, version %d", SchemaVersion)
	root["description"] = fmt.Sprintf("One position of one user. At most %d KiB of UTF-8 without duplicate keys; numbers are read as IEEE 754 doubles; occurred_at lies at most %.0f minutes after "+
		"the arrival; the age at occurred_at is 0 to %d years; fields that are not listed are ignored.", MaxSize>>10, maxFuture.Minutes(), maxYears)
	text, err := json.MarshalIndent(root, "", "  ")
	return append(text, '\n'), err
}

func objectSchema(group int) map[string]any {
	properties := map[string]any{}
	required := []string{}
	for _, row := range groups[group+1] {
		f := &fields[row]
		if f.Type == Group {
			properties[f.name] = objectSchema(row)
		} else {
			properties[f.name] = f.schema()
		}
		if f.Required {
			required = append(required, f.name)
		}
	}
	if len(required) == 0 { // null is absence in what nobody needs
		return map[string]any{"type": []string{"object", "null"}, "properties": properties}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required}
}

// patterns are the formats as ECMA-262 regular expressions: "format" is only a
// remark in JSON Schema, and allows more than the contract does. A day is one that
// exists. [0-9] rather than \d, which in some languages is any script's digit.
var patterns = map[string]string{
	"uuid":    `^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`,
	"instant": `^` + day + `T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?Z$`,
	"date":    `^` + day + `$`,
}

const (
	leapYear = `([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)`
	day      = `([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|` + leapYear + `-02-29)`
)

func (f *Field) schema() map[string]any {
	name := map[Type]string{Integer: "integer", Number: "number", Boolean: "boolean", String: "string"}[f.Type]
	s := map[string]any{"type": name}
	if !f.Required {
		s["type"] = []string{name, "null"}
	}
	if f.Is != nil {
		s["const"] = *f.Is
	}
	if f.Type == Number { // as a double, for want of another bound
		s["minimum"], s["maximum"] = -math.MaxFloat64, math.MaxFloat64
	}
	if f.Min != nil {
		s["minimum"] = *f.Min
	}
	if f.Max != nil {
		s["maximum"] = *f.Max
	}
	if f.MinLen > 0 {
		s["minLength"] = f.MinLen
	}
	if f.MaxLen > 0 {
		s["maxLength"] = f.MaxLen
	}
	if f.Format != "" {
		s["pattern"] = patterns[f.Format]
	}
	if f.Enum != nil {
		enum := []any{}
		for _, v := range f.Enum {
			enum = append(enum, v)
		}
		if !f.Required {
			enum = append(enum, nil)
		}
		s["enum"] = enum
	}
	return s
}
