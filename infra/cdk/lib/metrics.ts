// The metrics that the programs write, as they name them (crates/jobs/src/cloud/metrics.rs); a test compares.

import { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';

/** The namespace of all of them. */
export const NAMESPACE = 'framefan';

/** The stages of a worker's pipeline, in order. */
export const STAGES = ['read', 'decode', 'convert', 'infer', 'postprocess', 'write'] as const;

/** Written without a dimension. */
export const JOB_METRICS = ['JobsPlanned', 'ChunksQueued', 'AggregationTime', 'JobsDone', 'JobsFailed'] as const;

/** Written without a dimension, and by queue. */
export const WORKER_METRICS = [
  'ChunkRuntime', 'ChunksCompleted', 'ShardRuntime', 'FramesDecoded', 'FramesAnalyzed', 'BytesFetched', 'VideoSeconds',
  'ChunksFailed', 'Retries', 'SpotInterruptions', 'ThroughputFps', 'GpuIdleShare',
] as const;

/** Written by this stack's own count of the queues, by queue. */
export const QUEUE_DEPTH = 'JobsWaiting';

export type MetricName =
  | (typeof JOB_METRICS)[number]
  | (typeof WORKER_METRICS)[number]
  | `StageBusySeconds_${(typeof STAGES)[number]}`
  | typeof QUEUE_DEPTH;

export interface MetricOptions {
  queue?: string;
  label?: string;
  period?: Duration;
}

/** A metric of the programs, over all queues or one. */
export function metric(metricName: MetricName, statistic: string, options: MetricOptions = {}): Metric {
  const { queue, label, period = Duration.minutes(5) } = options;
  return new Metric({
    namespace: NAMESPACE,
    metricName,
    statistic,
    period,
    ...(queue && { dimensionsMap: { Queue: queue } }),
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
