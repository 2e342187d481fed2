import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../lib/images';
import { idOf, readable, resources, synthesized, type Variant } from './synthesized';

const NAMES = ['planner', 'reducer', 'closer'];
const fn = (name: string, variant: Variant = 'default') =>
  resources('AWS::Lambda::Function', variant)[`Functions/${name}/Resource`] as Record<string, any>;
const variables = (name: string, variant: Variant = 'default') => fn(name, variant)['Environment'].Variables;

test('there are three, and CDK adds none', () => {
  expect(Object.keys(resources('AWS::Lambda::Function'))).toEqual(NAMES.map((name) => `Functions/${name}/Resource`));
});

test.each(NAMES)('%s is its program in the one image, traced', (name) => {
  expect(fn(name)).toMatchObject({
    FunctionName: `framefan-${name}`,
    PackageType: 'Image',
    Architectures: ['x86_64'],
    ImageConfig: { Command: [`/usr/local/bin/framefan-${name}`] },
    TracingConfig: { Mode: 'Active' },
  });
  expect(readable(fn(name)['Code'].ImageUri)).toBe(readable(fn('planner')['Code'].ImageUri));
});

test('versions that executions began with are kept', () => {
  const versions = Object.values(synthesized().json.Resources).filter(({ Type }) => Type === 'AWS::Lambda::Version');
  expect(versions).toHaveLength(3);
  for (const version of versions) {
    expect(version).toMatchObject({ DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' });
  }
});

describe('the environment', () => {
  test('has only variables that the code reads', () => {
    const code = readFileSync(path.join(ROOT, 'crates', 'jobs', 'src', 'cloud', 'settings.rs'), 'utf8');
    const known = new Set([...code.matchAll(/variables\.(?:need|find|parse)\(\s*"([A-Z_]+)"/g)].map((match) => match[1]));
    expect(known.size).toBeGreaterThan(10);
    for (const name of NAMES) {
      for (const variable of Object.keys(variables(name))) expect(known).toContain(variable);
    }
    const jobs = Object.values(resources('AWS::Batch::JobDefinition'));
    const given = jobs.flatMap(({ ContainerProperties }) => ContainerProperties.Environment.map(({ Name }: any) => Name));
    for (const variable of given.filter((name) => name.startsWith('FRAMEFAN_'))) expect(known).toContain(variable);
  });

  test('says where things are', () => {
    for (const name of NAMES) {
      const { FRAMEFAN_STACK, FRAMEFAN_BUCKET, FRAMEFAN_TABLE, FRAMEFAN_EVENT_BUS } = variables(name);
      expect([FRAMEFAN_STACK, readable(FRAMEFAN_BUCKET), readable(FRAMEFAN_TABLE), FRAMEFAN_EVENT_BUS])
        .toEqual(['framefan', `<${idOf('Storage/Bucket/Resource')}>`, `<${idOf('Storage/Jobs/Resource')}>`, 'default']);
    }
  });

  test('tells the planner what a request that says nothing gets', () => {
    expect(variables('planner')).toMatchObject({
      DEFAULT_ANALYZERS: 'pose', DEFAULT_COMPUTE: 'gpu', CHUNK_SECONDS: '30', SAMPLE_FPS: '10', MAX_WIDTH: '640',
      MAX_SHARDS: '40', SHARD_SECONDS: '120', RETENTION_DAYS: '0',
      GPU_DEVICE_CLASS: 'cuda-sm86-f32', CPU_DEVICE_CLASS: 'cpu-avx512-f32',
    });
    expect(variables('planner', 'everything')).toMatchObject({ RETENTION_DAYS: '30', GPU_DEVICE_CLASS: 'cuda-sm75-f16' });
  });
});

describe('what starts and ends jobs', () => {
  const rule = (name: string) => resources('AWS::Events::Rule')[`Workflow/${name}/Resource`] as Record<string, any>;

  test('an upload under uploads/ starts an execution', () => {
    const { EventPattern, Targets: [target] } = rule('Upload');
    expect(EventPattern).toEqual({
      source: ['aws.s3'],
      'detail-type': ['Object Created'],
      detail: {
        bucket: { name: [{ Ref: idOf('Storage/Bucket/Resource') }] },
        object: { key: [{ prefix: 'uploads/' }], size: [{ numeric: ['>', 0] }] },
      },
    });
    expect(readable(target.Arn)).toBe(`<${idOf('Workflow/Pipeline/Resource')}>`);
    expect(readable(target.RoleArn)).toBe(`<${idOf('Workflow/UploadRuleRole/Resource')}.Arn>`);
  });

  test('an execution that failed or was ended calls the closer', () => {
    const { EventPattern, Targets: [target] } = rule('ExecutionEnded');
    expect(EventPattern).toEqual({
      source: ['aws.states'],
      'detail-type': ['Step Functions Execution Status Change'],
      detail: { stateMachineArn: [{ Ref: idOf('Workflow/Pipeline/Resource') }], status: ['FAILED', 'TIMED_OUT', 'ABORTED'] },
    });
    const closer = `<${idOf('Functions/closer/Resource')}.Arn>`;
    expect(readable(target.Arn)).toBe(closer);
    const [permission, ...more] = Object.values(resources('AWS::Lambda::Permission'));
    expect(more).toEqual([]);
    expect(permission).toMatchObject({ Action: 'lambda:InvokeFunction', Principal: 'events.amazonaws.com' });
    expect(readable(permission?.['FunctionName'])).toBe(closer);
    expect(readable(permission?.['SourceArn'])).toBe(`<${idOf('Workflow/ExecutionEnded/Resource')}.Arn>`);
  });
});
