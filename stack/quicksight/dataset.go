package quicksight

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/quicksight"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// dataSet is what the stack passes on of a data set, in the provider's own types,
// whose fields have the API's names. A member of a file that has no field here is
// a fault, so that nothing is left out in silence. Which of them must be there is
// for definition.LoadDataSet to say.
type dataSet struct {
	DataSetId        string //nolint:revive // the API's name
	Name             string
	ImportMode       string
	PhysicalTableMap map[string]quicksight.DataSetPhysicalTableMap
	LogicalTableMap  map[string]quicksight.DataSetLogicalTableMap
}

// viewSet are the actions of a data set's viewer. QuickSight knows sets of actions
// by role, and refuses others.
var viewSet = []string{
	"quicksight:DescribeDataSet", "quicksight:DescribeDataSetPermissions", "quicksight:PassDataSet",
	"quicksight:DescribeIngestion", "quicksight:ListIngestions",
}

// DataSetArgs gives the arguments of one of the data sets. The viewers may view
// it; nobody may change it but the stack.
func (f *Files) DataSetArgs(s Set, a Args) *quicksight.DataSetArgs { return f.sets[s].args(s, a) }

// args gives the arguments. The provider has lists where the API has maps.
func (d *dataSet) args(s Set, a Args) *quicksight.DataSetArgs {
	var permissions quicksight.DataSetPermissionArray
	for _, viewer := range a.viewers() {
		permissions = append(permissions, quicksight.DataSetPermissionArgs{Principal: pulumi.String(viewer), Actions: pulumi.ToStringArray(viewSet)})
	}
	args := &quicksight.DataSetArgs{
		AwsAccountId: pulumi.String(a.Account), DataSetId: pulumi.String(a.DataSetID(s)), Name: pulumi.String(a.label(d.Name)),
		ImportMode: pulumi.String(d.ImportMode), Permissions: permissions,
	}
	var physical []quicksight.DataSetPhysicalTableMap
	for _, id := range slices.Sorted(maps.Keys(d.PhysicalTableMap)) {
		table, schema := *d.PhysicalTableMap[id].RelationalTable, a.Database()
		table.DataSourceArn, table.Schema = a.DataSourceARN(), &schema
		physical = append(physical, quicksight.DataSetPhysicalTableMap{PhysicalTableMapId: id, RelationalTable: &table})
	}
	args.PhysicalTableMaps = given[quicksight.DataSetPhysicalTableMapArrayOutput](physical)
	if len(d.LogicalTableMap) == 0 {
		return args
	}
	var logical []quicksight.DataSetLogicalTableMap
	for _, id := range slices.Sorted(maps.Keys(d.LogicalTableMap)) {
		table := d.LogicalTableMap[id]
		table.LogicalTableMapId = id
		logical = append(logical, table)
	}
	args.LogicalTableMaps = given[quicksight.DataSetLogicalTableMapArrayOutput](logical)
	return args
}

// given makes an input of a value in the provider's types.
func given[O pulumi.Output, V any](value V) O {
	return pulumi.Int(0).ToIntOutput().ApplyT(func(int) V { return value }).(O) // as ApplyT promises
}

// RefreshScheduleArgs gives the arguments of the refresh of one of the data sets,
// which has the id; nil where the data set is queried directly.
//
// The refresh is a full one, daily at 04:00 UTC. Each one reads all days that it
// imports (views.ImportedDays), so that hourly would cost 24 times as much; what
// must be of this minute is in the data set that is queried directly. An
// incremental refresh would be cheaper, but it is a refresh of some rows, within a
// time window
// (https://docs.aws.amazon.com/quicksight/latest/APIReference/API_RefreshSchedule.html):
// older rows would stay, also when they are of no imported day any more or have
// left the lake.
func (f *Files) RefreshScheduleArgs(s Set, a Args, dataSetID pulumi.StringInput) *quicksight.RefreshScheduleArgs {
	if f.sets[s].ImportMode != "SPICE" {
		return nil
	}
	return &quicksight.RefreshScheduleArgs{
		AwsAccountId: pulumi.String(a.Account),
		DataSetId:    dataSetID,
		ScheduleId:   pulumi.String("daily"),
		Schedule: quicksight.RefreshScheduleScheduleArgs{
			RefreshType: pulumi.String("FULL_REFRESH"),
			ScheduleFrequency: quicksight.RefreshScheduleScheduleScheduleFrequencyArgs{
				Interval: pulumi.String("DAILY"), TimeOfTheDay: pulumi.String("04:00"), Timezone: pulumi.String("UTC"),
			},
		},
	}
}
