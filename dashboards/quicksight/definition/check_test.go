package definition

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/quicksight/types"

	"github.com/headcount-etl/headcount/dashboards/quicksight/expression"
)

const (
	fields   = "$.CalculatedFields"
	wells    = bars + ".ChartConfiguration.FieldWells.BarChartAggregatedFieldWells"
	measure  = wells + ".Values[0].NumericalMeasureField"
	actions  = bars + ".Actions"
	scoped   = "$.FilterGroups[0].ScopeConfiguration.SelectedSheets.SheetVisualScopingConfigurations[0]"
	byTown   = "$.FilterGroups[0].Filters[0].CategoryFilter"
	since    = "$.FilterGroups[1].Filters[0].TimeRangeFilter"
	sold     = "$.FilterGroups[1].Filters[1].NumericRangeFilter"
	dropdown = "$.Sheets[0].FilterControls[0].Dropdown"
	picker   = "$.Sheets[0].ParameterControls[1].DateTimePicker"
	onTown   = "$.Sheets[0].ParameterControls[0].Dropdown"
)

// anyObject is an object that an edit puts in.
type anyObject = map[string]any

// shopsColumn is a reference to a column of shops.
func shopsColumn(name string) anyObject {
	return anyObject{"DataSetIdentifier": "shops", "ColumnName": name}
}

func TestCheckFaults(t *testing.T) {
	valid := read(t, "valid.json")
	for _, c := range []struct {
		name string
		edit edit
		want []string
	}{
		// Data sets and columns.
		{"a data set twice", edit{"$.DataSetIdentifierDeclarations[1].Identifier", "shops"}, []string{
			`$.DataSetIdentifierDeclarations[1].Identifier: there is another data set "shops": $.DataSetIdentifierDeclarations[0].Identifier`,
			`$.Sheets[1].Visuals[0].KPIVisual.ChartConfiguration.FieldWells.Values[0].CategoricalMeasureField.Column.DataSetIdentifier: ` +
				`there is no data set "staff"`,
		}},
		{"a data set whose columns nobody gave", edit{"$.DataSetIdentifierDeclarations[1].Identifier", "staf"}, []string{
			`$.DataSetIdentifierDeclarations[1].Identifier: the columns of data set staf are not known: did you mean staff?`,
			`$.Sheets[1].Visuals[0].KPIVisual.ChartConfiguration.FieldWells.Values[0].CategoricalMeasureField.Column.DataSetIdentifier: ` +
				`there is no data set "staff": did you mean staf?`,
		}},
		{"an unknown data set of a field", edit{measure + ".Column.DataSetIdentifier", "shop"}, []string{
			measure + `.Column.DataSetIdentifier: there is no data set "shop": did you mean shops?`,
		}},
		{"an unknown data set of a calculated field", edit{fields + "[2].DataSetIdentifier", "shop"}, []string{
			fields + `[2].DataSetIdentifier: there is no data set "shop": did you mean shops?`,
		}},
		{"an unknown column of a field", edit{measure + ".Column.ColumnName", "slaes"}, []string{
			measure + `.Column.ColumnName: there is no column "slaes" in data set shops: did you mean sales?`,
		}},
		{"an unknown column of a filter", edit{byTown + ".Column.ColumnName", "townn"}, []string{
			byTown + `.Column.ColumnName: there is no column "townn" in data set shops: did you mean town?`,
		}},
		{"an unknown column of a control's values", edit{onTown + ".SelectableValues.LinkToDataSetColumn.ColumnName", "x"}, []string{
			onTown + `.SelectableValues.LinkToDataSetColumn.ColumnName: there is no column "x" in data set shops`,
		}},
		{"an unknown column of a hierarchy", edit{bars + ".ColumnHierarchies[0].ExplicitHierarchy.Columns[1].ColumnName", "nam"}, []string{
			bars + `.ColumnHierarchies[0].ExplicitHierarchy.Columns[1].ColumnName: ` +
				`there is no column "nam" in data set shops: did you mean name?`,
		}},
		{"an unknown column of a column's configuration", edit{"$.ColumnConfigurations[0].Column.ColumnName", `x"; drop table t; --`}, []string{
			`$.ColumnConfigurations[0].Column.ColumnName: there is no column "x\"; drop table t; --" in data set shops`,
		}},
		{"an unknown column of a sort", edit{bars + ".ChartConfiguration.SortConfiguration.CategorySort[0]", anyObject{
			"ColumnSort": anyObject{"SortBy": shopsColumn("sale"), "Direction": "ASC"},
		}}, []string{
			bars + `.ChartConfiguration.SortConfiguration.CategorySort[0].ColumnSort.SortBy.ColumnName: ` +
				`there is no column "sale" in data set shops: did you mean sales?`,
		}},
		{"a sum of texts", edit{measure + ".Column.ColumnName", "town"}, []string{
			measure + ".Column: a numerical measure needs a number, but town is STRING",
		}},
		{"a time range of numbers", edit{since + ".Column.ColumnName", "sales"}, []string{
			since + ".Column: a time range filter needs a DATETIME, but sales is INTEGER",
		}},
		{"a numeric range of a calculated date", edit{sold + ".Column.ColumnName", "month"}, []string{
			sold + ".Column: a numeric range filter needs a number, but month is DATETIME",
		}},
		{"a date dimension of a calculated text", edit{
			table + ".ChartConfiguration.FieldWells.TableAggregatedFieldWells.GroupBy[0].DateDimensionField.Column.ColumnName", "label",
		}, []string{
			table + ".ChartConfiguration.FieldWells.TableAggregatedFieldWells.GroupBy[0].DateDimensionField.Column: " +
				"a date dimension needs a DATETIME, but label is STRING",
		}},

		// What the API refuses of values.
		{"a relative date that takes no number", edit{"$.FilterGroups[1].Filters[0]", anyObject{"RelativeDatesFilter": anyObject{
			"FilterId": "since", "Column": shopsColumn("opened"), "AnchorDateConfiguration": anyObject{"AnchorOption": "NOW"},
			"TimeGranularity": "DAY", "RelativeDateType": "THIS", "RelativeDateValue": 1, "NullOption": "NON_NULLS_ONLY",
		}}}, []string{"$.FilterGroups[1].Filters[0].RelativeDatesFilter.RelativeDateValue: only LAST and NEXT take a number of periods, not THIS"}},
		{"two defaults of one value", edit{"$.ParameterDeclarations[0]", anyObject{"StringParameterDeclaration": anyObject{
			"Name": "town", "ParameterValueType": "SINGLE_VALUED", "DefaultValues": anyObject{"StaticValues": []any{"a", "b"}},
		}}}, []string{
			"$.ParameterDeclarations[0].StringParameterDeclaration.DefaultValues.StaticValues: a parameter with a single value has at most one default, not 2",
		}},

		// Ids.
		{"a sheet twice", edit{"$.Sheets[1].SheetId", "overview"}, []string{
			`$.Sheets[0].Visuals[0].BarChartVisual.Actions[1].ActionOperations[0].NavigationOperation.LocalNavigationConfiguration.TargetSheetId: ` +
				`there is no sheet "detail"`,
			`$.Sheets[1].SheetId: there is another sheet "overview": $.Sheets[0].SheetId`,
		}},
		{"a visual twice", edit{"$.Sheets[1].Visuals[0].KPIVisual.VisualId", "bars"}, []string{
			`$.Sheets[1].Visuals[0].KPIVisual.VisualId: there is another visual "bars": ` + bars + `.VisualId`,
		}},
		{"a filter twice", edit{sold + ".FilterId", "since"}, []string{
			sold + `.FilterId: there is another filter "since": ` + since + `.FilterId`,
		}},
		{"a filter group twice", edit{"$.FilterGroups[1].FilterGroupId", "towns"}, []string{
			`$.FilterGroups[1].FilterGroupId: there is another filter group "towns": $.FilterGroups[0].FilterGroupId`,
		}},
		{"a parameter twice", edit{"$.ParameterDeclarations[1].IntegerParameterDeclaration.Name", "from"}, []string{
			fields + `[2].Expression: line 1, column 16: there is no parameter "floor"`,
			since + `.RangeMinimumValue.Parameter: a DATETIME is wanted, but the parameter "from" is INTEGER`,
			sold + `.RangeMinimum.Parameter: there is no parameter "floor"`,
			`$.ParameterDeclarations[2].DateTimeParameterDeclaration.Name: there is another parameter "from": ` +
				`$.ParameterDeclarations[1].IntegerParameterDeclaration.Name`,
			picker + `.SourceParameterName: a DATETIME is wanted, but the parameter "from" is INTEGER`,
		}},
		{"a control twice", edit{picker + ".ParameterControlId", "pick-town"}, []string{
			picker + `.ParameterControlId: there is another parameter control "pick-town": ` + onTown + `.ParameterControlId`,
		}},
		{"a text box twice", edit{"$.Sheets[0].TextBoxes", []any{
			anyObject{"SheetTextBoxId": "note"}, anyObject{"SheetTextBoxId": "note"},
		}}, []string{
			`$.Sheets[0].TextBoxes[1].SheetTextBoxId: there is another text box "note": $.Sheets[0].TextBoxes[0].SheetTextBoxId`,
		}},
		{"an action twice in a visual", edit{actions + "[1].CustomActionId", "narrow"}, []string{
			actions + `[1].CustomActionId: there is another action "narrow": ` + actions + `[0].CustomActionId`,
		}},
		{"an action of the same id in another visual", edit{table + ".Actions", []any{anyObject{
			"CustomActionId": "narrow", "Name": "Go", "Trigger": "DATA_POINT_MENU", "ActionOperations": []any{
				anyObject{"NavigationOperation": anyObject{"LocalNavigationConfiguration": anyObject{"TargetSheetId": "detail"}}},
			},
		}}}, nil},
		{"a field id twice in a visual", edit{measure + ".FieldId", "f-town"}, []string{
			measure + `.FieldId: there is another field "f-town": ` + wells + `.Category[0].CategoricalDimensionField.FieldId`,
			bars + `.ChartConfiguration.SortConfiguration.CategorySort[0].FieldSort.FieldId: this visual has no field "f-sales"`,
		}},
		{"a calculated field twice", edit{fields + "[5].Name", "margin"}, []string{
			fields + `[5].Name: data set shops has another calculated field "margin": $.CalculatedFields[0]`,
		}},
		{"a calculated field named as a column", edit{fields + "[5].Name", "sales"}, []string{
			fields + `[5].Name: data set shops has a column "sales" already`,
		}},

		// Fields of a visual.
		{"a sort by an unknown field", edit{bars + ".ChartConfiguration.SortConfiguration.CategorySort[0].FieldSort.FieldId", "f-slaes"}, []string{
			bars + `.ChartConfiguration.SortConfiguration.CategorySort[0].FieldSort.FieldId: ` +
				`this visual has no field "f-slaes": did you mean f-sales?`,
		}},
		{"a field of another visual", edit{table + ".ChartConfiguration.FieldOptions.SelectedFieldOptions[0].FieldId", "f-sales"}, []string{
			table + `.ChartConfiguration.FieldOptions.SelectedFieldOptions[0].FieldId: this visual has no field "f-sales"`,
		}},
		{"an order of an unknown field", edit{table + ".ChartConfiguration.FieldOptions.Order[1]", "t-rat"}, []string{
			table + `.ChartConfiguration.FieldOptions.Order[1]: this visual has no field "t-rat": did you mean t-rate?`,
		}},
		{"conditional formatting of an unknown field", edit{
			table + ".ConditionalFormatting.ConditionalFormattingOptions[0].Cell.FieldId", "t-r",
		}, []string{
			table + `.ConditionalFormatting.ConditionalFormattingOptions[0].Cell.FieldId: this visual has no field "t-r"`,
		}},
		{"an unknown hierarchy", edit{wells + ".Category[0].CategoricalDimensionField.HierarchyId", "place"}, []string{
			wells + `.Category[0].CategoricalDimensionField.HierarchyId: this visual has no hierarchy "place": did you mean places?`,
		}},

		// Filters and parameters.
		{"a control of an unknown filter", edit{dropdown + ".SourceFilterId", "by-townn"}, []string{
			dropdown + `.SourceFilterId: there is no filter "by-townn": did you mean by-town?`,
		}},
		{"a cascade from an unknown control", edit{
			dropdown + ".CascadingControlConfiguration.SourceControls[0].SourceSheetControlId", "pick",
		}, []string{
			dropdown + `.CascadingControlConfiguration.SourceControls[0].SourceSheetControlId: there is no control "pick"`,
		}},
		{"a cascade from a filter control", edit{
			dropdown + ".CascadingControlConfiguration.SourceControls[0].SourceSheetControlId", "choose-town",
		}, nil},
		{"a cascade from a control of another sheet", edit{"$.Sheets[1].FilterControls", []any{anyObject{"List": anyObject{
			"FilterControlId": "c", "Title": "C", "SourceFilterId": "by-town", "CascadingControlConfiguration": anyObject{
				"SourceControls": []any{anyObject{"SourceSheetControlId": "pick-town"}, anyObject{"SourceSheetControlId": "choose-town"}},
			},
		}}}}, []string{
			`$.Sheets[1].FilterControls[0].List.CascadingControlConfiguration.SourceControls[0].SourceSheetControlId: ` +
				`the parameter control "pick-town" is on another sheet: ` + onTown + `.ParameterControlId`,
			`$.Sheets[1].FilterControls[0].List.CascadingControlConfiguration.SourceControls[1].SourceSheetControlId: ` +
				`the filter control "choose-town" is on another sheet: ` + dropdown + `.FilterControlId`,
		}},
		{"a control of an unknown parameter", edit{onTown + ".SourceParameterName", "tow"}, []string{
			onTown + `.SourceParameterName: there is no parameter "tow": did you mean town?`,
		}},
		{"a date picker of a text", edit{picker + ".SourceParameterName", "town"}, []string{
			picker + `.SourceParameterName: a DATETIME is wanted, but the parameter "town" is STRING`,
		}},
		{"a filter on an unknown parameter", edit{byTown + ".Configuration.CustomFilterConfiguration.ParameterName", "townn"}, []string{
			byTown + `.Configuration.CustomFilterConfiguration.ParameterName: there is no parameter "townn": did you mean town?`,
		}},
		{"a time range by a number", edit{since + ".RangeMinimumValue.Parameter", "floor"}, []string{
			since + `.RangeMinimumValue.Parameter: a DATETIME is wanted, but the parameter "floor" is INTEGER`,
		}},
		{"a numeric range by an instant", edit{sold + ".RangeMinimum.Parameter", "from"}, []string{
			sold + `.RangeMinimum.Parameter: a number is wanted, but the parameter "from" is DATETIME`,
		}},
		{"a title with an unknown parameter", edit{
			bars + ".Title.FormatText.RichText", "<visual-title><parameter>${form}</parameter></visual-title>",
		}, []string{bars + `.Title.FormatText.RichText: there is no parameter "form": did you mean from?`}},
		{"a text box with an unknown parameter", edit{"$.Sheets[0].TextBoxes[0].Content", "<parameter>${x&amp;y}</parameter>"}, []string{
			`$.Sheets[0].TextBoxes[0].Content: there is no parameter "x&y"`,
		}},
		{"a scope on an unknown sheet", edit{scoped + ".SheetId", "overveiw"}, []string{
			scoped + `.SheetId: there is no sheet "overveiw": did you mean overview?`,
		}},
		{"a scope on an unknown visual", edit{scoped + ".VisualIds[0]", "bar"}, []string{
			scoped + `.VisualIds[0]: there is no visual "bar": did you mean bars?`,
		}},
		{"a scope on a visual of another sheet", edit{scoped + ".VisualIds[0]", "kpi"}, []string{
			scoped + `.VisualIds[0]: the visual "kpi" is on another sheet: $.Sheets[1].Visuals[0].KPIVisual.VisualId`,
		}},
		{"a scope on no visuals", edit{scoped + ".VisualIds", gone{}}, []string{scoped + `: SELECTED_VISUALS needs VisualIds`}},

		// Layouts.
		{"an element of nothing", edit{grid + "[2].ElementId", "nota"}, []string{
			grid + `[2].ElementId: there is no text box "nota": did you mean note?`,
		}},
		{"an element of the wrong type", edit{grid + "[2].ElementType", "IMAGE"}, []string{grid + `[2].ElementId: there is no image "note"`}},
		{"a visual that is not placed", edit{grid + "[1]", gone{}}, []string{
			table + `.VisualId: the visual "table" is not in the layout of its sheet`,
		}},
		{"a visual that is placed twice", edit{grid + "[2]", anyObject{
			"ElementId": "bars", "ElementType": "VISUAL", "ColumnSpan": 1, "RowSpan": 1,
		}}, []string{grid + `[2].ElementId: the visual "bars" is placed already: ` + grid + `[0].ElementId`}},
		{"a visual of another sheet", edit{grid + "[2]", anyObject{
			"ElementId": "kpi", "ElementType": "VISUAL", "ColumnSpan": 1, "RowSpan": 1,
		}}, []string{grid + `[2].ElementId: the visual "kpi" is on another sheet: $.Sheets[1].Visuals[0].KPIVisual.VisualId`}},
		{"an element beyond the grid", edit{grid + "[1].ColumnIndex", 19}, []string{
			grid + "[1].ColumnIndex: columns 19 to 36 are outside the grid's 36",
		}},
		{"an element without width", edit{grid + "[0].ColumnSpan", 0}, []string{
			grid + "[0].ColumnSpan: an element is 1 to 36 columns wide, not 0",
		}},
		{"an element that is too high", edit{grid + "[2].RowSpan", 22}, []string{
			grid + "[2].RowSpan: an element is 1 to 21 rows high, not 22",
		}},
		{"an element above the grid", edit{grid + "[0].RowIndex", -1}, []string{grid + "[0].RowIndex: row -1 is outside the grid's 9010"}},
		{"elements on one another", edit{grid + "[1].ColumnIndex", 17}, []string{
			grid + "[1]: the element lies on another: " + grid + "[0]",
		}},
		{"elements on one another in a row below", edit{grid + "[2].RowIndex", 9}, []string{
			grid + "[2]: the element lies on another: " + grid + "[0]",
			grid + "[2]: the element lies on another: " + grid + "[1]",
		}},

		// Expressions.
		{"an expression that does not parse", edit{fields + "[5].Expression", "avg(\n sales,"}, []string{
			fields + "[5].Expression: line 2, column 8: a value is missing before the end",
		}},
		{"an unknown function", edit{fields + "[5].Expression", "summ(sales)"}, []string{
			fields + `[5].Expression: line 1, column 1: there is no function summ; did you mean sum?`,
		}},
		{"an unknown column in an expression, once", edit{fields + "[5].Expression", "sum(sale) +\n sum(sale)"}, []string{
			fields + `[5].Expression: line 1, column 5: there is no column "sale" in data set shops: did you mean sales?`,
		}},
		{"an unknown parameter in an expression, once", edit{fields + "[5].Expression", "${flor} + ${flor}"}, []string{
			fields + `[5].Expression: line 1, column 1: there is no parameter "flor": did you mean floor?`,
		}},
		{"an aggregate in an aggregate", edit{fields + "[5].Expression", "1 + max(sum(sales))"}, []string{
			fields + "[5].Expression: line 1, column 5: max is of what is an aggregate already",
		}},
		{"an aggregating field in an aggregate", edit{fields + "[5].Expression", "max(abs(share))"}, []string{
			fields + "[5].Expression: line 1, column 1: max is of what is an aggregate already",
		}},
		{"a window in an aggregate is none", edit{fields + "[5].Expression", "max(sumOver(sales, [town], PRE_AGG))"}, nil},
		{"an aggregate in a level-aware one", edit{fields + "[5].Expression", "max(sum(sum(sales), [town]))"}, []string{
			fields + "[5].Expression: line 1, column 5: sum is of what is an aggregate already",
		}},
		{"a window over groups in an aggregate", edit{fields + "[5].Expression", "max(sumOver(sum(sales), [town]))"}, []string{
			fields + "[5].Expression: line 1, column 1: max is of what is an aggregate already",
		}},
		{"a circle", edit{fields + "[0].Expression", "share + 1"}, []string{
			fields + "[0].Expression: the calculated field refers to itself: margin → share → margin",
		}},
		{"a circle of one", edit{fields + "[4].Expression", "double + 1"}, []string{
			fields + "[4].Expression: the calculated field refers to itself: double → double",
		}},
		{"an unknown column in a measure's expression", edit{
			table + ".ChartConfiguration.FieldWells.TableAggregatedFieldWells.Values[0].CalculatedMeasureField.Expression", "sum(sale)",
		}, []string{
			table + `.ChartConfiguration.FieldWells.TableAggregatedFieldWells.Values[0].CalculatedMeasureField.Expression: ` +
				`line 1, column 5: there is no column "sale" in data set shops: did you mean sales?`,
		}},
		{"a parameter's default that does not parse", edit{
			"$.ParameterDeclarations[2].DateTimeParameterDeclaration.DefaultValues.RollingDate.Expression", "now(",
		}, []string{
			"$.ParameterDeclarations[2].DateTimeParameterDeclaration.DefaultValues.RollingDate.Expression: " +
				"line 1, column 5: a value is missing before the end",
		}},

		// Actions.
		{"a filter action on an unknown visual", edit{
			actions + "[0].ActionOperations[0].FilterOperation.TargetVisualsConfiguration.SameSheetTargetVisualConfiguration.TargetVisuals[0]", "tabel",
		}, []string{
			actions + `[0].ActionOperations[0].FilterOperation.TargetVisualsConfiguration.SameSheetTargetVisualConfiguration.TargetVisuals[0]: ` +
				`there is no visual "tabel": did you mean table?`,
		}},
		{"a filter action by fields and all fields", edit{
			actions + "[0].ActionOperations[0].FilterOperation.SelectedFieldsConfiguration.SelectedFieldOptions", "ALL_FIELDS",
		}, nil},
		{"an image's action has no fields", edit{"$.Sheets[0].Images", []any{anyObject{
			"SheetImageId": "logo", "Source": anyObject{"SheetImageStaticFileSource": anyObject{"StaticFileId": "file"}},
			"Actions": []any{anyObject{
				"CustomActionId": "a", "Name": "A", "Trigger": "CLICK", "ActionOperations": []any{anyObject{
					"SetParametersOperation": anyObject{"ParameterValueConfigurations": []any{
						anyObject{"DestinationParameterName": "town", "Value": anyObject{"SourceField": "f"}},
					}},
				}},
			}},
		}}}, []string{`$.Sheets[0].Images[0].Source.SheetImageStaticFileSource.StaticFileId: there is no static file "file"`}},
		{"a filter action by an unknown field", edit{
			actions + "[0].ActionOperations[0].FilterOperation.SelectedFieldsConfiguration.SelectedFields[0]", "x",
		}, []string{
			actions + `[0].ActionOperations[0].FilterOperation.SelectedFieldsConfiguration.SelectedFields[0]: this visual has no field "x"`,
		}},
		{"a way to an unknown sheet", edit{
			actions + "[1].ActionOperations[0].NavigationOperation.LocalNavigationConfiguration.TargetSheetId", "details",
		}, []string{
			actions + `[1].ActionOperations[0].NavigationOperation.LocalNavigationConfiguration.TargetSheetId: ` +
				`there is no sheet "details": did you mean detail?`,
		}},
		{"a value for an unknown parameter", edit{
			actions + "[1].ActionOperations[1].SetParametersOperation.ParameterValueConfigurations[0].DestinationParameterName", "x",
		}, []string{
			actions + `[1].ActionOperations[1].SetParametersOperation.ParameterValueConfigurations[0].DestinationParameterName: ` +
				`there is no parameter "x"`,
		}},
		{"a URL with an unknown parameter", edit{
			actions + "[2].ActionOperations[0].URLOperation.URLTemplate", "https://example.org/<<$townn>>",
		}, []string{
			actions + `[2].ActionOperations[0].URLOperation.URLTemplate: there is no parameter "townn": did you mean town?`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if have := load(c.edit.apply(t, valid)); !slices.Equal(have, c.want) {
				t.Errorf("\n got %s\nwant %s", strings.Join(have, "\n     "), strings.Join(c.want, "\n     "))
			}
		})
	}
}

// TestNoSets: without columns each data set is a fault, and its columns are none.
func TestNoSets(t *testing.T) {
	_, faults := Load("d.json", read(t, "valid.json"), func(*Definition) []DataSet { return nil })
	want := []string{
		"$.DataSetIdentifierDeclarations[0].Identifier: the columns of data set shops are not known",
		"$.DataSetIdentifierDeclarations[1].Identifier: the columns of data set staff are not known",
	}
	if have := lines(faults); !slices.Equal(have, want) {
		t.Errorf("got %q, want %q", have, want)
	}
}

// TestCircleFromOutside: the way into a circle is no part of it.
func TestCircleFromOutside(t *testing.T) {
	text := `{"DataSetIdentifierDeclarations": [{"Identifier": "staff", "DataSetArn": "a"}], "CalculatedFields": [
		{"DataSetIdentifier": "staff", "Name": "x", "Expression": "a"},
		{"DataSetIdentifier": "staff", "Name": "a", "Expression": "b"},
		{"DataSetIdentifier": "staff", "Name": "b", "Expression": "a"}]}`
	want := []string{"$.CalculatedFields[1].Expression: the calculated field refers to itself: a → b → a"}
	if have := load([]byte(text)); !slices.Equal(have, want) {
		t.Errorf("got %q, want %q", have, want)
	}
}

// TestVisualOfTwoDataSets: an expression there may name the columns of both.
func TestVisualOfTwoDataSets(t *testing.T) {
	text := edit{wells + ".Colors", []any{anyObject{"CategoricalDimensionField": anyObject{
		"FieldId": "f-person", "Column": anyObject{"DataSetIdentifier": "staff", "ColumnName": "person"},
	}}}}.apply(t, read(t, "valid.json"))
	text = edit{wells + ".Values[0]", anyObject{"CalculatedMeasureField": anyObject{
		"FieldId": "f-sales", "Expression": "count(person) / sum(sales) + avg(none)",
	}}}.apply(t, text)
	want := []string{wells + `.Values[0].CalculatedMeasureField.Expression: line 1, column 34: there is no column "none" in data set shops`}
	if have := load(text); !slices.Equal(have, want) {
		t.Errorf("got %q, want %q", have, want)
	}
}

func TestTypeOf(t *testing.T) {
	shops := newColumns("shops")
	for _, c := range sets[0].Columns {
		shops.add(&column{Column: c})
	}
	shops.add(&column{Column: Column{Name: "anything"}})
	for text, want := range map[string]types.ColumnDataType{
		`'a'`:                              "STRING",
		`1`:                                "DECIMAL",
		`null`:                             "",
		`town`:                             "STRING",
		`sales`:                            "INTEGER",
		`missing`:                          "",
		`-sales`:                           "DECIMAL",
		`NOT (sales > 1)`:                  "",
		`sales > 1`:                        "",
		`sales % 2`:                        "DECIMAL",
		`max(opened)`:                      "DATETIME",
		`truncDate('DD', opened)`:          "DATETIME",
		`concat(town, name)`:               "STRING",
		`isNull(town)`:                     "",
		`ifelse(sales > 1, town, 'b')`:     "STRING",
		`ifelse(sales > 1, town, null)`:    "STRING",
		`ifelse(sales > 1, town, 2)`:       "",
		`ifelse(sales > 1, 1, sales)`:      "DECIMAL",
		`ifelse(anything, anything, 1)`:    "",
		`ifelse(sales > 1, 1, 2>1, 2, '')`: "",
		`switch(town, 'a', 1, 2)`:          "DECIMAL",
		`switch(sales, 1, 'a', 'b')`:       "STRING",
		`coalesce(null, opened)`:           "DATETIME",
		`coalesce(null, null)`:             "",
	} {
		node, err := expression.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if have := typeOf(node, shops); have != want {
			t.Errorf("%s: got %q, want %q", text, have, want)
		}
	}
}

// TestNamesOfParameters compares names with the API's pattern.
func TestNamesOfParameters(t *testing.T) {
	for name, right := range map[string]bool{"Town1": true, "my-town": false, "my town": false, "größe": false, "": false} {
		faults := load([]byte(`{"DataSetIdentifierDeclarations": [], "ParameterDeclarations": [{"StringParameterDeclaration": {
			"Name": "` + name + `", "ParameterValueType": "MULTI_VALUED"}}]}`))
		if (len(faults) == 0) != right {
			t.Errorf("the faults of the name %q are %v", name, faults)
		}
	}
}
