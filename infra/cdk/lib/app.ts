// The app with the feature flags of cdk.json, for programs that synthesize by themselves.

import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { App, type AppProps } from 'aws-cdk-lib';

/** An app as the CDK command would start it. */
export function newApp(props: AppProps = {}): App {
  const { context } = JSON.parse(readFileSync(path.join(__dirname, '..', 'cdk.json'), 'utf8')) as {
    context: Record<string, unknown>;
  };
  // As the CDK command has it: resources say which construct they are from.
  return new App({ context: { ...context, 'aws:cdk:enable-path-metadata': true }, ...props });
}
