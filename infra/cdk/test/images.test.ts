import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { CONTEXT, PROGRAMS, ROOT } from '../lib/images';
import { resources, synthesized } from './synthesized';

interface Assets {
  dockerImages: Record<string, {
    source: {
      directory: string;
      dockerFile: string;
      dockerBuildTarget?: string;
      dockerBuildArgs?: Record<string, string>;
      platform: string;
    };
  }>;
}

/** The images that a deployment builds, as the CDK command is told. */
function images(): { folder: string; file: string; target?: string; arguments: Record<string, string>; platform: string }[] {
  const { outdir } = synthesized().app;
  const { dockerImages } = JSON.parse(readFileSync(path.join(outdir, 'framefan.assets.json'), 'utf8')) as Assets;
  return Object.values(dockerImages).map(({ source }) => ({
    folder: path.join(outdir, source.directory),
    file: source.dockerFile,
    target: source.dockerBuildTarget,
    arguments: source.dockerBuildArgs ?? {},
    platform: source.platform,
  }));
}

/** The Dockerfile's stages by name. */
function stages(): Record<string, string> {
  const text = readFileSync(path.join(ROOT, 'infra', 'images', 'Dockerfile'), 'utf8');
  return Object.fromEntries(text.split(/^(?=FROM )/m).map((stage) => [/ AS (\S+)$/m.exec(stage)?.[1] ?? '', stage]));
}

describe('images', () => {
  test('are three: of the functions, and of the jobs of each queue, for the GPU of the family', () => {
    const made = images().map(({ file, target, arguments: given, platform }) => ({ file, target, given, platform }));
    const common = { file: 'infra/images/Dockerfile', platform: 'linux/amd64' };
    expect(made).toHaveLength(3);
    expect(made).toEqual(expect.arrayContaining([
      { ...common, target: 'functions', given: {} },
      { ...common, target: 'job-cpu', given: {} },
      { ...common, target: 'job-gpu', given: { CUDA_COMPUTE_CAP: '86' } },
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
    for (const { target, arguments: given } of images()) {
      const stage = stages()[target ?? ''] ?? '';
      for (const argument of Object.keys(given)) expect(stage).toMatch(new RegExp(`^ARG ${argument}\\b`, 'm'));
      expect(stage).toMatch(/^USER 65532:65532$/m);
    }
    for (const job of ['job-cpu', 'job-gpu']) {
      expect(stages()[job]).toMatch(/^COPY --from=\S+ \S+\/gpu-job \/usr\/local\/bin\/$/m);
      expect(stages()[job]).toMatch(/^ENTRYPOINT \["\/usr\/local\/bin\/gpu-job"\]$/m);
    }
    for (const { ImageConfig } of Object.values(resources('AWS::Lambda::Function'))) {
      const [program] = ImageConfig.Command as [string];
      expect(path.dirname(program)).toBe(PROGRAMS);
      expect(stages().functions).toContain(`/out/bin/${path.basename(program)} `);
    }
    expect(stages().functions).not.toMatch(/^ENTRYPOINT/m);
  });

  test('are made of the same parts by scripts/images.sh', () => {
    const script = readFileSync(path.join(ROOT, 'scripts', 'images.sh'), 'utf8');
    const parts = /^CONTEXT=\((.*)\)$/m.exec(script)?.[1]?.split(' ') ?? [];
    const named = CONTEXT.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect([...parts, 'models'].sort()).toEqual(named.sort());
    for (const left of CONTEXT.filter((line) => line.startsWith('**/'))) {
      expect(script).toContain(` --exclude=${left.slice(3)} `);
    }
    // And it builds the same targets, each of which the Dockerfile has.
    const targets = images().map(({ target }) => target).sort();
    expect(/^ {4}([\w| -]+)\) images\+=\("\$1"\) ;;$/m.exec(script)?.[1]?.split(' | ').sort()).toEqual(targets);
    expect(Object.keys(stages())).toEqual(expect.arrayContaining(targets));
  });

  test('copy nothing that is not sent', () => {
    const named = CONTEXT.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const copied = Object.values(stages()).join('\n').split('\n').filter((line) => /^COPY (?!--from)/.test(line))
      .flatMap((line) => line.split(/\s+/).slice(1, -1));
    expect(copied.length).toBeGreaterThan(8);
    for (const file of copied) {
      expect(named.some((name) => file === name || file.startsWith(`${name}/`)), file).toBe(true);
      if (!file.startsWith('models')) expect(existsSync(path.join(ROOT, file)), file).toBe(true);
    }
  });

  test('have the version of the programs', () => {
    const version = /^version = "(.*)"$/m.exec(readFileSync(path.join(ROOT, 'Cargo.toml'), 'utf8'))?.[1];
    for (const target of ['functions', 'job-cpu', 'job-gpu']) expect(stages()[target]).toContain(`\nARG VERSION=${version}\n`);
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
