// The files under statemachine/: the state machine and Batch's retry rules, which the local tests run as they are.

import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { ROOT } from './images';

/** Batch takes no more rules. */
const MOST_RETRY_RULES = 5;

/** A rule of Batch's evaluateOnExit. */
export interface RetryRule {
  onExitCode?: string;
  onReason?: string;
  onStatusReason?: string;
  action: 'RETRY' | 'EXIT';
}

/** The state machine's definition, with `${Name}` where ARNs belong, and what else must agree with it. */
export interface Pipeline {
  definition: string;
  /** How long Batch lets an attempt run. */
  attemptSeconds: number;
}

/** Reads the state machine. */
export function pipeline(): Pipeline {
  const definition = readFileSync(path.join(ROOT, 'statemachine', 'pipeline.asl.json'), 'utf8');
  const machine = JSON.parse(definition) as {
    TimeoutSeconds?: number;
    States: Record<string, { ItemProcessor?: { States: Record<string, Task> } }>;
  };
  // With a definition given as text, CDK's own timeout is not applied.
  if (!machine.TimeoutSeconds) throw new Error('pipeline.asl.json: the state machine needs TimeoutSeconds');
  const shards = machine.States['Analyze shards']?.ItemProcessor?.States['Analyze shard'];
  const attemptSeconds = shards?.Arguments?.Timeout?.AttemptDurationSeconds;
  if (!attemptSeconds) throw new Error("pipeline.asl.json: 'Analyze shard' needs Timeout.AttemptDurationSeconds");
  return { definition, attemptSeconds };
}

interface Task {
  Arguments?: { Timeout?: { AttemptDurationSeconds?: number } };
}

/** Reads Batch's retry rules. */
export function jobRetry(): { attempts: number; rules: RetryRule[] } {
  const file = path.join(ROOT, 'statemachine', 'job-retry.json');
  const { attempts, evaluateOnExit } = JSON.parse(readFileSync(file, 'utf8')) as {
    attempts: number;
    evaluateOnExit: RetryRule[];
  };
  checkRetry(evaluateOnExit);
  return { attempts, rules: evaluateOnExit };
}

/** Batch retries what no rule matches, so the last one must end every other exit code. */
export function checkRetry(rules: RetryRule[]): void {
  const last = rules.at(-1);
  if (rules.length > MOST_RETRY_RULES) {
    throw new Error(`job-retry.json has ${rules.length} rules: Batch takes ${MOST_RETRY_RULES}`);
  }
  if (last?.action !== 'EXIT' || last.onExitCode !== '*') {
    throw new Error('job-retry.json: the last rule must be EXIT for the exit code *');
  }
}

/** The values for a definition's `${Name}`s, none missing and none too many. */
export function checkSubstitutions(definition: string, values: Record<string, string>): Record<string, string> {
  const wanted = new Set([...definition.matchAll(/\$\{([^}]*)\}/g)].map((match) => match[1] as string));
  const missing = [...wanted].filter((name) => !(name in values));
  const unused = Object.keys(values).filter((name) => !wanted.has(name));
  const quoted = (names: string[]): string => names.map((name) => `\${${name}}`).join(', ');
  if (missing.length > 0) throw new Error(`the state machine has ${quoted(missing)}, which nothing fills`);
  if (unused.length > 0) throw new Error(`the state machine does not have ${quoted(unused)}, which is given to it`);
  return values;
}
