package query

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// Unsupported names what QuickSight has and the preview has not.
type Unsupported = dialect.Unsupported

// Faults are all things that are wrong in what a query was built from. It is the
// error of Build and of the Builder's other methods, besides Unsupported.
type Faults []definition.Fault

// Error lists the faults, one a line.
func (f Faults) Error() string { return errors.Join(f.Unwrap()...).Error() }

// Unwrap gives the faults one by one.
func (f Faults) Unwrap() []error {
	all := make([]error, len(f))
	for i := range f {
		all[i] = f[i]
	}
	return all
}

// at says where an error lies. An error that knows its place, or that is nobody's
// fault, stays as it is.
func (b *Builder) at(path string, err error) error {
	var fault definition.Fault
	var unsupported Unsupported
	switch {
	case err == nil:
		return nil
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &unsupported):
		return unsupported
	default:
		return definition.Fault{File: b.File, Path: path, Problem: err.Error()}
	}
}

// faultsOf are the definition's faults at a path of it, and below.
func (b *Builder) faultsOf(path string) (all Faults) {
	for _, f := range b.Faults {
		rest, found := strings.CutPrefix(strings.Replace(f.Path, "$.Definition.", "$.", 1), path)
		if found && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			all = append(all, f)
		}
	}
	return all
}

// note keeps an error for the end, so that one query gives all its faults.
func (p *plan) note(path string, err error) {
	if err == nil {
		return
	}
	found, several := err.(Faults) //nolint:errorlint // those of the definition, as they are
	if !several {
		err = p.at(path, err)
		var fault definition.Fault
		if !errors.As(err, &fault) {
			p.unsupported = cmp.Or(p.unsupported, err)
			return
		}
		found = Faults{fault}
	}
	for _, fault := range found {
		if !slices.Contains(p.faults, fault) {
			p.faults = append(p.faults, fault)
		}
	}
}

// failure is what was noted: the faults first, for they must be mended whatever
// else the preview cannot do.
func (p *plan) failure() error {
	if len(p.faults) > 0 {
		return p.faults
	}
	return p.unsupported
}

// missing is the problem of a name that nobody declares, with the nearest one
// that somebody does.
func missing(problem, name string, candidates []string) error {
	if nearest := expression.Nearest(name, candidates); nearest != "" {
		return fmt.Errorf("%s; did you mean %q?", problem, nearest)
	}
	return errors.New(problem)
}
