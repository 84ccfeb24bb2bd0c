package program

import (
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
	// encryption must be there before the first object.
	encryption pulumi.Resource
}

// BucketArgs says what a bucket is for.
type BucketArgs struct {
	// AccessLogs is the bucket that requests are logged in; nil is none. S3
	// delivers logs only where its own key encrypts, and a log of the log's bucket
	// would never end
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html).
	// So without it S3's own key encrypts the objects, and else the stack's.
	AccessLogs *Bucket
	// Expiry says which objects go when.
	Expiry []Expiry
	// Statements are those of the bucket's policy besides TLSOnly.
	Statements []policy.Statement
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

// newBucket creates a bucket. Where the stack is protected, it is kept with all
// that makes it safe.
func (s *stack) newBucket(name string, args *BucketArgs) *Bucket {
	full := s.names.Bucket(name)
	b := &Bucket{Name: full, ARN: "arn:aws:s3:::" + full}
	s.component("Bucket", name, b)
	own := s.kept(pulumi.Parent(b))
	b.Bucket = add(s, s3.NewBucketV2, name, &s3.BucketV2Args{Bucket: pulumi.String(full), ForceDestroy: pulumi.Bool(!s.Protect)}, own...)
	document := append(policy.Document{policy.TLSOnly("s3:*", pulumi.String(b.ARN), pulumi.String(b.ARN+"/*"))}, args.Statements...)
	b.Policy = add(s, s3.NewBucketPolicy, name, &s3.BucketPolicyArgs{Bucket: b.Bucket.ID(), Policy: document.JSON()}, own...)
	// Neither the public nor other accounts' objects get in.
	add(s, s3.NewBucketPublicAccessBlock, name, &s3.BucketPublicAccessBlockArgs{
		Bucket:          b.Bucket.ID(),
		BlockPublicAcls: pulumi.Bool(true), BlockPublicPolicy: pulumi.Bool(true),
		IgnorePublicAcls: pulumi.Bool(true), RestrictPublicBuckets: pulumi.Bool(true),
	}, own...)
	add(s, s3.NewBucketOwnershipControls, name, &s3.BucketOwnershipControlsArgs{
		Bucket: b.Bucket.ID(),
		Rule:   s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
	}, own...)
	s.encrypt(b, name, args.AccessLogs != nil, own)
	s.expire(b, name, args.Expiry, own)
	if logs := args.AccessLogs; logs != nil {
		add(s, s3.NewBucketLoggingV2, name, &s3.BucketLoggingV2Args{
			Bucket: b.Bucket.ID(), TargetBucket: logs.Bucket.ID(), TargetPrefix: pulumi.String(name + "/"),
		}, append(own, pulumi.DependsOn([]pulumi.Resource{logs.Policy}))...)
	}
	check(s.ctx.RegisterResourceOutputs(b, pulumi.Map{"name": b.Bucket.Bucket, "arn": b.Bucket.Arn}))
	return b
}

// encrypt encrypts with the stack's key, or with S3's own.
func (s *stack) encrypt(b *Bucket, name string, ours bool, opts []pulumi.ResourceOption) {
	standard := s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{SseAlgorithm: pulumi.String("AES256")}
	if ours {
		standard.SseAlgorithm, standard.KmsMasterKeyId = pulumi.String("aws:kms"), s.key.Arn
	}
	b.encryption = add(s, s3.NewBucketServerSideEncryptionConfigurationV2, name, &s3.BucketServerSideEncryptionConfigurationV2Args{
		Bucket: b.Bucket.ID(),
		Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{s3.BucketServerSideEncryptionConfigurationV2RuleArgs{
			ApplyServerSideEncryptionByDefault: standard,
			// A key for the bucket, instead of a request to KMS for each object.
			BucketKeyEnabled: pulumi.Bool(ours),
		}},
	}, opts...)
}

// expire keeps what was overwritten for a while, and lets go what is old.
func (s *stack) expire(b *Bucket, name string, expiry []Expiry, opts []pulumi.ResourceOption) {
	versioning := add(s, s3.NewBucketVersioningV2, name, &s3.BucketVersioningV2Args{
		Bucket:                  b.Bucket.ID(),
		VersioningConfiguration: s3.BucketVersioningV2VersioningConfigurationArgs{Status: pulumi.String("Enabled")},
	}, opts...)
	rules := s3.BucketLifecycleConfigurationV2RuleArray{s3.BucketLifecycleConfigurationV2RuleArgs{
		Id: pulumi.String("leftovers"), Status: pulumi.String("Enabled"), Filter: s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String("")},
		AbortIncompleteMultipartUpload: s3.BucketLifecycleConfigurationV2RuleAbortIncompleteMultipartUploadArgs{DaysAfterInitiation: pulumi.Int(1)},
		NoncurrentVersionExpiration:    s3.BucketLifecycleConfigurationV2RuleNoncurrentVersionExpirationArgs{NoncurrentDays: pulumi.Int(noncurrentDays)},
		Expiration:                     s3.BucketLifecycleConfigurationV2RuleExpirationArgs{ExpiredObjectDeleteMarker: pulumi.Bool(true)},
	}}
	for _, e := range expiry {
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
	add(s, s3.NewBucketLifecycleConfigurationV2, name, &s3.BucketLifecycleConfigurationV2Args{
		Bucket: b.Bucket.ID(), Rules: rules,
	}, append(opts, pulumi.DependsOn([]pulumi.Resource{versioning}))...)
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
