// Prints what each role may do, as JSON, from the synthesized template.
//
// usage: npm run --silent policies [-- NAME=VALUE…]
// NAME=VALUE fills in a placeholder, for a comparison with real ARNs:
//   npm run --silent policies -- AWS::Partition=aws AWS::Region=eu-central-1 AWS::AccountId=123456789012 \
//     BucketName=my-bucket TableName=my-table

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { Template as Synthesized } from 'aws-cdk-lib/assertions';
import { newApp } from '../lib/app';
import { policies, type Template } from '../lib/policies';
import { FramefanStack } from '../lib/stack';
import { settings } from '../settings';

const values = Object.fromEntries(process.argv.slice(2).map((argument) => {
  const [name, ...value] = argument.split('=');
  if (!name || value.length === 0) throw new Error(`${argument}: not NAME=VALUE`);
  return [name, value.join('=')];
}));
const outdir = mkdtempSync(path.join(tmpdir(), 'framefan-cdk-'));
try {
  const stack = new FramefanStack(newApp({ outdir }), settings);
  console.log(JSON.stringify(policies(Synthesized.fromStack(stack).toJSON() as Template, values), null, 2));
} finally {
  rmSync(outdir, { recursive: true });
}
