// Every permission, written down a second time by hand: what is not here must not be in the template, and the other way.

import { describe, expect, test } from 'vitest';
import { policies } from '../lib/policies';
import { synthesized } from './synthesized';

const VALUES = {
  'AWS::Partition': 'aws', 'AWS::Region': 'r', 'AWS::AccountId': '1', BucketName: 'bucket', TableName: 'table',
  DeadLetterQueueUrl: 'dead',
};
const BUCKET = 'arn:aws:s3:::bucket';
const TABLE = 'arn:aws:dynamodb:r:1:table/table';
const BUS = 'arn:aws:events:r:1:event-bus/default';
const REPOSITORY = 'arn:aws:ecr:r:1:repository/cdk-hnb659fds-container-assets-1-r';
const ecs = (...names: string[]) => Object.fromEntries(names.map((name) => [`ecs:${name}`, ['*']]));

const log = (group: string) => ({
  'logs:CreateLogStream': [`arn:aws:logs:r:1:log-group:${group}:*`],
  'logs:PutLogEvents': [`arn:aws:logs:r:1:log-group:${group}:*`],
});
const TRACE = { 'xray:PutTelemetryRecords': ['*'], 'xray:PutTraceSegments': ['*'] };
const MACHINE_TRACES_AND_LOGS = {
  ...TRACE, 'xray:GetSamplingRules': ['*'], 'xray:GetSamplingTargets': ['*'],
  ...Object.fromEntries(['CreateLogDelivery', 'DeleteLogDelivery', 'DescribeLogGroups', 'DescribeResourcePolicies',
    'GetLogDelivery', 'ListLogDeliveries', 'PutResourcePolicy', 'UpdateLogDelivery'].map((name) => [`logs:${name}`, ['*']])),
};
const READ_VIDEOS = {
  's3:GetObject': [`${BUCKET}/*`], 's3:GetObjectVersion': [`${BUCKET}/*`], 's3:ListBucket': [BUCKET],
};
const PULL = {
  'ecr:GetAuthorizationToken': ['*'], 'ecr:BatchCheckLayerAvailability': [REPOSITORY], 'ecr:BatchGetImage': [REPOSITORY],
  'ecr:GetDownloadUrlForLayer': [REPOSITORY],
};

const EXPECTED: Record<string, Record<string, string[]>> = {
  planner: {
    ...READ_VIDEOS, ...TRACE, ...log('/aws/lambda/framefan-planner'),
    's3:PutObject': [`${BUCKET}/chunks-by-digest/*`, `${BUCKET}/jobs/*`],
    's3:DeleteObject': [`${BUCKET}/chunks-by-digest/*`, `${BUCKET}/jobs/*`],
    'dynamodb:GetItem': [TABLE], 'dynamodb:BatchGetItem': [TABLE], 'dynamodb:Query': [TABLE], 'dynamodb:PutItem': [TABLE],
    'dynamodb:UpdateItem': [TABLE], 'dynamodb:DeleteItem': [TABLE],
    'states:DescribeExecution': ['arn:aws:states:r:1:execution:framefan:*'],
    'events:PutEvents': [BUS],
  },
  reducer: {
    ...READ_VIDEOS, ...TRACE, ...log('/aws/lambda/framefan-reducer'),
    's3:PutObject': [`${BUCKET}/jobs/*`], 's3:AbortMultipartUpload': [`${BUCKET}/jobs/*`],
    'dynamodb:GetItem': [TABLE], 'dynamodb:Query': [TABLE], 'dynamodb:UpdateItem': [TABLE],
    'events:PutEvents': [BUS],
  },
  closer: {
    ...TRACE, ...log('/aws/lambda/framefan-closer'),
    's3:GetObject': [`${BUCKET}/jobs/*/runs/*`], 's3:ListBucket': [BUCKET],
    'dynamodb:GetItem': [TABLE], 'dynamodb:BatchGetItem': [TABLE], 'dynamodb:UpdateItem': [TABLE],
    'dynamodb:Query': [TABLE, `${TABLE}/index/by_stage`],
    'events:PutEvents': [BUS],
    'sqs:SendMessage': ['arn:aws:sqs:r:1:dead'],
  },
  job: {
    ...READ_VIDEOS,
    's3:PutObject': [`${BUCKET}/chunks-by-digest/*`, `${BUCKET}/jobs/*/chunks/*`, `${BUCKET}/jobs/*/runs/*`],
    'dynamodb:GetItem': [TABLE], 'dynamodb:BatchGetItem': [TABLE], 'dynamodb:Query': [TABLE], 'dynamodb:UpdateItem': [TABLE],
  },
  stateMachine: {
    ...MACHINE_TRACES_AND_LOGS,
    'lambda:InvokeFunction': ['closer', 'planner', 'reducer'].map((name) => `arn:aws:lambda:r:1:function:framefan-${name}:*`),
    's3:GetObject': [`${BUCKET}/jobs/*/shards.json`],
    'batch:SubmitJob': [
      'arn:aws:batch:r:1:job-definition/framefan-cpu:*', 'arn:aws:batch:r:1:job-definition/framefan-gpu:*',
      'arn:aws:batch:r:1:job-queue/framefan-cpu', 'arn:aws:batch:r:1:job-queue/framefan-gpu',
    ],
    'batch:DescribeJobs': ['*'], 'batch:TerminateJob': ['arn:aws:batch:r:1:job/*'],
    ...Object.fromEntries(['DescribeRule', 'PutRule', 'PutTargets'].map((name) =>
      [`events:${name}`, ['arn:aws:events:r:1:rule/StepFunctionsGetEventsForBatchJobsRule']])),
    'states:StartExecution': ['arn:aws:states:r:1:stateMachine:framefan'],
    ...Object.fromEntries(['DescribeExecution', 'StopExecution'].map((name) =>
      [`states:${name}`, ['arn:aws:states:r:1:execution:framefan/*', 'arn:aws:states:r:1:execution:framefan:*']])),
  },
  uploadRule: { 'states:StartExecution': ['arn:aws:states:r:1:stateMachine:framefan'] },
  queueDepth: {
    ...MACHINE_TRACES_AND_LOGS,
    'batch:ListJobs': ['*'],
    'batch:DescribeJobs': ['*'],
    'cloudwatch:PutMetricData': ['*'],
    'dynamodb:Query': [`${TABLE}/index/by_stage`],
  },
  queueDepthSchedule: { 'states:StartExecution': ['arn:aws:states:r:1:stateMachine:framefan-queue-depth'] },
  execution: { ...PULL, ...log('/framefan/jobs') },
  machine: {
    ...PULL, ...log('/framefan/jobs'), 'ec2:DescribeTags': ['*'],
    ...ecs('DeregisterContainerInstance', 'DiscoverPollEndpoint', 'ListTagsForResource', 'Poll', 'RegisterContainerInstance',
      'StartTelemetrySession', 'SubmitAttachmentStateChanges', 'SubmitContainerStateChange', 'SubmitTaskStateChange',
      'TagResource', 'UpdateContainerInstancesState'),
  },
};

/** Resources by action, sorted. */
function byAction(role: string, variant: 'default' | 'everything' | 'least' = 'default'): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { actions, resources } of policies(synthesized(variant).json, VALUES)[role] ?? []) {
    for (const action of actions) found[action] = [...(found[action] ?? []), ...resources].sort();
  }
  return found;
}

describe('each role may do exactly this', () => {
  test.each(Object.keys(EXPECTED))('%s', (role) => expect(byAction(role)).toEqual(EXPECTED[role]));

  test('and there is no other role but that of the flow log, which CDK makes', () => {
    const roles = Object.keys(policies(synthesized().json));
    expect(roles.filter((role) => !(role in EXPECTED))).toEqual([expect.stringMatching(/^NetworkVpcFlowsIAMRole/)]);
    // A role without a policy of its own, or with one of Amazon's, would not show above.
    const all = Object.values(synthesized().json.Resources).filter(({ Type }) => Type === 'AWS::IAM::Role');
    expect(all.length).toBe(roles.length);
    for (const { Properties } of all) expect(Properties).not.toHaveProperty('ManagedPolicyArns');
  });
});

test('metrics are published in the own namespace only', () => {
  const statement = policies(synthesized().json)['queueDepth']?.find(({ sid }) => sid === 'PublishDepth');
  expect(statement?.conditions).toEqual({ StringEquals: { 'cloudwatch:namespace': 'framefan' } });
});

test('other buckets may be read and not written', () => {
  for (const role of ['planner', 'reducer', 'job']) {
    const allowed = byAction(role, 'everything');
    expect(allowed['s3:GetObject']).toEqual([
      'arn:aws:s3:::archive/*', `${BUCKET}/*`, 'arn:aws:s3:::incoming/*',
    ]);
    expect(allowed['s3:PutObject']?.every((resource) => resource.startsWith(`${BUCKET}/`))).toBe(true);
  }
});

test('the warm pool\'s schedule may change its own environment only', () => {
  const [statement, ...more] = policies(synthesized('everything').json)['warmPool'] ?? [];
  expect(statement).toMatchObject({
    actions: ['batch:UpdateComputeEnvironment'],
    resources: [expect.stringMatching(/^<ComputegpuSpot\w+\.ComputeEnvironmentArn>$/)],
  });
  expect(more).toEqual([]);
});

test('without a GPU queue nothing is allowed on one', () => {
  expect(byAction('stateMachine', 'least')['batch:SubmitJob'])
    .toEqual(['arn:aws:batch:r:1:job-definition/framefan-cpu:*', 'arn:aws:batch:r:1:job-queue/framefan-cpu']);
});
