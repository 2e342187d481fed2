// Who may do what on what: the one list from which every role that this stack writes gets its policy.
//
// The actions are those that the code behind a role calls; HeadObject is allowed by s3:GetObject, HeadBucket and
// ListObjectsV2 by s3:ListBucket, all of a multipart upload but giving it up by s3:PutObject, and a transaction by the
// actions of its parts. `scripts/policies.ts` prints the same from the synthesized template.

/** What a role may do. */
export interface Grant {
  /** Statement id, which says what for. */
  sid: string;
  actions: string[];
  resources: string[];
  /** Why the resources have a wildcard, if they do. */
  whyAny?: string;
  conditions?: Record<string, Record<string, string>>;
}

/** ARNs of what the roles work on. */
export interface Places {
  bucketArn: string;
  /** Buckets besides, whose videos may be read. */
  videoBucketArns: string[];
  tableArn: string;
  eventBusArn: string;
  stateMachineArn: string;
  /** The state machine's executions, and the children of its Map. */
  executionArns: string[];
  childExecutionArns: string[];
  /** All versions of the functions, because an execution goes on with those that it began with. */
  functionArns: string[];
  /** Of those queues that there are. */
  jobQueueArns: string[];
  /** All revisions, for the same reason. */
  jobDefinitionArns: string[];
  /** Any Batch job of the account and region. */
  batchJobArn: string;
  batchJobsRuleArn: string;
}

const NO_RESOURCES = 'the actions know no resources';
const ANY_JOB = 'jobs are named by digests of what was asked for';
const READ_JOB_STATE = ['dynamodb:GetItem', 'dynamodb:Query'];

/** The video and the job's own objects: a video may lie under any key. */
function readObjects(places: Places): Grant[] {
  return [
    {
      sid: 'ReadVideosAndArtifacts',
      actions: ['s3:GetObject', 's3:GetObjectVersion'],
      resources: [places.bucketArn, ...places.videoBucketArns].map((arn) => `${arn}/*`),
      whyAny: 'a request may name a video under any key',
    },
    // Also tells a key that is missing (404) from one that is forbidden (403).
    { sid: 'ListObjects', actions: ['s3:ListBucket'], resources: [places.bucketArn, ...places.videoBucketArns] },
  ];
}

/** Under `jobs/` and `chunks-by-digest/` lies all that is ever written. */
function objects(places: Places, ...prefixes: string[]): string[] {
  return prefixes.map((prefix) => `${places.bucketArn}/${prefix}/*`);
}

/** Makes plans: claims jobs, probes videos, makes the chunks' items, clears a job that starts over. */
export function plannerGrants(places: Places): Grant[] {
  return [
    ...readObjects(places),
    {
      sid: 'WritePlan',
      actions: ['s3:PutObject'],
      resources: objects(places, 'jobs', 'chunks-by-digest'),
      whyAny: ANY_JOB,
    },
    // Without a version: what is removed stays as an old version for a while.
    {
      sid: 'StartOver',
      actions: ['s3:DeleteObject'],
      resources: objects(places, 'jobs', 'chunks-by-digest'),
      whyAny: ANY_JOB,
    },
    {
      sid: 'JobState',
      actions: [
        ...READ_JOB_STATE, 'dynamodb:BatchGetItem', 'dynamodb:UpdateItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem',
      ],
      resources: [places.tableArn],
    },
    {
      sid: 'IsTheOwnerAlive',
      actions: ['states:DescribeExecution'],
      resources: places.executionArns,
      whyAny: 'any execution of the state machine may own the job',
    },
    announce(places),
  ];
}

/** Merges chunks: reads them and the video, writes result and report, ends the job. */
export function reducerGrants(places: Places): Grant[] {
  return [
    ...readObjects(places),
    {
      sid: 'WriteResults',
      actions: ['s3:PutObject', 's3:AbortMultipartUpload'],
      resources: objects(places, 'jobs'),
      whyAny: ANY_JOB,
    },
    { sid: 'JobState', actions: [...READ_JOB_STATE, 'dynamodb:UpdateItem'], resources: [places.tableArn] },
    announce(places),
  ];
}

/** Ends jobs whose execution failed: finds them by their stage, reads why their attempts failed. */
export function closerGrants(places: Places): Grant[] {
  return [
    {
      sid: 'ReadRuns',
      actions: ['s3:GetObject'],
      resources: [`${places.bucketArn}/jobs/*/runs/*`],
      whyAny: ANY_JOB,
    },
    { sid: 'ListObjects', actions: ['s3:ListBucket'], resources: [places.bucketArn] },
    {
      sid: 'JobState',
      actions: [...READ_JOB_STATE, 'dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
      resources: [places.tableArn],
    },
    { sid: 'JobsByStage', actions: ['dynamodb:Query'], resources: [`${places.tableArn}/index/by_stage`] },
    announce(places),
  ];
}

/** Works through a shard: reads the video, writes chunks, keeps leases. */
export function jobGrants(places: Places): Grant[] {
  return [
    ...readObjects(places),
    {
      sid: 'WriteChunks',
      actions: ['s3:PutObject'],
      resources: objects(places, 'jobs/*/chunks', 'jobs/*/runs', 'chunks-by-digest'),
      whyAny: ANY_JOB,
    },
    {
      sid: 'JobState',
      actions: [...READ_JOB_STATE, 'dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
      resources: [places.tableArn],
    },
  ];
}

/** Runs the state machine. */
export function stateMachineGrants(places: Places): Grant[] {
  return [
    {
      sid: 'InvokeSteps',
      actions: ['lambda:InvokeFunction'],
      resources: places.functionArns,
      whyAny: 'an execution goes on with the versions that it began with',
    },
    {
      sid: 'ReadShards',
      actions: ['s3:GetObject'],
      resources: [`${places.bucketArn}/jobs/*/shards.json`],
      whyAny: ANY_JOB,
    },
    {
      sid: 'SubmitJobs',
      actions: ['batch:SubmitJob'],
      resources: [...places.jobQueueArns, ...places.jobDefinitionArns],
      whyAny: 'an execution goes on with the revisions that it began with',
    },
    { sid: 'WatchJobs', actions: ['batch:DescribeJobs'], resources: ['*'], whyAny: NO_RESOURCES },
    {
      sid: 'EndJobs',
      actions: ['batch:TerminateJob'],
      resources: [places.batchJobArn],
      whyAny: 'Batch names jobs by ids of its own',
    },
    {
      sid: 'HearOfJobs',
      actions: ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
      resources: [places.batchJobsRuleArn],
    },
    { sid: 'StartChildren', actions: ['states:StartExecution'], resources: [places.stateMachineArn] },
    {
      sid: 'WatchChildren',
      actions: ['states:DescribeExecution', 'states:StopExecution'],
      resources: [...places.executionArns, ...places.childExecutionArns],
      whyAny: 'Step Functions names the children of its Map',
    },
    ...TRACE_AND_DELIVER_LOGS,
  ];
}

/** Counts the jobs that wait in the queues, their chunks, and the jobs of each stage. */
export function queueDepthGrants(places: Places, namespace: string): Grant[] {
  return [
    { sid: 'JobsByStage', actions: ['dynamodb:Query'], resources: [`${places.tableArn}/index/by_stage`] },
    { sid: 'ListJobs', actions: ['batch:ListJobs', 'batch:DescribeJobs'], resources: ['*'], whyAny: NO_RESOURCES },
    {
      sid: 'PublishDepth',
      actions: ['cloudwatch:PutMetricData'],
      resources: ['*'],
      whyAny: `${NO_RESOURCES}, so the namespace is a condition`,
      conditions: { StringEquals: { 'cloudwatch:namespace': namespace } },
    },
    ...TRACE_AND_DELIVER_LOGS,
  ];
}

/**
 * The ECS agent of a machine: the actions of Amazon's AmazonEC2ContainerServiceforEC2Role without making clusters, and with
 * images and logs only from and to where this stack keeps them. A container can ask the machine's metadata for this role.
 */
export function machineGrants(logGroupArn: string, imageRepositoryArns: string[]): Grant[] {
  return [
    {
      sid: 'EcsAgent',
      actions: [
        'ec2:DescribeTags', 'ecs:DeregisterContainerInstance', 'ecs:DiscoverPollEndpoint', 'ecs:ListTagsForResource',
        'ecs:Poll', 'ecs:RegisterContainerInstance', 'ecs:StartTelemetrySession', 'ecs:SubmitAttachmentStateChanges',
        'ecs:SubmitContainerStateChange', 'ecs:SubmitTaskStateChange', 'ecs:TagResource',
        'ecs:UpdateContainerInstancesState',
      ],
      resources: ['*'],
      whyAny: 'Batch makes the cluster, and names it by itself',
    },
    ...pullAndLogGrants(logGroupArn, imageRepositoryArns),
  ];
}

/** Gets a job's image and writes its log, for ECS. */
export function pullAndLogGrants(logGroupArn: string, imageRepositoryArns: string[]): Grant[] {
  return [
    { sid: 'LogInToRegistry', actions: ['ecr:GetAuthorizationToken'], resources: ['*'], whyAny: NO_RESOURCES },
    {
      sid: 'PullImages',
      actions: ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
      resources: imageRepositoryArns,
    },
    writeLog(logGroupArn),
  ];
}

/** Writes to a log group. */
export function writeLog(logGroupArn: string): Grant {
  return { sid: 'WriteLog', actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroupArn] };
}

/** Sends traces to X-Ray. */
export const TRACE: Grant = {
  sid: 'Trace',
  actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
  resources: ['*'],
  whyAny: NO_RESOURCES,
};

/** What a state machine needs besides to trace, and to have its log delivered. */
export const TRACE_AND_DELIVER_LOGS: Grant[] = [
  { ...TRACE, actions: [...TRACE.actions, 'xray:GetSamplingRules', 'xray:GetSamplingTargets'] },
  {
    sid: 'DeliverLogs',
    actions: [
      'logs:CreateLogDelivery', 'logs:GetLogDelivery', 'logs:UpdateLogDelivery', 'logs:DeleteLogDelivery',
      'logs:ListLogDeliveries', 'logs:PutResourcePolicy', 'logs:DescribeResourcePolicies', 'logs:DescribeLogGroups',
    ],
    resources: ['*'],
    whyAny: NO_RESOURCES,
  },
];

/** Starts executions of a state machine. */
export function startExecutions(stateMachineArn: string): Grant {
  return { sid: 'StartExecutions', actions: ['states:StartExecution'], resources: [stateMachineArn] };
}

/** Sends to a queue. */
export function sendTo(queueArn: string): Grant {
  return { sid: 'KeepDeadLetters', actions: ['sqs:SendMessage'], resources: [queueArn] };
}

function announce(places: Places): Grant {
  return { sid: 'Announce', actions: ['events:PutEvents'], resources: [places.eventBusArn] };
}
