import { describe, expect, test } from 'vitest';
import { checkSettings } from '../lib/check-settings';
import { cpuDeviceClass, gpuDeviceClass } from '../lib/machines';
import { overrideSettings } from '../lib/override-settings';
import { settings } from '../settings';
import { type Changes, change, VARIANTS } from './synthesized';

const checked = (changes: Changes) => () => checkSettings(change(changes));

test('the defaults and the variants of the tests are right', () => {
  for (const changes of Object.values(VARIANTS)) expect(checked(changes)).not.toThrow();
});

describe('what is wrong is named, with what would be right', () => {
  const wrong: [Changes, string][] = [
    [{ stackName: 'My_Stack' }, 'stackName is "My_Stack": must be a lower-case letter'],
    [{ gpu: { family: 'p3' as never } }, 'gpu.family is "p3": must be one of g4dn, g5, g6'],
    [{ gpu: { precision: 'int8' as never } }, 'gpu.precision is "int8"'],
    [{ gpu: { family: 'g4dn', precision: 'bf16' } }, 'whose T4 has no bf16'],
    [{ gpu: { spotMaxVcpus: 3 } }, 'gpu.spotMaxVcpus is 3: must be 0, or a whole number from 4'],
    [{ gpu: { spotMaxVcpus: 0, onDemandMaxVcpus: 0 } }, 'a queue needs machines'],
    [{ cpu: { families: ['c5'] as never } }, 'whose processors have AVX-512'],
    [{ cpu: { families: [] } }, 'cpu.families is []'],
    [{ cpu: { precision: 'f16' as never } }, 'cpu.precision is "f16": must be f32 or bf16'],
    [{ cpu: { precision: 'bf16' } }, 'cpu.families of c7i and m7i alone, whose processors have AMX'],
    [{ cpu: { vcpusPerJob: 6 } }, 'cpu.vcpusPerJob is 6: must be one of 4, 8, 16'],
    [{ warmPool: { vcpus: 1000 } }, 'warmPool.vcpus is 1000: must be a whole number from 0 to the queue\'s limit, 160'],
    [{ warmPool: { vcpus: 4 }, gpu: { enabled: false }, defaults: { compute: 'cpu' } }, '0 without a GPU queue'],
    [{ warmPool: { start: '8 o\'clock' } }, 'warmPool.start'],
    [{ defaults: { analyzers: [] } }, 'defaults.analyzers is []'],
    [{ defaults: { compute: 'tpu' as never } }, 'must be gpu or cpu'],
    [{ gpu: { enabled: false } }, 'must be cpu when gpu.enabled is false'],
    [{ defaults: { chunkSeconds: 0 } }, 'defaults.chunkSeconds is 0'],
    [{ defaults: { sampleFps: 'fast' } }, 'a fraction such as 30000/1001'],
    [{ defaults: { sampleFps: '0' } }, 'defaults.sampleFps'],
    [{ defaults: { maxWidth: 640.5 } }, 'defaults.maxWidth is 640.5'],
    [{ fanOut: { maxShards: 501 } }, 'must be a whole number from 1 to 500'],
    [{ storage: { existingBucket: 's3://b' } }, 'without s3://'],
    [{ storage: { videoBuckets: ['B_'] } }, 'storage.videoBuckets is ["B_"]'],
    [{ storage: { retentionDays: -1 } }, 'storage.retentionDays is -1'],
    [{ storage: { logDays: 31 } }, 'storage.logDays is 31: must be one of 1, 3, 5'],
    [{ network: { availabilityZones: 0 } }, 'network.availabilityZones is 0'],
    [{ network: { existingVpcId: 'vpc-01234567' } }, 'given together with network.existingVpcId'],
    [{ network: { existingSubnetIds: ['subnet-01234567'] } }, 'left empty without it'],
    [{ alarms: { email: 'somebody' } }, 'alarms.email is "somebody": must be an e-mail address, or empty'],
    [{ alarms: { budgetUsd: -5 } }, 'alarms.budgetUsd is -5'],
    [{ capacityPatienceMinutes: 5 }, 'capacityPatienceMinutes is 5: must be a whole number of minutes from 10 to 1440'],
    [{ eventBus: 'arn:aws:events:…' }, 'must be the name of an event bus'],
  ];
  test.each(wrong)('%j', (changes, says) => expect(checked(changes)).toThrow(says));

  test('all at once', () => {
    const both = checked({ stackName: '', alarms: { budgetUsd: -1 } });
    expect(both).toThrow('stackName');
    expect(both).toThrow('alarms.budgetUsd');
  });
});

describe('settings on the command line', () => {
  test('win over the file, read as what they replace', () => {
    const given = {
      'gpu.family': 'g6', 'gpu.enabled': 'false', 'cpu.spotMaxVcpus': '8', 'cpu.families': 'c7i, m7i', stackName: 'mine',
      'tags.team': 'vision', '@aws-cdk/some:flag': true, 'aws-cdk:something': 'else',
    };
    const result = overrideSettings(settings, given);
    expect(result.gpu).toEqual({ ...settings.gpu, family: 'g6', enabled: false });
    expect(result.cpu).toEqual({ ...settings.cpu, spotMaxVcpus: 8, families: ['c7i', 'm7i'] });
    expect([result.stackName, result.tags]).toEqual(['mine', { team: 'vision' }]);
    expect(settings.gpu.family).toBe('g5');
  });

  test.each([
    ['gpu.famly', 'g6', 'no such setting'], ['gpu', 'g6', 'no such setting'], ['stackName.x', 'a', 'no such setting'],
    ['gpu.spotMaxVcpus', 'many', 'must be a number'], ['gpu.spotMaxVcpus', '', 'must be a number'],
    ['gpu.enabled', 'no', 'must be true or false'],
  ])('%s=%s is refused', (key, value, says) => {
    expect(() => overrideSettings(settings, { [key]: value })).toThrow(says);
  });
});

test('the device class is the compute capability that NVIDIA lists for the family\'s GPU', () => {
  // https://developer.nvidia.com/cuda-gpus: T4 7.5, A10G 8.6, L4 8.9
  expect(['g4dn', 'g5', 'g6'].map((family) => gpuDeviceClass(family as never, 'f16')))
    .toEqual(['cuda-sm75-f16', 'cuda-sm86-f16', 'cuda-sm89-f16']);
});

test('the CPU queue\'s device class follows from its precision', () => {
  expect(checked({ cpu: { precision: 'bf16', families: ['c7i', 'm7i'] } })).not.toThrow();
  expect([cpuDeviceClass('f32'), cpuDeviceClass('bf16')]).toEqual(['cpu-avx512-f32', 'cpu-amx-bf16']);
});
