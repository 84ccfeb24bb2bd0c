package definition

import "github.com/aws/aws-sdk-go-v2/service/quicksight/types"

// thing is what an id or a name stands for.
type thing string

// The things that have ids or names. Those of hierarchies, actions, computations
// and fields are unique in their visual, all others in the definition.
const (
	dataSet          thing = "data set"
	parameter        thing = "parameter"
	sheet            thing = "sheet"
	visual           thing = "visual"
	filterControl    thing = "filter control"
	parameterControl thing = "parameter control"
	textBox          thing = "text box"
	image            thing = "image"
	filterGroup      thing = "filter group"
	filter           thing = "filter"
	staticFile       thing = "static file"
	field            thing = "field"
	hierarchy        thing = "hierarchy"
	action           thing = "action"
	computation      thing = "computation"
)

// inVisual tells whether a thing's ids are those of one visual.
func (t thing) inVisual() bool {
	switch t {
	case field, hierarchy, action, computation:
		return true
	default:
		return false
	}
}

// role is what a member's text means: it declares a thing, or refers to one.
type role struct {
	declares, refers thing
	// kind is the type that a parameter must have; DECIMAL is any number.
	kind types.ColumnDataType
	// sameSheet is set when what is referred to must stand on the same sheet.
	sameSheet bool
	// expression is set when the text is one, outside of calculated fields.
	expression bool
}

// The types that a parameter or a column may have to have.
const (
	date   = types.ColumnDataTypeDatetime
	number = types.ColumnDataTypeDecimal // or INTEGER
)

// roles are those of all members of a name, and of those of one struct, which go
// before: Struct.Member.
var roles = map[string]role{
	"DataSetIdentifierDeclaration.Identifier": {declares: dataSet},
	"DataSetIdentifier":                       {refers: dataSet},

	"StringParameterDeclaration.Name":                    {declares: parameter},
	"IntegerParameterDeclaration.Name":                   {declares: parameter},
	"DecimalParameterDeclaration.Name":                   {declares: parameter},
	"DateTimeParameterDeclaration.Name":                  {declares: parameter},
	"ParameterName":                                      {refers: parameter},
	"TimeEqualityFilter.ParameterName":                   {refers: parameter, kind: date},
	"NumericEqualityFilter.ParameterName":                {refers: parameter, kind: number},
	"RelativeDatesFilter.ParameterName":                  {refers: parameter, kind: number},
	"TopBottomFilter.ParameterName":                      {refers: parameter, kind: number},
	"SourceParameterName":                                {refers: parameter},
	"ParameterDateTimePickerControl.SourceParameterName": {refers: parameter, kind: date},
	"ParameterSliderControl.SourceParameterName":         {refers: parameter, kind: number},
	"DestinationParameterName":                           {refers: parameter},
	"NumericRangeFilterValue.Parameter":                  {refers: parameter, kind: number},
	"TimeRangeFilterValue.Parameter":                     {refers: parameter, kind: date},

	"SheetDefinition.SheetId":                    {declares: sheet},
	"TooltipSheetDefinition.SheetId":             {declares: sheet},
	"SheetTooltip.SheetId":                       {refers: sheet},
	"SheetVisualScopingConfiguration.SheetId":    {refers: sheet},
	"LocalNavigationConfiguration.TargetSheetId": {refers: sheet},

	"VisualId":            {declares: visual},
	"TargetVisuals":       {refers: visual, sameSheet: true},
	"NonRepeatingVisuals": {refers: visual, sameSheet: true},

	"FilterControlId":    {declares: filterControl},
	"ParameterControlId": {declares: parameterControl},
	"SheetTextBoxId":     {declares: textBox},
	"SheetImageId":       {declares: image},

	"FilterGroupId":  {declares: filterGroup},
	"FilterId":       {declares: filter},
	"SourceFilterId": {refers: filter},

	"ImageStaticFile.StaticFileId":   {declares: staticFile},
	"SpatialStaticFile.StaticFileId": {declares: staticFile},
	"StaticFileId":                   {refers: staticFile},

	"CalculatedMeasureField.FieldId":    {declares: field},
	"CategoricalDimensionField.FieldId": {declares: field},
	"CategoricalMeasureField.FieldId":   {declares: field},
	"DateDimensionField.FieldId":        {declares: field},
	"DateMeasureField.FieldId":          {declares: field},
	"NumericalDimensionField.FieldId":   {declares: field},
	"NumericalMeasureField.FieldId":     {declares: field},
	"UnaggregatedField.FieldId":         {declares: field},
	"FieldId":                           {refers: field},
	"MeasureFieldId":                    {refers: field},
	"PinnedLeftFields":                  {refers: field},
	"SelectedFields":                    {refers: field},
	"SourceField":                       {refers: field},
	"TableFieldOptions.Order":           {refers: field},

	"DateTimeHierarchy.HierarchyId":   {declares: hierarchy},
	"ExplicitHierarchy.HierarchyId":   {declares: hierarchy},
	"PredefinedHierarchy.HierarchyId": {declares: hierarchy},
	"HierarchyId":                     {refers: hierarchy},

	"CustomActionId": {declares: action},
	"ComputationId":  {declares: computation},

	"Expression":                 {expression: true},
	"CalculatedField.Expression": {}, // parsed with the data set that it belongs to
}

// roleOf is the role of a struct's member.
func roleOf(structure, member string) role {
	if r, ok := roles[structure+"."+member]; ok {
		return r
	}
	return roles[member]
}
