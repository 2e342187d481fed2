// The Batch queues: machines that come when jobs wait and go when none do, Spot first and on-demand behind it.

import { Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import * as batch from 'aws-cdk-lib/aws-batch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { DockerImageAsset } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage, LogDriver } from 'aws-cdk-lib/aws-ecs';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Settings } from '../settings';
import type { Images } from './images';
import { CPU_SIZES, GPU_FAMILIES, GPU_JOB } from './machines';
import type { Network } from './network';
import { jobGrants, machineGrants, type Places, pullAndLogGrants } from './permissions';
import { makeRole } from './roles';
import { jobRetry, pipeline } from './state-machine-files';

/** The user in the image, who owns nothing. */
const NOBODY = '65532:65532';
/** AMI and image: the CUDA libraries alone are gigabytes. */
const DISK_GIB = 60;
/** For the writable /tmp, in memory. */
const SCRATCH = Size.mebibytes(512);

export interface ComputeProps {
  settings: Settings;
  network: Network;
  images: Images;
  place: Record<string, string>;
  places: Places;
}

/** A queue, and what its jobs are. */
export interface Queue {
  name: string;
  queue: batch.JobQueue;
  definition: batch.EcsJobDefinition;
  /** In the order that the queue asks them. */
  environments: batch.ManagedEc2EcsComputeEnvironment[];
}

interface Spec {
  instanceTypes: ec2.InstanceType[];
  imageType: batch.EcsMachineImageType;
  image: DockerImageAsset;
  vcpus: number;
  memoryMib: number;
  gpu?: number;
  spotMaxVcpus: number;
  onDemandMaxVcpus: number;
  environment: Record<string, string>;
}

export class Compute extends Construct {
  readonly cpu: Queue;
  readonly gpu?: Queue;
  readonly logGroup: LogGroup;
  private readonly launchTemplate: ec2.LaunchTemplate;
  private readonly machineRole: IRole;
  private readonly jobRole: IRole;
  private readonly executionRole: IRole;

  constructor(scope: Construct, id: string, private readonly props: ComputeProps) {
    super(scope, id);
    const { settings, images, places } = props;
    this.logGroup = new LogGroup(this, 'JobLog', {
      logGroupName: `/${settings.stackName}/jobs`,
      retention: settings.storage.logDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const log = this.logGroup.logGroupArn;
    const repositories = [images.cpuJob.repository.repositoryArn];
    this.machineRole = makeRole(this, 'machine', 'ec2.amazonaws.com', machineGrants(log, repositories));
    this.executionRole = makeRole(this, 'execution', 'ecs-tasks.amazonaws.com', pullAndLogGrants(log, repositories));
    this.jobRole = makeRole(this, 'job', 'ecs-tasks.amazonaws.com', jobGrants(places));
    this.launchTemplate = this.makeLaunchTemplate();
    this.cpu = this.makeQueue('cpu', this.cpuSpec());
    if (images.gpuJob) this.gpu = this.makeQueue('gpu', this.gpuSpec(images.gpuJob));
  }

  private cpuSpec(): Spec {
    const { cpu } = this.props.settings;
    const known = CPU_SIZES[cpu.vcpusPerJob];
    if (!known) throw new Error(`cpu.vcpusPerJob: no size of machine is known with ${cpu.vcpusPerJob} vCPUs`);
    return {
      ...cpu,
      // A job fills its machine: its threads are as many as the machine's processors.
      instanceTypes: cpu.families.map((family) => new ec2.InstanceType(`${family}.${known.size}`)),
      imageType: batch.EcsMachineImageType.ECS_AL2023,
      image: this.props.images.cpuJob,
      vcpus: cpu.vcpusPerJob,
      memoryMib: known.memoryMib,
      environment: { FRAMEFAN_DEVICE: 'cpu' },
    };
  }

  private gpuSpec(image: DockerImageAsset): Spec {
    const { gpu } = this.props.settings;
    const { sizes } = GPU_FAMILIES[gpu.family];
    return {
      ...gpu,
      instanceTypes: sizes.map((size) => new ec2.InstanceType(`${gpu.family}.${size}`)),
      imageType: batch.EcsMachineImageType.ECS_AL2023_NVIDIA,
      image,
      ...GPU_JOB,
      gpu: 1,
      environment: {
        FRAMEFAN_DEVICE: 'cuda',
        // The root filesystem is read-only, and so is the default place of the driver's cache of compiled kernels.
        CUDA_CACHE_PATH: '/tmp/cuda',
        NVIDIA_DRIVER_CAPABILITIES: 'compute,utility,video',
      },
    };
  }

  private makeLaunchTemplate(): ec2.LaunchTemplate {
    return new ec2.LaunchTemplate(this, 'Machine', {
      requireImdsv2: true,
      // From a container to the metadata is one hop more: jobs ask it whether Spot takes their machine away.
      httpPutResponseHopLimit: 2,
      blockDevices: [{
        deviceName: '/dev/xvda',
        volume: ec2.BlockDeviceVolume.ebs(DISK_GIB, {
          encrypted: true,
          volumeType: ec2.EbsDeviceVolumeType.GP3,
          deleteOnTermination: true,
        }),
      }],
    });
  }

  private makeQueue(kind: string, spec: Spec): Queue {
    const { settings } = this.props;
    const environments: batch.ManagedEc2EcsComputeEnvironment[] = [];
    if (spec.spotMaxVcpus > 0) environments.push(this.makeEnvironment(kind, spec, true));
    if (spec.onDemandMaxVcpus > 0) environments.push(this.makeEnvironment(kind, spec, false));
    const name = `${settings.stackName}-${kind}`;
    const giveUp = (reason: batch.JobStateTimeLimitActionsReason, maxTime: Duration) => ({ reason, maxTime });
    const reasons = batch.JobStateTimeLimitActionsReason;
    const queue = new batch.JobQueue(this, `${kind}Queue`, {
      jobQueueName: name,
      priority: 1,
      computeEnvironments: environments.map((computeEnvironment, index) => ({ computeEnvironment, order: index + 1 })),
      // A job that cannot run must not hold up the others for good.
      jobStateTimeLimitActions: [
        giveUp(reasons.INSUFFICIENT_INSTANCE_CAPACITY, Duration.minutes(settings.capacityPatienceMinutes)),
        giveUp(reasons.COMPUTE_ENVIRONMENT_MAX_RESOURCE, Duration.minutes(10)),
        giveUp(reasons.JOB_RESOURCE_REQUIREMENT, Duration.minutes(10)),
      ],
    });
    return { name, queue, definition: this.makeDefinition(kind, name, spec), environments };
  }

  private makeEnvironment(kind: string, spec: Spec, spot: boolean): batch.ManagedEc2EcsComputeEnvironment {
    const { network } = this.props;
    const environment = new batch.ManagedEc2EcsComputeEnvironment(this, `${kind}${spot ? 'Spot' : 'OnDemand'}`, {
      vpc: network.vpc,
      vpcSubnets: network.subnets,
      securityGroups: [network.securityGroup],
      spot,
      allocationStrategy: spot
        ? batch.AllocationStrategy.SPOT_PRICE_CAPACITY_OPTIMIZED
        : batch.AllocationStrategy.BEST_FIT_PROGRESSIVE,
      instanceTypes: spec.instanceTypes,
      useOptimalInstanceClasses: false,
      images: [{ imageType: spec.imageType }],
      minvCpus: 0,
      maxvCpus: spot ? spec.spotMaxVcpus : spec.onDemandMaxVcpus,
      instanceRole: this.machineRole,
      launchTemplate: this.launchTemplate,
      // An update lets attempts that run end by themselves, and takes the newest AMI.
      replaceComputeEnvironment: false,
      updateToLatestImageVersion: true,
      terminateOnUpdate: false,
      updateTimeout: Duration.seconds(pipeline().attemptSeconds),
    });
    // Without a version Batch takes the default one, which stays the first for good.
    (environment.node.defaultChild as batch.CfnComputeEnvironment).addPropertyOverride(
      'ComputeResources.LaunchTemplate.Version', this.launchTemplate.latestVersionNumber);
    return environment;
  }

  private makeDefinition(kind: string, name: string, spec: Spec): batch.EcsJobDefinition {
    const scratch = new batch.LinuxParameters(this, `${kind}Linux`);
    scratch.addTmpfs({
      containerPath: '/tmp',
      size: SCRATCH,
      mountOptions: [batch.TmpfsMountOption.RW, batch.TmpfsMountOption.NOSUID, batch.TmpfsMountOption.NODEV],
    });
    const retry = jobRetry();
    return new batch.EcsJobDefinition(this, `${kind}Job`, {
      jobDefinitionName: name,
      container: new batch.EcsEc2ContainerDefinition(this, `${kind}Container`, {
        image: ContainerImage.fromDockerImageAsset(spec.image),
        cpu: spec.vcpus,
        memory: Size.mebibytes(spec.memoryMib),
        ...(spec.gpu && { gpu: spec.gpu }),
        jobRole: this.jobRole,
        executionRole: this.executionRole,
        user: NOBODY,
        readonlyRootFilesystem: true,
        linuxParameters: scratch,
        // ECS tells a container on EC2 no region.
        environment: { ...this.props.place, AWS_REGION: Stack.of(this).region, ...spec.environment },
        logging: LogDriver.awsLogs({ logGroup: this.logGroup, streamPrefix: name }),
      }),
      timeout: Duration.seconds(pipeline().attemptSeconds),
      retryAttempts: retry.attempts,
      retryStrategies: retry.rules.map(({ action, ...on }) =>
        batch.RetryStrategy.of(batch.Action[action], batch.Reason.custom(on))),
      propagateTags: true,
      // Executions that run go on with the revision that they began with.
      skipDeregisterOnUpdate: true,
    });
  }
}
