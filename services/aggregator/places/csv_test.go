package places

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

const header = "poi_id,name,latitude,longitude\n"

func TestReadCSV(t *testing.T) {
	a := Place{"a", "Alpha, the \"first\"", 1.5, -2, 200}
	b := Place{"b", "東京\nline two", -90, 180, 200}
	for name, c := range map[string]struct {
		in   string
		want []Place
	}{
		"plain":            {header + "a,Alpha,1,2\n", []Place{{"a", "Alpha", 1, 2, 200}}},
		"no last line end": {header + "a,Alpha,1,2", []Place{{"a", "Alpha", 1, 2, 200}}},
		"quoted, sorted by id": {
			header + "b,\"東京\nline two\",-90,180\na,\"Alpha, the \"\"first\"\"\",1.5,-2\n",
			[]Place{a, b},
		},
		"mark and CRLF": {"\xEF\xBB\xBF" + strings.ReplaceAll(header, "\n", "\r\n") + "a,x,1,2\r\n", []Place{{"a", "x", 1, 2, 200}}},
		"other order, radius": {
			"radius_m, longitude ,latitude,name,poi_id\n50,2,1,,a\n,2,1,,b\n",
			[]Place{{"a", "", 1, 2, 50}, {"b", "", 1, 2, 200}},
		},
		"spaces around fields": {
			" poi_id , name,latitude,longitude,radius_m \n a,\tÎle de la Cité\u00a0, 1 , 2, \n\" b \",,1,2, 7 \n",
			[]Place{{"a", "Île de la Cité", 1, 2, 200}, {"b", "", 1, 2, 7}},
		},
	} {
		got, err := ReadCSV(strings.NewReader(c.in), 200)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, error %v", name, got, err)
		}
	}
}

func TestReadCSVFaults(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"empty":            {"", []string{"the list is empty; its first line must name the columns poi_id,name,latitude,longitude"}},
		"no places":        {header, []string{"there are no places under the header"}},
		"missing columns":  {"poi_id,name\na,b\n", []string{"line 1: the column latitude is missing", "line 1: the column longitude is missing"}},
		"events":           {`{"schema_version":1}` + "\n", []string{`the first line must be the header poi_id,name,latitude,longitude[,radius_m]: parse error on line 1, column 2: bare " in non-quoted-field`}},
		"no header":        {"a,x,1,2\nb,y,3,4\n", []string{"line 1: the first line must be the header poi_id,name,latitude,longitude[,radius_m]"}},
		"swapped":          {header + "a,x,120.5,2\n", []string{"line 2, latitude: 120.5 is not between -90 and 90 degrees: are latitude and longitude swapped?"}},
		"column twice":     {"poi_id,name,latitude,longitude,name\n", []string{"line 1: the column name is there twice"}},
		"misspelt column":  {"poi_id,name,latitude,longitude,radius\n", []string{`line 1: the column "radius" is not one of poi_id,name,latitude,longitude,radius_m`}},
		"semicolons":       {"poi_id;name;latitude;longitude\na;x;1;2\n", []string{`line 1: the columns are separated by ";", want a comma`}},
		"tabs":             {"poi_id\tname\tlatitude\tlongitude\n", []string{`line 1: the columns are separated by "\t", want a comma`}},
		"no number":        {header + "a,x,north,2\n", []string{`line 2, latitude: "north" is not a number`}},
		"empty number":     {header + "a,x,,2\n", []string{`line 2, latitude: "" is not a number`}},
		"not a number":     {header + "a,x,NaN,2\n", []string{"line 2, latitude: NaN is not between -90 and 90 degrees"}},
		"infinite":         {header + "a,x,1,-Inf\n", []string{"line 2, longitude: -Inf is not between -180 and 180 degrees"}},
		"out of range":     {header + "a,x,90.5,181\n", []string{"line 2, latitude: 90.5 is", "line 2, longitude: 181 is"}},
		"empty id":         {header + ",x,1,2\n", []string{"line 2, poi_id: it is empty"}},
		"long id":          {header + "a,x,1,2\n" + strings.Repeat("é", 128) + ",x,1,2\n" + strings.Repeat("é", 128) + "a,x,1,2\n", []string{"line 4, poi_id: it has 257 bytes, at most 256 are allowed: give the place a short id"}},
		"id twice":         {header + "a,x,1,2\nb,x,1,2\na,x,1,2\n", []string{`line 4, poi_id: "a" is on line 2 already`}},
		"id of spaces":     {header + " ,x,1,2\n", []string{"line 2, poi_id: it is empty"}},
		"id twice, spaced": {header + "a,x,1,2\na ,x,1,2\n", []string{`line 3, poi_id: "a" is on line 2 already`}},
		"short line":       {header + "a,x,1\n", []string{"line 2, poi_id: the line has 3 fields, the header has 4"}},
		"not UTF-8":        {header + "a,\xff,1,2\n", []string{"line 2, name: it is not valid UTF-8"}},
		"bare quote":       {header + "a,x\"y,1,2\nb,x,y,2\n", []string{"line 2, character 4: bare \"", `line 3, latitude: "y" is not`}},
		"radius 0":         {"poi_id,name,latitude,longitude,radius_m\na,x,1,2,0\n", []string{"line 2, radius_m: 0 is not above 0 and at most 20015115 metres"}},
		"radius too large": {"poi_id,name,latitude,longitude,radius_m\na,x,1,2,20015116\n", []string{"line 2, radius_m: 2.0015116e+07 is not"}},
		"lines of a quoted name count": {
			header + "a,\"x\ny\",1,2\nb,x,y,2\n",
			[]string{`line 4, latitude: "y" is not a number`},
		},
	} {
		_, err := ReadCSV(strings.NewReader(c.in), 200)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		lines := strings.Split(strings.TrimPrefix(err.Error(), "places: "), "\n")
		if len(lines) != len(c.want) {
			t.Errorf("%s: %d faults, want %d: %v", name, len(lines), len(c.want), err)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%s: %q, want %q", name, lines[i], want)
			}
		}
	}
}

func TestReadCSVDefaultRadiusIsChecked(t *testing.T) {
	for _, radius := range []float64{0, -5, math.NaN(), MaxRadiusM + 1} {
		_, err := ReadCSV(strings.NewReader(header+"a,x,1,2\nb,x,1,2\n"), radius)
		if err == nil || !strings.Contains(err.Error(), "default radius") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", radius, err)
		}
	}
}

// TestReadCSVNamesFiveFaults: and the number of the others.
func TestReadCSVNamesFiveFaults(t *testing.T) {
	var in strings.Builder
	in.WriteString(header)
	for i := range 1000 {
		fmt.Fprintf(&in, "%d,x,north,east\n", i)
	}
	_, err := ReadCSV(strings.NewReader(in.String()), 200)
	if n := strings.Count(err.Error(), "is not a number"); n != 5 || !strings.HasSuffix(err.Error(), "\nand 1995 more") {
		t.Errorf("%d faults, want 5 of 2000: %v", n, err)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add(header + "a,\"Alpha\",1,2\n")
	f.Add("\xEF\xBB\xBFradius_m,poi_id,name,latitude,longitude\r\n5,a,x,1,2\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := ReadCSV(strings.NewReader(in), 200)
		if err != nil {
			return
		}
		if _, err := New(got); err != nil {
			t.Fatalf("a list that was read makes no index: %v", err)
		}
	})
}

// TestListsAreBounded: a list that is too large is named by its first line too many, and
// read no further.
func TestListsAreBounded(t *testing.T) {
	var most strings.Builder
	most.WriteString("poi_id,name,latitude,longitude\n")
	for i := range MaxPlaces {
		fmt.Fprintf(&most, "%d,,0,0\n", i)
	}
	if list, err := ReadCSV(strings.NewReader(most.String()), 200); err != nil || len(list) != MaxPlaces {
		t.Errorf("%d places, %v", len(list), err)
	}
	for want, text := range map[string]string{
		"line 100002: there are more than 100000 places": most.String() + strings.Repeat("x,,0,0\n", 100),
		"line 3: ids and names have more than 8000000":   "poi_id,name,latitude,longitude\na,,0,0\nb," + strings.Repeat("x", MaxText-1) + ",0,0\nc,,91,0\n",
	} {
		_, err := ReadCSV(strings.NewReader(text), 200)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "several flows") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
