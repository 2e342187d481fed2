// The Lambda functions planner, reducer and closer: one image, whose command chooses the program.

import { Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Settings } from '../settings';
import { type Images, PROGRAMS } from './images';
import { cpuDeviceClass, gpuDeviceClass } from './machines';
import {
  closerGrants, type Grant, type Places, plannerGrants, reducerGrants, sendTo, TRACE, writeLog,
} from './permissions';
import { makeRole } from './roles';

export interface FunctionsProps {
  settings: Settings;
  images: Images;
  /** FRAMEFAN_STACK, FRAMEFAN_BUCKET and FRAMEFAN_TABLE. */
  place: Record<string, string>;
  /** What the roles work on; asked for when all of it is there. */
  places: Places;
  /** Where events go that the closer could not take. */
  deadLetters: IQueue;
}

interface Spec {
  grants: Grant[];
  memoryMib: number;
  timeout: Duration;
  environment?: Record<string, string>;
  scratch?: Size;
  onFailure?: lambda.IDestination;
}

export class Functions extends Construct {
  readonly planner: lambda.Function;
  readonly reducer: lambda.Function;
  readonly closer: lambda.Function;
  readonly all: lambda.Function[];

  constructor(scope: Construct, id: string, private readonly props: FunctionsProps) {
    super(scope, id);
    const { settings, places, deadLetters } = props;
    // A function must end before the state machine's patience with it does (960 s, and 300 s for the closer). More memory
    // is more processor: 1769 MiB are one vCPU.
    this.planner = this.make('planner', {
      grants: plannerGrants(places),
      memoryMib: 2048,
      timeout: Duration.minutes(15),
      environment: { ...plannerDefaults(settings), FRAMEFAN_EVENT_BUS: settings.eventBus },
    });
    this.reducer = this.make('reducer', {
      grants: reducerGrants(places),
      memoryMib: 3008,
      timeout: Duration.minutes(15),
      environment: { FRAMEFAN_EVENT_BUS: settings.eventBus },
      // Sections pass through files on their way into the result.
      scratch: Size.gibibytes(4),
    });
    this.closer = this.make('closer', {
      grants: [...closerGrants(places), sendTo(deadLetters.queueArn)],
      memoryMib: 512,
      timeout: Duration.minutes(4),
      environment: { FRAMEFAN_EVENT_BUS: settings.eventBus },
      // The rule that calls it hands events over and forgets them.
      onFailure: new SqsDestination(deadLetters),
    });
    this.all = [this.planner, this.reducer, this.closer];
  }

  private make(name: string, spec: Spec): lambda.Function {
    const { settings, images, place } = this.props;
    const logGroup = new LogGroup(this, `${name}Log`, {
      logGroupName: `/aws/lambda/${settings.stackName}-${name}`,
      retention: settings.storage.logDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    return new lambda.DockerImageFunction(this, name, {
      functionName: `${settings.stackName}-${name}`,
      description: `framefan: ${name}`,
      code: lambda.DockerImageCode.fromEcr(images.functions.repository, {
        tagOrDigest: images.functions.imageTag,
        cmd: [`${PROGRAMS}/framefan-${name}`],
      }),
      architecture: lambda.Architecture.X86_64,
      memorySize: spec.memoryMib,
      timeout: spec.timeout,
      ...(spec.scratch && { ephemeralStorageSize: spec.scratch }),
      environment: { ...place, ...spec.environment },
      role: makeRole(this, name, 'lambda.amazonaws.com', [
        ...spec.grants, writeLog(logGroup.logGroupArn), TRACE,
      ]),
      logGroup,
      tracing: lambda.Tracing.ACTIVE,
      ...(spec.onFailure && { onFailure: spec.onFailure, retryAttempts: 2 }),
      // An execution calls the version that it began with, also while a newer one is deployed.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE },
    });
  }
}

/** What the planner fills in where a request says nothing. */
function plannerDefaults({ cpu, defaults, fanOut, gpu, storage }: Settings): Record<string, string> {
  return {
    DEFAULT_ANALYZERS: defaults.analyzers.join(','),
    DEFAULT_COMPUTE: defaults.compute,
    CHUNK_SECONDS: String(defaults.chunkSeconds),
    SAMPLE_FPS: defaults.sampleFps,
    MAX_WIDTH: String(defaults.maxWidth),
    MAX_SHARDS: String(fanOut.maxShards),
    SHARD_SECONDS: String(fanOut.shardSeconds),
    RETENTION_DAYS: String(storage.retentionDays),
    CPU_DEVICE_CLASS: cpuDeviceClass(cpu.precision),
    ...(gpu.enabled && { GPU_DEVICE_CLASS: gpuDeviceClass(gpu.family, gpu.precision) }),
  };
}
