import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../lib/images';
import { cpuUsdPerHour, gpuUsdPerHour } from '../lib/machines';
import {
  CHUNKS_WAITING, JOB_METRICS, JOB_STAGES, JOBS_AT_STAGE, JOBS_WAITING, NAMESPACE, STAGES, WORKER_METRICS,
} from '../lib/metrics';
import { change, idOf, only, readable, resources, synthesized, type Variant } from './synthesized';

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
/** The name of a metric in a formula, and the metric: of a queue, or of the stack `framefan`. */
const framefan = (name: string, stat: string, period: number, dimension = 'framefan') =>
  [['m', name, stat, dimension].join('_').replace('-', '_'), 'framefan', name, stat, period, dimension];

/** Metrics of ours that the dashboard and the alarms ask for, each as its name and its dimensions' names and values. */
function askedFor(variant: Variant = 'default'): [string, Record<string, string>][] {
  const body = JSON.parse(readable(only('AWS::CloudWatch::Dashboard', variant)['DashboardBody'])) as { widgets: any[] };
  const shown = body.widgets.flatMap(({ properties }) => (properties.metrics ?? []) as unknown[][])
    .filter(([namespace]) => namespace === NAMESPACE)
    .map(([, name, ...rest]) => {
      const words = rest.filter((part) => typeof part === 'string') as string[];
      const pairs = words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] as string]] : []));
      return [String(name), Object.fromEntries(pairs)] as [string, Record<string, string>];
    });
  const told = Object.values(resources('AWS::CloudWatch::Alarm', variant))
    .flatMap(({ Metrics, ...plain }) => Metrics?.map(({ MetricStat }: any) => MetricStat?.Metric).filter(Boolean) ?? [plain])
    .filter(({ Namespace }: any) => Namespace === NAMESPACE)
    .map(({ MetricName, Dimensions = [] }: any) =>
      [MetricName, Object.fromEntries(Dimensions.map(({ Name, Value }: any) => [Name, Value]))] as
        [string, Record<string, string>]);
  return [...shown, ...told];
}

/** Functions of the code that writes metrics, each with the names it writes and the dimensions it writes them with. */
function writtenByCode(): Record<string, string[][]> {
  const code = source('crates', 'jobs', 'src', 'cloud', 'metrics.rs');
  expect(code).toContain(`const NAMESPACE: &str = "${NAMESPACE}";`);
  // `finish` writes a line with the stack, and with the queue where there is one.
  expect(code).toContain('let mut dimensions = vec![json!(["Stack"])];');
  expect(code).toContain('dimensions.push(json!(["Queue"]));');
  const written: Record<string, string[][]> = {};
  for (const [, body = ''] of code.matchAll(/^pub fn \w+\(.*?\) -> String \{\n(.*?)^\}/gms)) {
    const names = [...body.matchAll(/\.metric\(\s*"(\w+)"/g)].map((match) => match[1] as string);
    if (body.includes('format!("StageBusySeconds_{}", stage.stage)')) {
      names.push(...STAGES.map((stage) => `StageBusySeconds_${stage}`));
    }
    const dimensions = /\.finish\([^,]*, Some\(/.test(body) ? [['Stack'], ['Queue']] : [['Stack']];
    for (const name of names) written[name] = dimensions;
  }
  return written;
}

/** What the count of the queues writes. */
function writtenByCount(): Record<string, string[][]> {
  const { DefinitionString: text, DefinitionSubstitutions: given } =
    resources('AWS::StepFunctions::StateMachine')['QueueDepth/Count/Resource'] as Record<string, any>;
  const published = [...text.matchAll(/['"]MetricName['"]: ['"]\$\{(\w+)\}['"],\s*['"]Dimensions['"]: \[(.*?)\]/g)];
  return Object.fromEntries(published.map(([, name, dimensions]) =>
    [given[name], [[...dimensions.matchAll(/['"]Name['"]: ['"](\w+)['"]/g)].map((match) => match[1])]]));
}

describe('metrics', () => {
  // Written, so that they can be looked at in CloudWatch, and on no graph.
  const UNSHOWN = ['BytesFetched'];

  test('that the code writes are those that the stack knows, and the other way round', () => {
    const stages = STAGES.map((stage) => `StageBusySeconds_${stage}`);
    expect(Object.keys(writtenByCode()).sort()).toEqual([...JOB_METRICS, ...WORKER_METRICS, ...stages].sort());
    expect(writtenByCount()).toEqual({
      [JOBS_WAITING]: [['Queue']], [CHUNKS_WAITING]: [['Queue']], [JOBS_AT_STAGE]: [['Stack', 'Stage']],
    });
  });

  test('that are asked for are written, with the dimensions that are asked for', () => {
    const written = { ...writtenByCode(), ...writtenByCount() };
    for (const variant of ['default', 'everything', 'least'] as const) {
      const stack = variant === 'everything' ? 'other' : 'framefan';
      const values: Record<string, string[]> = {
        Stack: [stack],
        Queue: variant === 'least' ? [`${stack}-cpu`] : [`${stack}-gpu`, `${stack}-cpu`],
        Stage: [...JOB_STAGES],
      };
      const asked = askedFor(variant);
      expect(asked.length).toBeGreaterThan(30);
      for (const [name, dimensions] of asked) {
        expect(written[name], name).toContainEqual(Object.keys(dimensions));
        for (const [dimension, value] of Object.entries(dimensions)) expect(values[dimension]).toContain(value);
      }
    }
  });

  test('that are written are asked for, but for those on a list', () => {
    const asked = new Set(askedFor().map(([name]) => name));
    const unshown = Object.keys({ ...writtenByCode(), ...writtenByCount() }).filter((name) => !asked.has(name));
    expect(unshown).toEqual(UNSHOWN);
  });

  test('of a pipeline\'s stages are of the stages that there are', () => {
    const folder = path.join(ROOT, 'crates', 'worker', 'src', 'pipeline');
    const text = readdirSync(folder).filter((file) => file.endsWith('.rs'))
      .map((file) => readFileSync(path.join(folder, file), 'utf8')).join();
    const named = [...text.matchAll(/(?:StageClock::start|stage_metrics|timed)\("(\w+)"/g)].map((match) => match[1]);
    expect([...new Set(named)].sort()).toEqual([...STAGES].sort());
  });

  test('of jobs are of the stages of a job that is not over', () => {
    const code = source('crates', 'contract', 'src', 'state.rs');
    const all = [...(/pub enum JobStage \{(.*?)^\}/ms.exec(code)?.[1] ?? '').matchAll(/^ {4}(\w+),/gm)]
      .map((match) => (match[1] as string).toUpperCase());
    expect(all.filter((stage) => !['DONE', 'FAILED', 'CANCELLED'].includes(stage))).toEqual([...JOB_STAGES]);
  });
});

describe('alarms', () => {
  test('there are these, and each tells the topic', () => {
    const alarms = Object.values(resources('AWS::CloudWatch::Alarm'));
    expect(alarms.map(({ AlarmName }) => AlarmName).sort()).toEqual([
      'framefan-aggregation-slow', 'framefan-chunks-failing', 'framefan-chunks-waiting', 'framefan-closer-failing',
      'framefan-dead-letters', 'framefan-executions-failed',
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

  test('chunks-waiting: more than 100 for ten minutes, over all queues', () => {
    const found = alarm('chunks-waiting');
    expect(found).toMatchObject({ Threshold: 100, EvaluationPeriods: 2 });
    const gpu = framefan(CHUNKS_WAITING, 'Maximum', 300, 'framefan-gpu');
    const cpu = framefan(CHUNKS_WAITING, 'Maximum', 300, 'framefan-cpu');
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
        .replaceAll('m_ChunksFailed_Sum_framefan', `${failed}`).replaceAll('m_ChunksCompleted_Sum_framefan', `${completed}`);
      expect(js).toMatch(/^[\d\s()+*/?:>]+$/);
      return Function(`return ${js}`)() as number;
    };
    expect([value(1, 19), value(2, 18), value(0, 0), value(3, 0)]).toEqual([5, 10, 0, 100]);
  });

  test('aggregation-slow: longer than two minutes', () => {
    const found = alarm('aggregation-slow');
    expect(found).toMatchObject({ Threshold: 120_000, EvaluationPeriods: 1 });
    expect(formulaOf(found).metrics.map((m: unknown[]) => m.slice(1)))
      .toEqual([['framefan', 'AggregationTime', 'Maximum', 300, 'framefan']]);
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
      'JobsPlanned', 'JobsDone', 'JobsFailed', 'ExecutionsAborted', JOBS_AT_STAGE, JOBS_WAITING, CHUNKS_WAITING,
      'ChunkRuntime', 'ThroughputFps', 'GpuIdleShare', 'Retries', 'SpotInterruptions', 'AggregationTime', 'VideoSeconds',
      ...STAGES.map((stage) => `StageBusySeconds_${stage}`),
    ];
    for (const metric of wanted) expect(text).toContain(`"${metric}"`);
    expect(body.widgets.filter(({ type }) => type === 'alarm')[0].properties.alarms).toHaveLength(6);
  });

  test('tells what a video hour costs', () => {
    const found = (variant: Variant): Record<string, string> => {
      const page = JSON.parse(readable(only('AWS::CloudWatch::Dashboard', variant)['DashboardBody'])) as { widgets: any[] };
      const { properties } = page.widgets.find((widget) => widget.properties.title?.startsWith('Cost of a video hour'));
      const formulas = properties.metrics.flat().filter((part: any) => part.expression);
      return Object.fromEntries(formulas.map(({ label, expression }: any) => [label, expression]));
    };
    expect(Object.keys(found('default'))).toEqual(['framefan-gpu', 'framefan-cpu']);
    // Worked out by hand: 30 minutes of a g5.xlarge at $1.006 for two hours of video are $0.2515 an hour of video.
    const value = (expression: string | undefined, seconds: number, video: number): number => {
      const js = (expression ?? '').replace(/m_ShardRuntime_Sum_\w+/, `${seconds * 1000}`)
        .replace(/m_VideoSeconds_Sum_\w+/, `${video}`);
      expect(js).toMatch(/^[\d\s.()*/]+$/);
      return Function(`return ${js}`)() as number;
    };
    expect(value(found('default')['framefan-gpu'], 1800, 7200)).toBeCloseTo(0.2515, 6);
    // The dearest of c6i, c7i, m6i and m7i, and of c7a and m7a with twice as many vCPUs.
    expect(value(found('default')['framefan-cpu'], 3600, 3600)).toBeCloseTo(0.202, 6);
    expect(value(found('everything')['other-cpu'], 3600, 3600)).toBeCloseTo(0.464, 6);
    const paid = change({ prices: { gpuUsdPerHour: 0.5, cpuUsdPerHour: 0.1 } });
    expect([gpuUsdPerHour(paid), cpuUsdPerHour(paid)]).toEqual([0.5, 0.1]);
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
    expect(wanted).toHaveLength(7);
    const { Outputs = {} } = synthesized().json;
    expect(Object.keys(Outputs)).toEqual(expect.arrayContaining(wanted));
    expect(Object.fromEntries(wanted.map((name) => [name, readable(Outputs[name]?.Value)]))).toEqual({
      BucketName: `<${idOf('Storage/Bucket/Resource')}>`,
      TableName: `<${idOf('Storage/Jobs/Resource')}>`,
      StateMachineArn: `<${idOf('Workflow/Pipeline/Resource')}>`,
      JobLogGroup: `<${idOf('Compute/JobLog/Resource')}>`,
      GpuJobQueueArn: `<${idOf('Compute/gpuQueue/Resource')}.JobQueueArn>`,
      CpuJobQueueArn: `<${idOf('Compute/cpuQueue/Resource')}.JobQueueArn>`,
      EventBusName: 'default',
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
