package program

import (
	"errors"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/policy"
)

// Bucket is an S3 bucket with everything that makes it a safe one: private,
// encrypted, versioned, logged, and open to TLS only.
type Bucket struct {
	pulumi.ResourceState

	// Name and ARN are known before the bucket is there.
	Name, ARN string
	// Bucket is a field of its own: embedded, it would make the component look
	// like a resource of a provider.
	Bucket *s3.BucketV2
	// Policy must be there before anybody may write what others rely on.
	Policy *s3.BucketPolicy
}

// BucketArgs says what a bucket is for.
type BucketArgs struct {
	// Name is the bucket's name in AWS.
	Name string
	// Key encrypts the objects; nil is S3's own key.
	Key *kms.Key
	// AccessLogs is the bucket that requests are logged in; nil is none.
	AccessLogs *Bucket
	// Expiry says which objects go when.
	Expiry []Expiry
	// Statements are those of the bucket's policy besides TLSOnly.
	Statements []policy.Statement
	// Protect keeps the bucket from destruction, and in the account even if it
	// leaves the program.
	Protect bool
}

// Expiry says what becomes of objects whose keys begin with the prefix, by
// their age in days; 0 is never.
type Expiry struct {
	ID, Prefix string
	Archive    int // to Glacier Instant Retrieval, the deepest class that Athena reads
	Delete     int
}

// noncurrentDays is how long a version that was overwritten or deleted can be
// restored.
const noncurrentDays = 7

// NewBucket creates a bucket.
func NewBucket(ctx *pulumi.Context, name string, args *BucketArgs, opts ...pulumi.ResourceOption) (*Bucket, error) {
	b := &Bucket{Name: args.Name, ARN: "arn:aws:s3:::" + args.Name}
	if err := ctx.RegisterComponentResource("headcount:stack:Bucket", name, b, opts...); err != nil {
		return nil, err
	}
	// A bucket that is kept is kept with all that makes it safe.
	own := append(kept(args.Protect), pulumi.Parent(b))
	var err error
	b.Bucket, err = s3.NewBucketV2(ctx, name, &s3.BucketV2Args{Bucket: pulumi.String(args.Name), ForceDestroy: pulumi.Bool(!args.Protect)}, own...)
	if err != nil {
		return nil, err
	}
	document := append(policy.Document{policy.TLSOnly("s3:*", pulumi.String(b.ARN), pulumi.String(b.ARN+"/*"))}, args.Statements...)
	b.Policy, err = s3.NewBucketPolicy(ctx, name, &s3.BucketPolicyArgs{Bucket: b.Bucket.ID(), Policy: document.JSON()}, own...)
	return b, errors.Join(
		err,
		// Neither the public nor other accounts' objects get in.
		leaf(s3.NewBucketPublicAccessBlock(ctx, name, &s3.BucketPublicAccessBlockArgs{
			Bucket:          b.Bucket.ID(),
			BlockPublicAcls: pulumi.Bool(true), BlockPublicPolicy: pulumi.Bool(true),
			IgnorePublicAcls: pulumi.Bool(true), RestrictPublicBuckets: pulumi.Bool(true),
		}, own...)),
		leaf(s3.NewBucketOwnershipControls(ctx, name, &s3.BucketOwnershipControlsArgs{
			Bucket: b.Bucket.ID(),
			Rule:   s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
		}, own...)),
		b.encrypt(ctx, name, args, own),
		b.version(ctx, name, args, own),
		b.log(ctx, name, args, own),
		ctx.RegisterResourceOutputs(b, pulumi.Map{"name": b.Bucket.Bucket, "arn": b.Bucket.Arn}),
	)
}

// leaf is for a resource that no other needs: only its error matters.
func leaf(_ any, err error) error { return err }

func (b *Bucket) encrypt(ctx *pulumi.Context, name string, args *BucketArgs, opts []pulumi.ResourceOption) error {
	standard := s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{SseAlgorithm: pulumi.String("AES256")}
	if args.Key != nil {
		standard.SseAlgorithm, standard.KmsMasterKeyId = pulumi.String("aws:kms"), args.Key.Arn
	}
	return leaf(s3.NewBucketServerSideEncryptionConfigurationV2(ctx, name, &s3.BucketServerSideEncryptionConfigurationV2Args{
		Bucket: b.Bucket.ID(),
		Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{s3.BucketServerSideEncryptionConfigurationV2RuleArgs{
			ApplyServerSideEncryptionByDefault: standard,
			// A key for the bucket, instead of a request to KMS for each object.
			BucketKeyEnabled: pulumi.Bool(args.Key != nil),
		}},
	}, opts...))
}

// version keeps what was overwritten for a while, and lets go what is old.
func (b *Bucket) version(ctx *pulumi.Context, name string, args *BucketArgs, opts []pulumi.ResourceOption) error {
	versioning, err := s3.NewBucketVersioningV2(ctx, name, &s3.BucketVersioningV2Args{
		Bucket:                  b.Bucket.ID(),
		VersioningConfiguration: s3.BucketVersioningV2VersioningConfigurationArgs{Status: pulumi.String("Enabled")},
	}, opts...)
	if err != nil {
		return err
	}
	rules := s3.BucketLifecycleConfigurationV2RuleArray{s3.BucketLifecycleConfigurationV2RuleArgs{
		Id: pulumi.String("leftovers"), Status: pulumi.String("Enabled"), Filter: s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String("")},
		AbortIncompleteMultipartUpload: s3.BucketLifecycleConfigurationV2RuleAbortIncompleteMultipartUploadArgs{DaysAfterInitiation: pulumi.Int(1)},
		NoncurrentVersionExpiration:    s3.BucketLifecycleConfigurationV2RuleNoncurrentVersionExpirationArgs{NoncurrentDays: pulumi.Int(noncurrentDays)},
		Expiration:                     s3.BucketLifecycleConfigurationV2RuleExpirationArgs{ExpiredObjectDeleteMarker: pulumi.Bool(true)},
	}}
	for _, e := range args.Expiry {
		rule := s3.BucketLifecycleConfigurationV2RuleArgs{
			Id: pulumi.String(e.ID), Status: pulumi.String("Enabled"), Filter: s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String(e.Prefix)},
		}
		if e.Archive > 0 {
			rule.Transitions = s3.BucketLifecycleConfigurationV2RuleTransitionArray{s3.BucketLifecycleConfigurationV2RuleTransitionArgs{
				Days: pulumi.Int(e.Archive), StorageClass: pulumi.String("GLACIER_IR"),
			}}
		}
		if e.Delete > 0 {
			rule.Expiration = s3.BucketLifecycleConfigurationV2RuleExpirationArgs{Days: pulumi.Int(e.Delete)}
		}
		if e.Archive > 0 || e.Delete > 0 {
			rules = append(rules, rule)
		}
	}
	// Rules on old versions need versions.
	return leaf(s3.NewBucketLifecycleConfigurationV2(ctx, name, &s3.BucketLifecycleConfigurationV2Args{
		Bucket: b.Bucket.ID(), Rules: rules,
	}, append(opts, pulumi.DependsOn([]pulumi.Resource{versioning}))...))
}

func (b *Bucket) log(ctx *pulumi.Context, name string, args *BucketArgs, opts []pulumi.ResourceOption) error {
	if args.AccessLogs == nil {
		return nil
	}
	return leaf(s3.NewBucketLoggingV2(ctx, name, &s3.BucketLoggingV2Args{
		Bucket: b.Bucket.ID(), TargetBucket: args.AccessLogs.Bucket.ID(), TargetPrefix: pulumi.String(name + "/"),
	}, append(opts, pulumi.DependsOn([]pulumi.Resource{args.AccessLogs.Policy}))...))
}

// objects gives the ARN of the bucket's objects under a prefix.
func (b *Bucket) objects(prefix string) pulumi.StringInput {
	return pulumi.String(b.ARN + "/" + prefix + "*")
}

// list lets a role list the bucket. Without that S3 answers 403 where an object
// is not there, in place of the 404 that conditional writes rely on
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
func (b *Bucket) list() policy.Statement {
	return policy.Statement{Sid: "List", Actions: []string{"s3:ListBucket"}, Resources: policy.On(b.ARN)}
}
