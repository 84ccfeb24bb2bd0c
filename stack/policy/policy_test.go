package policy_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"pgregory.net/rapid"

	"github.com/headcount-etl/headcount/stack/policy"
)

// text writes a document, as the program would give it to AWS.
func text(t rapid.TB, d policy.Document) string {
	t.Helper()
	done := make(chan string, 1)
	d.JSON().ApplyT(func(text string) string {
		done <- text
		return text
	})
	return <-done
}

// parsed is a document as AWS reads it.
type parsed struct {
	Version   string
	Statement []struct {
		Sid, Effect      string
		Action, Resource []string
		Principal        any
		Condition        map[string]map[string][]string
	}
}

func parse(t rapid.TB, d policy.Document) parsed {
	t.Helper()
	var got parsed
	if err := json.Unmarshal([]byte(text(t, d)), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// plain resolves values that are known.
func plain(values []pulumi.StringInput) []string {
	var texts []string
	for _, v := range values {
		texts = append(texts, string(v.(pulumi.String)))
	}
	return texts
}

// drawn draws statements of every shape. A condition's key comes once for an
// operator, as in the program.
func drawn(t *rapid.T) policy.Document {
	word := rapid.StringMatching(`[A-Za-z0-9:/*"<&é-]{1,12}`)
	words := func(label string) []string { return rapid.SliceOfN(word, 0, 3).Draw(t, label) }
	var d policy.Document
	for range rapid.IntRange(1, 4).Draw(t, "statements") {
		s := policy.Statement{
			Sid: word.Draw(t, "sid"), Deny: rapid.Bool().Draw(t, "deny"), Services: words("services"),
			Accounts: policy.On(words("accounts")...), Actions: words("actions"), Resources: policy.On(words("resources")...),
		}
		if len(s.Services) == 0 && len(s.Accounts) == 0 {
			s.Everyone = rapid.Bool().Draw(t, "everyone")
		}
		for _, operator := range rapid.SliceOfNDistinct(word, 0, 3, rapid.ID[string]).Draw(t, "operators") {
			if s.Conditions == nil {
				s.Conditions = policy.Conditions{}
			}
			s.Conditions[operator] = map[string]pulumi.StringInput{}
			for _, key := range rapid.SliceOfNDistinct(word, 1, 3, rapid.ID[string]).Draw(t, "keys") {
				s.Conditions[operator][key] = pulumi.String(word.Draw(t, "value"))
			}
		}
		d = append(d, s)
	}
	return d
}

// TestRoundTrip: what AWS reads is what was said, no more and no less.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawn(t)
		got := parse(t, d)
		if got.Version != "2012-10-17" || len(got.Statement) != len(d) {
			t.Fatalf("got %+v", got)
		}
		for i, s := range d {
			effect := map[bool]string{false: "Allow", true: "Deny"}[s.Deny]
			var principal any
			if s.Everyone {
				principal = "*"
			} else if who := principals(s); len(who) > 0 {
				principal = who
			}
			conditions := map[string]map[string][]string{}
			for operator, keys := range s.Conditions {
				conditions[operator] = map[string][]string{}
				for key, value := range keys {
					conditions[operator][key] = plain([]pulumi.StringInput{value})
				}
			}
			g := got.Statement[i]
			if g.Sid != s.Sid || g.Effect != effect || !slices.Equal(g.Action, s.Actions) || !slices.Equal(g.Resource, plain(s.Resources)) {
				t.Errorf("said %+v, got %+v", s, g)
			}
			if !reflect.DeepEqual(g.Principal, principal) {
				t.Errorf("principal %v, want %v", g.Principal, principal)
			}
			if !maps.EqualFunc(g.Condition, conditions, func(a, b map[string][]string) bool { return reflect.DeepEqual(a, b) }) {
				t.Errorf("condition %v, want %v", g.Condition, conditions)
			}
		}
	})
}

// principals gives the principals of a statement as JSON would decode them.
func principals(s policy.Statement) map[string]any {
	who := map[string]any{}
	for kind, names := range map[string][]string{"Service": s.Services, "AWS": plain(s.Accounts)} {
		var list []any
		for _, name := range names {
			list = append(list, name)
		}
		if list != nil {
			who[kind] = list
		}
	}
	return who
}

// TestSameText: the same document is the same text, and so no change, in
// whatever order maps are walked.
func TestSameText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawn(t)
		if got, want := text(t, d), text(t, slices.Clone(d)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// TestHelpers shows the statements that are everywhere, to the letter.
func TestHelpers(t *testing.T) {
	for _, test := range []struct {
		name     string
		document policy.Document
		want     string
	}{
		{
			"TLSOnly",
			policy.Document{policy.TLSOnly("sqs:*", policy.On("arn:aws:sqs:eu-west-1:111122223333:q")...)},
			`{"Statement":[{"Action":["sqs:*"],"Condition":{"Bool":{"aws:SecureTransport":["false"]}},"Effect":"Deny","Principal":"*","Resource":["arn:aws:sqs:eu-west-1:111122223333:q"],"Sid":"TLSOnly"}],"Version":"2012-10-17"}`,
		},
		{
			"Trust",
			policy.Trust("sns.amazonaws.com", policy.From("111122223333", "arn:aws:sns:*")),
			`{"Statement":[{"Action":["sts:AssumeRole"],"Condition":{"ArnLike":{"aws:SourceArn":["arn:aws:sns:*"]},"StringEquals":{"aws:SourceAccount":["111122223333"]}},"Effect":"Allow","Principal":{"Service":["sns.amazonaws.com"]},"Sid":"Trust"}],"Version":"2012-10-17"}`,
		},
	} {
		if got := text(t, test.document); got != test.want {
			t.Errorf("%s\ngot  %s\nwant %s", test.name, got, test.want)
		}
	}
}
