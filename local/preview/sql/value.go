package sql

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/google/uuid"
)

// isNumber reports whether a column of that type is aligned to the right.
func isNumber(typ string) bool {
	switch typ {
	case "FLOAT", "DOUBLE", "BIGNUM":
		return true
	}
	return strings.HasSuffix(typ, "INT") || strings.HasSuffix(typ, "INTEGER") || strings.HasPrefix(typ, "DECIMAL")
}

// text gives a value that is not null for a table or for CSV: strings as they
// are, lists and structs as JSON.
func text(v any, typ string) string {
	if f, ok := float(v); ok && !finite(f) {
		return fmt.Sprint(f)
	}
	if s, ok := portable(v, typ).(string); ok {
		return s
	}
	return string(appendJSON(nil, v, typ))
}

// appendJSON appends a value as JSON. NaN and the infinities, which JSON does
// not have, become null. The members of a struct come in alphabetical order, as
// the driver forgets theirs.
func appendJSON(b []byte, v any, typ string) []byte {
	encoded, err := json.Marshal(portable(v, typ))
	if err != nil {
		panic(err) // portable gives nothing that cannot be encoded
	}
	return append(b, encoded...)
}

// portable gives a value of the driver as one that encoding/json writes as we want
// it. A date within a struct, where its type is not known, is its midnight.
func portable(v any, typ string) any {
	if f, ok := float(v); ok && !finite(f) {
		return nil
	}
	switch v := v.(type) {
	case duckdb.Decimal: // all digits after the point that the type has
		unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(v.Scale)), nil)
		return json.Number(new(big.Rat).SetFrac(v.Value, unit).FloatString(int(v.Scale)))
	case time.Time:
		return instant(v, typ)
	case duckdb.Interval:
		return interval(v)
	case []byte:
		if id, err := uuid.FromBytes(v); err == nil && typ == "UUID" {
			return id.String()
		}
		return hex.EncodeToString(v)
	case []any:
		element, _ := strings.CutSuffix(typ, "[]")
		list := make([]any, len(v))
		for i, member := range v {
			list[i] = portable(member, element)
		}
		return list
	case map[string]any:
		members := map[string]any{}
		for name, member := range v {
			members[name] = portable(member, "")
		}
		return members
	case duckdb.OrderedMap:
		members, values := map[string]any{}, v.Values()
		for i, key := range v.Keys() {
			members[text(key, "")] = portable(values[i], "")
		}
		return members
	case duckdb.Union:
		return portable(v.Value, "")
	default:
		return v
	}
}

func float(v any) (float64, bool) {
	switch v := v.(type) {
	case float32:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// instant writes what DuckDB calls a time of any kind.
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
