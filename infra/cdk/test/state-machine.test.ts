import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import jsonata from 'jsonata';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../lib/images';
import { checkRetry, checkSubstitutions, pipeline } from '../lib/state-machine-files';
import { idOf, readable, resources, synthesized } from './synthesized';

const machine = (name: string) => resources('AWS::StepFunctions::StateMachine')[name] as Record<string, any>;

describe('the pipeline', () => {
  test('is the file, unchanged', () => {
    const file = readFileSync(path.join(ROOT, 'statemachine', 'pipeline.asl.json'), 'utf8');
    expect(machine('Workflow/Pipeline/Resource')['DefinitionString']).toBe(file);
  });

  test('calls versions of functions, revisions of job definitions, and queues', () => {
    const { DefinitionSubstitutions: given } = machine('Workflow/Pipeline/Resource');
    const read = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, readable(value)]));
    expect(read).toEqual({
      PlannerArn: expect.stringMatching(/^<FunctionsplannerCurrentVersion\w+>$/),
      ReducerArn: expect.stringMatching(/^<FunctionsreducerCurrentVersion\w+>$/),
      CloserArn: expect.stringMatching(/^<FunctionscloserCurrentVersion\w+>$/),
      GpuJobQueueArn: `<${idOf('Compute/gpuQueue/Resource')}.JobQueueArn>`,
      CpuJobQueueArn: `<${idOf('Compute/cpuQueue/Resource')}.JobQueueArn>`,
      GpuJobDefinitionArn: `<${idOf('Compute/gpuJob/Resource')}>`,
      CpuJobDefinitionArn: `<${idOf('Compute/cpuJob/Resource')}>`,
    });
  });

  test('is standard, traced, and logs all but its data', () => {
    const properties = machine('Workflow/Pipeline/Resource');
    expect(properties).toMatchObject({
      StateMachineName: 'framefan',
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: false },
    });
    expect(properties['StateMachineType'] ?? 'STANDARD').toBe('STANDARD');
  });

  test('waits longer for a function than the function may take', () => {
    const states = JSON.parse(pipeline().definition).States as Record<string, { TimeoutSeconds: number }>;
    for (const [state, name] of [['Plan video', 'planner'], ['Merge results', 'reducer'], ['Record failure', 'closer']]) {
      const timeout = resources('AWS::Lambda::Function')[`Functions/${name}/Resource`]?.['Timeout'];
      expect(timeout).toBeGreaterThan(60);
      expect(states[state as string]?.TimeoutSeconds).toBeGreaterThan(timeout);
    }
  });

  test('without a GPU queue, names the CPU queue for it, which the planner never lets it ask', () => {
    const { DefinitionSubstitutions: given } = resources('AWS::StepFunctions::StateMachine', 'least')[
      'Workflow/Pipeline/Resource'] as Record<string, any>;
    expect(given['GpuJobQueueArn']).toEqual(given['CpuJobQueueArn']);
    const planner = resources('AWS::Lambda::Function', 'least')['Functions/planner/Resource'];
    expect(planner?.['Environment'].Variables).not.toHaveProperty('GPU_DEVICE_CLASS');
  });
});

describe('substitutions', () => {
  test('must fill every name', () => {
    const check = () => checkSubstitutions('{"a": "${One}", "b": "${Two}"}', { One: '1' });
    expect(check).toThrow('has ${Two}, which nothing fills');
  });
  test('must have a name to fill', () => {
    expect(() => checkSubstitutions('"${One}"', { One: '1', Two: '2' })).toThrow('does not have ${Two}');
  });
});

describe('retry rules', () => {
  test('are those of the file, in their order, on each job definition', () => {
    const file = JSON.parse(readFileSync(path.join(ROOT, 'statemachine', 'job-retry.json'), 'utf8'));
    const capital = (rule: object) => Object.fromEntries(
      Object.entries(rule).map(([key, value]) => [key.charAt(0).toUpperCase() + key.slice(1), value]));
    const definitions = Object.values(resources('AWS::Batch::JobDefinition'));
    expect(definitions.length).toBe(2);
    for (const { RetryStrategy } of definitions) {
      expect(RetryStrategy).toEqual({ Attempts: file.attempts, EvaluateOnExit: file.evaluateOnExit.map(capital) });
    }
  });

  test('each does what the exit codes mean', () => {
    const { RetryStrategy } = resources('AWS::Batch::JobDefinition')['Compute/gpuJob/Resource'] as Record<string, any>;
    expect(RetryStrategy.EvaluateOnExit).toEqual([
      { OnStatusReason: 'Host EC2*', Action: 'RETRY' },
      { OnExitCode: '5', Action: 'RETRY' },
      { OnExitCode: '137', Action: 'RETRY' },
      { OnExitCode: '143', Action: 'RETRY' },
      { OnExitCode: '*', Action: 'EXIT' },
    ]);
  });

  test('that Batch would not take, or that would retry everything, are refused', () => {
    const retry = { onExitCode: '5', action: 'RETRY' } as const;
    const exit = { onExitCode: '*', action: 'EXIT' } as const;
    expect(() => checkRetry([retry, exit])).not.toThrow();
    expect(() => checkRetry([retry, retry, retry, retry, retry, exit])).toThrow('6 rules: Batch takes 5');
    expect(() => checkRetry([exit, retry])).toThrow('the last rule must be EXIT');
    expect(() => checkRetry([])).toThrow('the last rule must be EXIT');
  });
});

describe('the count of waiting jobs', () => {
  const { DefinitionString: text, DefinitionSubstitutions: given } = machine('QueueDepth/Count/Resource');
  const states = JSON.parse(text).States['Each queue'].ItemProcessor.States as Record<string, any>;
  const evaluate = async (expression: string, variables: Record<string, unknown>): Promise<unknown> => {
    const found = /^\{%(.*)%\}$/s.exec(expression);
    const value = await jsonata(found?.[1] ?? '').evaluate(undefined, variables);
    return JSON.parse(JSON.stringify(value));
  };

  test('goes through all pages of a queue and publishes the sum', async () => {
    const pages = [
      { JobSummaryList: Array.from({ length: 100 }, (_, n) => ({ JobId: `${n}` })), NextToken: 'more' },
      { JobSummaryList: [{ JobId: '100' }] },
    ];
    const list = states['List waiting jobs'];
    const { waiting, page } = states['Begin'].Assign;
    let variables: Record<string, unknown> = { queue: 'framefan-gpu', waiting, page: await evaluate(page, {}) };
    const asked: unknown[] = [];
    for (const result of pages) {
      asked.push(await evaluate(list.Arguments, variables));
      const assigned: Record<string, unknown> = {};
      for (const [name, expression] of Object.entries<string>(list.Assign)) {
        assigned[name] = await evaluate(expression, { ...variables, states: { result } });
      }
      variables = { ...variables, ...assigned };
      const [choice] = states['Is there more?'].Choices;
      expect(await evaluate(choice.Condition, variables)).toBe('NextToken' in result);
    }
    expect(asked).toEqual([
      { JobQueue: 'framefan-gpu', JobStatus: 'RUNNABLE' },
      { JobQueue: 'framefan-gpu', JobStatus: 'RUNNABLE', NextToken: 'more' },
    ]);
    const [datum] = states['Publish the count'].Arguments.MetricData;
    expect(await evaluate(datum.Value, variables)).toBe(101);
    expect(await evaluate(datum.Dimensions[0].Value, variables)).toBe('framefan-gpu');
    expect(given).toEqual({ Namespace: 'framefan', MetricName: 'JobsWaiting' });
  });

  test('of an empty queue is 0', async () => {
    const variables = { queue: 'q', waiting: 0, page: '', states: { result: { JobSummaryList: [] } } };
    expect(await evaluate(states['List waiting jobs'].Assign.waiting, variables)).toBe(0);
  });

  test('runs every five minutes over the queues that there are', () => {
    const schedule = (variant: 'default' | 'least') =>
      resources('AWS::Scheduler::Schedule', variant)['QueueDepth/Every/Resource'];
    expect(schedule('default')).toMatchObject({
      ScheduleExpression: 'rate(5 minutes)',
      State: 'ENABLED',
      Target: { Input: '{"queues":["framefan-gpu","framefan-cpu"]}' },
    });
    expect(schedule('least')?.['Target'].Input).toBe('{"queues":["framefan-cpu"]}');
    synthesized().template.hasResourceProperties('AWS::StepFunctions::StateMachine', { StateMachineType: 'EXPRESS' });
  });
});
