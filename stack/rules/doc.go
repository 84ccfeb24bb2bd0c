// Package rules says what must hold of every resource of a stack: the controls of
// AWS Foundational Security Best Practices
// (https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html)
// that apply to what the stack creates, and what is known to fail or to mislead on
// AWS. A control that is not kept is an exception, with its reason. What the program
// simply says is no rule: a pull request shows it in stack/testdata.
//
// Each rule has mutants, changes that break it. A rule that does not notice one of
// them fails the tests.
//
// Nothing but tests runs the rules, so they are all in files of tests.
package rules
