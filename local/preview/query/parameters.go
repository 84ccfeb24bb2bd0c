package query

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/local/preview/dialect"
)

// Parameter is a parameter with the values that it has now.
type Parameter struct {
	Name string
	Type dialect.Type // String, Integer, Decimal or Datetime
	// Multi is set when it can have several values.
	Multi bool
	// Values are texts, numbers as texts, or instants as RFC 3339 in UTC. There
	// are none when it is unset: a filter by it filters nothing then, and in an
	// expression it is null.
	Values []string
	// Grain is that of a date's control.
	Grain types.TimeGranularity
}

// declaration is what the four kinds of ParameterDeclaration have in common.
type declaration struct {
	Parameter
	kind     string // the member of the union
	rolling  *types.RollingDateConfiguration
	whenNone []string // ValueWhenUnset's CustomValue
}

// Parameter gives the effective values of a parameter: those of the State, or
// else its defaults. A default that depends on who is looking, DynamicValue, is
// none here: a preview has no user.
func (b *Builder) Parameter(name string) (Parameter, error) {
	var names []string
	for i, d := range b.Definition.ParameterDeclarations {
		declared := declared(d)
		if declared.Name != name {
			names = append(names, declared.Name)
			continue
		}
		path := fmt.Sprintf("$.ParameterDeclarations[%d]", i)
		if faults := b.faultsOf(path); len(faults) > 0 {
			return Parameter{}, faults
		}
		effective, err := b.effective(declared)
		return effective, b.at(path+"."+declared.kind, err)
	}
	return Parameter{}, missing(fmt.Sprintf("there is no parameter %q", name), name, names)
}

func (b *Builder) effective(d declaration) (Parameter, error) {
	chosen, isChosen := b.State.Parameters[d.Name]
	switch {
	case isChosen:
		d.Values = chosen
	case len(d.Values) == 0 && d.rolling != nil:
		t, err := b.rolling(d.rolling)
		if err != nil {
			return Parameter{}, err
		}
		d.Values = []string{text(t)}
	}
	if len(d.Values) == 0 {
		d.Values = d.whenNone
	}
	if !d.Multi && len(d.Values) > 1 {
		d.Values = d.Values[:1]
	}
	for i := range d.Values {
		if _, err := dialect.Constant(d.Values[i:i+1], d.Type); err != nil {
			return Parameter{}, fmt.Errorf("the parameter %q: %w", d.Name, err)
		}
	}
	return d.Parameter, nil
}

// declared reads the union of declarations.
func declared(of types.ParameterDeclaration) declaration {
	kind, v := union(of)
	if kind == "" {
		return declaration{}
	}
	d := declaration{kind: kind, Parameter: Parameter{
		Name: aws.ToString(part[*string](v, "Name")), Type: parameterTypes[kind],
		Multi: word(v, "ParameterValueType") == string(types.ParameterValueTypeMultiValued),
		Grain: types.TimeGranularity(word(v, "TimeGranularity")),
	}}
	if defaults := v.FieldByName("DefaultValues"); !defaults.IsNil() {
		d.Values = texts(defaults.Elem(), "StaticValues")
		d.rolling = part[*types.RollingDateConfiguration](defaults.Elem(), "RollingDate")
	}
	if unset := v.FieldByName("ValueWhenUnset"); !unset.IsNil() {
		d.whenNone = texts(unset.Elem(), "CustomValue")
	}
	return d
}

// parameterTypes are the types of the kinds of declarations.
var parameterTypes = map[string]dialect.Type{
	"StringParameterDeclaration": dialect.String, "IntegerParameterDeclaration": dialect.Integer,
	"DecimalParameterDeclaration": dialect.Decimal, "DateTimeParameterDeclaration": dialect.Datetime,
}

// parameterValue is a parameter in an expression.
func (p *plan) parameterValue(name string) (dialect.Value, error) {
	parameter, err := p.Parameter(name)
	if err != nil {
		return dialect.Value{}, err
	}
	return dialect.Constant(parameter.Values, parameter.Type)
}

// deleted finds the name that QuickSight itself gives to the parameter of a filter
// when the parameter is deleted.
var deleted = regexp.MustCompile(`\bMissingParameter[0-9a-f]{32}\b`).MatchString

// valuesOf are the values of a filter's parameter, or errUnset. One that was deleted is
// unset, so that its filter filters nothing, and the query says so.
func (p *plan) valuesOf(name string) ([]string, error) {
	parameter, err := p.Parameter(name)
	if err != nil && deleted(name) {
		const note = "a filter whose parameter was deleted filters nothing"
		if !slices.Contains(p.notes, note) {
			p.notes = append(p.notes, note)
		}
		return nil, errUnset
	}
	if err == nil && len(parameter.Values) == 0 {
		err = errUnset
	}
	return parameter.Values, err
}
