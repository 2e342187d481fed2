import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import jsonata from 'jsonata';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../lib/images';
import { JOB_STAGES } from '../lib/metrics';
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

describe('the count of waiting jobs and chunks, and of jobs by stage', () => {
  const { DefinitionString: text, DefinitionSubstitutions: given } = machine('QueueDepth/Count/Resource');
  const top = JSON.parse(text).States as Record<string, any>;
  const states = top['Each queue'].ItemProcessor.States as Record<string, any>;
  const evaluate = async (expression: string, variables: Record<string, unknown>): Promise<unknown> => {
    const found = /^\{%(.*)%\}$/s.exec(expression);
    const value = await jsonata(found?.[1] ?? '').evaluate(undefined, variables);
    return JSON.parse(JSON.stringify(value));
  };

  /** A job as DescribeJobs shows it, for so many chunks. */
  const job = (id: string, chunks: number) => ({
    JobId: id,
    Container: { Command: `--job-id ${id} --shard 3 --first-chunk 7 --end-chunk ${7 + chunks}`.split(' ') },
  });

  /** Runs the states over the pages of a queue; returns what was asked of Batch, and the variables at the end. */
  const count = async (pages: Record<string, { id: string; chunks: number }[]>) => {
    let variables: Record<string, unknown> = {};
    const assign = async (state: any, result: unknown): Promise<void> => {
      const assigned: Record<string, unknown> = {};
      for (const [name, value] of Object.entries<unknown>(state.Assign)) {
        assigned[name] = typeof value === 'string' ? await evaluate(value, { ...variables, states: { result } }) : value;
      }
      variables = { ...variables, ...assigned };
    };
    const asked: unknown[] = [];
    const { queue: _, ...begin } = states['Begin'].Assign;
    await assign({ Assign: begin }, undefined);
    variables = { ...variables, queue: 'framefan-gpu' };
    const names = Object.keys(pages);
    for (const [position, jobs] of Object.values(pages).entries()) {
      const next = names[position + 1];
      asked.push(await evaluate(states['List waiting jobs'].Arguments, variables));
      await assign(states['List waiting jobs'], {
        JobSummaryList: jobs.map(({ id }) => ({ JobId: id })), ...(next && { NextToken: next }),
      });
      const [some] = states['Are there any?'].Choices;
      expect(await evaluate(some.Condition, variables)).toBe(jobs.length > 0);
      if (jobs.length > 0) {
        asked.push(await evaluate(states['Count their chunks'].Arguments.Jobs, variables));
        await assign(states['Count their chunks'], { Jobs: jobs.map(({ id, chunks }) => job(id, chunks)) });
      }
      const [more] = states['Is there more?'].Choices;
      expect(await evaluate(more.Condition, variables)).toBe(next !== undefined);
    }
    return { asked, variables };
  };
  const published = async (variables: Record<string, unknown>): Promise<unknown[]> =>
    Promise.all(states['Publish the counts'].Arguments.MetricData.map(async ({ Dimensions, Value }: any) =>
      [await evaluate(Dimensions[0].Value, variables), await evaluate(Value, variables)]));

  test('goes through all pages of a queue and publishes the sums', async () => {
    const many = Array.from({ length: 25 }, (_, n) => ({ id: `${n}`, chunks: 4 }));
    const { asked, variables } = await count({ first: many, more: [{ id: 'last', chunks: 1 }] });
    const common = { JobQueue: 'framefan-gpu', JobStatus: 'RUNNABLE', MaxResults: 25 };
    expect(asked).toEqual([common, many.map(({ id }) => id), { ...common, NextToken: 'more' }, ['last']]);
    expect(await published(variables)).toEqual([['framefan-gpu', 26], ['framefan-gpu', 101]]);
  });

  test('of an empty queue is 0, and a job of somebody else has no chunks', async () => {
    expect(await published((await count({ first: [] })).variables)).toEqual([['framefan-gpu', 0], ['framefan-gpu', 0]]);
    const result = { Jobs: [{ JobId: 'x', Container: { Command: ['sleep', '1'] } }, { JobId: 'y' }] };
    expect(await evaluate(states['Count their chunks'].Assign.chunks, { chunks: 2, states: { result } })).toBe(2);
  });

  test('reads a job\'s chunks from the command that the pipeline gives it', () => {
    const command = JSON.stringify(pipeline().definition);
    for (const word of ['--first-chunk', '--end-chunk']) {
      expect(command).toContain(word);
      expect(states['Count their chunks'].Assign.chunks).toContain(`'${word}'`);
    }
  });

  test('publishes the stages at which there are jobs', async () => {
    expect(await evaluate(top['Each stage'].Items, {})).toEqual(JOB_STAGES);
    const at = (result: { stage: string; jobs: number }[]) => evaluate(top['Each stage'].Output.stages, { states: { result } });
    const none = await at([{ stage: 'PLANNING', jobs: 0 }, { stage: 'QUEUED', jobs: 0 }]);
    const some = await at([{ stage: 'PLANNING', jobs: 0 }, { stage: 'QUEUED', jobs: 3 }]);
    const [choice] = top['Is there a job?'].Choices;
    expect(await evaluate(choice.Condition, { states: { input: { stages: none } } })).toBe(false);
    expect(await evaluate(choice.Condition, { states: { input: { stages: some } } })).toBe(true);
    const data = top['Publish the stages'].Arguments.MetricData as string;
    const filled = data.replace('${StageMetric}', given.StageMetric).replace('${Stack}', given.Stack);
    expect(await evaluate(filled, { states: { input: { stages: some } } })).toEqual([{
      MetricName: 'JobsAtStage',
      Dimensions: [{ Name: 'Stack', Value: 'framefan' }, { Name: 'Stage', Value: 'QUEUED' }],
      Value: 3,
      Unit: 'Count',
    }]);
    expect(readable(given.TableName)).toBe(`<${idOf('Storage/Jobs/Resource')}>`);
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
