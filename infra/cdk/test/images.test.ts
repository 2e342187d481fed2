import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROGRAMS, ROOT } from '../lib/images';
import { resources, synthesized } from './synthesized';

interface Assets {
  dockerImages: Record<string, {
    source: { directory: string; dockerFile: string; dockerBuildArgs?: Record<string, string>; platform: string };
  }>;
}

/** The images that a deployment builds, as the CDK command is told. */
function images(): { folder: string; file: string; arguments: Record<string, string>; platform: string }[] {
  const { outdir } = synthesized().app;
  const { dockerImages } = JSON.parse(readFileSync(path.join(outdir, 'framefan.assets.json'), 'utf8')) as Assets;
  return Object.values(dockerImages).map(({ source }) => ({
    folder: path.join(outdir, source.directory),
    file: source.dockerFile,
    arguments: source.dockerBuildArgs ?? {},
    platform: source.platform,
  }));
}

describe('images', () => {
  test('are three: of the functions, and of the jobs of each queue, for the GPU of the family', () => {
    const made = images().map(({ file, arguments: given, platform }) => ({ file, given, platform }));
    const platform = 'linux/amd64';
    expect(made).toHaveLength(3);
    expect(made).toEqual(expect.arrayContaining([
      { file: 'infra/images/functions.Dockerfile', given: {}, platform },
      { file: 'infra/images/job.Dockerfile', given: { VARIANT: 'cpu' }, platform },
      { file: 'infra/images/job.Dockerfile', given: { VARIANT: 'gpu', CUDA_COMPUTE_CAP: '86' }, platform },
    ]));
  });

  test('are given the sources that Cargo needs and not much else', () => {
    for (const { folder } of images()) {
      const there = readdirSync(folder).filter((name) => name !== 'models').sort();
      expect(there).toEqual(['Cargo.lock', 'Cargo.toml', 'cli', 'crates', 'functions', 'gpu-job', 'infra']);
      expect(readdirSync(path.join(folder, 'infra'))).toEqual(['images']);
      const manifest = readFileSync(path.join(folder, 'Cargo.toml'), 'utf8');
      for (const member of /members = \[([^\]]*)\]/.exec(manifest)?.[1]?.match(/[\w-]+(?=\/\*)|(?<=")[\w-]+(?=")/g) ?? []) {
        expect(existsSync(path.join(folder, member))).toBe(true);
      }
    }
  });

  test('take the arguments they are given, and have the programs where they are started', () => {
    const text = (name: string) => readFileSync(path.join(ROOT, 'infra', 'images', `${name}.Dockerfile`), 'utf8');
    for (const argument of ['VARIANT', 'CUDA_COMPUTE_CAP']) {
      expect(text('job')).toMatch(new RegExp(`^ARG ${argument}\\b`, 'm'));
    }
    expect(text('job')).toMatch(/^ENTRYPOINT \["\/usr\/local\/bin\/gpu-job"\]$/m);
    for (const { ImageConfig } of Object.values(resources('AWS::Lambda::Function'))) {
      const [program] = ImageConfig.Command as [string];
      expect(path.dirname(program)).toBe(PROGRAMS);
      expect(text('functions')).toContain(path.basename(program));
    }
    expect(text('functions')).not.toMatch(/^ENTRYPOINT/m);
  });

  test('are small to send', () => {
    const size = (entry: string): number => {
      const found = statSync(entry);
      const parts = found.isDirectory() ? readdirSync(entry) : [];
      return parts.reduce((sum, name) => sum + size(path.join(entry, name)), found.isDirectory() ? 0 : found.size);
    };
    for (const { folder } of images()) {
      const sources = readdirSync(folder).filter((name) => name !== 'models');
      expect(sources.reduce((sum, name) => sum + size(path.join(folder, name)), 0)).toBeLessThan(20 << 20);
    }
  });
});
