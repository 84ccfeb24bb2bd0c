package web

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := fs.ReadFile(Assets(), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// names are all files of the page.
func names(t *testing.T) []string {
	t.Helper()
	var all []string
	err := fs.WalkDir(Assets(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var (
	attribute = regexp.MustCompile(`(?:src|href)="([^"]+)"`)
	module    = regexp.MustCompile(`(?m)^import .* from "([^"]+)";$`)
	fetched   = regexp.MustCompile(`fetch\("(assets/[^"]+)"`)
)

// The page's own code refers to files by name; each of them must be embedded, and
// each embedded file must be there for a reason.
func TestEveryReferenceIsAFile(t *testing.T) {
	used := map[string]bool{"index.html": true, "assets/echarts.LICENSE": true, "assets/echarts.NOTICE": true}
	refer := func(from, to string) {
		used[to] = true
		if _, err := fs.Stat(Assets(), to); err != nil {
			t.Errorf("%s refers to %s: %v", from, to, err)
		}
	}
	for _, m := range attribute.FindAllStringSubmatch(read(t, "index.html"), -1) {
		refer("index.html", m[1])
	}
	for _, name := range names(t) {
		if path.Ext(name) != ".js" || name == "assets/echarts.js" {
			continue
		}
		text := read(t, name)
		for _, m := range module.FindAllStringSubmatch(text, -1) {
			refer(name, path.Join(path.Dir(name), m[1]))
		}
		for _, m := range fetched.FindAllStringSubmatch(text, -1) {
			refer(name, m[1])
		}
	}
	for _, name := range names(t) {
		if !used[name] {
			t.Errorf("%s is embedded, but nothing refers to it", name)
		}
	}
}

// legal matches what esbuild keeps of licences, where addresses are welcome.
var legal = regexp.MustCompile(`(?s)/\*!.*?\*/|/\*\*.*?\*/`)

// documentation matches the page's own comments, which name their sources.
var documentation = regexp.MustCompile(`(?m)^\s*//.*$`)

var address = regexp.MustCompile(`(?i)(?:https?://|wss?://|["'(]//)[^"'\s)]*`)

// A name space is no address that is asked.
const svg = "http://www.w3.org/2000/svg"

func TestNothingIsAskedElsewhere(t *testing.T) {
	for _, name := range names(t) {
		if ext := path.Ext(name); ext == ".LICENSE" || ext == ".NOTICE" {
			continue
		}
		text := legal.ReplaceAllString(read(t, name), "")
		text = documentation.ReplaceAllString(text, "")
		for _, found := range address.FindAllString(strings.ReplaceAll(text, svg, ""), -1) {
			t.Errorf("%s names the address %s", name, found)
		}
	}
}

// What a strict Content-Security-Policy forbids must not be there in the first
// place: scripts in the page, handlers in attributes, code from texts.
func TestAStrictPolicyHolds(t *testing.T) {
	page := read(t, "index.html")
	for _, m := range regexp.MustCompile(`(?s)<script([^>]*)>(.*?)</script>`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(m[1], "src=") || strings.TrimSpace(m[2]) != "" {
			t.Errorf("index.html holds a script of its own: %s", m[0])
		}
	}
	if found := regexp.MustCompile(`\son\w+=`).FindString(page); found != "" {
		t.Errorf("index.html holds a handler: %s", found)
	}
	markup := 0
	for _, name := range names(t) {
		if path.Ext(name) != ".js" {
			continue
		}
		text := read(t, name)
		if found := regexp.MustCompile(`\beval\(|new Function\b|document\.write`).FindString(text); found != "" {
			t.Errorf("%s makes code from texts: %s", name, found)
		}
		if name != "assets/echarts.js" {
			markup += len(regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe`).FindAllString(text, -1))
		}
	}
	if markup != 1 {
		t.Errorf("%d places of the page's code take markup, want the one of rich texts", markup)
	}
}

func TestTheLibraryIsTheOneThatIsLocked(t *testing.T) {
	var manifest, lock struct {
		DevDependencies map[string]string `json:"devDependencies"`
		Packages        map[string]struct {
			Version  string `json:"version"`
			Resolved string `json:"resolved"`
		} `json:"packages"`
	}
	for name, into := range map[string]any{"build/package.json": &manifest, "build/package-lock.json": &lock} {
		b, err := os.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	version := manifest.DevDependencies["echarts"]
	if locked := lock.Packages["node_modules/echarts"].Version; version == "" || locked != version {
		t.Errorf("package.json asks for echarts %q, package-lock.json has %q", version, locked)
	}
	banner, _, _ := strings.Cut(read(t, "assets/echarts.js"), "\n")
	if !strings.Contains(banner, "Apache ECharts "+version+",") || !strings.Contains(banner, "Apache-2.0") {
		t.Errorf("echarts.js begins with %q, want version %s and its licence", banner, version)
	}
	for name, p := range lock.Packages {
		if p.Resolved != "" && !strings.HasPrefix(p.Resolved, "https://registry.npmjs.org/") {
			t.Errorf("%s is locked to %s", name, p.Resolved)
		}
	}
	if !strings.Contains(read(t, "assets/echarts.LICENSE"), "Apache License") || !strings.Contains(read(t, "assets/echarts.NOTICE"), "Apache ECharts") {
		t.Error("the library's licence or notice is another text")
	}
}

func TestThePageIsSmall(t *testing.T) {
	const kilobyte = 1 << 10
	most := map[string]int{"assets/echarts.js": 700 * kilobyte}
	for _, name := range names(t) {
		limit, ok := most[name]
		if !ok {
			limit = 24 * kilobyte
		}
		if size := len(read(t, name)); size > limit || size == 0 {
			t.Errorf("%s has %d bytes, want at most %d", name, size, limit)
		}
	}
}
