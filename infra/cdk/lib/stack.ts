// The whole deployment: one stack, put together of constructs with one purpose each.

import { ArnFormat, CfnOutput, Duration, Fn, Stack, type StackProps, Tags, Validations } from 'aws-cdk-lib';
import { Queue as SqsQueue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Settings } from '../settings';
import { Alarms } from './alarms';
import { Budget } from './budget';
import { checkSettings } from './check-settings';
import { Compute } from './compute';
import { Dashboard } from './dashboard';
import { Functions } from './functions';
import { Images } from './images';
import { Network } from './network';
import type { Places } from './permissions';
import { QueueDepth } from './queue-depth';
import { Storage } from './storage';
import { WarmPool } from './warm-pool';
import { eventBus, Workflow } from './state-machine';

export class FramefanStack extends Stack {
  constructor(scope: Construct, private readonly settings: Settings, props: StackProps = {}) {
    checkSettings(settings);
    super(scope, settings.stackName, { description: 'framefan: video analysis on Batch, by Step Functions', ...props });

    const storage = new Storage(this, 'Storage', settings.storage);
    const network = new Network(this, 'Network', settings);
    const images = new Images(this, 'Images', settings.gpu);
    const deadLetters = new SqsQueue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    Validations.of(deadLetters).acknowledge({
      id: 'AwsSolutions::AwsSolutions-SQS3',
      reason: 'it is the queue for dead letters itself',
    });

    const place = {
      FRAMEFAN_STACK: settings.stackName,
      FRAMEFAN_BUCKET: storage.bucket.bucketName,
      FRAMEFAN_TABLE: storage.table.tableName,
    };
    const places = this.places(storage);
    const compute = new Compute(this, 'Compute', { settings, network, images, place, places });
    const functions = new Functions(this, 'Functions', { settings, images, place, places, deadLetters });
    const { cpu, gpu } = compute;
    const queues = gpu ? [gpu, cpu] : [cpu];
    const { stateMachine } = new Workflow(this, 'Workflow', {
      settings, functions, cpu, gpu, places, bucket: storage.bucket, deadLetters,
    });
    if (gpu && settings.warmPool.vcpus > 0) new WarmPool(this, 'WarmPool', settings.warmPool, gpu);

    new QueueDepth(this, 'QueueDepth', { settings, queues, tableName: storage.table.tableName, places });
    const alarms = new Alarms(this, 'Alarms', { settings, queues, functions, stateMachine, deadLetters });
    new Dashboard(this, 'Dashboard', { settings, queues, gpu, functions, stateMachine, alarms });
    if (settings.alarms.budgetUsd > 0) new Budget(this, 'Budget', settings, alarms.topic);

    this.tag();
    // The command line finds a deployment by these (`Part::output` in crates/jobs/src/remote/deployment.rs).
    this.output('BucketName', storage.bucket.bucketName, 'Videos, jobs and results');
    this.output('TableName', storage.table.tableName, 'State of jobs and chunks');
    this.output('StateMachineArn', stateMachine.stateMachineArn, 'What runs a job');
    this.output('JobLogGroup', compute.logGroup.logGroupName, 'Where jobs log');
    if (gpu) this.output('GpuJobQueueArn', gpu.queue.jobQueueArn, 'Machines with a GPU');
    this.output('CpuJobQueueArn', cpu.queue.jobQueueArn, 'Machines without');
    this.output('EventBusName', settings.eventBus, 'Where the end of a job is announced');
    this.output('AlarmTopicArn', alarms.topic.topicArn, 'Where alarms are published');
    this.output('DeadLetterQueueUrl', deadLetters.queueUrl, 'Events that nobody took');
    this.output('DashboardUrl', this.dashboardUrl(), 'How it does');
  }

  /** Without an account, CDK would plan for two zones only. The region must have as many as are asked for. */
  override get availabilityZones(): string[] {
    const zones = Fn.getAzs();
    return Array.from({ length: this.settings.network.availabilityZones }, (_, index) => Fn.select(index, zones));
  }

  /** ARNs by name where a reference would go in a circle: a function's role names the state machine that calls it. */
  private places(storage: Storage): Places {
    const { stackName, gpu, storage: { videoBuckets }, eventBus: bus } = this.settings;
    const arn = (service: string, resource: string, resourceName: string, colon = false): string =>
      this.formatArn({
        service,
        resource,
        resourceName,
        arnFormat: colon ? ArnFormat.COLON_RESOURCE_NAME : ArnFormat.SLASH_RESOURCE_NAME,
      });
    const kinds = gpu.enabled ? ['gpu', 'cpu'] : ['cpu'];
    return {
      bucketArn: storage.bucket.bucketArn,
      videoBucketArns: videoBuckets.map((name) => `arn:${this.partition}:s3:::${name}`),
      tableArn: storage.table.tableArn,
      eventBusArn: eventBus(this, bus),
      stateMachineArn: arn('states', 'stateMachine', stackName, true),
      executionArns: [arn('states', 'execution', `${stackName}:*`, true)],
      childExecutionArns: [arn('states', 'execution', `${stackName}/*`, true)],
      functionArns: ['planner', 'reducer', 'closer'].map((name) =>
        arn('lambda', 'function', `${stackName}-${name}:*`, true)),
      jobQueueArns: kinds.map((kind) => arn('batch', 'job-queue', `${stackName}-${kind}`)),
      jobDefinitionArns: kinds.map((kind) => arn('batch', 'job-definition', `${stackName}-${kind}:*`)),
      batchJobArn: arn('batch', 'job', '*'),
      batchJobsRuleArn: arn('events', 'rule', 'StepFunctionsGetEventsForBatchJobsRule'),
    };
  }

  private tag(): void {
    const { stackName, tags } = this.settings;
    for (const [name, value] of Object.entries({ project: 'framefan', stack: stackName, ...tags })) {
      Tags.of(this).add(name, value);
    }
  }

  private output(name: string, value: string, description: string): void {
    new CfnOutput(this, name, { value, description });
  }

  private dashboardUrl(): string {
    const console = `https://${this.region}.console.aws.amazon.com/cloudwatch/home`;
    return `${console}?region=${this.region}#dashboards/dashboard/${this.settings.stackName}`;
  }
}
