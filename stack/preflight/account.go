package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/quicksight"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"

	"github.com/headcount-etl/headcount/services/aggregator/bucket"
	"github.com/headcount-etl/headcount/services/aggregator/flow"
	"github.com/headcount-etl/headcount/stack/names"
)

// buckets finds those that an earlier stack has left: their names are fixed, and an up
// cannot create them again.
func (l *look) buckets(ctx context.Context, state map[string]bool) (found []Finding) {
	api := s3.NewFromConfig(l.cfg)
	for _, kind := range []string{names.Lake, names.Aggregates, names.Quarantine, names.Results, names.Logs} {
		name := l.names.Bucket(kind)
		_, err := api.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
		var answer interface{ HTTPStatusCode() int }
		switch {
		case err == nil && !state[name]:
			found = append(found, Finding{
				true, fmt.Sprintf("the bucket %s is there, and not in the stack's state: an earlier stack has left it", name),
				fmt.Sprintf("`pulumi import aws:s3/bucketV2:BucketV2 %s %s --stack %s` takes it over with its data; or empty and delete it", kind, name, l.Stack),
			})
		case err == nil || errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusNotFound:
		default:
			found = append(found, unknown("the bucket "+name, err))
		}
	}
	return found
}

// keys finds that the secret is about to go, with all earlier keys.
func (l *look) keys(ctx context.Context) []Finding {
	name := l.names.KeyRing()
	secret, err := secretsmanager.NewFromConfig(l.cfg).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &name})
	switch {
	case code(err) == "ResourceNotFoundException":
		return nil // an up makes it
	case err != nil:
		return []Finding{unknown("the secret "+name, err)}
	case secret.DeletedDate != nil:
		return []Finding{{
			true, fmt.Sprintf("the secret %s is scheduled for deletion", name),
			fmt.Sprintf("`aws secretsmanager restore-secret --region %s --secret-id %s` brings it back; other keys in its place would count everyone of the past days twice, so they are right only for new flows", l.Region, name),
		}}
	}
	return nil
}

// flows compares each flow with what it was made with, as its aggregators do at their
// start: they would stop at a difference.
func (l *look) flows(ctx context.Context) (found []Finding) {
	// An aggregator that starts with new places adds them to its flow, which is not for us to do.
	b := flow.Dry(bucket.Bucket{API: s3.NewFromConfig(l.cfg), Name: l.names.Bucket(names.Aggregates)})
	for i := range l.Flows {
		f := &l.Flows[i]
		known, err := flow.Open(ctx, b, f.Name, flow.Settings{Window: f.Window, Places: f.List, HotspotLevel: f.HotspotLevel})
		var conflict *flow.ConflictError
		switch {
		case code(err) == "NoSuchBucket":
			return nil // the first up
		case errors.As(err, &conflict):
			found = append(found, Finding{true, strings.ReplaceAll(conflict.Error(), "\n", "; "), "what a flow counts by is fixed: name a new flow in headcount:flows of Pulumi." + l.Stack + ".yaml"})
		case err != nil:
			found = append(found, unknown("the flow "+f.Name, err))
		case len(known.Unlisted()) > 0:
			found = append(found, Finding{false, fmt.Sprintf("flow %s goes on counting places that %s lacks, %d of them", f.Name, f.Places, len(known.Unlisted())), "nothing; only a new flow is without them"})
		}
	}
	return found
}

// The quotas of Fargate, in vCPU that may run at once
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html).
const onDemandQuota, spotQuota = "L-3032A538", "L-36FBB829"

// quotas compares what the tasks need with what the account may run. While services are
// deployed there are twice as many tasks.
func (l *look) quotas(ctx context.Context) []Finding {
	least, most := 0.0, 0.0
	for i := range l.Flows {
		for _, w := range l.Flows[i].Workers {
			vCPU := float64(w.CPU) / 1024
			least, most = least+2*vCPU*float64(w.MinTasks), most+2*vCPU*float64(w.MaxTasks)
		}
	}
	name, kind := onDemandQuota, "on demand"
	if l.Spot {
		name, kind = spotQuota, "Spot"
	}
	quota, err := l.quota(ctx, name)
	if err != nil {
		return []Finding{unknown("Fargate's quota of vCPU", err)}
	}
	what := fmt.Sprintf("the account may run %g vCPU on Fargate (%s) at once, and stack %s needs", quota, kind, l.Stack)
	do := fmt.Sprintf("`aws service-quotas request-service-quota-increase --region %s --service-code fargate --quota-code %s --desired-value %g`, or lower maxTasks and cpu in headcount:flows", l.Region, name, most)
	switch {
	case quota < least:
		return []Finding{{true, fmt.Sprintf("%s %g while it is deployed", what, least), do}}
	case quota < most:
		return []Finding{{false, fmt.Sprintf("%s up to %g when all services are at maxTasks and are deployed", what, most), do}}
	}
	return nil
}

// quota gives the account's own, or else AWS's default.
func (l *look) quota(ctx context.Context, name string) (float64, error) {
	api, fargate := servicequotas.NewFromConfig(l.cfg), aws.String("fargate")
	own, err := api.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: fargate, QuotaCode: &name})
	if err == nil && own.Quota != nil {
		return aws.ToFloat64(own.Quota.Value), nil
	}
	if err != nil && !errors.As(err, new(*types.NoSuchResourceException)) {
		return 0, err
	}
	preset, err := api.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: fargate, QuotaCode: &name})
	if err != nil || preset.Quota == nil {
		return 0, errors.Join(err, errors.New("AWS names none"))
	}
	return aws.ToFloat64(preset.Quota.Value), nil
}

// quickSight finds that QuickSight, where it is asked for, is not signed up for, is of
// the wrong edition, or has its users in another region.
func (l *look) quickSight(ctx context.Context) []Finding {
	if l.QuickSightPrincipal == "" {
		return nil
	}
	region := strings.Split(l.QuickSightPrincipal, ":")[3]
	api := quicksight.NewFromConfig(l.cfg, func(o *quicksight.Options) { o.Region = region })
	const leave = "; or remove headcount:quickSightPrincipal, and QuickSight is left out"
	out, err := api.DescribeAccountSubscription(ctx, &quicksight.DescribeAccountSubscriptionInput{AwsAccountId: &l.names.Account})
	switch {
	case code(err) == "ResourceNotFoundException":
		return []Finding{{true, "the account has no QuickSight", "sign up for its Enterprise edition in the console" + leave}}
	case err != nil && strings.Contains(err.Error(), "identity region"):
		return []Finding{{true, fmt.Sprintf("headcount:quickSightPrincipal is of the region %s, and QuickSight keeps its users in another one (%v)", region, err), "name the user or group by its own ARN: `aws quicksight list-groups --namespace default` there lists them" + leave}}
	case err != nil:
		return []Finding{unknown("QuickSight", err)}
	case out.AccountInfo != nil && !strings.HasPrefix(string(out.AccountInfo.Edition), "ENTERPRISE"):
		return []Finding{{true, "QuickSight is of the edition " + string(out.AccountInfo.Edition), "it must be Enterprise: upgrade it in QuickSight's settings" + leave}}
	case region != l.Region:
		return []Finding{{false, fmt.Sprintf("QuickSight keeps its users in %s, and the stack is in %s, where SPICE has no capacity until some is bought", region, l.Region), "buy a GB in QuickSight's settings, SPICE capacity, with the region " + l.Region + " chosen"}}
	}
	return nil
}
