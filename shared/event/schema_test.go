package event

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write the generated files")

// TestJSONSchemaIsCurrent fails when docs/event.schema.json is not what the Go
// types say; `go test ./event -update` writes it.
func TestJSONSchemaIsCurrent(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "event.schema.json")
	want, err := jsonSchema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale: run `go test ./event -update` in shared/", file)
	}
}

func TestPatternsAgreeWithTheDecoder(t *testing.T) {
	for format, pattern := range patterns {
		re := regexp.MustCompile(pattern)
		for _, text := range []string{
			"7e1ed93c-9487-478d-889f-b12f48b14a6a", "7E1ED93C-9487-478d-889f-b12f48b14a6a", "7e1ed93c-9487-478d-889f-b12f48b14a6", "",
			"2026-03-01T05:01:57Z", "2026-03-01T24:01:57Z", "2026-03-01T05:01:57.1Z", "2026-03-01T05:01:57.Z", "2026-03-01t05:01:57Z", "2026-03-01", "2026-3-1",
		} {
			var ok bool
			switch format {
			case "uuid":
				ok = isUUID(text)
			case "instant":
				_, _, _, ok = parseInstant(text)
			case "date":
				_, ok = parseDate(text)
			}
			if ok != re.MatchString(text) {
				t.Errorf("%s %q: decoder %v, pattern %v", format, text, ok, !ok)
			}
		}
	}
}

// TestDatePattern: every day of years of all kinds, and days that do not exist.
func TestDatePattern(t *testing.T) {
	re := regexp.MustCompile(patterns["date"])
	for _, year := range []int{0, 1, 4, 100, 400, 1900, 1999, 2000, 2010, 2012, 2014, 2016, 2018, 2024, 2026, 2100, 2400, 9999} {
		for month := range 100 {
			for day := range 100 {
				text := fmt.Sprintf("%04d-%02d-%02d", year, month, day)
				if _, ok := parseDate(text); ok != re.MatchString(text) {
					t.Errorf("%s: decoder %v, pattern %v", text, ok, !ok)
				}
			}
		}
	}
}

func TestLakeColumns(t *testing.T) {
	got := LakeColumns()
	want := []Column{
		{"schema_version", "int"},
		{"event_id", "string"},
		{"occurred_at", "string"},
		{"user", "struct<id:string,birth_date:string,gender:string,full_name:string,email:string,phone:string>"},
		{"position", "struct<latitude:double,longitude:double,accuracy_m:double,altitude_m:double,speed_mps:double,heading_deg:double>"},
		{"device", "struct<id:string,platform:string,os_version:string,app_version:string,model:string,ip_address:string>"},
		{"session", "struct<id:string,screen:string,network:string,battery_pct:double>"},
		{"consent", "struct<analytics:boolean>"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}
