package definition

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write schema_gen.go")

// TestSchema holds schema_gen.go against the comments of the SDK's source.
func TestSchema(t *testing.T) {
	sdk := sdkFolder(t)
	sources := structs(t, filepath.Join(sdk, "types", "types.go"))
	addNames(t, sources, filepath.Join(sdk, "serializers.go"))
	sources["DataSetFile"] = createDataSet(t, sdk)
	want := generate(t, sources)
	if *update {
		if err := os.WriteFile("schema_gen.go", want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("schema_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Error("schema_gen.go is stale: run `go generate ./definition` in dashboards/")
	}
}

// TestDataSetFileIsPartOfCreateDataSet: each member of a data set, and of what is in
// it, is one of the API's.
func TestDataSetFileIsPartOfCreateDataSet(t *testing.T) {
	sdk := sdkFolder(t)
	sources := structs(t, filepath.Join(sdk, "types", "types.go"))
	sources["DataSetFile"] = createDataSet(t, sdk)
	partial := 0
	for typ := range reach(t) {
		if typ.Kind() != reflect.Struct || !shapeOf(typ).partial {
			continue
		}
		s := shapeOf(typ)
		partial++
		for _, name := range s.names {
			_, member := sources[s.name].fields[name]
			if _, behindInterface := sources[s.name+"Member"+name]; !member && !behindInterface {
				t.Errorf("the API has no %s.%s", s.name, name)
			}
		}
	}
	if partial != 9 {
		t.Errorf("got %d structs", partial)
	}
}

// createDataSet is CreateDataSetInput without the account.
func createDataSet(t *testing.T, sdk string) source {
	t.Helper()
	input := structs(t, filepath.Join(sdk, "api_op_CreateDataSet.go"))["CreateDataSetInput"]
	delete(input.fields, "AwsAccountId")
	return input
}

// sdkFolder is where the client's source is.
func sdkFolder(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}",
		"github.com/aws/aws-sdk-go-v2/service/quicksight").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// source is what the source says of a struct: its fields, and whether each is
// required.
type source struct {
	fields map[string]bool
	union  bool
	// renamed are the fields with another name in JSON.
	renamed map[string]string
}

var (
	serializer = regexp.MustCompile(`(?s)\nfunc awsRestjson1_serializeDocument(\w+)\(.*?\n}\n`)
	objectKey  = regexp.MustCompile(`if (?:len\()?v\.(\w+).*\n\s*ok := object\.Key\("(\w+)"\)`)
)

// addNames adds the names in JSON, as the client writes them.
func addNames(t *testing.T, sources map[string]source, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, function := range serializer.FindAllStringSubmatch(string(text), -1) {
		s := sources[function[1]]
		s.renamed = map[string]string{}
		for _, m := range objectKey.FindAllStringSubmatch(function[0], -1) {
			if m[1] != m[2] {
				s.renamed[m[1]] = m[2]
			}
		}
		sources[function[1]] = s
	}
}

func structs(t *testing.T, file string) map[string]source {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]source{}
	for _, d := range parsed.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		spec := g.Specs[0].(*ast.TypeSpec)
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			continue
		}
		words := strings.Join(strings.Fields(g.Doc.Text()), " ")
		one := source{
			fields: map[string]bool{},
			union:  strings.Contains(words, "union type structure") || strings.Contains(words, "tagged union"),
		}
		for _, f := range s.Fields.List {
			for _, name := range f.Names {
				if name.IsExported() {
					one.fields[name.Name] = strings.Contains(f.Doc.Text(), "This member is required.")
				}
			}
		}
		found[spec.Name.Name] = one
	}
	return found
}

// reach lists the structs and interfaces that a definition, a data set or the rest
// of a description can hold.
func reach(t *testing.T) map[reflect.Type]bool {
	reached := map[reflect.Type]bool{}
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			visit(typ.Elem())
		case reflect.Struct:
			if typ == timeType || reached[typ] {
				return
			}
			reached[typ] = true
			for i := range typ.NumField() {
				if typ.Field(i).IsExported() {
					visit(typ.Field(i).Type)
				}
			}
		case reflect.Interface:
			reached[typ] = true
			if len(variants[typ]) == 0 {
				t.Errorf("nothing is known yet of what is behind %v: generate again", typ)
			}
			for _, v := range variants[typ] {
				visit(v)
			}
		case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64, reflect.Float64:
		default:
			t.Errorf("the decoder does not know %v", typ)
		}
	}
	visit(reflect.TypeFor[document]())
	visit(reflect.TypeFor[DataSetFile]())
	return reached
}

// generate writes what schema_gen.go says of those types.
func generate(t *testing.T, sources map[string]source) []byte {
	t.Helper()
	reached := reach(t)
	byName := map[string]reflect.Type{}
	for typ := range reached {
		byName[typ.Name()] = typ
	}
	var requireds, unionNames, renames, interfaces strings.Builder
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if byName[name].Kind() == reflect.Interface {
			fmt.Fprintf(&interfaces, "reflect.TypeFor[types.%s](): {\n", name)
			prefix := name + "Member"
			for _, s := range slices.Sorted(maps.Keys(sources)) {
				if member, ok := strings.CutPrefix(s, prefix); ok {
					fmt.Fprintf(&interfaces, "%q: reflect.TypeFor[types.%s](),\n", member, s)
				}
			}
			fmt.Fprintf(&interfaces, "},\n")
		}
		s := sources[name]
		if s.union && len(s.fields) > 0 {
			fmt.Fprintf(&unionNames, "%q,\n", name)
		}
		for _, field := range slices.Sorted(maps.Keys(s.renamed)) {
			fmt.Fprintf(&renames, "%q: %q,\n", name+"."+field, s.renamed[field])
		}
		var names []string
		for field, is := range s.fields {
			if is {
				names = append(names, field)
			}
		}
		if len(names) > 0 {
			slices.Sort(names)
			fmt.Fprintf(&requireds, "%q: {\"%s\"},\n", name, strings.Join(names, `", "`))
		}
	}
	code, err := format.Source(fmt.Appendf(nil, layout, requireds.String(), unionNames.String(), renames.String(), interfaces.String()))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

const layout = `// Code generated from the SDK's source by go test -run TestSchema -update; DO NOT EDIT.

package definition

import (
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"
)

// required names the members that must be there, by the name of the struct.
var required = map[string][]string{
%s}

// unions are the structs of which exactly one member must be set, in order.
var unions = []string{
%s}

// renamed are the fields whose name in JSON is another than in Go.
var renamed = map[string]string{
%s}

// variants are the types behind an interface, by the name of the member that
// stands for each.
var variants = map[reflect.Type]map[string]reflect.Type{
%s}
`
