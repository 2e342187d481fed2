// The metrics that the programs write, as they name them (crates/jobs/src/cloud/metrics.rs); a test compares.

import { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';

/** The namespace of all of them. */
export const NAMESPACE = 'framefan';

/** The stages of a worker's pipeline, in order. */
export const STAGES = ['read', 'decode', 'convert', 'infer', 'postprocess', 'write'] as const;

/** Written by stack: by the functions. */
export const JOB_METRICS = ['JobsPlanned', 'ChunksQueued', 'AggregationTime', 'JobsDone', 'JobsFailed'] as const;

/** Written by stack and by queue: by the jobs. */
export const WORKER_METRICS = [
  'ChunkRuntime', 'ChunksCompleted', 'ShardRuntime', 'FramesDecoded', 'FramesAnalyzed', 'BytesFetched', 'VideoSeconds',
  'ChunksFailed', 'Retries', 'SpotInterruptions', 'ThroughputFps', 'GpuIdleShare',
] as const;

/** Written by this stack's own count of the queues, by queue. */
export const JOBS_WAITING = 'JobsWaiting';
export const CHUNKS_WAITING = 'ChunksWaiting';

/** Written by the same count, by stack and stage, where it is not 0. */
export const JOBS_AT_STAGE = 'JobsAtStage';

/** The stages of a job that is not over. */
export const JOB_STAGES = ['PLANNING', 'QUEUED', 'PROCESSING', 'AGGREGATING'] as const;

export type MetricName =
  | (typeof JOB_METRICS)[number]
  | (typeof WORKER_METRICS)[number]
  | `StageBusySeconds_${(typeof STAGES)[number]}`
  | typeof JOBS_WAITING
  | typeof CHUNKS_WAITING
  | typeof JOBS_AT_STAGE;

export interface MetricOptions {
  /** Of one queue; else of the whole stack. */
  queue?: string;
  /** Of the stack's jobs at this stage. */
  stage?: (typeof JOB_STAGES)[number];
  label?: string;
  period?: Duration;
}

/** Makes a metric of the programs. */
export type MakeMetric = (metricName: MetricName, statistic: string, options?: MetricOptions) => Metric;

/** The metrics of a stack. Its queues' names begin with its own, so that other stacks have no part in them. */
export function metricsOf(stackName: string): MakeMetric {
  return (metricName, statistic, { queue, stage, label, period = Duration.minutes(5) } = {}) => new Metric({
    namespace: NAMESPACE,
    metricName,
    statistic,
    period,
    dimensionsMap: queue ? { Queue: queue } : { Stack: stackName, ...(stage && { Stage: stage }) },
    label: label ?? metricName,
  });
}

/** A formula over metrics, each named in it by `of`: `formula((of) => `${of(a)} / ${of(b)}`, 'ratio')`. */
export function formula(write: (of: (metric: Metric) => string) => string, label: string): MathExpression {
  const usingMetrics: Record<string, Metric> = {};
  const expression = write((metric) => {
    // A graph shares its formulas' names: the same name must be the same metric.
    const dimensions = Object.values(metric.dimensions ?? {}).join('_');
    const id = `m_${metric.metricName}_${metric.statistic}_${dimensions}`.replace(/\W+/g, '_').replace(/_$/, '');
    usingMetrics[id] = metric;
    return id;
  });
  return new MathExpression({ expression, usingMetrics, label, period: Object.values(usingMetrics)[0]?.period });
}
