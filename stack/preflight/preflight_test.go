package preflight

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/bucket/memory"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/stack/names"
	"github.com/headcount-etl/headcount/stack/settings"
)

// account is AWS's answers to what preflight asks, by the name of the call: a status and
// a body. What is not there is not found, as in a new account.
type account map[string]answer

type answer struct {
	status int
	body   string
}

const caller = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>444455556666</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`

// well is a new account in which nothing hinders an up.
func well() account {
	return account{
		"GetCallerIdentity": {200, caller}, "GetServiceQuota": {200, `{"Quota":{"Value":100}}`},
		"DescribeAccountSubscription": {200, `{"AccountInfo":{"Edition":"ENTERPRISE"}}`},
	}
}

func (a account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	name := r.Method + " " + r.URL.Path
	if _, target, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		name = target
	} else if form, _ := url.ParseQuery(string(body)); form.Get("Action") != "" {
		name = form.Get("Action")
	} else if strings.HasPrefix(r.URL.Path, "/account/") {
		name = "DescribeAccountSubscription " + strings.Split(r.Header.Get("Authorization"), "/")[2]
		if _, there := a[name]; !there {
			name = "DescribeAccountSubscription"
		}
	}
	given, there := a[name]
	switch {
	case there:
	case r.Method == http.MethodGet:
		given.status, given.body = http.StatusNotFound, "<Error><Code>NoSuchBucket</Code></Error>"
	default:
		given.status, given.body = http.StatusNotFound, `{"__type":"ResourceNotFoundException"}`
	}
	if code, ok := strings.CutPrefix(given.body, "code "); ok {
		w.Header().Set("X-Amzn-ErrorType", code)
		given.body = `{"message":"use the us-east-1 endpoint: it is your identity region","Message":"use the us-east-1 endpoint: it is your identity region"}`
	}
	w.WriteHeader(given.status)
	_, _ = io.WriteString(w, given.body)
}

// cloud is a Pulumi that is signed in to its cloud, and has no such stack yet.
func cloud(_ context.Context, args ...string) ([]byte, error) {
	if args[0] == "whoami" {
		return []byte(`{"user":"me","url":"https://app.pulumi.com/me"}`), nil
	}
	return nil, &exec.ExitError{Stderr: []byte("error: no stack named 'dev' found\n")}
}

// local is a Pulumi with a state in a folder, in which resources have ids.
func local(ids ...string) func(context.Context, ...string) ([]byte, error) {
	return func(_ context.Context, args ...string) ([]byte, error) {
		if args[0] == "whoami" {
			return []byte(`{"user":"me","url":"file://~"}`), nil
		}
		if !slices.Equal(args, []string{"stack", "export", "--stack", "dev"}) {
			return nil, fmt.Errorf("pulumi %q", args)
		}
		var resources []string
		for _, id := range ids {
			resources = append(resources, fmt.Sprintf(`{"urn":"urn:x","id":%q}`, id))
		}
		return []byte(`{"version":3,"deployment":{"resources":[` + strings.Join(resources, ",") + `]}}`), nil
	}
}

// looking gives a look at an account, with the settings of the committed dev.
func looking(t *testing.T, a account) *look {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_REGION": "us-east-1", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
	root, err := settings.Root()
	if err != nil {
		t.Fatal(err)
	}
	s, err := settings.Load(root, "dev")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(s.Region))
	if err != nil {
		t.Fatal(err)
	}
	return &look{Settings: s, names: names.Names{Stack: "dev", Region: s.Region}, root: root, cfg: cfg, pulumi: cloud, env: func(string) string { return "" }}
}

// TestNothing: an account that has nothing, and one that has this stack, are fine.
func TestNothing(t *testing.T) {
	if found := looking(t, well()).findings(t.Context()); len(found) > 0 {
		t.Errorf("a new account: %v", found)
	}
	a, state := well(), []string{}
	for _, kind := range []string{"lake", "aggregates", "quarantine", "results", "logs"} {
		name := "headcount-dev-" + kind + "-444455556666-eu-west-1"
		a["HEAD /"+name] = answer{200, ""}
		state = append(state, name)
	}
	a["GET /headcount-dev-aggregates-444455556666-eu-west-1/flows/v1.json"] = answer{404, "<Error><Code>NoSuchKey</Code></Error>"}
	a["DescribeSecret"] = answer{200, `{"ARN":"arn"}`}
	l := looking(t, a)
	l.pulumi, l.env = local(state...), func(name string) string { return map[string]string{"PULUMI_CONFIG_PASSPHRASE": "p"}[name] }
	if found := l.findings(t.Context()); len(found) > 0 {
		t.Errorf("an account with the stack: %v", found)
	}
	l.pulumi = local(state[1:]...)
	if found := l.findings(t.Context()); len(found) != 1 || !found[0].Stops || !strings.Contains(found[0].Do, "pulumi import aws:s3/bucketV2:BucketV2 lake "+state[0]+" --stack dev") {
		t.Errorf("a bucket that was left: %v", found)
	}
}

// TestFindings: each fault of an account or a configuration is found, alone, and says
// what to do.
func TestFindings(t *testing.T) {
	const principal = "arn:aws:quicksight:eu-west-1:444455556666:group/default/analysts"
	for _, c := range []struct {
		what   string
		call   string // that is answered otherwise
		status int
		body   string
		change func(l *look)
		stops  bool
		want   string // of what it is, and of what to do
		do     string
	}{
		{"no credentials", "GetCallerIdentity", 403, "", nil, true, "AWS does not say whose account this is", "aws sso login"},
		{"a placeholder", "", 0, "", func(l *look) {
			l.Emails = []settings.Email{{Address: "on-call@example.com", Topic: settings.Alarms}}
		}, true, "bad configuration", "headcount:emails[0].address is "},
		{"another account", "", 0, "", func(l *look) {
			l.QuickSightPrincipal = strings.Replace(principal, "4444", "7777", 1)
		}, true, "bad configuration", "is of the account 777755556666"},
		{"a year that ends", "", 0, "", func(l *look) { l.LastYear = 2020 }, false, "configuration", "headcount:lastYear"},
		{"no Pulumi", "", 0, "", func(l *look) {
			l.pulumi = func(context.Context, ...string) ([]byte, error) {
				return nil, &exec.Error{Name: "pulumi", Err: exec.ErrNotFound}
			}
		}, true, "Pulumi's CLI is missing", "https://www.pulumi.com/docs/install/"},
		{"not signed in to Pulumi", "", 0, "", func(l *look) {
			l.pulumi = func(context.Context, ...string) ([]byte, error) {
				return nil, &exec.ExitError{Stderr: []byte("error: PULUMI_ACCESS_TOKEN must be set\n")}
			}
		}, true, "PULUMI_ACCESS_TOKEN must be set", "pulumi login"},
		{"a passphrase", "", 0, "", func(l *look) { l.pulumi = local() }, false, "by a passphrase", "PULUMI_CONFIG_PASSPHRASE"},
		{"the state cannot be read", "", 0, "", func(l *look) {
			l.pulumi = func(ctx context.Context, args ...string) ([]byte, error) {
				if args[0] == "stack" {
					return nil, errors.New("denied")
				}
				return cloud(ctx, args...)
			}
		}, false, "could not look at the stack's state (denied)", "may read it"},
		{"a bucket that may not be looked at", "HEAD /headcount-dev-lake-444455556666-eu-west-1", 403, "", nil, false, "could not look at the bucket headcount-dev-lake-", "may read it"},
		{"a secret that goes", "DescribeSecret", 200, `{"DeletedDate":1.7e9}`, nil, true, "headcount/dev/masking-keys is scheduled for deletion", "restore-secret --region eu-west-1"},
		{"a secret that may not be looked at", "DescribeSecret", 400, `{"__type":"AccessDeniedException"}`, nil, false, "could not look at the secret", "may read it"},
		{"little room on Fargate", "GetServiceQuota", 200, `{"Quota":{"Value":2}}`, nil, false, "the account may run 2 vCPU on Fargate (Spot) at once, and stack dev needs up to 3", "--quota-code L-36FBB829 --desired-value 3"},
		{"no room on Fargate", "GetServiceQuota", 200, `{"Quota":{"Value":1}}`, func(l *look) { l.Spot = false }, true, "may run 1 vCPU on Fargate (on demand) at once, and stack dev needs 1.5 while", "--quota-code L-3032A538"},
		{"quotas that may not be looked at", "GetServiceQuota", 400, `{"__type":"AccessDeniedException"}`, nil, false, "could not look at Fargate's quota", "may read it"},
		{"a flow that conflicts", "GET /headcount-dev-aggregates-444455556666-eu-west-1/flows/v1.json", 200, "conflict", func(l *look) { l.Flows[0].Window *= 2 }, true, "flow v1 was made with other settings", "name a new flow"},
		{"a place less", "GET /headcount-dev-aggregates-444455556666-eu-west-1/flows/v1.json", 200, "conflict", func(l *look) { l.Flows[0].List = l.Flows[0].List[1:] }, false, "flow v1 goes on counting places that local/headcount/sample/places.csv lacks, 1 of them", "nothing"},
		{"a flow that cannot be read", "GET /headcount-dev-aggregates-444455556666-eu-west-1/flows/v1.json", 403, "<Error><Code>AccessDenied</Code></Error>", nil, false, "could not look at the flow v1", "may read it"},
		{"no QuickSight", "DescribeAccountSubscription", 404, "code ResourceNotFoundException", func(l *look) { l.QuickSightPrincipal = principal }, true, "the account has no QuickSight", "sign up"},
		{"QuickSight's other edition", "DescribeAccountSubscription", 200, `{"AccountInfo":{"Edition":"STANDARD"}}`, func(l *look) { l.QuickSightPrincipal = principal }, true, "of the edition STANDARD", "must be Enterprise"},
		{"QuickSight's other region", "DescribeAccountSubscription eu-west-1", 403, "code AccessDeniedException", func(l *look) { l.QuickSightPrincipal = principal }, true, "is of the region eu-west-1, and QuickSight keeps its users in another", "list-groups"},
		{"users in another region", "", 0, "", func(l *look) {
			l.QuickSightPrincipal = strings.Replace(principal, "eu-west-1", "us-east-1", 1)
		}, false, "QuickSight keeps its users in us-east-1, and the stack is in eu-west-1", "SPICE"},
		{"QuickSight that may not be looked at", "DescribeAccountSubscription", 500, "", func(l *look) { l.QuickSightPrincipal = principal }, false, "could not look at QuickSight", "may read it"},
	} {
		t.Run(c.what, func(t *testing.T) {
			a := well()
			if c.body == "conflict" {
				c.body = document(t)
			}
			if c.call != "" {
				a[c.call] = answer{c.status, c.body}
			}
			l := looking(t, a)
			if c.change != nil {
				c.change(l)
			}
			found := l.findings(t.Context())
			if len(found) != 1 || found[0].Stops != c.stops || !strings.Contains(found[0].What, c.want) || !strings.Contains(found[0].Do, c.do) {
				t.Fatalf("found %v, want %q: %q", found, c.want, c.do)
			}
			if text := found[0].String(); strings.Contains(text, "\n") || !strings.HasPrefix(text, map[bool]string{true: "stop  ", false: "note  "}[c.stops]) {
				t.Errorf("it is written as %q", text)
			}
		})
	}
}

// document is flow v1's, as an aggregator of the committed dev has made it.
func document(t *testing.T) string {
	t.Helper()
	f, b := looking(t, well()).Flows[0], &memory.Bucket{}
	if _, err := flow.Open(t.Context(), bucket.Bucket{API: b, Name: "b"}, f.Name, flow.Settings{Window: f.Window, Places: f.List, HotspotLevel: f.HotspotLevel}); err != nil {
		t.Fatal(err)
	}
	return string(b.Get("flows/v1.json"))
}

// TestDefaultQuota: where the account has no quota of its own, AWS's default counts.
func TestDefaultQuota(t *testing.T) {
	a := well()
	a["GetServiceQuota"] = answer{400, `{"__type":"NoSuchResourceException"}`}
	a["GetAWSDefaultServiceQuota"] = answer{200, `{"Quota":{"Value":6}}`}
	l := looking(t, a)
	if quota, err := l.quota(t.Context(), spotQuota); quota != 6 || err != nil {
		t.Errorf("got %g, %v", quota, err)
	}
}

// TestReadOnly: preflight writes nothing, whatever it finds.
func TestReadOnly(t *testing.T) {
	l := looking(t, well())
	l.cfg.HTTPClient = reads{t}
	l.QuickSightPrincipal = "arn:aws:quicksight:eu-west-1:444455556666:group/default/analysts"
	l.findings(t.Context())
}

type reads struct{ *testing.T }

func (r reads) Do(q *http.Request) (*http.Response, error) {
	target := q.Header.Get("X-Amz-Target")
	_, action, _ := strings.Cut(target, ".")
	if target == "" && q.Method == http.MethodPost {
		body, _ := io.ReadAll(q.Body)
		q.Body = io.NopCloser(strings.NewReader(string(body)))
		form, _ := url.ParseQuery(string(body))
		action = form.Get("Action")
	}
	if q.Method == http.MethodPut || q.Method == http.MethodDelete || action != "" && !strings.HasPrefix(action, "Get") && !strings.HasPrefix(action, "Describe") {
		r.Errorf("%s %s %s", q.Method, q.URL, action)
	}
	return http.DefaultClient.Do(q)
}

var _ aws.HTTPClient = reads{}

// TestRun: the whole way, with a Pulumi that is a script, and the exit by the error.
func TestRun(t *testing.T) {
	l := looking(t, well())
	bin := t.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in 'whoami --json --non-interactive') echo '{\"url\":\"https://app.pulumi.com\"}';; *) echo \"error: no stack named 'dev' found\" >&2; exit 255;; esac\n"
	if err := os.WriteFile(filepath.Join(bin, "pulumi"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	var out strings.Builder
	if err := Run(t.Context(), l.root, l.Settings, &out); err != nil || out.String() != "nothing found that would stop an up of stack dev in account 444455556666, region eu-west-1\n" {
		t.Errorf("%v, %s", err, &out)
	}
	out.Reset()
	l.Emails = []settings.Email{{Address: "on-call@example.com", Topic: settings.Alarms}}
	if err := Run(t.Context(), l.root, l.Settings, &out); err == nil || err.Error() != "1 of the findings would stop an up of stack dev" || !strings.HasPrefix(out.String(), "stop  bad configuration: headcount:emails[0]") {
		t.Errorf("%v, %s", err, &out)
	}
}
