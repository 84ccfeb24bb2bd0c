package pipeline

import (
	"maps"
	"regexp"
	"slices"
	"testing"
)

// TestStages is what every reader of the table relies on: names are there once
// and fit for AWS, and no stage is cut off from the next.
func TestStages(t *testing.T) {
	fit := regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`)
	seen := map[string]bool{}
	for i, s := range Stages {
		for _, name := range append(s.Reads(), s.Name) {
			if seen[name] || !fit.MatchString(name) {
				t.Errorf("the name %q of %s is there twice, or not 1 to 20 of a-z, 0-9 and -", name, s.Name)
			}
			seen[name] = true
		}
		if last := i == len(Stages)-1; s.Input == "" || (s.Output == "") != last {
			t.Errorf("%s reads %q and sends to %q", s.Name, s.Input, s.Output)
		}
		for _, r := range s.May {
			if settings[r] == "" {
				t.Errorf("no setting names %s to %s", r, s.Name)
			}
		}
		if Named(s.Name).Input != s.Input || Reader(s.Input).Name != s.Name {
			t.Errorf("%s is not found by its name and its queue", s.Name)
		}
	}
}

// TestOnlyTheMaskerHasKeys, and only what is past it the counts: whoever had
// both could find out who a pseudonym is.
func TestOnlyTheMaskerHasKeys(t *testing.T) {
	withKeys := Names(func(s Stage) bool { return s.Can(Keys) })
	if !slices.Equal(withKeys, []string{"masker"}) || Named("masker").Can(Aggregates) {
		t.Errorf("%v have the keys", withKeys)
	}
}

func TestChain(t *testing.T) {
	got := chain(Stage{Name: "a", Output: "x"}, Stage{Name: "new", Output: "y"}, Stage{Name: "b"})
	for i, want := range []string{Entry, "x", "y"} {
		if got[i].Input != want {
			t.Errorf("%s reads %q, want %q", got[i].Name, got[i].Input, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	got := Environment(Stage{Input: "in", Output: "out", Own: "more", May: []Resource{Quarantine, Keys}},
		map[string]int{"in": 1, "out": 2, "more": 3, "other": 4, "": 5}, map[Resource]int{Quarantine: 6, Aggregates: 7})
	want := map[string]int{"INPUT_QUEUE_URL": 1, "OUTPUT_QUEUE_URL": 2, "MORE_QUEUE_URL": 3, "QUARANTINE_BUCKET": 6}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
