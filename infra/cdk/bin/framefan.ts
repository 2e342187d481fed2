// The CDK app: `npx cdk deploy` makes of settings.ts what an account needs.

import { Annotations, App } from 'aws-cdk-lib';
import { checkSettings } from '../lib/check-settings';
import { hasWeights } from '../lib/images';
import { overrideSettings } from '../lib/override-settings';
import { FramefanStack } from '../lib/stack';
import { type Settings, settings } from '../settings';

const app = new App();
const stack = new FramefanStack(app, readSettings());
if (!hasWeights()) {
  Annotations.of(stack).addWarningV2('framefan:weights',
    'there are no weights: models/manifest.json is missing, and the images cannot be built (docs/operations.md, step 3)');
}

/** The file's settings with the command line's. What is wrong with them is said without a trace of the program. */
function readSettings(): Settings {
  try {
    const read = overrideSettings(settings, app.node.getAllContext());
    checkSettings(read);
    return read;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return process.exit(1);
  }
}
