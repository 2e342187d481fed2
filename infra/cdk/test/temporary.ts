// One folder for all that the tests write, removed when they end.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';

/** The variable that tells the tests. */
export const VARIABLE = 'FRAMEFAN_CDK_TEST_FOLDER';

export default function setup(): () => void {
  const folder = mkdtempSync(path.join(tmpdir(), 'framefan-cdk-'));
  process.env[VARIABLE] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
