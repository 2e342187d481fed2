// The settings of a deployment, with their defaults: the one file to edit before `npx cdk deploy`.
//
// A single setting can also be given on the command line, which wins over this file:
//   npx cdk deploy -c alarms.email=ops@example.com -c gpu.family=g6 -c defaults.analyzers=pose
// lib/check-settings.ts says what is wrong with a value; docs/operations.md explains the choices and what they cost.

/** GPU machines of a queue: one family, because all machines of a queue must compute the same bits. */
export type GpuFamily = 'g4dn' | 'g5' | 'g6';

/** Number format of the networks on a GPU. */
export type GpuPrecision = 'f32' | 'bf16' | 'f16';

/** Families whose processors have AVX-512, the device class of the CPU queue. */
export type CpuFamily = 'c6i' | 'c7i' | 'c7a' | 'm6i' | 'm7i' | 'm7a';

export type CpuPrecision = 'f32' | 'bf16';

export interface Settings {
  /** CloudFormation stack, and the first part of the names of queues, functions and the state machine. */
  stackName: string;

  gpu: {
    /** false leaves out the GPU queue, its image and its machines: requests with compute `gpu` are refused. */
    enabled: boolean;
    family: GpuFamily;
    /** The precision of a request that names none. f32 is the one that is compared with reference implementations. */
    precision: GpuPrecision;
    /** vCPUs of Spot machines at once; a machine has 4 at least. 0: no Spot. */
    spotMaxVcpus: number;
    /** vCPUs of on-demand machines, which Batch turns to when Spot gives none. 0: no on-demand. */
    onDemandMaxVcpus: number;
  };

  cpu: {
    /** Batch takes what is cheapest and there. A family must be offered in the region. */
    families: CpuFamily[];
    /** Number format of a request that names none. bf16 is several times as fast, on families with AMX: c7i, m7i. */
    precision: CpuPrecision;
    /** vCPUs of a job, which is given a machine of its own: 4, 8 or 16. */
    vcpusPerJob: number;
    spotMaxVcpus: number;
    onDemandMaxVcpus: number;
  };

  /** GPU machines that are kept running at set hours, so that nobody waits for a cold start. */
  warmPool: {
    /** vCPUs to keep: 4 for one machine. 0: no warm pool. */
    vcpus: number;
    /** EventBridge Scheduler expressions. */
    start: string;
    stop: string;
    timeZone: string;
  };

  /** What a request that does not say otherwise gets. */
  defaults: {
    analyzers: string[];
    compute: 'gpu' | 'cpu';
    chunkSeconds: number;
    /** Frames per second to look at: a number or a fraction such as 30000/1001. */
    sampleFps: string;
    /** Long side of the network's input, pixels. */
    maxWidth: number;
  };

  fanOut: {
    /** Batch jobs of one video at once. */
    maxShards: number;
    /** Seconds of video that are worth a job of their own. */
    shardSeconds: number;
  };

  storage: {
    /** A bucket to use instead of making one; its notifications to EventBridge must be on. Empty: make one. */
    existingBucket: string;
    /** Other buckets whose videos may be analyzed in place (`framefan submit s3://bucket/key`). */
    videoBuckets: string[];
    /** Days that jobs, their results and their items are kept after their end. 0: for good. */
    retentionDays: number;
    /** Days that videos under uploads/ and videos/ are kept. 0: for good. */
    videoRetentionDays: number;
    /** Days that logs are kept: one of CloudWatch's choices (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365). */
    logDays: number;
  };

  network: {
    /** Availability zones of the network that is made; more zones have more Spot capacity and cost nothing. */
    availabilityZones: number;
    /** A network to use instead of making one. Its subnets need a way to ECR, ECS, CloudWatch Logs, S3 and DynamoDB. */
    existingVpcId: string;
    existingSubnetIds: string[];
  };

  alarms: {
    /** Who is told by e-mail; the address must confirm it once. Empty: alarms show on the dashboard only. */
    email: string;
    /** US dollars a month that the account is expected to stay under. 0: no budget. */
    budgetUsd: number;
    /** true: the budget counts what bears the stack's tag, which must be made a cost allocation tag first. */
    budgetOfTagOnly: boolean;
  };

  /** US dollars that an hour of a queue's machine costs, for the dashboard's cost of a video hour. 0: the on-demand price. */
  prices: {
    gpuUsdPerHour: number;
    cpuUsdPerHour: number;
  };

  /** Minutes that a job may wait at the head of a queue for a machine before Batch gives it up. 10 to 1440. */
  capacityPatienceMinutes: number;

  /** The event bus that the end of a job is announced on. */
  eventBus: string;

  /** Tags of all resources, beside `project` and `stack`. */
  tags: Record<string, string>;
}

export const settings: Settings = {
  stackName: 'framefan',
  gpu: { enabled: true, family: 'g5', precision: 'f32', spotMaxVcpus: 160, onDemandMaxVcpus: 32 },
  cpu: { families: ['c6i', 'c7i', 'm6i', 'm7i'], precision: 'f32', vcpusPerJob: 4, spotMaxVcpus: 160, onDemandMaxVcpus: 32 },
  warmPool: { vcpus: 0, start: 'cron(0 8 ? * MON-FRI *)', stop: 'cron(0 18 ? * MON-FRI *)', timeZone: 'UTC' },
  defaults: { analyzers: ['pose'], compute: 'gpu', chunkSeconds: 30, sampleFps: '10', maxWidth: 640 },
  fanOut: { maxShards: 40, shardSeconds: 120 },
  storage: { existingBucket: '', videoBuckets: [], retentionDays: 0, videoRetentionDays: 0, logDays: 30 },
  network: { availabilityZones: 3, existingVpcId: '', existingSubnetIds: [] },
  alarms: { email: '', budgetUsd: 200, budgetOfTagOnly: false },
  prices: { gpuUsdPerHour: 0, cpuUsdPerHour: 0 },
  capacityPatienceMinutes: 120,
  eventBus: 'default',
  tags: {},
};
