// Checks by others: cdk-nag's rules of AWS Solutions, cfn-lint on the templates, asl-validator on the state machines.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { newApp } from '../lib/app';
import { ROOT } from '../lib/images';
import { FramefanStack } from '../lib/stack';
import { change, outputFolder, resources, synthesized, type Variant, VARIANTS } from './synthesized';

const EACH = Object.keys(VARIANTS) as Variant[];

describe('cdk-nag finds nothing that is not answered for', () => {
  const nag = (variant: Variant, break_?: (stack: FramefanStack) => void): string => {
    const app = newApp({ outdir: outputFolder() });
    const stack = new FramefanStack(app, change(VARIANTS[variant]));
    break_?.(stack);
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    try {
      app.synth();
      return '';
    } catch (error) {
      return String(error);
    }
  };
  test.each(EACH)('%s', (variant) => expect(nag(variant)).toBe(''));

  test('it does look', () => {
    expect(nag('default', (stack) => new Bucket(stack, 'Open'))).toContain('AwsSolutions-S1');
  });
});

describe('cfn-lint finds nothing', () => {
  // What `make setup` installs, or what is on the PATH.
  const program = (): string => {
    const python = process.env['FRAMEFAN_PYTHON'];
    const places = [...(python ? [path.dirname(python)] : []), path.join(ROOT, '.venv', 'bin'),
      ...(process.env['PATH'] ?? '').split(path.delimiter)].map((folder) => path.join(folder, 'cfn-lint'));
    const found = places.find((place) => existsSync(place));
    if (!found) throw new Error('there is no cfn-lint: make setup');
    return found;
  };
  // Its schema knows MaxConcurrency as a number only; AWS takes an expression in JSONata states.
  const CONCURRENCY = '\\"{% $states.input.max_concurrency %}\\"';
  const lint = (template: string): string => {
    const folder = outputFolder();
    mkdirSync(folder, { recursive: true });
    const file = path.join(folder, 'template.json');
    writeFileSync(file, template);
    // W3005: CDK writes dependencies that references imply already.
    const done = spawnSync(program(), ['--ignore-checks', 'W3005', '--', file], { encoding: 'utf8' });
    if (done.error) throw done.error;
    return done.stdout.replaceAll(file, 'template.json') + done.stderr;
  };
  test.each(EACH)('%s', (variant) => {
    const text = JSON.stringify(synthesized(variant).json);
    expect(text.split(CONCURRENCY)).toHaveLength(2);
    expect(lint(text.replace(CONCURRENCY, '1'))).toBe('');
  });

  test('it does look, into the state machine too', () => {
    const text = JSON.stringify(synthesized().json).replace(CONCURRENCY, '1');
    expect(lint(text.replace('\\"Type\\": \\"Succeed\\"', '\\"Type\\": \\"Suceed\\"'))).toContain('E3601');
    expect(lint(text.replace('"MaxvCpus":160', '"MaxvCpus":"many"'))).toContain('E3012');
  });
});

describe('asl-validator finds nothing', () => {
  const validator = path.join(__dirname, '..', 'node_modules', '.bin', 'asl-validator');
  const validate = (definition: string): { status: number | null; output: string } => {
    const file = path.join(outputFolder(), 'machine.asl.json');
    writeFileSync(file, definition);
    const done = spawnSync(process.execPath, [validator, '--json-path', file], { encoding: 'utf8' });
    return { status: done.status, output: done.stdout + done.stderr };
  };
  const definitions = Object.entries(resources('AWS::StepFunctions::StateMachine'))
    .map(([name, { DefinitionString }]) => [name, DefinitionString as string] as const);

  test.each(definitions)('%s', (_, definition) => expect(validate(definition)).toMatchObject({ status: 0 }));

  test('it does look', () => {
    const [, definition] = definitions[0] as readonly [string, string];
    expect(validate(definition.replace('"Next": "Merge results"', '"Next": "Merge"')).status).not.toBe(0);
  });
});

test('the script prints the policies of the template', () => {
  const tsx = path.join(__dirname, '..', 'node_modules', 'tsx', 'dist', 'cli.mjs');
  const script = path.join(__dirname, '..', 'scripts', 'policies.ts');
  const printed = execFileSync(process.execPath, [tsx, script, 'BucketName=b', 'AWS::Partition=aws'], { encoding: 'utf8' });
  const { closer } = JSON.parse(printed) as Record<string, { sid: string; actions: string[]; resources: string[] }[]>;
  expect(closer).toContainEqual({ sid: 'ReadRuns', actions: ['s3:GetObject'], resources: ['arn:aws:s3:::b/jobs/*/runs/*'] });
});
