package event

import (
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func drawMasked(t *rapid.T) Masked {
	m := Masked{
		OccurredAt: rapid.Int64().Draw(t, "at"),
		Latitude:   rapid.Float64Range(-90, 90).Draw(t, "lat"),
		Longitude:  rapid.Float64Range(-180, 180).Draw(t, "lon"),
		Gender:     Gender(rapid.IntRange(0, len(Genders)-1).Draw(t, "gender")),
		AgeBand:    AgeBand(rapid.IntRange(0, len(AgeBands)-1).Draw(t, "band")),
	}
	copy(m.Person[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "person"))
	return m
}

// TestMaskedRoundTrip: decode after encode is the identity, in both encodings.
func TestMaskedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawMasked(t)
		got, err := DecodeMasked(string(AppendMasked(nil, &want)), []Masked{{}})
		if err != nil || len(got) != 2 || got[1] != want {
			t.Fatalf("got %v, %v", got, err)
		}
		plain, _ := json.Marshal(maskedJSON{
			Person: hex.EncodeToString(want.Person[:]), OccurredAtMS: &want.OccurredAt,
			Latitude: &want.Latitude, Longitude: &want.Longitude, Gender: want.Gender.String(), AgeBand: want.AgeBand.String(),
		})
		space := rapid.SampledFrom([]string{"", " ", "\r\n\t"})
		all, err := DecodeMasked(space.Draw(t, "before")+string(plain)+space.Draw(t, "between")+string(plain)+space.Draw(t, "after"), nil)
		if err != nil || len(all) != 2 || all[0] != want || all[1] != want {
			t.Fatalf("got %v, %v from %s", all, err, plain)
		}
	})
}

// TestMaskedEncodesEveryField fails for a field that AppendMasked leaves out.
func TestMaskedEncodesEveryField(t *testing.T) {
	for i := range reflect.TypeFor[Masked]().NumField() {
		var want Masked
		field := reflect.ValueOf(&want).Elem().Field(i)
		switch field.Kind() {
		case reflect.Array:
			field.Index(3).SetUint(1)
		case reflect.Int64:
			field.SetInt(1)
		case reflect.Float64:
			field.SetFloat(1)
		case reflect.Uint8:
			field.SetUint(1)
		default:
			t.Fatalf("no value for %s", field.Type())
		}
		if got, err := DecodeMasked(string(AppendMasked(nil, &want)), nil); err != nil || got[0] != want {
			t.Errorf("%s is lost: %v", reflect.TypeFor[Masked]().Field(i).Name, err)
		}
	}
}

func TestDecodeMaskedRefuses(t *testing.T) {
	good := string(AppendMasked(nil, &Masked{}))
	for name, data := range map[string]string{
		"empty": "", "white space": " \n", "short": good[:len(good)-1], "long": good + "x", "version": "\x02" + good[1:],
		"gender": good[:len(good)-2] + "\x04\x00", "band": good[:len(good)-1] + "\x07",
		"latitude": good[:25] + "\x7f\xf8\x00\x00\x00\x00\x00\x00" + good[33:],
	} {
		if m, err := DecodeMasked(data, nil); err == nil {
			t.Errorf("%s: %v", name, m)
		}
	}
	ok := `{"person":"00112233445566778899aabbccddeeff","occurred_at_ms":1,"latitude":1,"longitude":1,"gender":"male","age_band":"0-17"}`
	if _, err := DecodeMasked(ok, nil); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{{`"person"`, `"email"`}, {`0011`, `00`}, {`"latitude":1,`, ``}, {`"latitude":1`, `"latitude":91`}, {`male`, `man`}, {`0-17`, `0-18`}, {`}`, ``}} {
		if m, err := DecodeMasked(strings.Replace(ok, change[0], change[1], 1), nil); err == nil {
			t.Errorf("%v: %v", change, m)
		}
	}
}
