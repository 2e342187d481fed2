// Checks the settings before anything is made of them. All that is wrong is said at once.

import type { Settings } from '../settings';
import { AMX_FAMILIES, CPU_FAMILIES, CPU_SIZES, GPU_FAMILIES, GPU_JOB } from './machines';

/** What CloudWatch Logs takes, up to a year. */
export const LOG_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365];

/** Throws an error with a line for each setting that is wrong. */
export function checkSettings(settings: Settings): void {
  const wrong: string[] = [];
  const check = (isRight: boolean, name: string, value: unknown, must: string): void => {
    if (!isRight) wrong.push(`${name} is ${JSON.stringify(value)}: must be ${must}`);
  };
  const { gpu, cpu, warmPool, defaults, fanOut, storage, network, alarms } = settings;
  const isWhole = (value: number, least: number, most: number): boolean =>
    Number.isInteger(value) && value >= least && value <= most;

  check(/^[a-z][a-z0-9-]{0,30}$/.test(settings.stackName), 'stackName', settings.stackName,
    'a lower-case letter, then up to 30 lower-case letters, digits and hyphens');

  const families = Object.keys(GPU_FAMILIES);
  check(families.includes(gpu.family), 'gpu.family', gpu.family, `one of ${families.join(', ')}`);
  check(['f32', 'bf16', 'f16'].includes(gpu.precision), 'gpu.precision', gpu.precision, 'f32, bf16 or f16');
  check(!(gpu.family === 'g4dn' && gpu.precision === 'bf16'), 'gpu.precision', gpu.precision,
    'f32 or f16 on g4dn, whose T4 has no bf16');
  if (gpu.enabled) checkVcpus(check, 'gpu', gpu, GPU_JOB.vcpus);

  check(cpu.families.length > 0 && cpu.families.every((family) => CPU_FAMILIES.includes(family)), 'cpu.families',
    cpu.families, `one or more of ${CPU_FAMILIES.join(', ')}, whose processors have AVX-512`);
  check(['f32', 'bf16'].includes(cpu.precision), 'cpu.precision', cpu.precision, 'f32 or bf16');
  check(cpu.precision !== 'bf16' || cpu.families.every((family) => AMX_FAMILIES.includes(family)), 'cpu.precision',
    cpu.precision, `f32, or cpu.families of ${AMX_FAMILIES.join(' and ')} alone, whose processors have AMX`);
  const sizes = Object.keys(CPU_SIZES);
  check(sizes.includes(String(cpu.vcpusPerJob)), 'cpu.vcpusPerJob', cpu.vcpusPerJob, `one of ${sizes.join(', ')}`);
  checkVcpus(check, 'cpu', cpu, cpu.vcpusPerJob);

  check(warmPool.vcpus === 0 || gpu.enabled, 'warmPool.vcpus', warmPool.vcpus, '0 without a GPU queue (gpu.enabled)');
  const warmMost = gpu.spotMaxVcpus > 0 ? gpu.spotMaxVcpus : gpu.onDemandMaxVcpus;
  check(isWhole(warmPool.vcpus, 0, warmMost), 'warmPool.vcpus', warmPool.vcpus,
    `a whole number from 0 to the queue's limit, ${warmMost}`);
  for (const name of ['start', 'stop'] as const) {
    check(/^(cron|rate|at)\(.+\)$/.test(warmPool[name]), `warmPool.${name}`, warmPool[name],
      'an expression of EventBridge Scheduler such as cron(0 8 ? * MON-FRI *)');
  }

  check(defaults.analyzers.length > 0 && defaults.analyzers.every((name) => /^[a-z0-9_]+$/.test(name)),
    'defaults.analyzers', defaults.analyzers, 'one or more names of analyzers');
  check(['gpu', 'cpu'].includes(defaults.compute), 'defaults.compute', defaults.compute, 'gpu or cpu');
  check(gpu.enabled || defaults.compute !== 'gpu', 'defaults.compute', defaults.compute,
    'cpu when gpu.enabled is false');
  check(defaults.chunkSeconds >= 1 && defaults.chunkSeconds <= 3600, 'defaults.chunkSeconds', defaults.chunkSeconds,
    'a number of seconds from 1 to 3600');
  check(isRate(defaults.sampleFps), 'defaults.sampleFps', defaults.sampleFps,
    'a number greater than 0, or a fraction such as 30000/1001');
  check(isWhole(defaults.maxWidth, 32, 8192), 'defaults.maxWidth', defaults.maxWidth,
    'a whole number of pixels from 32 to 8192');

  check(isWhole(fanOut.maxShards, 1, 500), 'fanOut.maxShards', fanOut.maxShards,
    'a whole number from 1 to 500 (more would not fit the payload of a state)');
  check(fanOut.shardSeconds >= 1, 'fanOut.shardSeconds', fanOut.shardSeconds, 'a number of seconds from 1');

  for (const name of ['existingBucket', 'videoBuckets'] as const) {
    const buckets = [storage[name]].flat().filter((bucket) => bucket !== '');
    check(buckets.every((bucket) => /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)), `storage.${name}`,
      storage[name], 'the name of a bucket, without s3://');
  }
  for (const name of ['retentionDays', 'videoRetentionDays'] as const) {
    check(isWhole(storage[name], 0, 3650), `storage.${name}`, storage[name], 'a whole number of days from 0 to 3650');
  }
  check(LOG_DAYS.includes(storage.logDays), 'storage.logDays', storage.logDays, `one of ${LOG_DAYS.join(', ')}`);

  check(isWhole(network.availabilityZones, 1, 6), 'network.availabilityZones', network.availabilityZones,
    'a whole number from 1 to 6, and no more than the region has');
  check(network.existingVpcId === '' || /^vpc-[0-9a-f]{8,17}$/.test(network.existingVpcId), 'network.existingVpcId',
    network.existingVpcId, 'the id of a network (vpc-…)');
  check((network.existingVpcId === '') === (network.existingSubnetIds.length === 0), 'network.existingSubnetIds',
    network.existingSubnetIds, 'given together with network.existingVpcId, and left empty without it');
  check(network.existingSubnetIds.every((id) => /^subnet-[0-9a-f]{8,17}$/.test(id)), 'network.existingSubnetIds',
    network.existingSubnetIds, 'ids of subnets (subnet-…)');

  check(alarms.email === '' || /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(alarms.email), 'alarms.email', alarms.email,
    'an e-mail address, or empty');
  check(alarms.budgetUsd >= 0, 'alarms.budgetUsd', alarms.budgetUsd, 'a number of US dollars, or 0 for no budget');

  for (const name of ['gpuUsdPerHour', 'cpuUsdPerHour'] as const) {
    check(settings.prices[name] >= 0, `prices.${name}`, settings.prices[name], 'a number of US dollars, or 0');
  }
  check(isWhole(settings.capacityPatienceMinutes, 10, 1440), 'capacityPatienceMinutes',
    settings.capacityPatienceMinutes, 'a whole number of minutes from 10 to 1440');
  check(/^[\w.-]+$/.test(settings.eventBus), 'eventBus', settings.eventBus, 'the name of an event bus in this account');

  if (wrong.length > 0) throw new Error(`settings that do not do:\n  ${wrong.join('\n  ')}`);
}

function checkVcpus(
  check: (isRight: boolean, name: string, value: unknown, must: string) => void,
  name: string,
  limits: { spotMaxVcpus: number; onDemandMaxVcpus: number },
  vcpusPerJob: number,
): void {
  for (const key of ['spotMaxVcpus', 'onDemandMaxVcpus'] as const) {
    const value = limits[key];
    check(Number.isInteger(value) && (value === 0 || value >= vcpusPerJob), `${name}.${key}`, value,
      `0, or a whole number from ${vcpusPerJob}, the vCPUs of a job`);
  }
  check(limits.spotMaxVcpus + limits.onDemandMaxVcpus > 0, `${name}.spotMaxVcpus`, limits.spotMaxVcpus,
    `greater than 0 when ${name}.onDemandMaxVcpus is 0: a queue needs machines`);
}

function isRate(text: string): boolean {
  const parts = /^(\d+(?:\.\d+)?)(?:\/(\d+))?$/.exec(text);
  return parts !== null && Number(parts[1]) > 0 && (parts[2] === undefined || Number(parts[2]) > 0);
}
