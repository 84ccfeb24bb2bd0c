package settings_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/headcount-etl/headcount/services/aggregator/places"
	"github.com/headcount-etl/headcount/stack/settings"
)

const (
	placesFile = "places.csv"
	badPlaces  = "bad.csv"
	notUTF8    = "latin1.csv"
	// short is a flow that is well, for what is wrong beside it.
	short = `{"name":"v1","places":"places.csv"`
)

// files is a small repository.
var files = map[string]string{
	placesFile: "poi_id,name,latitude,longitude\nlouvre,Musée du Louvre,48.8606,2.3376\n",
	badPlaces:  "poi_id,name,latitude,longitude\nlouvre,Musée du Louvre,48.8606,2.3376\nmoon,The Moon,99,x\n",
	notUTF8:    "poi_id,name,latitude,longitude\nlouvre,Mus\xe9e du Louvre,48.8606,2.3376\n",
}

// good is a configuration without a fault: the defaults, and what the tests
// count on.
func good() map[string]string {
	values, err := settings.Defaults(root)
	if err != nil {
		panic(err)
	}
	maps.Copy(values, map[string]string{
		"region": "eu-west-1", "publishedFlow": "v1", "flows": `[` + short + `}]`, "lakeArchiveDays": "90", "lakeDays": "0",
		"firstYear": "2026", "lastYear": "2030",
	})
	return values
}

// with gives a configuration that is good but for keys and values in turn.
func with(pairs ...string) map[string]string {
	values := good()
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return values
}

// faultsOf reads a configuration that must have faults.
func faultsOf(t *testing.T, values map[string]string) []string {
	t.Helper()
	_, err := settings.Read("dev", values, folder(t, files))
	var faults *settings.FaultsError
	if !errors.As(err, &faults) || len(faults.Faults) == 0 {
		t.Fatalf("%q: got %v", values, err)
	}
	if want := "bad configuration of stack dev: " + strings.Join(faults.Faults, "; "); err.Error() != want {
		t.Errorf("the error is %q", err)
	}
	return faults.Faults
}

// TestBadValues: one thing is wrong, and the one fault says what, where, and what
// would be right.
func TestBadValues(t *testing.T) {
	const principal = "must be the ARN of a QuickSight user or group, such as arn:aws:quicksight:eu-west-1:111122223333:group/default/analysts"
	flow := func(more string) string { return `[` + short + `,` + more + `}]` }
	events := func(more string) string { return `[{"address":"a@example.com","topic":"events",` + more + `}]` }
	for _, test := range []struct{ key, value, want string }{
		{"region", "", `headcount:region is missing: must be a region such as eu-west-1`},
		{"region", "Ireland", `headcount:region is "Ireland": must be a region such as eu-west-1`},
		{"region", "us-gov-west-1", `headcount:region is "us-gov-west-1": must be a region such as eu-west-1`},
		{"region", "cn-north-1", `headcount:region is "cn-north-1": must be a region such as eu-west-1`},
		{"protect", "yes", `headcount:protect is "yes": must be true or false`},
		{"network", "vpn", `headcount:network is "vpn": must be one of nat, endpoints`},
		{"publishedFlow", "v9", `headcount:publishedFlow is "v9": must be one of the flows: v1`},
		{"publishedFlow", "", `headcount:publishedFlow is missing: must be the name of a flow`},
		{"quickSightPrincipal", "analysts", `headcount:quickSightPrincipal is "analysts": ` + principal},
		{"quickSightPrincipal", "arn:aws:iam::111122223333:role/analysts", `headcount:quickSightPrincipal is "arn:aws:iam::111122223333:role/analysts": ` + principal},
		{"quickSightAuthor", "me", `headcount:quickSightAuthor is "me": ` + principal},
		{"quickSightAuthor", "arn:aws:quicksight:eu-west-1:444455556666:user/default/me", `headcount:quickSightAuthor is there without quickSightPrincipal: QuickSight is left out`},
		{"dashboardDays", "0", `headcount:dashboardDays is "0": must be a whole number from 1 to 36500`},
		{"noInputMinutes", "12", `headcount:noInputMinutes is "12": must be a multiple of 5`},
		{"noInputMinutes", "1445", `headcount:noInputMinutes is "1445": must be a whole number from 0 to 1440`},
		{"monthlyBudgetUSD", "1.5", `headcount:monthlyBudgetUSD is "1.5": must be a whole number from 0 to `},
		{"lakeFormat", "avro", `headcount:lakeFormat is "avro": must be one of parquet, orc`},
		{"lakeBufferMB", "63", `headcount:lakeBufferMB is "63": must be a whole number from 64 to 128`},
		{"lakeBufferSeconds", "901", `headcount:lakeBufferSeconds is "901": must be a whole number from 60 to 900`},
		{"lakeDays", "90", `headcount:lakeArchiveDays is "90": must be less than lakeDays, 90, or 0: objects that are gone cannot be archived`},
		{"lakeDays", "ever", `headcount:lakeDays is "ever": must be a whole number from 0 to 36500`},
		{"logDays", "8", `headcount:logDays is "8": must be one of 1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 2192 2557 2922 3288 3653`},
		{"logDays", "0", `headcount:logDays is "0": must be a whole number from 1 to 36500`},
		{"partialsDays", "1.5", `headcount:partialsDays is "1.5": must be a whole number from 2 to 36500`},
		{"quarantineDays", "0", `headcount:quarantineDays is "0": must be a whole number from 1 to 36500`},
		{"resultsDays", "", `headcount:resultsDays is "": must be a whole number from 1 to 36500`},
		{"firstYear", "26", `headcount:firstYear is "26": must be a whole number from 2000 to 2200`},
		{"lastYear", "2025", `headcount:lastYear is "2025": must be firstYear or up to 20 years later`},
		{"lastYear", "2047", `headcount:lastYear is "2047": must be firstYear or up to 20 years later`},
		{"athenaScanLimitMB", "9", `headcount:athenaScanLimitMB is "9": must be a whole number from 10 to 1073741824`},
		{"regoin", "eu-west-1", "headcount:regoin is not a setting: there are athenaScanLimitMB, dashboardDays, "},
		{"two\nlines", "1", `headcount:"two\nlines" is not a setting: there are athenaScanLimitMB, dashboardDays, `},

		{"flows", "v1", `headcount:flows is "v1": must be a list`},
		{"flows", "[]", "headcount:flows is missing: must be at least one flow"},
		{"flows", `[{"name"`, `headcount:flows is "[{\"name\"": must be JSON`},
		{"flows", `["v1"]`, `headcount:flows[0] is "v1": must be an object`},
		{"flows", `[{"places":"places.csv"}]`, "headcount:flows[0].name is missing: must be 1 to 24 of a-z, 0-9, -, and not begin with -"},
		{"flows", `["v1",{"name":"v2","places":"places.csv"}]`, `headcount:flows[0] is "v1": must be an object`},
		{"flows", `[{"places":"places.csv"},{"name":"v2","places":"places.csv"}]`, "headcount:flows[0].name is missing"},
		{"flows", `[{"name":"V1","places":"places.csv"}]`, `headcount:flows[0].name is "V1": must be 1 to 24 of a-z, 0-9, -, and not begin with -`},
		{"flows", `[{"name":"-v1","places":"places.csv"}]`, `headcount:flows[0].name is "-v1": must be 1 to 24 of a-z, 0-9, -, and not begin with -`},
		{"flows", `[` + short + `},` + short + `}]`, `headcount:flows[1].name is "v1": another flow has that name`},
		{"flows", `[{"name":"v1"}]`, "headcount:flows[0].places is missing: must be the CSV file of the places, from the repository's root"},
		{"flows", `[{"name":"v1","places":"nosuch.csv"}]`, `headcount:flows[0].places is "nosuch.csv": no such file or directory`},
		{"flows", `[{"name":"v1","places":"bad.csv"}]`, `headcount:flows[0].places is "bad.csv": places: line 3, longitude: "x" is not a number; line 3, latitude: `},
		{"flows", `[{"name":"v1","places":"latin1.csv"}]`, `headcount:flows[0].places is "latin1.csv": the file is not UTF-8`},
		{"flows", flow(`"window":"7m"`), `headcount:flows[0].window is "7m0s": a window of 7m0s does not divide a day into windows of 1s to 24h`},
		{"flows", flow(`"window":"90s500ms"`), `headcount:flows[0].window is "1m30.5s": a window of 1m30.5s does not divide a day`},
		{"flows", flow(`"window":"1500ms"`), `headcount:flows[0].window is "1.5s": must be whole seconds`},
		{"flows", flow(`"window":5`), `headcount:flows[0].window is "5": must be a duration such as 90s or 5m, up to 24h0m0s`},
		{"flows", flow(`"maxAge":"-1s"`), `headcount:flows[0].maxAge is "-1s": must be a duration such as 90s or 5m, up to 876000h0m0s`},
		{"flows", flow(`"maxAge":"840h"`), `headcount:flows[0].maxAge is "840h0m0s": must be less than partialsDays, 840h0m0s, or 0`},
		{"flows", flow(`"flushInterval":"11m"`), `headcount:flows[0].flushInterval is "11m": must be a duration such as 90s or 5m, up to 10m0s`},
		{"flows", flow(`"refreshInterval":"1h"`), `headcount:flows[0].refreshInterval is "1h": must be a duration such as 90s or 5m, up to 15m0s`},
		{"flows", flow(`"radiusM":0`), `headcount:flows[0].radiusM is "0": must be a number above 0, up to `},
		{"flows", flow(`"radiusM":"NaN"`), `headcount:flows[0].radiusM is "NaN": must be a number above 0, up to `},
		{"flows", flow(fmt.Sprintf(`"radiusM":%d`, places.MaxRadiusM+1)), fmt.Sprintf(`headcount:flows[0].radiusM is "%d": must be a number above 0, up to %d`, places.MaxRadiusM+1, places.MaxRadiusM)},
		{"flows", flow(`"minPeople":0`), `headcount:flows[0].minPeople is "0": must be a whole number from 1 to `},
		{"flows", flow(`"minPeople":[5]`), `headcount:flows[0].minPeople is "[5]": must be a single value`},
		{"flows", flow(`"logLevel":"loud"`), `headcount:flows[0].logLevel is "loud": must be one of debug, info, warn, error`},
		{"flows", flow(`"windwo":"5m"`), "headcount:flows[0].windwo is not a setting: there are aggregator, flushInterval, "},
		{"flows", flow(`"masker":4`), `headcount:flows[0].masker is "4": must be an object`},
		{"flows", flow(`"masker":{"maxTask":4}`), "headcount:flows[0].masker.maxTask is not a setting: there are backlogPerTask, cpu, maxTasks, memoryMB, minTasks, visibilityTimeoutSeconds"},
		{"flows", flow(`"masker":{"minTasks":5,"maxTasks":4}`), `headcount:flows[0].masker.minTasks is "5": must be at most maxTasks, 4`},
		{"flows", flow(`"masker":{"minTasks":5}`), `headcount:flows[0].masker.minTasks is "5": must be at most maxTasks, 4`},
		{"flows", flow(`"masker":{"minTasks":5,"maxTasks":"x"}`), `headcount:flows[0].masker.maxTasks is "x": must be a whole number from 1 to 5000`},
		{"flows", flow(`"validator":{"cpu":300}`), `headcount:flows[0].validator.memoryMB is "512": must be one that Fargate has with cpu 300`},
		{"flows", flow(`"validator":{"cpu":1024,"memoryMB":1024}`), `headcount:flows[0].validator.memoryMB is "1024": must be one that Fargate has with cpu 1024`},
		{"flows", flow(`"validator":{"cpu":8192,"memoryMB":18432}`), `headcount:flows[0].validator.memoryMB is "18432": must be one that Fargate has with cpu 8192`},
		{"flows", flow(`"validator":{"cpu":256,"memoryMB":1536}`), `headcount:flows[0].validator.memoryMB is "1536": must be one that Fargate has with cpu 256`},
		{"flows", flow(`"validator":{"cpu":"a lot","memoryMB":4096}`), `headcount:flows[0].validator.cpu is "a lot": must be a whole number from 256 to 16384`},
		{"flows", flow(`"aggregator":{"visibilityTimeoutSeconds":30}`), `headcount:flows[0].aggregator.visibilityTimeoutSeconds is "30": must be a whole number from 60 to 43200`},
		{"flows", flow(`"aggregator":{"backlogPerTask":0}`), `headcount:flows[0].aggregator.backlogPerTask is "0": must be a whole number from 1 to `},

		{"emails", `[{"topic":"alarms"}]`, "headcount:emails[0].address is missing: must be an e-mail address"},
		{"emails", `[{"topic":"alarms","address":"Ann <a@example.com>"}]`, `headcount:emails[0].address is "Ann <a@example.com>": must be an e-mail address`},
		{"emails", `[{"address":"a@example.com"}]`, "headcount:emails[0].topic is missing: must be one of alarms, alerts"},
		{"emails", `[{"address":"a@example.com","topic":"news"}]`, `headcount:emails[0].topic is "news": must be one of alarms, alerts, events`},
		{"emails", events(`"filter":{"platform":["ios"]}`), "headcount:emails[0].personalData is missing: must be true, to say that each of these e-mails names a person"},
		{"emails", events(`"personalData":true`), "headcount:emails[0].filter has 0 attributes: must be 1 to 4 with lists of values"},
		{"emails", events(`"personalData":true,"filter":{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"]}`), "headcount:emails[0].filter has 5 attributes"},
		{"emails", events(`"personalData":true,"filter":{"consent":["analytics"]}`), "headcount:emails[0].filter.consent is there: what was published without consent is left out"},
		{"emails", events(`"personalData":true,"filter":{"platform":[]}`), "headcount:emails[0].filter.platform has no values"},
		{"emails", events(`"personalData":true,"filter":{"platform":"ios"}`), `headcount:emails[0].filter.platform is "ios": must be a list of values`},
		{"emails", events(`"personalData":true,"filter":{"platform":[1]}`), `headcount:emails[0].filter.platform[0] is "1": must be a text`},
		{"emails", events(`"personalData":true,"filter":["platform"]`), `headcount:emails[0].filter is "[platform]": must be an object`},
		{"emails", events(`"personalData":true,"filter":{"platform":["ios"]},"categories":["too_large"]`), "headcount:emails[0].categories is there: only alerts have categories"},
		{"emails", `[{"address":"a@example.com","topic":"alerts","filter":{"platform":["ios"]}}]`, "headcount:emails[0].filter is there: only events have attributes"},
		{"emails", `[{"address":"a@example.com","topic":"alarms","personalData":true}]`, "headcount:emails[0].personalData is true: only e-mails of events"},
		{"emails", `[{"address":"a@example.com","topic":"alarms","categories":["too_large"]}]`, "headcount:emails[0].categories is there: only alerts have categories"},
		{"emails", `[{"address":"a@example.com","topic":"alerts","categories":["too_old"]}]`, `headcount:emails[0].categories[0] is "too_old": must be one of malformed_json, `},
		{"emails", `[{"address":"a@example.com","topic":"alerts","categories":"too_large"}]`, `headcount:emails[0].categories is "too_large": must be a list`},
		{"emails", `[{"address":"a@example.com","topic":"alerts"},{"address":"a@example.com","topic":"alerts","categories":["too_large"]}]`, `headcount:emails[1].address is "a@example.com": it has that topic already`},
	} {
		if got := faultsOf(t, with(test.key, test.value)); len(got) != 1 || !strings.HasPrefix(got[0], test.want) {
			t.Errorf("%s = %s\ngot  %q\nwant %s", test.key, test.value, got, test.want)
		}
	}
}

// TestEveryFault: whatever is wrong is named in one message of one line.
func TestEveryFault(t *testing.T) {
	values := with(
		"protect", "maybe", "network", "", "lakeBufferMB", "1000", "firstYear", "next", "logDays", "8", "publishedFlow", "v9", "colour", "green",
		"quickSightPrincipal", "me", "emails", `[{"address":"nobody"}]`,
		"flows", `[{"name":"v1","places":"bad.csv","window":"7m","masker":{"minTasks":9,"cpu":1}},{"name":"v2","places":"nosuch.csv","k":3}]`,
	)
	delete(values, "region")
	faults := faultsOf(t, values)
	for _, want := range []string{
		"region is missing", "protect is ", "network is ", "lakeBufferMB is ", "firstYear is ", "logDays is ", "publishedFlow is ", "colour is not a setting",
		"quickSightPrincipal is ", "emails[0].address is ", "emails[0].topic is missing", "flows[0].places is ", "flows[0].window is ",
		"flows[0].masker.minTasks is ", "flows[0].masker.cpu is ", "flows[1].places is ", "flows[1].k is not a setting",
	} {
		if n := len(matching(faults, "headcount:"+want)); n != 1 {
			t.Errorf("%q is reported %d times", want, n)
		}
	}
	if len(faults) != 17 || strings.Contains(strings.Join(faults, ""), "\n") {
		t.Errorf("got %d faults:\n%s", len(faults), strings.Join(faults, "\n"))
	}
}

func matching(faults []string, prefix string) []string {
	return slices.DeleteFunc(slices.Clone(faults), func(f string) bool { return !strings.HasPrefix(f, prefix) })
}

// TestSizes: what AWS has is accepted.
func TestSizes(t *testing.T) {
	for _, size := range []string{
		`"cpu":256,"memoryMB":2048`, `"cpu":512,"memoryMB":4096`, `"cpu":1024,"memoryMB":2048`, `"cpu":2048,"memoryMB":16384`,
		`"cpu":4096,"memoryMB":9216`, `"cpu":8192,"memoryMB":20480`, `"cpu":16384,"memoryMB":122880`,
	} {
		if _, err := settings.Read("dev", with("flows", `[`+short+`,"masker":{`+size+`}}]`), folder(t, files)); err != nil {
			t.Errorf("%s: %v", size, err)
		}
	}
}

// TestNoConsequences: of two e-mails without a topic each has its one fault.
func TestNoConsequences(t *testing.T) {
	if got := faultsOf(t, with("emails", `[{"address":"a@example.com"},{"address":"a@example.com"}]`)); len(got) != 2 || len(matching(got, "headcount:emails[")) != 2 {
		t.Errorf("got %q", got)
	}
}

// TestEveryKeyIsAsked: without any one key the fault is that it is missing, but
// for those of which nothing is as good as an empty value.
func TestEveryKeyIsAsked(t *testing.T) {
	for key := range good() {
		values := good()
		delete(values, key)
		_, err := settings.Read("dev", values, folder(t, files))
		optional := key == "emails" || key == "quickSightPrincipal" || key == "quickSightAuthor"
		if optional != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), "bad configuration of stack dev: headcount:"+key+" is missing") {
			t.Errorf("without %s: %v", key, err)
		}
	}
}

func TestStackNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"dev": true, "a": true, "abcdefghijkl": true, "1": true,
		"": false, "abcdefghijklm": false, "Dev": false, "dev-v1": false, "dev_2": false, "dev\n": false,
	} {
		if _, err := settings.Read(name, good(), folder(t, files)); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		} else if err != nil && !strings.Contains(err.Error(), "its name is ") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestPlaceholders: what stands in the committed configuration for an operator's
// own is refused by name before an up, and read by whatever does not deploy.
func TestPlaceholders(t *testing.T) {
	own := with("emails", `[{"topic":"alarms","address":"ops@headcount.test"}]`,
		"quickSightPrincipal", "arn:aws:quicksight:eu-west-1:444455556666:group/default/analysts", "quickSightAuthor", "arn:aws:quicksight:eu-west-1:444455556666:user/default/me")
	if _, err := settings.ForUp("dev", own, folder(t, files)); err != nil {
		t.Errorf("an operator's own values: %v", err)
	}
	values, err := settings.Values(root, "prod")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := settings.Read("prod", values, root); err != nil {
		t.Errorf("the committed configuration: %v", err)
	}
	_, err = settings.ForUp("prod", values, root)
	var faults *settings.FaultsError
	if !errors.As(err, &faults) || len(faults.Faults) != 4 {
		t.Fatalf("got %v", err)
	}
	for i, name := range []string{"emails[0].address", "emails[1].address", "quickSightPrincipal", "quickSightAuthor"} {
		if fault := faults.Faults[i]; !strings.HasPrefix(fault, "headcount:"+name+" is ") || !strings.HasSuffix(fault, ": it is a placeholder: put your own in Pulumi.prod.yaml, or remove it") {
			t.Errorf("got %s", fault)
		}
	}
}

// TestWarnings: what is no fault, and yet an operator should know.
func TestWarnings(t *testing.T) {
	flow := func(name string, minPeople int) string {
		return fmt.Sprintf(`{"name":%q,"places":"places.csv","minPeople":%d}`, name, minPeople)
	}
	s, err := settings.Read("dev", with("flows", "["+flow("v1", 5)+","+flow("one", 1)+","+flow("two", 2)+","+flow("three", 3)+"]"), folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	two := "minPeople of the flow two (headcount:flows) is 2, which protects nobody: a hidden cell is then one person; take 5 or more, or 1 to hide nothing"
	if got := s.Warnings(2029); !slices.Equal(got, []string{two}) {
		t.Errorf("in a year before lastYear: %q", got)
	}
	if got := s.Warnings(2030); !slices.Equal(got, []string{"Athena sees nothing after 2030 (headcount:lastYear): raise it before the year ends", two}) {
		t.Errorf("in lastYear: %q", got)
	}
}
