// Stacks of several settings, synthesized once each.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { App } from 'aws-cdk-lib';
import { Template as Assertions } from 'aws-cdk-lib/assertions';
import { newApp } from '../lib/app';
import type { Template } from '../lib/policies';
import { readable } from '../lib/readable';
import { FramefanStack } from '../lib/stack';
import { type Settings, settings as defaults } from '../settings';
import { VARIABLE } from './temporary';

/** Parts of the settings to change. */
export type Changes = { [Key in keyof Settings]?: Settings[Key] extends object ? Partial<Settings[Key]> : Settings[Key] };

/** The default settings with changes. */
export function change(changes: Changes): Settings {
  const result = structuredClone(defaults) as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(changes)) {
    const before = result[name];
    result[name] = typeof before === 'object' ? { ...before, ...(value as object) } : value;
  }
  return result as unknown as Settings;
}

/** Deployments that differ from the default in what they are made of. */
export const VARIANTS = {
  default: {},
  everything: {
    stackName: 'other',
    gpu: { family: 'g4dn', precision: 'f16' },
    cpu: { vcpusPerJob: 8, families: ['c7a', 'm7a'] },
    warmPool: { vcpus: 4, timeZone: 'Europe/Berlin' },
    storage: { videoBuckets: ['archive', 'incoming'], retentionDays: 30, videoRetentionDays: 10 },
    alarms: { email: 'ops@example.com', budgetOfTagOnly: true },
    tags: { team: 'vision' },
  },
  least: {
    gpu: { enabled: false },
    cpu: { spotMaxVcpus: 0 },
    defaults: { compute: 'cpu' },
    storage: { existingBucket: 'there-already' },
    network: {
      existingVpcId: 'vpc-0123456789abcdef0',
      existingSubnetIds: ['subnet-0123456789abcdef1', 'subnet-0123456789abcdef2'],
    },
    alarms: { budgetUsd: 0 },
  },
} satisfies Record<string, Changes>;

export type Variant = keyof typeof VARIANTS;

/** A new folder, which is there until the tests end. */
export function outputFolder(): string {
  return mkdtempSync(path.join(process.env[VARIABLE] ?? tmpdir(), 'out-'));
}

export interface Synthesized {
  app: App;
  template: Assertions;
  json: Template;
}

const made = new Map<Variant, Synthesized>();

/** The template of a variant. */
export function synthesized(variant: Variant = 'default'): Synthesized {
  let found = made.get(variant);
  if (!found) {
    const app = newApp({ outdir: outputFolder() });
    const template = Assertions.fromStack(new FramefanStack(app, change(VARIANTS[variant])));
    found = { app, template, json: template.toJSON() as Template };
    made.set(variant, found);
  }
  return found;
}

/** Properties of all resources of a type, by the path of the construct (`Compute/gpuSpot/Resource`). */
export function resources(type: string, variant: Variant = 'default'): Record<string, Record<string, any>> {
  const stack = VARIANTS[variant] as { stackName?: string };
  const prefix = `${stack.stackName ?? defaults.stackName}/`;
  const found = Object.values(synthesized(variant).json.Resources).filter(({ Type }) => Type === type);
  return Object.fromEntries(found.map(({ Metadata, Properties = {} }) =>
    [String(Metadata?.['aws:cdk:path']).slice(prefix.length), Properties]));
}

/** The one resource of a type. */
export function only(type: string, variant: Variant = 'default'): Record<string, any> {
  const found = Object.values(resources(type, variant));
  if (found.length !== 1) throw new Error(`${found.length} resources of type ${type}`);
  return found[0] as Record<string, any>;
}

/** The logical id of a construct's resource. */
export function idOf(constructPath: string, variant: Variant = 'default'): string {
  const found = Object.entries(synthesized(variant).json.Resources).find(([, { Metadata }]) =>
    String(Metadata?.['aws:cdk:path']).replace(/^[^/]+\//, '') === constructPath);
  if (!found) throw new Error(`there is no ${constructPath}`);
  return found[0];
}

export { readable };
