package quicksight

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/quicksight"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The provider's names for operations are long.
type (
	transformArgs    = quicksight.DataSetLogicalTableMapDataTransformArgs
	projectArgs      = quicksight.DataSetLogicalTableMapDataTransformProjectOperationArgs
	filterArgs       = quicksight.DataSetLogicalTableMapDataTransformFilterOperationArgs
	createArgs       = quicksight.DataSetLogicalTableMapDataTransformCreateColumnsOperationArgs
	createColumns    = quicksight.DataSetLogicalTableMapDataTransformCreateColumnsOperationColumnArray
	createColumnArgs = quicksight.DataSetLogicalTableMapDataTransformCreateColumnsOperationColumnArgs
	renameArgs       = quicksight.DataSetLogicalTableMapDataTransformRenameColumnOperationArgs
	castArgs         = quicksight.DataSetLogicalTableMapDataTransformCastColumnTypeOperationArgs
	tagArgs          = quicksight.DataSetLogicalTableMapDataTransformTagColumnOperationArgs
	tags             = quicksight.DataSetLogicalTableMapDataTransformTagColumnOperationTagArray
	oneTagArgs       = quicksight.DataSetLogicalTableMapDataTransformTagColumnOperationTagArgs
	descriptionArgs  = quicksight.DataSetLogicalTableMapDataTransformTagColumnOperationTagColumnDescriptionArgs
	untagArgs        = quicksight.DataSetLogicalTableMapDataTransformUntagColumnOperationArgs
	joinArgs         = quicksight.DataSetLogicalTableMapSourceJoinInstructionArgs
	leftKeyArgs      = quicksight.DataSetLogicalTableMapSourceJoinInstructionLeftJoinKeyPropertiesArgs
	rightKeyArgs     = quicksight.DataSetLogicalTableMapSourceJoinInstructionRightJoinKeyPropertiesArgs
)

func logicalTables(d *dataSet) quicksight.DataSetLogicalTableMapArray {
	var tables quicksight.DataSetLogicalTableMapArray
	for _, id := range slices.Sorted(maps.Keys(d.LogicalTableMap)) {
		t := d.LogicalTableMap[id]
		args := quicksight.DataSetLogicalTableMapArgs{
			LogicalTableMapId: pulumi.String(id),
			Alias:             pulumi.String(t.Alias),
			Source: quicksight.DataSetLogicalTableMapSourceArgs{
				PhysicalTableId: pulumi.StringPtrFromPtr(t.Source.PhysicalTableId),
				JoinInstruction: join(t.Source.JoinInstruction),
			},
		}
		if len(t.DataTransforms) > 0 {
			args.DataTransforms = transforms(t.DataTransforms)
		}
		tables = append(tables, args)
	}
	return tables
}

func join(j *joinInstruction) quicksight.DataSetLogicalTableMapSourceJoinInstructionPtrInput {
	if j == nil {
		return nil
	}
	args := joinArgs{
		LeftOperand: pulumi.String(j.LeftOperand), RightOperand: pulumi.String(j.RightOperand),
		Type: pulumi.String(j.Type), OnClause: pulumi.String(j.OnClause),
	}
	if k := j.LeftJoinKeyProperties; k != nil {
		args.LeftJoinKeyProperties = leftKeyArgs{UniqueKey: pulumi.BoolPtrFromPtr(k.UniqueKey)}
	}
	if k := j.RightJoinKeyProperties; k != nil {
		args.RightJoinKeyProperties = rightKeyArgs{UniqueKey: pulumi.BoolPtrFromPtr(k.UniqueKey)}
	}
	return args
}

// transforms maps operations in their order, in which they are done.
func transforms(operations []transform) quicksight.DataSetLogicalTableMapDataTransformArray {
	var all quicksight.DataSetLogicalTableMapDataTransformArray
	for _, o := range operations {
		var args transformArgs
		switch {
		case o.ProjectOperation != nil:
			args.ProjectOperation = projectArgs{ProjectedColumns: pulumi.ToStringArray(o.ProjectOperation.ProjectedColumns)}
		case o.FilterOperation != nil:
			args.FilterOperation = filterArgs{ConditionExpression: pulumi.String(o.FilterOperation.ConditionExpression)}
		case o.CreateColumnsOperation != nil:
			args.CreateColumnsOperation = created(o.CreateColumnsOperation.Columns)
		case o.RenameColumnOperation != nil:
			r := o.RenameColumnOperation
			args.RenameColumnOperation = renameArgs{ColumnName: pulumi.String(r.ColumnName), NewColumnName: pulumi.String(r.NewColumnName)}
		case o.CastColumnTypeOperation != nil:
			c := o.CastColumnTypeOperation
			args.CastColumnTypeOperation = castArgs{
				ColumnName: pulumi.String(c.ColumnName), NewColumnType: pulumi.String(c.NewColumnType), Format: pulumi.StringPtrFromPtr(c.Format),
			}
		case o.TagColumnOperation != nil:
			args.TagColumnOperation = tagArgs{ColumnName: pulumi.String(o.TagColumnOperation.ColumnName), Tags: tagged(o.TagColumnOperation.Tags)}
		case o.UntagColumnOperation != nil:
			u := o.UntagColumnOperation
			args.UntagColumnOperation = untagArgs{ColumnName: pulumi.String(u.ColumnName), TagNames: pulumi.ToStringArray(u.TagNames)}
		}
		all = append(all, args)
	}
	return all
}

func created(columns []calculatedColumn) createArgs {
	var all createColumns
	for _, c := range columns {
		all = append(all, createColumnArgs{
			ColumnId: pulumi.String(c.ColumnId), ColumnName: pulumi.String(c.ColumnName), Expression: pulumi.String(c.Expression),
		})
	}
	return createArgs{Columns: all}
}

func tagged(columnTags []columnTag) tags {
	var all tags
	for _, t := range columnTags {
		args := oneTagArgs{ColumnGeographicRole: pulumi.StringPtrFromPtr(t.ColumnGeographicRole)}
		if t.ColumnDescription != nil {
			args.ColumnDescription = descriptionArgs{Text: pulumi.StringPtrFromPtr(t.ColumnDescription.Text)}
		}
		all = append(all, args)
	}
	return all
}
