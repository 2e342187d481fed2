import { describe, expect, test } from 'vitest';
import { jobRetry, pipeline } from '../lib/state-machine-files';
import { idOf, only, readable, resources, type Variant } from './synthesized';

const environment = (name: string, variant: Variant = 'default') =>
  resources('AWS::Batch::ComputeEnvironment', variant)[`Compute/${name}/Resource`] as Record<string, any>;
const definition = (kind: string, variant: Variant = 'default') =>
  resources('AWS::Batch::JobDefinition', variant)[`Compute/${kind}Job/Resource`] as Record<string, any>;
const queue = (kind: string, variant: Variant = 'default') =>
  resources('AWS::Batch::JobQueue', variant)[`Compute/${kind}Queue/Resource`] as Record<string, any>;
const variables = (kind: string, variant: Variant = 'default') =>
  Object.fromEntries(definition(kind, variant)['ContainerProperties'].Environment.map(
    ({ Name, Value }: { Name: string; Value: unknown }) => [Name, readable(Value)]));

describe('machines', () => {
  test('come when jobs wait, and go when none do', () => {
    const all = [...Object.values(resources('AWS::Batch::ComputeEnvironment')),
      ...Object.values(resources('AWS::Batch::ComputeEnvironment', 'everything'))];
    expect(all.length).toBe(8);
    for (const { ComputeResources } of all) expect(ComputeResources.MinvCpus).toBe(0);
  });

  test('of a GPU queue are of one family, with one GPU each', () => {
    for (const name of ['gpuSpot', 'gpuOnDemand']) {
      expect(environment(name)['ComputeResources']).toMatchObject({
        InstanceTypes: ['g5.xlarge', 'g5.2xlarge', 'g5.4xlarge'],
        Ec2Configuration: [{ ImageType: 'ECS_AL2023_NVIDIA' }],
      });
      expect(environment(name, 'everything')['ComputeResources'].InstanceTypes).toContain('g4dn.xlarge');
    }
  });

  test('of the CPU queue are as large as a job', () => {
    expect(environment('cpuSpot')['ComputeResources']).toMatchObject({
      InstanceTypes: ['c6i.xlarge', 'c7i.xlarge', 'm6i.xlarge', 'm7i.xlarge'],
      Ec2Configuration: [{ ImageType: 'ECS_AL2023' }],
    });
    expect(environment('cpuSpot', 'everything')['ComputeResources'].InstanceTypes).toEqual(['c7a.2xlarge', 'm7a.2xlarge']);
    const needs = definition('cpu', 'everything')['ContainerProperties'].ResourceRequirements;
    expect(needs).toEqual(expect.arrayContaining([{ Type: 'VCPU', Value: '8' }, { Type: 'MEMORY', Value: '14500' }]));
  });

  test('are Spot first and on-demand behind it, each within its limit', () => {
    const order = queue('gpu')['ComputeEnvironmentOrder'];
    expect(order.map(({ Order, ComputeEnvironment }: any) => [Order, readable(ComputeEnvironment)]))
      .toEqual(['gpuSpot', 'gpuOnDemand'].map((name, index) =>
        [index + 1, `<${idOf(`Compute/${name}/Resource`)}.ComputeEnvironmentArn>`]));
    expect(environment('gpuSpot')['ComputeResources']).toMatchObject(
      { Type: 'SPOT', AllocationStrategy: 'SPOT_PRICE_CAPACITY_OPTIMIZED', MaxvCpus: 160 });
    expect(environment('gpuOnDemand')['ComputeResources']).toMatchObject(
      { Type: 'EC2', AllocationStrategy: 'BEST_FIT_PROGRESSIVE', MaxvCpus: 32 });
  });

  test('may be of one kind only', () => {
    expect(queue('cpu', 'least')['ComputeEnvironmentOrder']).toHaveLength(1);
    expect(Object.keys(resources('AWS::Batch::ComputeEnvironment', 'least'))).toEqual(['Compute/cpuOnDemand/Resource']);
  });

  test('are replaced without ending what runs, with the newest image and launch template', () => {
    for (const properties of Object.values(resources('AWS::Batch::ComputeEnvironment'))) {
      expect(properties).toMatchObject({
        ReplaceComputeEnvironment: false,
        UpdatePolicy: {
          TerminateJobsOnUpdate: false,
          JobExecutionTimeoutMinutes: pipeline().attemptSeconds / 60,
        },
        ComputeResources: { UpdateToLatestImageVersion: true },
      });
      const { Version } = properties['ComputeResources'].LaunchTemplate;
      expect(readable(Version)).toBe(`<${idOf('Compute/Machine/Resource')}.LatestVersionNumber>`);
    }
  });

  test('keep their disks encrypted and their metadata behind tokens, which a container reaches', () => {
    const { LaunchTemplateData } = only('AWS::EC2::LaunchTemplate');
    expect(LaunchTemplateData).toMatchObject({
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 2 },
      BlockDeviceMappings: [
        { DeviceName: '/dev/xvda', Ebs: { Encrypted: true, DeleteOnTermination: true, VolumeType: 'gp3' } },
      ],
    });
  });

  test('bear the stack\'s tags, by which their cost is told', () => {
    expect(environment('gpuSpot')['ComputeResources'].Tags).toEqual({ project: 'framefan', stack: 'framefan' });
    expect(environment('gpuSpot', 'everything')['ComputeResources'].Tags)
      .toEqual({ project: 'framefan', stack: 'other', team: 'vision' });
  });
});

describe('queues', () => {
  test('are named after the stack: their names are metrics\' dimensions', () => {
    expect(Object.values(resources('AWS::Batch::JobQueue')).map(({ JobQueueName }) => JobQueueName).sort())
      .toEqual(['framefan-cpu', 'framefan-gpu']);
  });

  test('give up a job that cannot run', () => {
    const action = (Reason: string, MaxTimeSeconds: number) =>
      ({ Action: 'CANCEL', State: 'RUNNABLE', Reason, MaxTimeSeconds });
    for (const { JobStateTimeLimitActions } of Object.values(resources('AWS::Batch::JobQueue'))) {
      expect(JobStateTimeLimitActions).toEqual([
        action('CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY', 7200),
        action('MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE', 600),
        action('MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT', 600),
      ]);
    }
  });
});

describe('jobs', () => {
  test.each(['gpu', 'cpu'])('on %s run as nobody, on a filesystem that is read-only but for /tmp', (kind) => {
    expect(definition(kind)['ContainerProperties']).toMatchObject({
      User: '65532:65532',
      ReadonlyRootFilesystem: true,
      LinuxParameters: { Tmpfs: [{ ContainerPath: '/tmp', Size: 512, MountOptions: ['rw', 'nosuid', 'nodev'] }] },
    });
    expect(definition(kind)['ContainerProperties']).not.toHaveProperty('Privileged', true);
  });

  test('are given what crates/jobs reads from the environment', () => {
    const place = {
      FRAMEFAN_STACK: 'framefan',
      FRAMEFAN_BUCKET: expect.any(String),
      FRAMEFAN_TABLE: expect.any(String),
      AWS_REGION: '<AWS::Region>',
    };
    expect(variables('cpu')).toEqual({ ...place, FRAMEFAN_DEVICE: 'cpu' });
    expect(variables('gpu')).toEqual({
      ...place, FRAMEFAN_DEVICE: 'cuda', CUDA_CACHE_PATH: '/tmp/cuda', NVIDIA_DRIVER_CAPABILITIES: 'compute,utility,video',
    });
  });

  test('have a GPU only where there is one', () => {
    const kinds = (kind: string) =>
      definition(kind)['ContainerProperties'].ResourceRequirements.map(({ Type }: any) => Type).sort();
    expect([kinds('gpu'), kinds('cpu')]).toEqual([['GPU', 'MEMORY', 'VCPU'], ['MEMORY', 'VCPU']]);
  });

  test('end in time, and old revisions stay for executions that began with them', () => {
    for (const properties of Object.values(resources('AWS::Batch::JobDefinition'))) {
      expect(properties).toMatchObject({
        Timeout: { AttemptDurationSeconds: 7200 },
        RetryStrategy: { Attempts: jobRetry().attempts },
        ResourceRetentionPolicy: { SkipDeregisterOnUpdate: true },
        PropagateTags: true,
      });
    }
  });

  test('log where the command line reads', () => {
    const { Options } = definition('gpu')['ContainerProperties'].LogConfiguration;
    expect(readable(Options['awslogs-group'])).toBe(`<${idOf('Compute/JobLog/Resource')}>`);
    expect(resources('AWS::Logs::LogGroup')['Compute/JobLog/Resource'])
      .toMatchObject({ LogGroupName: '/framefan/jobs', RetentionInDays: 30 });
  });

  test('have an image for each kind of machine', () => {
    const [gpu, cpu] = ['gpu', 'cpu'].map((kind) => readable(definition(kind)['ContainerProperties'].Image));
    expect(gpu).not.toBe(cpu);
  });
});

describe('the warm pool', () => {
  const schedules = (variant: Variant) => Object.fromEntries(
    Object.entries(resources('AWS::Scheduler::Schedule', variant)).filter(([name]) => name.startsWith('WarmPool/')));

  test('is left out by default', () => expect(schedules('default')).toEqual({}));

  test('raises and lowers the least vCPUs of the environment that is asked first', () => {
    const found = schedules('everything');
    const spot = `<${idOf('Compute/gpuSpot/Resource', 'everything')}.ComputeEnvironmentArn>`;
    for (const [name, MinvCpus, hour] of [['Start', 4, 8], ['Stop', 0, 18]] as const) {
      const schedule = found[`WarmPool/${name}/Resource`] as Record<string, any>;
      expect(schedule).toMatchObject({
        ScheduleExpression: `cron(0 ${hour} ? * MON-FRI *)`,
        ScheduleExpressionTimezone: 'Europe/Berlin',
        State: 'ENABLED',
      });
      expect(readable(schedule['Target'].Arn))
        .toBe('arn:<AWS::Partition>:scheduler:::aws-sdk:batch:updateComputeEnvironment');
      expect(JSON.parse(readable(schedule['Target'].Input)))
        .toEqual({ ComputeEnvironment: spot, ComputeResources: { MinvCpus } });
    }
  });
});
