package settings

import (
	"fmt"
	"slices"
	"strings"
)

// quickSightUser is a setting that names a user or group of QuickSight.
type quickSightUser struct {
	name string
	arn  *string
}

func (s *Settings) quickSightUsers() []quickSightUser {
	return []quickSightUser{{"quickSightPrincipal", &s.QuickSightPrincipal}, {"quickSightAuthor", &s.QuickSightAuthor}}
}

// OtherAccount names the users and groups of QuickSight that are of another
// account than the one of the credentials. QuickSight would refuse them after
// most of an up.
func (s *Settings) OtherAccount(account string) []string {
	var faults []string
	for _, user := range s.quickSightUsers() {
		if parts := strings.Split(*user.arn, ":"); *user.arn != "" && parts[4] != account {
			faults = append(faults, fmt.Sprintf("%s:%s is of the account %s, and the credentials are of %s: name a user or group of that account", Project, user.name, parts[4], account))
		}
	}
	return faults
}

// Placeholders names the values of the committed configuration that stand for an
// operator's own: addresses in RFC 2606's domains, and the account of AWS's
// documentation.
func (s *Settings) Placeholders() []string {
	var faults []string
	add := func(name, value string) {
		faults = append(faults, fmt.Sprintf("%s:%s is %s: it is a placeholder: put your own in Pulumi.%s.yaml, or remove it", Project, name, show(value), s.Stack))
	}
	for i, e := range s.Emails {
		if _, domain, _ := strings.Cut(e.Address, "@"); slices.Contains([]string{"example.com", "example.net", "example.org"}, strings.ToLower(domain)) {
			add(fmt.Sprintf("emails[%d].address", i), e.Address)
		}
	}
	for _, user := range s.quickSightUsers() {
		if strings.Contains(*user.arn, ":111122223333:") {
			add(user.name, *user.arn)
		}
	}
	return faults
}
