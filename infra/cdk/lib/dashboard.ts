// One page that shows how the deployment does: jobs by outcome, queues, chunks, the pipeline's stages, machines, functions.

import { Duration } from 'aws-cdk-lib';
import {
  AlarmStatusWidget, Dashboard as CloudWatchDashboard, GraphWidget, type GraphWidgetProps, type IMetric, type IWidget,
  type Metric, TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Settings } from '../settings';
import type { Alarms } from './alarms';
import type { Queue } from './compute';
import type { Functions } from './functions';
import { cpuUsdPerHour, gpuUsdPerHour } from './machines';
import {
  CHUNKS_WAITING, formula, JOB_STAGES, JOBS_AT_STAGE, JOBS_WAITING, type MakeMetric, metricsOf, STAGES,
} from './metrics';

const WIDTH = 24;

export interface DashboardProps {
  settings: Settings;
  queues: Queue[];
  gpu: Queue | undefined;
  functions: Functions;
  stateMachine: StateMachine;
  alarms: Alarms;
}

export class Dashboard extends Construct {
  readonly name: string;
  private readonly metric: MakeMetric;

  constructor(scope: Construct, id: string, private readonly props: DashboardProps) {
    super(scope, id);
    this.name = props.settings.stackName;
    this.metric = metricsOf(this.name);
    const dashboard = new CloudWatchDashboard(this, 'Page', {
      dashboardName: this.name,
      defaultInterval: Duration.hours(12),
    });
    for (const row of [
      this.jobs(), this.queues(), this.chunks(), this.stages(), this.machines(), this.functions(),
    ]) dashboard.addWidgets(...row);
  }

  private jobs(): IWidget[] {
    const { stateMachine, alarms } = this.props;
    return [
      graph('Jobs by outcome', 10, {
        left: [
          this.metric('JobsPlanned', 'Sum', { label: 'planned' }),
          this.metric('JobsDone', 'Sum', { label: 'done' }),
          this.metric('JobsFailed', 'Sum', { label: 'failed' }),
          // Whoever cancels a job, or stops its execution, aborts the execution.
          stateMachine.metricAborted({ label: 'cancelled', statistic: 'Sum' }),
          stateMachine.metricTimedOut({ label: 'executions timed out', statistic: 'Sum' }),
        ],
      }),
      graph('Merging, s', 6, {
        left: [
          formula((of) => `${of(this.metric('AggregationTime', 'Average'))} / 1000`, 'average'),
          formula((of) => `${of(this.metric('AggregationTime', 'Maximum'))} / 1000`, 'longest'),
        ],
      }),
      new AlarmStatusWidget({ title: 'Alarms', width: 8, height: 6, alarms: alarms.all }),
    ];
  }

  private queues(): IWidget[] {
    const { queues } = this.props;
    return [
      graph('Jobs by stage', 8, {
        left: JOB_STAGES.map((stage) => this.metric(JOBS_AT_STAGE, 'Maximum', { stage, label: stage.toLowerCase() })),
      }),
      graph('Waiting for a machine', 8, {
        left: queues.map(({ name }) => this.metric(JOBS_WAITING, 'Maximum', { queue: name, label: `${name} jobs` })),
        right: queues.map(({ name }) => this.metric(CHUNKS_WAITING, 'Maximum', { queue: name, label: `${name} chunks` })),
      }),
      graph('Chunks', 8, {
        left: [
          this.metric('ChunksQueued', 'Sum', { label: 'planned' }),
          this.metric('ChunksCompleted', 'Sum', { label: 'completed' }),
          this.metric('ChunksFailed', 'Sum', { label: 'failed' }),
        ],
      }),
    ];
  }

  private chunks(): IWidget[] {
    const seconds = (name: 'ChunkRuntime' | 'ShardRuntime', statistic: string, queue: string): IMetric =>
      formula((of) => `${of(this.metric(name, statistic, { queue }))} / 1000`, `${queue} ${statistic}`);
    const of = (name: 'ChunkRuntime' | 'ShardRuntime', statistics: string[]): IMetric[] =>
      this.props.queues.flatMap((queue) => statistics.map((statistic) => seconds(name, statistic, queue.name)));
    return [
      graph('Time from a chunk\'s first frame to its commit, s', 12, { left: of('ChunkRuntime', ['p50', 'p95', 'Maximum']) }),
      graph('Time of an attempt at a shard, s', 12, { left: of('ShardRuntime', ['p50', 'Maximum']) }),
    ];
  }

  private stages(): IWidget[] {
    const busy = (stage: (typeof STAGES)[number]) => this.metric(`StageBusySeconds_${stage}`, 'Sum');
    const rate = (items: 'FramesDecoded' | 'FramesAnalyzed', stage: (typeof STAGES)[number]): IMetric =>
      formula((of) => `${of(this.metric(items, 'Sum'))} / ${of(busy(stage))}`, stage);
    const share = (stage: (typeof STAGES)[number]): IMetric =>
      formula((of) => `100 * ${of(busy(stage))} / (${of(this.metric('ShardRuntime', 'Sum'))} / 1000)`, stage);
    return [
      new TextWidget({
        width: WIDTH,
        height: 2,
        markdown: 'A worker\'s stages run at the same time, and the slowest sets the pace: **the stage that is busy for the '
          + 'largest share of the time is the bottleneck**. Stages with threads of their own can be busy for more than 100%.',
      }),
      graph('Busy, % of the workers\' time: the highest is the bottleneck', 12, { left: STAGES.map(share) }),
      graph('Frames per busy second of a stage', 12, {
        left: [
          rate('FramesDecoded', 'decode'), rate('FramesAnalyzed', 'convert'), rate('FramesAnalyzed', 'infer'),
          rate('FramesAnalyzed', 'postprocess'),
        ],
      }),
    ];
  }

  private machines(): IWidget[] {
    const { queues, gpu } = this.props;
    return [
      graph('GPU idle, % of an attempt\'s inference time', 6, {
        left: gpu ? [this.metric('GpuIdleShare', 'Average', { queue: gpu.name, label: gpu.name })] : [],
        leftYAxis: { min: 0, max: 100 },
      }),
      graph('Frames analyzed per second of an attempt', 6, {
        left: queues.map(({ name }) => this.metric('ThroughputFps', 'Average', { queue: name, label: name })),
      }),
      graph('Cost of a video hour, USD, while machines work', 6, {
        left: queues.map((queue) => this.costOfVideoHour(queue, queue === gpu)),
      }),
      graph('Retries and Spot interruptions', 6, {
        left: queues.flatMap(({ name }) => [
          this.metric('Retries', 'Sum', { queue: name, label: `${name} second and later attempts` }),
          this.metric('SpotInterruptions', 'Sum', { queue: name, label: `${name} Spot interruptions` }),
        ]),
      }),
    ];
  }

  /** An attempt has a machine of its own: its hours by the machine's price, over the hours of video that were committed. */
  private costOfVideoHour({ name }: Queue, isGpu: boolean): IMetric {
    const { settings } = this.props;
    const usd = isGpu ? gpuUsdPerHour(settings) : cpuUsdPerHour(settings);
    const [work, video] = (['ShardRuntime', 'VideoSeconds'] as const).map((metric) =>
      this.metric(metric, 'Sum', { queue: name, period: Duration.hours(1) })) as [Metric, Metric];
    return formula((of) => `${usd} * (${of(work)} / 1000) / ${of(video)}`, name);
  }

  private functions(): IWidget[] {
    const { all } = this.props.functions;
    const name = ['planner', 'reducer', 'closer'];
    return [
      graph('Functions: errors', 12, {
        left: all.map((f, i) => f.metricErrors({ label: `${name[i]}`, statistic: 'Sum' })),
      }),
      graph('Functions: time, ms, 95 of 100 are faster', 12, {
        left: all.map((f, i) => f.metricDuration({ label: `${name[i]}`, statistic: 'p95' })),
      }),
    ];
  }
}

function graph(title: string, width: number, props: GraphWidgetProps): GraphWidget {
  return new GraphWidget({ title, width, height: 6, ...props });
}
