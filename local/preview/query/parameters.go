package query

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/definition"
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
	whenNone string // ValueWhenUnset's CustomValue
	hasNone  bool
}

// Parameter gives the effective values of a parameter: those of the State, or
// else its defaults. A default that depends on who is looking, DynamicValue, is
// none here: a preview has no user. The error is Faults or Unsupported.
func (b *Builder) Parameter(name string) (Parameter, error) {
	var names []string
	for i, d := range b.Definition.ParameterDeclarations {
		declared := declared(d)
		if declared.Name != name {
			names = append(names, declared.Name)
			continue
		}
		path := fmt.Sprintf("$.ParameterDeclarations[%d].%s", i, declared.kind)
		p := plan{Builder: b}
		effective, err := b.effective(declared)
		if p.note(path, err); err != nil {
			return Parameter{}, p.failure()
		}
		return effective, nil
	}
	err := missing(fmt.Sprintf("there is no parameter %q", name), name, names)
	return Parameter{}, Faults{definition.Fault{File: b.File, Path: "$.ParameterDeclarations", Problem: err.Error()}}
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
		d.Values = []string{t.Format(time.RFC3339Nano)}
	}
	if len(d.Values) == 0 && d.hasNone {
		d.Values = []string{d.whenNone}
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
func declared(d types.ParameterDeclaration) declaration {
	switch {
	case d.StringParameterDeclaration != nil:
		return declaredString(d.StringParameterDeclaration)
	case d.IntegerParameterDeclaration != nil:
		return declaredInteger(d.IntegerParameterDeclaration)
	case d.DecimalParameterDeclaration != nil:
		return declaredDecimal(d.DecimalParameterDeclaration)
	case d.DateTimeParameterDeclaration != nil:
		return declaredDateTime(d.DateTimeParameterDeclaration)
	default:
		return declaration{}
	}
}

func declaredString(s *types.StringParameterDeclaration) declaration {
	d := declaration{kind: "StringParameterDeclaration"}
	d.Name, d.Type, d.Multi = aws.ToString(s.Name), dialect.String, s.ParameterValueType == types.ParameterValueTypeMultiValued
	if s.DefaultValues != nil {
		d.Values = s.DefaultValues.StaticValues
	}
	if s.ValueWhenUnset != nil && s.ValueWhenUnset.CustomValue != nil {
		d.whenNone, d.hasNone = *s.ValueWhenUnset.CustomValue, true
	}
	return d
}

func declaredInteger(s *types.IntegerParameterDeclaration) declaration {
	d := declaration{kind: "IntegerParameterDeclaration"}
	d.Name, d.Type, d.Multi = aws.ToString(s.Name), dialect.Integer, s.ParameterValueType == types.ParameterValueTypeMultiValued
	if s.DefaultValues != nil {
		for _, n := range s.DefaultValues.StaticValues {
			d.Values = append(d.Values, strconv.FormatInt(n, 10))
		}
	}
	if s.ValueWhenUnset != nil && s.ValueWhenUnset.CustomValue != nil {
		d.whenNone, d.hasNone = strconv.FormatInt(*s.ValueWhenUnset.CustomValue, 10), true
	}
	return d
}

func declaredDecimal(s *types.DecimalParameterDeclaration) declaration {
	d := declaration{kind: "DecimalParameterDeclaration"}
	d.Name, d.Type, d.Multi = aws.ToString(s.Name), dialect.Decimal, s.ParameterValueType == types.ParameterValueTypeMultiValued
	if s.DefaultValues != nil {
		for _, f := range s.DefaultValues.StaticValues {
			d.Values = append(d.Values, decimal(f))
		}
	}
	if s.ValueWhenUnset != nil && s.ValueWhenUnset.CustomValue != nil {
		d.whenNone, d.hasNone = decimal(*s.ValueWhenUnset.CustomValue), true
	}
	return d
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func declaredDateTime(s *types.DateTimeParameterDeclaration) declaration {
	d := declaration{kind: "DateTimeParameterDeclaration"}
	d.Name, d.Type, d.Grain = aws.ToString(s.Name), dialect.Datetime, s.TimeGranularity
	if s.DefaultValues != nil {
		d.rolling = s.DefaultValues.RollingDate
		for _, t := range s.DefaultValues.StaticValues {
			d.Values = append(d.Values, t.UTC().Format(time.RFC3339Nano))
		}
	}
	if s.ValueWhenUnset != nil && s.ValueWhenUnset.CustomValue != nil {
		d.whenNone, d.hasNone = s.ValueWhenUnset.CustomValue.UTC().Format(time.RFC3339Nano), true
	}
	return d
}

// parameterValue is a parameter in an expression.
func (p *plan) parameterValue(name string) (dialect.Value, error) {
	parameter, err := p.Parameter(name)
	if err != nil {
		return dialect.Value{}, unplaced(err)
	}
	return dialect.Constant(parameter.Values, parameter.Type)
}

// unplaced lets a parameter's fault be told at the place that names it, if the
// fault is that there is none.
func unplaced(err error) error {
	var faults Faults
	if errors.As(err, &faults) && faults[0].Path == "$.ParameterDeclarations" {
		return errors.New(faults[0].Problem)
	}
	return err
}

// deleted is the name that QuickSight itself gives to the parameter of a filter
// when the parameter is deleted.
var deleted = regexp.MustCompile(`^MissingParameter[0-9a-f]{32}$`).MatchString

// filterParameter is the parameter of a filter. One that was deleted is unset,
// so that its filter filters nothing, and the query says so.
func (p *plan) filterParameter(name string) (Parameter, error) {
	parameter, err := p.Parameter(name)
	if err != nil && deleted(name) {
		const note = "a filter whose parameter was deleted filters nothing"
		if !slices.Contains(p.notes, note) {
			p.notes = append(p.notes, note)
		}
		return Parameter{Name: name}, nil
	}
	return parameter, unplaced(err)
}
