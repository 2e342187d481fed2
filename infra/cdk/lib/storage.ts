// The bucket of videos, chunks and results, and the table of jobs and chunks.

import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, Billing, ProjectionType, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Settings } from '../settings';

/** A version of a video that was replaced stays this long, for jobs that began with it. */
const OLD_VERSION_DAYS = 14;
/** Objects outlive the items that tell of them: a job may take a day, and DynamoDB removes expired items in its own time. */
const OBJECT_MARGIN_DAYS = 7;

export class Storage extends Construct {
  readonly bucket: s3.IBucket;
  readonly table: TableV2;

  constructor(scope: Construct, id: string, settings: Settings['storage']) {
    super(scope, id);
    this.bucket = settings.existingBucket
      ? s3.Bucket.fromBucketName(this, 'Bucket', settings.existingBucket)
      : this.makeBucket(settings);
    this.table = new TableV2(this, 'Jobs', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      globalSecondaryIndexes: [{
        indexName: 'by_stage',
        partitionKey: { name: 'stage', type: AttributeType.STRING },
        sortKey: { name: 'created_at', type: AttributeType.NUMBER },
        // The index says where to look; items are read from the table.
        projectionType: ProjectionType.KEYS_ONLY,
      }],
      billing: Billing.onDemand(),
      timeToLiveAttribute: 'expires_at',
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: TableEncryptionV2.dynamoOwnedKey(),
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  private makeBucket(settings: Settings['storage']): s3.Bucket {
    const common: s3.BucketProps = {
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: RemovalPolicy.RETAIN,
    };
    const accessLogs = new s3.Bucket(this, 'AccessLogs', {
      ...common,
      lifecycleRules: [{ id: 'old-logs', expiration: Duration.days(90) }],
    });
    const bucket = new s3.Bucket(this, 'Bucket', {
      ...common,
      versioned: true,
      serverAccessLogsBucket: accessLogs,
      lifecycleRules: lifecycle(settings),
    });
    // The property itself, because `eventBridgeEnabled` would add a function that sets it.
    (bucket.node.defaultChild as s3.CfnBucket).notificationConfiguration = {
      eventBridgeConfiguration: { eventBridgeEnabled: true },
    };
    return bucket;
  }
}

function lifecycle({ retentionDays, videoRetentionDays }: Settings['storage']): s3.LifecycleRule[] {
  const expire = (prefix: string, days: number): s3.LifecycleRule => ({
    id: `expire-${prefix.replace('/', '')}`,
    prefix,
    expiration: Duration.days(days),
  });
  return [
    {
      id: 'leftovers',
      abortIncompleteMultipartUploadAfter: Duration.days(2),
      noncurrentVersionExpiration: Duration.days(OLD_VERSION_DAYS),
      expiredObjectDeleteMarker: true,
    },
    ...(retentionDays > 0
      ? ['jobs/', 'chunks-by-digest/'].map((prefix) => expire(prefix, retentionDays + OBJECT_MARGIN_DAYS))
      : []),
    ...(videoRetentionDays > 0 ? ['uploads/', 'videos/'].map((prefix) => expire(prefix, videoRetentionDays)) : []),
  ];
}
