import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../lib/images';
import { JOB_METRICS, NAMESPACE, QUEUE_DEPTH, STAGES, WORKER_METRICS } from '../lib/metrics';
import { idOf, only, readable, resources, synthesized, type Variant } from './synthesized';

const source = (...file: string[]) => readFileSync(path.join(ROOT, ...file), 'utf8');
const alarm = (name: string, variant: Variant = 'default') => {
  const all = Object.values(resources('AWS::CloudWatch::Alarm', variant));
  const found = all.find(({ AlarmName }) => AlarmName.endsWith(`-${name}`));
  if (!found) throw new Error(`there is no alarm ${name}`);
  return found as Record<string, any>;
};
/** The metrics of an alarm's formula, by their names in it, and the formula. */
const formulaOf = (found: Record<string, any>) => ({
  expression: found['Metrics'].find((m: any) => m.Expression)?.Expression as string,
  metrics: found['Metrics'].filter((m: any) => m.MetricStat).map(({ Id, MetricStat }: any) => [
    Id, MetricStat.Metric.Namespace, MetricStat.Metric.MetricName, MetricStat.Stat, MetricStat.Period,
    ...(MetricStat.Metric.Dimensions ?? []).map(({ Value }: any) => readable(Value)),
  ]),
});
const framefan = (name: string, stat: string, period: number, ...queue: string[]) =>
  [['m', name, stat, ...queue].join('_').replace('-', '_'), 'framefan', name, stat, period, ...queue];

describe('metrics', () => {
  const code = source('crates', 'jobs', 'src', 'cloud', 'metrics.rs');

  test('are among those that the code writes', () => {
    const written = [...code.matchAll(/\.metric\(\s*"(\w+)"/g)].map((match) => match[1]);
    expect(written).toEqual(expect.arrayContaining([...JOB_METRICS, ...WORKER_METRICS]));
    expect(code).toContain('format!("StageBusySeconds_{}", stage.stage)');
    expect(code).toContain(`const NAMESPACE: &str = "${NAMESPACE}";`);
  });

  test('of stages are of the stages that there are', () => {
    const files = ['decode', 'network', 'write', 'convert', 'mod'];
    const text = files.map((file) => source('crates', 'worker', 'src', 'pipeline', `${file}.rs`)).join();
    for (const stage of STAGES) expect(text).toContain(`"${stage}"`);
  });
});

describe('alarms', () => {
  test('there are these, and each tells the topic', () => {
    const alarms = Object.values(resources('AWS::CloudWatch::Alarm'));
    expect(alarms.map(({ AlarmName }) => AlarmName).sort()).toEqual([
      'framefan-aggregation-slow', 'framefan-chunks-failing', 'framefan-closer-failing', 'framefan-dead-letters',
      'framefan-executions-failed', 'framefan-jobs-waiting',
    ]);
    for (const properties of alarms) {
      expect(properties['AlarmActions'].map(readable)).toEqual([`<${idOf('Alarms/Topic/Resource')}>`]);
      expect(properties).toMatchObject({ ComparisonOperator: 'GreaterThanThreshold', TreatMissingData: 'notBreaching' });
    }
  });

  test('are all explained', () => {
    const manual = source('docs', 'operations.md');
    for (const { AlarmName } of Object.values(resources('AWS::CloudWatch::Alarm'))) {
      expect(manual).toContain(`\`${AlarmName.replace('framefan-', '')}\``);
    }
  });

  test('jobs-waiting: more than 100 for ten minutes, over all queues', () => {
    const found = alarm('jobs-waiting');
    expect(found).toMatchObject({ Threshold: 100, EvaluationPeriods: 2 });
    const gpu = framefan(QUEUE_DEPTH, 'Maximum', 300, 'framefan-gpu');
    const cpu = framefan(QUEUE_DEPTH, 'Maximum', 300, 'framefan-cpu');
    expect(formulaOf(found)).toEqual({ expression: `${gpu[0]} + ${cpu[0]}`, metrics: [gpu, cpu] });
  });

  test('chunks-failing: more than 5% of those that ended', () => {
    const found = alarm('chunks-failing');
    expect(found).toMatchObject({ Threshold: 5, EvaluationPeriods: 1 });
    const { expression, metrics } = formulaOf(found);
    expect(metrics).toEqual(expect.arrayContaining(
      ['ChunksFailed', 'ChunksCompleted'].map((name) => framefan(name, 'Sum', 900))));
    // Worked out by hand: 1 of 20 is 5%, which is not more; 2 of 20 is 10%; nothing is nothing.
    const value = (failed: number, completed: number): number => {
      const js = expression.replace(/IF\((.*), (.*), 0\)$/, '($1) ? ($2) : 0')
        .replaceAll('m_ChunksFailed_Sum', `${failed}`).replaceAll('m_ChunksCompleted_Sum', `${completed}`);
      expect(js).toMatch(/^[\d\s()+*/?:>]+$/);
      return Function(`return ${js}`)() as number;
    };
    expect([value(1, 19), value(2, 18), value(0, 0), value(3, 0)]).toEqual([5, 10, 0, 100]);
  });

  test('aggregation-slow: longer than two minutes', () => {
    const found = alarm('aggregation-slow');
    expect(found).toMatchObject({ Threshold: 120_000, EvaluationPeriods: 1 });
    expect(formulaOf(found).metrics.map((m: unknown[]) => m.slice(1)))
      .toEqual([['framefan', 'AggregationTime', 'Maximum', 300]]);
  });

  test('executions-failed: any that failed or took too long', () => {
    const found = alarm('executions-failed');
    expect(found['Threshold']).toBe(0);
    const machine = `<${idOf('Workflow/Pipeline/Resource')}>`;
    const metric = (name: string) => [`m_${name}_Sum_${machine.slice(1, -1)}`, 'AWS/States', name, 'Sum', 300, machine];
    const { expression, metrics } = formulaOf(found);
    expect(metrics.map((m: unknown[]) => m.slice(1))).toEqual(
      ['ExecutionsFailed', 'ExecutionsTimedOut'].map((name) => metric(name).slice(1)));
    expect(expression).toBe(metrics.map(([id]: unknown[]) => id).join(' + '));
  });

  test('dead-letters: any', () => {
    const found = alarm('dead-letters');
    expect(found).toMatchObject({
      Namespace: 'AWS/SQS', MetricName: 'ApproximateNumberOfMessagesVisible', Statistic: 'Maximum', Threshold: 0,
    });
    expect(readable(found['Dimensions'][0].Value)).toBe(`<${idOf('DeadLetters/Resource')}.QueueName>`);
  });

  test('closer-failing: any error', () => {
    const found = alarm('closer-failing');
    expect(found).toMatchObject({ Namespace: 'AWS/Lambda', MetricName: 'Errors', Statistic: 'Sum', Threshold: 0 });
    expect(readable(found['Dimensions'][0].Value)).toBe(`<${idOf('Functions/closer/Resource')}>`);
  });
});

describe('the topic', () => {
  test('tells the address, if there is one', () => {
    expect(resources('AWS::SNS::Subscription')).toEqual({});
    expect(only('AWS::SNS::Subscription', 'everything')).toMatchObject({ Protocol: 'email', Endpoint: 'ops@example.com' });
  });

  test('takes messages of alarms, budgets and the one rule, of this account, by TLS', () => {
    const { Statement } = only('AWS::SNS::TopicPolicy')['PolicyDocument'];
    const account = { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } };
    const said = Statement.map(
      ({ Effect, Principal, Condition }: any) => [Effect, Principal.Service ?? Principal, Condition]);
    expect(said).toEqual([
      ['Deny', '*', { Bool: { 'aws:SecureTransport': 'false' } }],
      ['Allow', 'cloudwatch.amazonaws.com', account],
      ['Allow', 'budgets.amazonaws.com', account],
      ['Allow', 'events.amazonaws.com',
        { ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': [idOf('Alarms/QueueBlocked/Resource'), 'Arn'] } } }],
    ]);
  });

  test('hears of queues that a job blocks', () => {
    const { EventPattern, Targets } = resources('AWS::Events::Rule')['Alarms/QueueBlocked/Resource'] as Record<string, any>;
    expect(EventPattern).toMatchObject({ source: ['aws.batch'], 'detail-type': ['Batch Job Queue Blocked'] });
    expect(EventPattern.detail.jobQueue.map(readable)).toEqual(
      ['gpu', 'cpu'].map((kind) => `<${idOf(`Compute/${kind}Queue/Resource`)}.JobQueueArn>`));
    expect(readable(Targets[0].Arn)).toBe(`<${idOf('Alarms/Topic/Resource')}>`);
  });
});

describe('the dashboard', () => {
  const body = JSON.parse(readable(only('AWS::CloudWatch::Dashboard')['DashboardBody'])) as { widgets: any[] };
  const text = JSON.stringify(body);

  test('shows what is asked of it', () => {
    const wanted = [
      'JobsPlanned', 'JobsDone', 'JobsFailed', QUEUE_DEPTH, 'ChunkRuntime', 'ThroughputFps', 'GpuIdleShare', 'Retries',
      'SpotInterruptions', 'AggregationTime', ...STAGES.map((stage) => `StageBusySeconds_${stage}`),
    ];
    for (const metric of wanted) expect(text).toContain(`"${metric}"`);
    expect(body.widgets.filter(({ type }) => type === 'alarm')[0].properties.alarms).toHaveLength(6);
  });

  test('asks for metrics with the dimensions that they are written with', () => {
    const stages = STAGES.map((stage) => `StageBusySeconds_${stage}`);
    const known = new Set<string>([...JOB_METRICS, ...WORKER_METRICS, QUEUE_DEPTH, ...stages]);
    const asked = body.widgets.flatMap(({ properties }) => (properties.metrics ?? []) as unknown[][])
      .filter(([namespace]) => namespace === NAMESPACE);
    expect(asked.length).toBeGreaterThan(30);
    for (const [, name, ...rest] of asked) {
      expect(known).toContain(name);
      const dimensions = rest.filter((part) => typeof part === 'string');
      if ((JOB_METRICS as readonly unknown[]).includes(name)) expect(dimensions).toEqual([]);
      if (name === QUEUE_DEPTH) expect(dimensions[0]).toBe('Queue');
      expect([[], ['Queue', 'framefan-gpu'], ['Queue', 'framefan-cpu']]).toContainEqual(dimensions);
    }
  });
});

describe('the budget', () => {
  test('tells of half, of all and of a forecast over it', () => {
    const { Budget, NotificationsWithSubscribers } = only('AWS::Budgets::Budget');
    expect(Budget).toEqual({
      BudgetName: 'framefan-month', BudgetType: 'COST', TimeUnit: 'MONTHLY', BudgetLimit: { Amount: 200, Unit: 'USD' },
    });
    expect(NotificationsWithSubscribers.map(({ Notification: n }: any) => [n.NotificationType, n.Threshold]))
      .toEqual([['ACTUAL', 50], ['ACTUAL', 100], ['FORECASTED', 100]]);
  });

  test('may count the tag alone, or be left out', () => {
    expect(only('AWS::Budgets::Budget', 'everything')['Budget'].CostFilters).toEqual({ TagKeyValue: ['user:stack$other'] });
    expect(resources('AWS::Budgets::Budget', 'least')).toEqual({});
  });
});

describe('outputs', () => {
  test('are those that the command line looks for', () => {
    const code = source('crates', 'jobs', 'src', 'remote', 'deployment.rs');
    const body = /const fn output\(self\)[^{]*\{(.*?)\n {4}\}/s.exec(code)?.[1] ?? '';
    const wanted = [...body.matchAll(/"(\w+)"/g)].map((match) => match[1] as string);
    expect(wanted).toHaveLength(6);
    const { Outputs = {} } = synthesized().json;
    expect(Object.keys(Outputs)).toEqual(expect.arrayContaining(wanted));
    expect(Object.fromEntries(wanted.map((name) => [name, readable(Outputs[name]?.Value)]))).toEqual({
      BucketName: `<${idOf('Storage/Bucket/Resource')}>`,
      TableName: `<${idOf('Storage/Jobs/Resource')}>`,
      StateMachineArn: `<${idOf('Workflow/Pipeline/Resource')}>`,
      JobLogGroup: `<${idOf('Compute/JobLog/Resource')}>`,
      GpuJobQueueArn: `<${idOf('Compute/gpuQueue/Resource')}.JobQueueArn>`,
      CpuJobQueueArn: `<${idOf('Compute/cpuQueue/Resource')}.JobQueueArn>`,
    });
  });

  test('are those of the deployment that the tests run on', () => {
    const local = source('tests', 'local-aws', 'local_aws', 'deployment.py');
    const body = /outputs = \{(.*?)\}/s.exec(local)?.[1] ?? '';
    const names = [...body.matchAll(/"(\w+)":/g)].map((match) => match[1]);
    expect(names.length).toBeGreaterThan(5);
    expect(Object.keys(synthesized().json.Outputs ?? {})).toEqual(expect.arrayContaining(names));
  });

  test('leave out the GPU queue where there is none', () => {
    expect(synthesized('least').json.Outputs).not.toHaveProperty('GpuJobQueueArn');
  });
});
