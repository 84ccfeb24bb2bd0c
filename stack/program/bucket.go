package program

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/kms"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/headcount-etl/headcount/stack/policy"
)

// bucket is an S3 bucket with everything that makes it a safe one: private,
// encrypted, versioned, logged, and open to TLS only.
type bucket struct {
	pulumi.ResourceState

	// name and arn are known before the bucket is there.
	name, arn string
	// A field of its own: embedded, it would make the component look like a
	// resource of a provider.
	bucket *s3.BucketV2
	// policy must be there before anybody may write what others rely on.
	policy *s3.BucketPolicy
}

// bucketArgs says what a bucket is for.
type bucketArgs struct {
	// kind is one of the buckets in package names.
	kind string
	// key encrypts the objects; nil is S3's own key.
	key *kms.Key
	// accessLogs is the bucket that requests are logged in; nil is none.
	accessLogs *bucket
	// expiry says which objects go when.
	expiry []expiry
	// more are statements of the bucket's policy besides TLSOnly, for its ARN.
	more []policy.Statement
}

// expiry says what becomes of objects whose keys begin with the prefix, by
// their age in days; 0 is never.
type expiry struct {
	id, prefix string
	archive    int // to Glacier Instant Retrieval, the deepest class that Athena reads
	delete     int
}

// noncurrentDays is how long a version that was overwritten or deleted can be
// had back.
const noncurrentDays = 7

func (s *stack) newBucket(a bucketArgs) (*bucket, error) {
	b := &bucket{name: s.names.Bucket(a.kind), arn: "arn:aws:s3:::" + s.names.Bucket(a.kind)}
	if err := s.ctx.RegisterComponentResource("headcount:stack:Bucket", a.kind, b); err != nil {
		return nil, err
	}
	// A bucket that is kept is kept with all that makes it safe.
	opts := s.under(b, s.kept()...)
	var err error
	b.bucket, err = s3.NewBucketV2(s.ctx, a.kind, &s3.BucketV2Args{
		Bucket: pulumi.String(b.name), ForceDestroy: pulumi.Bool(!s.Protect),
	}, opts...)
	if err != nil {
		return nil, err
	}
	for _, create := range []func(*bucket, bucketArgs, []pulumi.ResourceOption) error{
		s.closeBucket, s.encryptBucket, s.versionBucket, s.logBucket,
	} {
		if err := create(b, a, opts); err != nil {
			return nil, err
		}
	}
	document := append(policy.Document{policy.TLSOnly("s3:*", pulumi.String(b.arn), pulumi.String(b.arn+"/*"))}, a.more...)
	b.policy, err = s3.NewBucketPolicy(s.ctx, a.kind, &s3.BucketPolicyArgs{Bucket: b.bucket.ID(), Policy: document.JSON()}, opts...)
	if err != nil {
		return nil, err
	}
	return b, s.ctx.RegisterResourceOutputs(b, pulumi.Map{"name": b.bucket.Bucket, "arn": b.bucket.Arn})
}

// closeBucket keeps the public and other accounts' objects out.
func (s *stack) closeBucket(b *bucket, a bucketArgs, opts []pulumi.ResourceOption) error {
	_, err := s3.NewBucketPublicAccessBlock(s.ctx, a.kind, &s3.BucketPublicAccessBlockArgs{
		Bucket:          b.bucket.ID(),
		BlockPublicAcls: pulumi.Bool(true), BlockPublicPolicy: pulumi.Bool(true),
		IgnorePublicAcls: pulumi.Bool(true), RestrictPublicBuckets: pulumi.Bool(true),
	}, opts...)
	if err != nil {
		return err
	}
	_, err = s3.NewBucketOwnershipControls(s.ctx, a.kind, &s3.BucketOwnershipControlsArgs{
		Bucket: b.bucket.ID(),
		Rule:   s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
	}, opts...)
	return err
}

func (s *stack) encryptBucket(b *bucket, a bucketArgs, opts []pulumi.ResourceOption) error {
	standard := s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{SseAlgorithm: pulumi.String("AES256")}
	if a.key != nil {
		standard.SseAlgorithm, standard.KmsMasterKeyId = pulumi.String("aws:kms"), a.key.Arn
	}
	_, err := s3.NewBucketServerSideEncryptionConfigurationV2(s.ctx, a.kind, &s3.BucketServerSideEncryptionConfigurationV2Args{
		Bucket: b.bucket.ID(),
		Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{s3.BucketServerSideEncryptionConfigurationV2RuleArgs{
			ApplyServerSideEncryptionByDefault: standard,
			// A key for the bucket, instead of a request to KMS for each object.
			BucketKeyEnabled: pulumi.Bool(a.key != nil),
		}},
	}, opts...)
	return err
}

// versionBucket keeps what was overwritten for a while, and lets go what is old.
func (s *stack) versionBucket(b *bucket, a bucketArgs, opts []pulumi.ResourceOption) error {
	versioning, err := s3.NewBucketVersioningV2(s.ctx, a.kind, &s3.BucketVersioningV2Args{
		Bucket:                  b.bucket.ID(),
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
	for _, e := range a.expiry {
		rule := s3.BucketLifecycleConfigurationV2RuleArgs{
			Id: pulumi.String(e.id), Status: pulumi.String("Enabled"), Filter: s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String(e.prefix)},
		}
		if e.archive > 0 {
			rule.Transitions = s3.BucketLifecycleConfigurationV2RuleTransitionArray{s3.BucketLifecycleConfigurationV2RuleTransitionArgs{
				Days: pulumi.Int(e.archive), StorageClass: pulumi.String("GLACIER_IR"),
			}}
		}
		if e.delete > 0 {
			rule.Expiration = s3.BucketLifecycleConfigurationV2RuleExpirationArgs{Days: pulumi.Int(e.delete)}
		}
		if e.archive > 0 || e.delete > 0 {
			rules = append(rules, rule)
		}
	}
	// Rules on old versions need versions.
	_, err = s3.NewBucketLifecycleConfigurationV2(s.ctx, a.kind, &s3.BucketLifecycleConfigurationV2Args{
		Bucket: b.bucket.ID(), Rules: rules,
	}, append(opts, pulumi.DependsOn([]pulumi.Resource{versioning}))...)
	return err
}

func (s *stack) logBucket(b *bucket, a bucketArgs, opts []pulumi.ResourceOption) error {
	if a.accessLogs == nil {
		return nil
	}
	_, err := s3.NewBucketLoggingV2(s.ctx, a.kind, &s3.BucketLoggingV2Args{
		Bucket: b.bucket.ID(), TargetBucket: a.accessLogs.bucket.ID(), TargetPrefix: pulumi.String(a.kind + "/"),
	}, append(opts, pulumi.DependsOn([]pulumi.Resource{a.accessLogs.policy}))...)
	return err
}

// objects gives the ARN of the bucket's objects under a prefix.
func (b *bucket) objects(prefix string) pulumi.StringInput {
	return pulumi.String(b.arn + "/" + prefix + "*")
}

// list lets a role list the bucket. Without that S3 answers 403 where an object
// is not there, in place of the 404 that conditional writes rely on
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
func (b *bucket) list() policy.Statement {
	return policy.Statement{Sid: "List", Actions: []string{"s3:ListBucket"}, Resources: policy.On(b.arn)}
}
