// The container images: one for the three functions, one for the jobs of each queue, all targets of one Dockerfile. Docker
// builds them at `cdk deploy`; synthesis only hashes what they are made of.

import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { IgnoreMode } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { Construct } from 'constructs';
import type { Settings } from '../settings';
import { GPU_FAMILIES } from './machines';

/** The repository. */
export const ROOT = path.join(__dirname, '..', '..', '..');

/**
 * What of the repository is sent to Docker: sources and build files by name, so that nothing else (build folders, test
 * data, videos somebody left there) is hashed or sent. As in a .dockerignore, later lines win.
 */
export const CONTEXT = [
  '*',
  '!Cargo.toml',
  '!Cargo.lock',
  '!crates',
  '!functions',
  '!gpu-job',
  '!cli',
  '!models',
  '!infra/images',
  '**/tests',
  '**/benches',
  '**/target',
  '**/node_modules',
  '**/__pycache__',
];

/** Its stages are what one may build; scripts/images.sh builds the same ones for the tests. */
const DOCKERFILE = 'infra/images/Dockerfile';

/** Whether there are weights to put into the images: without, they cannot be built. */
export function hasWeights(): boolean {
  return existsSync(path.join(ROOT, 'models', 'manifest.json'));
}

/** Where the images have the programs. */
export const PROGRAMS = '/usr/local/bin';

export class Images extends Construct {
  readonly functions: DockerImageAsset;
  readonly cpuJob: DockerImageAsset;
  readonly gpuJob?: DockerImageAsset;

  constructor(scope: Construct, id: string, settings: Settings['gpu']) {
    super(scope, id);
    this.functions = this.build('Functions', 'functions', {});
    this.cpuJob = this.build('CpuJob', 'job-cpu', {});
    if (settings.enabled) {
      const { computeCapability } = GPU_FAMILIES[settings.family];
      this.gpuJob = this.build('GpuJob', 'job-gpu', { CUDA_COMPUTE_CAP: computeCapability });
    }
  }

  private build(id: string, target: string, buildArgs: Record<string, string>): DockerImageAsset {
    return new DockerImageAsset(this, id, {
      directory: ROOT,
      file: DOCKERFILE,
      target,
      buildArgs,
      platform: Platform.LINUX_AMD64,
      exclude: [...CONTEXT],
      ignoreMode: IgnoreMode.DOCKER,
    });
  }
}
