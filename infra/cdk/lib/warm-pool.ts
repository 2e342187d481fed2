// Keeps some GPU machines running at set hours: the schedule raises and lowers the least vCPUs of the environment that the
// queue asks first.

import { ScheduleExpression, Schedule, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { Universal } from 'aws-cdk-lib/aws-scheduler-targets';
import { TimeZone } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Settings } from '../settings';
import type { Queue } from './compute';
import { makeRole, statement } from './roles';

export class WarmPool extends Construct {
  constructor(scope: Construct, id: string, settings: Settings['warmPool'], gpu: Queue) {
    super(scope, id);
    const environment = gpu.environments[0];
    if (!environment) throw new Error('the warm pool needs a GPU queue with machines');
    const ComputeEnvironment = environment.computeEnvironmentArn;
    const grants = [
      { sid: 'SetLeastVcpus', actions: ['batch:UpdateComputeEnvironment'], resources: [ComputeEnvironment] },
    ];
    const role = makeRole(this, 'warmPool', 'scheduler.amazonaws.com', grants);
    const at = (name: string, expression: string, vcpus: number): void => {
      new Schedule(this, name, {
        description: `framefan: ${vcpus} vCPUs of warm GPU machines`,
        schedule: ScheduleExpression.expression(expression, TimeZone.of(settings.timeZone)),
        target: new Universal({
          service: 'batch',
          action: 'updateComputeEnvironment',
          role,
          // The role has it already; without it CDK would ask for all resources.
          policyStatements: grants.map(statement),
          input: ScheduleTargetInput.fromObject({ ComputeEnvironment, ComputeResources: { MinvCpus: vcpus } }),
        }),
      });
    };
    at('Start', settings.start, settings.vcpus);
    at('Stop', settings.stop, 0);
  }
}
