// How many jobs wait in each queue, how many chunks they are, and how many jobs are at which stage: Batch publishes how many
// jobs enter a state, but not how many are in it. Every five minutes a small state machine counts them; no code of ours runs
// for that. A job says which chunks it is for in its command. Jobs come by the 25, because a state's result must stay below
// 256 KB.

import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Settings } from '../settings';
import type { Queue } from './compute';
import { CHUNKS_WAITING, JOBS_AT_STAGE, JOBS_WAITING, NAMESPACE } from './metrics';
import { type Places, queueDepthGrants, startExecutions } from './permissions';
import { makeRole } from './roles';
import { checkSubstitutions } from './state-machine-files';

/** The alarm's ten minutes are two of these. */
const EVERY = Duration.minutes(5);

export interface QueueDepthProps {
  settings: Settings;
  queues: Queue[];
  tableName: string;
  places: Places;
}

export class QueueDepth extends Construct {
  constructor(scope: Construct, id: string, { settings, queues, tableName, places }: QueueDepthProps) {
    super(scope, id);
    const definition = readFileSync(path.join(__dirname, 'queue-depth.asl.json'), 'utf8');
    const machine = new StateMachine(this, 'Count', {
      stateMachineName: `${settings.stackName}-queue-depth`,
      stateMachineType: StateMachineType.EXPRESS,
      definitionBody: DefinitionBody.fromString(definition),
      definitionSubstitutions: checkSubstitutions(definition, {
        Namespace: NAMESPACE,
        JobsMetric: JOBS_WAITING,
        ChunksMetric: CHUNKS_WAITING,
        StageMetric: JOBS_AT_STAGE,
        Stack: settings.stackName,
        TableName: tableName,
      }),
      role: makeRole(this, 'queueDepth', 'states.amazonaws.com', queueDepthGrants(places, NAMESPACE)),
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(this, 'Log', {
          logGroupName: `/aws/vendedlogs/states/${settings.stackName}-queue-depth`,
          retention: settings.storage.logDays as RetentionDays,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
        level: LogLevel.ERROR,
      },
    });
    Validations.of(machine).acknowledge({
      id: 'AwsSolutions::AwsSolutions-SF1',
      reason: 'thousands of counts a month that go well are not worth a log; those that do not are logged',
    });
    const start = makeRole(this, 'queueDepthSchedule', 'scheduler.amazonaws.com', [
      startExecutions(machine.stateMachineArn),
    ]);
    new Schedule(this, 'Every', {
      description: 'framefan: counts the jobs that wait in the queues',
      schedule: ScheduleExpression.rate(EVERY),
      target: new StepFunctionsStartExecution(machine, {
        role: start,
        input: ScheduleTargetInput.fromObject({ queues: queues.map((queue) => queue.name) }),
        // The next count is more use than a late one.
        retryAttempts: 0,
      }),
    });
  }
}
