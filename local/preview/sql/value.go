package sql

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/google/uuid"
)

// isNumber reports whether a column of that type is aligned to the right.
func isNumber(typ string) bool {
	switch typ {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
		"UHUGEINT", "BIGNUM", "FLOAT", "DOUBLE":
		return true
	}
	return strings.HasPrefix(typ, "DECIMAL")
}

// text gives a value that is not null for a table or for CSV: strings as they
// are, lists and structs as JSON.
func text(v any, typ string) string {
	if s, _, ok := scalar(v, typ); ok {
		return s
	}
	return string(appendJSON(nil, v, typ))
}

// appendJSON appends a value as JSON. NaN and the infinities, which JSON does
// not have, become null. The members of a struct come in alphabetical order, as
// the driver forgets theirs.
func appendJSON(b []byte, v any, typ string) []byte {
	if s, isString, ok := scalar(v, typ); ok {
		if isString {
			return appendString(b, s)
		}
		if s == "NaN" || strings.HasSuffix(s, "Inf") {
			s = "null"
		}
		return append(b, s...)
	}
	switch v := v.(type) {
	case []any:
		element, _ := strings.CutSuffix(typ, "[]")
		b = append(b, '[')
		for i, member := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, member, element)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(append(appendString(b, name), ':'), v[name], "")
		}
		return append(b, '}')
	case duckdb.OrderedMap:
		b = append(b, '{')
		values := v.Values()
		for i, key := range v.Keys() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(append(appendString(b, text(key, "")), ':'), values[i], "")
		}
		return append(b, '}')
	case duckdb.Union:
		return appendJSON(b, v.Value, "")
	case nil:
		return append(b, "null"...)
	default: // No such type comes from the driver, as far as its source shows.
		return appendString(b, fmt.Sprint(v))
	}
}

// scalar gives the text of a value that is no list, struct or null, and whether
// it is a string to JSON.
func scalar(v any, typ string) (s string, isString, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true, true
	case bool:
		return strconv.FormatBool(v), false, true
	case int8, int16, int32, int64, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v), false, true
	case float32:
		return float(float64(v), 32), false, true
	case float64:
		return float(v, 64), false, true
	case *big.Int:
		return v.String(), false, true
	case duckdb.Decimal:
		return decimal(v), false, true
	case time.Time:
		return instant(v, typ), true, true
	case duckdb.Interval:
		return interval(v), true, true
	case []byte:
		if id, err := uuid.FromBytes(v); err == nil && typ == "UUID" {
			return id.String(), true, true
		}
		return hex.EncodeToString(v), true, true
	}
	return "", false, false
}

// float writes a number in full, unless it is so large or so small that the
// exponent helps: the rule of JavaScript and of encoding/json.
func float(f float64, bits int) string {
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.FormatFloat(f, format, -1, bits)
}

// decimal writes all digits after the point that the type has.
func decimal(d duckdb.Decimal) string {
	digits := new(big.Int).Abs(d.Value).String()
	if missing := int(d.Scale) + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	sign := ""
	if d.Value.Sign() < 0 {
		sign = "-"
	}
	if d.Scale == 0 {
		return sign + digits
	}
	point := len(digits) - int(d.Scale)
	return sign + digits[:point] + "." + digits[point:]
}

// instant writes what DuckDB calls a time of any kind. Within a struct the type
// is not known, and a date is written as its midnight.
func instant(t time.Time, typ string) string {
	switch typ {
	case "DATE":
		return t.Format(time.DateOnly)
	case "TIME":
		return t.Format("15:04:05.999999")
	case "TIMETZ":
		return t.Format("15:04:05.999999Z07:00")
	default:
		return t.UTC().Format(time.RFC3339Nano)
	}
}

// interval writes months, days and the rest, such as 1mo 3d 2h0m0s.
func interval(i duckdb.Interval) string {
	var parts []string
	if i.Months != 0 {
		parts = append(parts, fmt.Sprintf("%dmo", i.Months))
	}
	if i.Days != 0 {
		parts = append(parts, fmt.Sprintf("%dd", i.Days))
	}
	if i.Micros != 0 || len(parts) == 0 {
		parts = append(parts, (time.Duration(i.Micros) * time.Microsecond).String())
	}
	return strings.Join(parts, " ")
}

func appendString(b []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil { // Unreachable: any string can be encoded.
		return append(b, `""`...)
	}
	return append(b, quoted...)
}
