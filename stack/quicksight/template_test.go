package quicksight

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/dashboards"
	"github.com/headcount-etl/headcount/stack/names"
)

// dashboard gives the template of the dashboard as it is compiled in.
func dashboard(a Args) ([]byte, error) {
	files, err := Load()
	if err != nil {
		return nil, err
	}
	return files.Dashboard(a)
}

// templates are the kinds of templates.
var templates = map[string]func(Args) ([]byte, error){"datasource": DataSource, "dashboard": dashboard}

// TestCloudFormationLint has cfn-lint look at the templates of an example, where it
// is installed: the other's are of the same shape, and it needs seconds for
// each. `make cfn-lint` insists on it, and on the committed templates.
func TestCloudFormationLint(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Log("there is no cfn-lint here (pip install cfn-lint): the templates were looked at by Go alone")
		return
	}
	a := examples[1]
	args := []string{"--regions", a.Region, "--"}
	for kind, render := range templates {
		text, err := render(a)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), kind+".json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	if out, err := exec.CommandContext(t.Context(), lint, args...).CombinedOutput(); err != nil {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}

// TestDefinition: analysis and dashboard have the very definition of the file,
// but for the ARNs of the data sets.
func TestDefinition(t *testing.T) {
	text, err := fs.ReadFile(dashboards.Files, dashboards.HeadcountFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range examples {
		rendered, err := dashboard(a)
		if err != nil {
			t.Fatal(err)
		}
		for _, resource := range []string{"Analysis", "Dashboard"} {
			if resource == "Analysis" && a.Author == "" {
				continue
			}
			want := parse(t, text)
			var declared []any
			for _, set := range []string{"headcounts", "events", "totals", "hotspots"} {
				declared = append(declared, map[string]any{"Identifier": set, "DataSetArn": "arn:aws:quicksight:" + a.Region + ":" + a.Account + ":dataset/headcount-" + a.Stack + "-" + set})
			}
			want["DataSetIdentifierDeclarations"] = declared
			if got := properties(t, rendered, resource)["Definition"]; !reflect.DeepEqual(got, any(want)) {
				t.Errorf("%s of %s has another definition than the file", resource, a.Stack)
			}
		}
	}
}

// properties are those of a resource of a template.
func properties(t *testing.T, template []byte, resource string) map[string]any {
	t.Helper()
	resources := parse(t, template)["Resources"].(map[string]any)
	return resources[resource].(map[string]any)["Properties"].(map[string]any)
}

// TestWhoMay: the principal and the author may look at the dashboard, the author
// may change the analysis, and that is all that anybody may. Without an author
// nobody could see the analysis, and there is none.
func TestWhoMay(t *testing.T) {
	view := []any{"quicksight:DescribeDashboard", "quicksight:ListDashboardVersions", "quicksight:QueryDashboard"}
	group := examples[0].Principal
	for _, tt := range []struct {
		author string
		want   map[string]any
	}{
		{"", map[string]any{group: view}},
		{group, map[string]any{group: view}},
		{"arn:aws:quicksight:eu-west-1:111122223333:user/default/author", map[string]any{group: view, "arn:aws:quicksight:eu-west-1:111122223333:user/default/author": view}},
	} {
		a := examples[0]
		a.Author = tt.author
		dashboard, err := dashboard(a)
		if err != nil {
			t.Fatal(err)
		}
		permissions := func(resource string) map[string]any {
			may := map[string]any{}
			for _, p := range properties(t, dashboard, resource)["Permissions"].([]any) {
				p := p.(map[string]any)
				who := p["Principal"].(string)
				if _, twice := may[who]; twice {
					t.Errorf("%s: %s is there twice", resource, who)
				}
				may[who] = p["Actions"]
			}
			return may
		}
		if got := permissions("Dashboard"); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("author %q: the dashboard's permissions are %v, want %v", tt.author, got, tt.want)
		}
		if _, ok := parse(t, dashboard)["Resources"].(map[string]any)["Analysis"]; ok != (tt.author != "") {
			t.Errorf("author %q: there is an analysis: %t", tt.author, ok)
		}
		if tt.author != "" {
			got := permissions("Analysis")
			if actions, _ := got[tt.author].([]any); len(got) != 1 || len(actions) != 7 {
				t.Errorf("author %q: the analysis's permissions are %v", tt.author, got)
			}
		}
	}
	dataSource, err := DataSource(examples[0])
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := properties(t, dataSource, "DataSource")["Permissions"]; ok {
		t.Errorf("the data source has permissions: %v", p)
	}
}

// TestArguments, a law: templates of any stack name no account but its own, have
// all that they were given, and ask for no parameters. That they are the same each
// time is for the program's TestResources to see, in each process anew.
func TestArguments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		account := rapid.StringMatching(`[0-9]{12}`).Filter(func(s string) bool { return s != placeholder }).Draw(t, "account")
		region := rapid.SampledFrom([]string{"eu-west-1", "us-east-2", "ap-southeast-3"}).Draw(t, "region")
		stack := rapid.StringMatching(`[a-z0-9]{1,12}`).Draw(t, "stack")
		a := Args{
			Names:     names.Names{Stack: stack, Account: account, Region: region},
			Principal: "arn:aws:quicksight:" + region + ":" + account + ":group/default/readers",
		}
		for kind, given := range map[string][]string{
			"datasource": {a.ID(), a.Account, a.Workgroup(), a.RoleARN()},
			"dashboard":  append([]string{a.ID(), a.Account, a.Principal}, a.DataSetARNs()...),
		} {
			text, err := templates[kind](a)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), placeholder) {
				t.Fatalf("the template %s names the files' account", kind)
			}
			for _, g := range given {
				if !bytes.Contains(text, []byte(`"`+g+`"`)) {
					t.Fatalf("the template %s does not have %q", kind, g)
				}
			}
			if bytes.Contains(text, []byte(`"Parameters":`)) {
				t.Fatalf("the template %s has parameters", kind)
			}
		}
	})
}

// TestVersion: the description of the dashboard's version is another exactly if
// the definition is, and not where only the stack's other settings or the file's
// layout changed.
func TestVersion(t *testing.T) {
	version := func(files fs.FS, a Args) any {
		text, err := rendered(files, a)
		if err != nil {
			t.Fatal(err)
		}
		return properties(t, text, "Dashboard")["VersionDescription"]
	}
	a := examples[0]
	first := version(dashboards.Files, a)
	if text, _ := first.(string); len(text) != len("sha256 ")+16 {
		t.Errorf("the description is %q", text)
	}
	other := a
	other.Principal += "s"
	for _, same := range []any{
		version(dashboards.Files, other),
		version(filesWith(t, dashboards.HeadcountFile, "{\n", "{\n\n"), a),
		version(filesWith(t, dashboards.EventsSet, `"Name": "Events"`, `"Name": "Event"`), a),
	} {
		if same != first {
			t.Errorf("the description is %v, although the definition is the same as that of %v", same, first)
		}
	}
	for _, changed := range []any{
		version(filesWith(t, dashboards.HeadcountFile, `"Title": "Now"`, `"Title": "At once"`), a),
		version(dashboards.Files, examples[1]),
	} {
		if changed == first {
			t.Errorf("the description is %v, although the definition is another", changed)
		}
	}
}

// TestLimit: a template that CloudFormation would refuse is an error.
func TestLimit(t *testing.T) {
	text, err := dashboard(examples[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > Limit {
		t.Errorf("the dashboard's template has %d bytes", len(text))
	}
	long := `"Title": "` + strings.Repeat("a", 1000) + `"`
	_, err = template("large", object{"a": strings.Repeat(long, 1000)})
	if err == nil || !strings.Contains(err.Error(), `the template "large" has 1`) {
		t.Errorf("the error is %v", err)
	}
}

// TestWrapped: a file may be all that describe-dashboard-definition gives. Its
// faults have the paths that they have in the file.
func TestWrapped(t *testing.T) {
	wrapped := func(title string) fs.FS {
		files := filesWith(t, dashboards.HeadcountFile, `"Title": "Now"`, `"Title": "`+title+`"`)
		file := files[dashboards.HeadcountFile]
		file.Data = []byte(`{"DashboardId": "theirs", "Name": "Theirs", "Definition": ` + string(file.Data) + `}`)
		return files
	}
	got, err := rendered(wrapped("Now"), examples[0])
	if err != nil {
		t.Fatal(err)
	}
	want, err := dashboard(examples[0])
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the template is another than that of the bare definition (%v)", err)
	}
	_, err = rendered(wrapped("arn:aws:s3:eu-west-1:111122223333:x"), examples[0])
	if err == nil || !strings.HasPrefix(err.Error(), "headcount.json: $.Definition.Sheets[0].Title: ") {
		t.Errorf("the error is %v", err)
	}
}
