// What is known of EC2's machines: sizes, memory, and the device class, which is part of a job's identity.

import type { CpuFamily, CpuPrecision, GpuFamily, GpuPrecision, Settings } from '../settings';

/** Compute capability of each family's GPU: T4, A10G, L4. All sizes below have one GPU. */
export const GPU_FAMILIES: Record<GpuFamily, { computeCapability: string; sizes: string[] }> = {
  g4dn: { computeCapability: '75', sizes: ['xlarge', '2xlarge', '4xlarge'] },
  g5: { computeCapability: '86', sizes: ['xlarge', '2xlarge', '4xlarge'] },
  g6: { computeCapability: '89', sizes: ['xlarge', '2xlarge', '4xlarge'] },
};

/**
 * US dollars an hour of each family's smallest machine, on demand in us-east-1, as recalled in 2025: what the dashboard's
 * cost of a video hour begins with. Settings can say what is really paid.
 */
const XLARGE_USD: Record<GpuFamily | CpuFamily, number> = {
  g4dn: 0.526, g5: 1.006, g6: 0.805, c6i: 0.17, c7i: 0.179, c7a: 0.206, m6i: 0.192, m7i: 0.202, m7a: 0.232,
};

/** What an hour of a GPU queue's machine costs. */
export function gpuUsdPerHour({ gpu, prices }: Settings): number {
  return prices.gpuUsdPerHour || XLARGE_USD[gpu.family];
}

/** What an hour of a CPU queue's machine costs: of its dearest family, because Batch may take any. */
export function cpuUsdPerHour({ cpu, prices }: Settings): number {
  const xlarges = cpu.vcpusPerJob / 4;
  return prices.cpuUsdPerHour || xlarges * Math.max(...cpu.families.map((family) => XLARGE_USD[family]));
}

/** Families with AVX-512: Ice Lake and Sapphire Rapids (i), Zen 4 (a). */
export const CPU_FAMILIES: readonly CpuFamily[] = ['c6i', 'c7i', 'c7a', 'm6i', 'm7i', 'm7a'];

/** The size of a machine with so many vCPUs, and what ECS has left of the memory of its smallest family, MiB. */
export const CPU_SIZES: Record<number, { size: string; memoryMib: number }> = {
  4: { size: 'xlarge', memoryMib: 7_000 },
  8: { size: '2xlarge', memoryMib: 14_500 },
  16: { size: '4xlarge', memoryMib: 29_500 },
};

/** vCPUs and memory of a job with a GPU: the smallest size of each family has 4 vCPUs and 16 GiB. */
export const GPU_JOB = { vcpus: 4, memoryMib: 14_000 };

/** The class of a GPU queue's machines, as `framefan` names it: `cuda-sm86-f32`. */
export function gpuDeviceClass(family: GpuFamily, precision: GpuPrecision): string {
  return `cuda-sm${GPU_FAMILIES[family].computeCapability}-${precision}`;
}

/** Families with AMX: Sapphire Rapids. */
export const AMX_FAMILIES: readonly CpuFamily[] = ['c7i', 'm7i'];

/** The class of the CPU queue's machines. */
export function cpuDeviceClass(precision: CpuPrecision): string {
  return precision === 'bf16' ? 'cpu-amx-bf16' : 'cpu-avx512-f32';
}
