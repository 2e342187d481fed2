// The state machine of statemachine/pipeline.asl.json, and what starts and follows its executions.

import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { EventBus, Match, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction, SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { DefinitionBody, LogLevel, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Settings } from '../settings';
import type { Queue } from './compute';
import type { Functions } from './functions';
import { type Places, startExecutions, stateMachineGrants } from './permissions';
import { makeRole } from './roles';
import { checkSubstitutions, pipeline } from './state-machine-files';

/** What lands under it is analyzed. */
export const UPLOADS = 'uploads/';

export interface WorkflowProps {
  settings: Settings;
  functions: Functions;
  cpu: Queue;
  /** Without one, the planner refuses requests for it, and the state machine never comes to ask it. */
  gpu: Queue | undefined;
  places: Places;
  bucket: IBucket;
  deadLetters: IQueue;
}

export class Workflow extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: WorkflowProps) {
    super(scope, id);
    this.stateMachine = this.makeMachine(props);
    this.startOnUpload(props);
    this.closeWhenEnded(props);
  }

  private makeMachine({ settings, functions, cpu, gpu = cpu, places }: WorkflowProps): StateMachine {
    const { definition } = pipeline();
    return new StateMachine(this, 'Pipeline', {
      stateMachineName: settings.stackName,
      // As text: so it stays readable in the template, and cfn-lint checks it.
      definitionBody: DefinitionBody.fromString(definition),
      definitionSubstitutions: checkSubstitutions(definition, {
        PlannerArn: functions.planner.currentVersion.functionArn,
        ReducerArn: functions.reducer.currentVersion.functionArn,
        CloserArn: functions.closer.currentVersion.functionArn,
        GpuJobQueueArn: gpu.queue.jobQueueArn,
        GpuJobDefinitionArn: gpu.definition.jobDefinitionArn,
        CpuJobQueueArn: cpu.queue.jobQueueArn,
        CpuJobDefinitionArn: cpu.definition.jobDefinitionArn,
      }),
      role: makeRole(this, 'stateMachine', 'states.amazonaws.com', stateMachineGrants(places)),
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(this, 'Log', {
          logGroupName: `/aws/vendedlogs/states/${settings.stackName}`,
          retention: settings.storage.logDays as RetentionDays,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
        level: LogLevel.ALL,
        // Inputs and outputs are in the executions' own history.
        includeExecutionData: false,
      },
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  private startOnUpload({ bucket, deadLetters }: WorkflowProps): void {
    const role = makeRole(this, 'uploadRule', 'events.amazonaws.com', [
      startExecutions(this.stateMachine.stateMachineArn),
    ]);
    new Rule(this, 'Upload', {
      description: 'framefan: an upload starts a job',
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Created'],
        // A console makes a folder as an empty object; no video is empty.
        detail: {
          bucket: { name: [bucket.bucketName] },
          object: { key: Match.prefix(UPLOADS), size: Match.greaterThan(0) },
        },
      },
      targets: [new SfnStateMachine(this.stateMachine, {
        role,
        deadLetterQueue: deadLetters,
        retryAttempts: 24,
        maxEventAge: Duration.hours(6),
      })],
    });
  }

  /** An execution that is stopped or times out runs no more states: the rule tells the closer. */
  private closeWhenEnded({ functions, deadLetters }: WorkflowProps): void {
    new Rule(this, 'ExecutionEnded', {
      description: 'framefan: an execution that failed or was ended closes its job',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: {
          stateMachineArn: [this.stateMachine.stateMachineArn],
          status: ['FAILED', 'TIMED_OUT', 'ABORTED'],
        },
      },
      targets: [new LambdaFunction(functions.closer, {
        deadLetterQueue: deadLetters,
        retryAttempts: 24,
        maxEventAge: Duration.hours(6),
      })],
    });
  }
}

/** The bus of this name in this account. */
export function eventBus(scope: Construct, name: string): string {
  return EventBus.fromEventBusName(scope, 'Bus', name).eventBusArn;
}
