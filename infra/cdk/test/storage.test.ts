import { describe, expect, test } from 'vitest';
import { idOf, only, readable, resources, synthesized, type Variant } from './synthesized';

const bucket = (variant: Variant = 'default') =>
  resources('AWS::S3::Bucket', variant)['Storage/Bucket/Resource'] as Record<string, any>;

describe('the buckets', () => {
  test('are encrypted, private and reached by TLS 1.2 alone', () => {
    const buckets = resources('AWS::S3::Bucket');
    expect(Object.keys(buckets)).toHaveLength(2);
    for (const properties of Object.values(buckets)) {
      expect(properties).toMatchObject({
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
        PublicAccessBlockConfiguration:
          { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      });
    }
    for (const { PolicyDocument } of Object.values(resources('AWS::S3::BucketPolicy'))) {
      const denied = PolicyDocument.Statement.filter(({ Effect }: any) => Effect === 'Deny');
      expect(denied.map(({ Action, Condition }: any) => [Action, Condition])).toEqual([
        ['s3:*', { Bool: { 'aws:SecureTransport': 'false' } }],
        ['s3:*', { NumericLessThan: { 's3:TlsVersion': 1.2 } }],
      ]);
    }
  });

  test('of videos keeps versions and tells EventBridge, without a function that sets it', () => {
    expect(bucket()).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
    });
    expect(Object.values(synthesized().json.Resources).filter(({ Type }) => Type.startsWith('Custom::'))).toEqual([]);
  });

  test('of videos clears up leftovers, and keeps results for good unless told otherwise', () => {
    const rules = (variant: Variant) => Object.fromEntries(
      bucket(variant)['LifecycleConfiguration'].Rules.map((rule: any) => [rule.Id, rule]));
    expect(Object.keys(rules('default'))).toEqual(['leftovers']);
    expect(rules('default')['leftovers']).toMatchObject({
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 },
      NoncurrentVersionExpiration: { NoncurrentDays: 14 },
    });
    // Longer than the items, which are kept 30 days from the end of a job.
    for (const name of ['jobs', 'chunks-by-digest']) {
      expect(rules('everything')[`expire-${name}`]).toMatchObject({ Prefix: `${name}/`, ExpirationInDays: 37 });
    }
    for (const name of ['uploads', 'videos']) {
      expect(rules('everything')[`expire-${name}`]).toMatchObject({ Prefix: `${name}/`, ExpirationInDays: 10 });
    }
  });

  test('stay when the stack goes', () => {
    for (const type of ['AWS::S3::Bucket', 'AWS::DynamoDB::GlobalTable']) {
      const found = Object.values(synthesized().json.Resources).filter(({ Type }) => Type === type);
      for (const resource of found) {
        expect(resource).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
      }
    }
  });

  test('may be one that is there already', () => {
    expect(resources('AWS::S3::Bucket', 'least')).toEqual({});
    expect(readable(synthesized('least').json.Outputs?.['BucketName']?.Value)).toBe('there-already');
  });
});

test('the table has the keys, the index and the attribute of expiry that crates/store uses', () => {
  const key = (hash: string, range: string) => [
    { AttributeName: hash, KeyType: 'HASH' }, { AttributeName: range, KeyType: 'RANGE' },
  ];
  const table = only('AWS::DynamoDB::GlobalTable');
  expect(table).toMatchObject({
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: key('pk', 'sk'),
    GlobalSecondaryIndexes: [
      { IndexName: 'by_stage', KeySchema: key('stage', 'created_at'), Projection: { ProjectionType: 'KEYS_ONLY' } },
    ],
    TimeToLiveSpecification: { AttributeName: 'expires_at', Enabled: true },
    Replicas: [{
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      DeletionProtectionEnabled: true,
    }],
  });
  const types = Object.fromEntries(table['AttributeDefinitions'].map((a: any) => [a.AttributeName, a.AttributeType]));
  expect(types).toEqual({ pk: 'S', sk: 'S', stage: 'S', created_at: 'N' });
});

describe('the network', () => {
  test('has public subnets in three zones, no NAT, and free ways to S3 and DynamoDB', () => {
    expect(Object.keys(resources('AWS::EC2::Subnet'))).toHaveLength(3);
    expect(resources('AWS::EC2::NatGateway')).toEqual({});
    const endpoints = Object.values(resources('AWS::EC2::VPCEndpoint'));
    expect(endpoints.map(({ ServiceName, VpcEndpointType }) => [readable(ServiceName), VpcEndpointType]).sort()).toEqual([
      ['com.amazonaws.<AWS::Region>.dynamodb', 'Gateway'], ['com.amazonaws.<AWS::Region>.s3', 'Gateway'],
    ]);
    for (const { RouteTableIds } of endpoints) expect(RouteTableIds).toHaveLength(3);
  });

  test('lets nothing in, and only HTTPS out', () => {
    const group = only('AWS::EC2::SecurityGroup');
    expect(group['SecurityGroupIngress']).toBeUndefined();
    expect(resources('AWS::EC2::SecurityGroupIngress')).toEqual({});
    expect(group['SecurityGroupEgress']).toEqual([
      { CidrIp: '0.0.0.0/0', Description: 'AWS APIs', IpProtocol: 'tcp', FromPort: 443, ToPort: 443 },
    ]);
  });

  test('may be one that is there already', () => {
    expect(resources('AWS::EC2::VPC', 'least')).toEqual({});
    const environment = resources('AWS::Batch::ComputeEnvironment', 'least')['Compute/cpuOnDemand/Resource'];
    expect(environment?.['ComputeResources'].Subnets).toEqual(['subnet-0123456789abcdef1', 'subnet-0123456789abcdef2']);
    expect(only('AWS::EC2::SecurityGroup', 'least')['VpcId']).toBe('vpc-0123456789abcdef0');
  });
});

describe('dead letters', () => {
  test('are encrypted, sent by TLS, kept for two weeks', () => {
    expect(only('AWS::SQS::Queue')).toMatchObject({ SqsManagedSseEnabled: true, MessageRetentionPeriod: 14 * 86_400 });
    const denied = only('AWS::SQS::QueuePolicy')['PolicyDocument'].Statement.find(({ Effect }: any) => Effect === 'Deny');
    expect(denied).toMatchObject({ Action: 'sqs:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } });
  });

  test('come from both rules and from the closer', () => {
    const arn = `<${idOf('DeadLetters/Resource')}.Arn>`;
    for (const name of ['Workflow/Upload/Resource', 'Workflow/ExecutionEnded/Resource']) {
      const [target] = resources('AWS::Events::Rule')[name]?.['Targets'];
      expect(readable(target.DeadLetterConfig.Arn)).toBe(arn);
      expect(target.RetryPolicy).toEqual({ MaximumEventAgeInSeconds: 6 * 3600, MaximumRetryAttempts: 24 });
    }
    const invoke = only('AWS::Lambda::EventInvokeConfig');
    expect(readable(invoke['DestinationConfig'].OnFailure.Destination)).toBe(arn);
  });
});
