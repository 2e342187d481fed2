// What a person is told of: each alarm has a name that docs/operations.md explains.

import { Duration, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Rule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { Settings } from '../settings';
import type { Queue } from './compute';
import type { Functions } from './functions';
import { CHUNKS_WAITING, formula, type MakeMetric, metricsOf } from './metrics';

export interface AlarmsProps {
  settings: Settings;
  queues: Queue[];
  functions: Functions;
  stateMachine: StateMachine;
  deadLetters: IQueue;
}

export class Alarms extends Construct {
  readonly topic: Topic;
  readonly all: Alarm[] = [];
  private readonly prefix: string;
  private readonly metric: MakeMetric;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.prefix = props.settings.stackName;
    this.metric = metricsOf(props.settings.stackName);
    this.topic = this.makeTopic(props.settings);
    this.ofQueues(props.queues);
    this.ofWork();
    this.ofExecutions(props);
    this.tellOfBlockedQueues(props.queues);
  }

  private ofQueues(queues: Queue[]): void {
    // One metric a queue: a chunk waits as part of its shard, which is a job.
    const depths = queues.map(({ name }) => this.metric(CHUNKS_WAITING, 'Maximum', { queue: name }));
    this.add('chunks-waiting', 'more than 100 chunks have waited for a machine for 10 minutes', {
      metric: formula((of) => depths.map(of).join(' + '), 'chunks that wait'),
      threshold: 100,
      evaluationPeriods: 2,
    });
  }

  private ofWork(): void {
    const period = Duration.minutes(15);
    const failed = this.metric('ChunksFailed', 'Sum', { period });
    const completed = this.metric('ChunksCompleted', 'Sum', { period });
    this.add('chunks-failing', 'more than 5% of the chunks of 15 minutes failed', {
      metric: formula((of) => {
        const all = `(${of(failed)} + ${of(completed)})`;
        return `IF(${all} > 0, 100 * ${of(failed)} / ${all}, 0)`;
      }, 'failed chunks, %'),
      threshold: 5,
    });
    this.add('aggregation-slow', 'merging the chunks of a job took more than 2 minutes', {
      metric: this.metric('AggregationTime', 'Maximum'),
      threshold: Duration.minutes(2).toMilliseconds(),
    });
  }

  private ofExecutions({ stateMachine, functions, deadLetters }: AlarmsProps): void {
    const period = Duration.minutes(5);
    const failed = stateMachine.metricFailed({ period, statistic: 'Sum' });
    const late = stateMachine.metricTimedOut({ period, statistic: 'Sum' });
    this.add('executions-failed', 'an execution failed or timed out', {
      metric: formula((of) => `${of(failed)} + ${of(late)}`, 'failed executions'),
      threshold: 0,
    });
    this.add('dead-letters', 'an event that should have started or closed a job was not taken', {
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' }),
      threshold: 0,
    });
    this.add('closer-failing', 'the closer fails: jobs whose execution ended may look alive', {
      metric: functions.closer.metricErrors({ period, statistic: 'Sum' }),
      threshold: 0,
    });
  }

  private add(
    name: string,
    description: string,
    alarm: { metric: IMetric; threshold: number; evaluationPeriods?: number },
  ): void {
    const made = new Alarm(this, name, {
      alarmName: `${this.prefix}-${name}`,
      alarmDescription: `framefan: ${description}. What to do: docs/operations.md, "Alarms".`,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      // Nothing is written while nothing runs.
      treatMissingData: TreatMissingData.NOT_BREACHING,
      ...alarm,
    });
    made.addAlarmAction(new SnsAction(this.topic));
    this.all.push(made);
  }

  private makeTopic({ stackName, alarms }: Settings): Topic {
    const topic = new Topic(this, 'Topic', {
      topicName: `${stackName}-alarms`,
      displayName: `framefan alarms (${stackName})`,
      enforceSSL: true,
    });
    if (alarms.email) topic.addSubscription(new EmailSubscription(alarms.email));
    // A topic with a policy of its own lets only those publish that the policy names.
    const { account } = Stack.of(this);
    for (const service of ['cloudwatch', 'budgets']) {
      this.allowPublishing(topic, service, { StringEquals: { 'aws:SourceAccount': account } });
    }
    return topic;
  }

  /** Batch says when the first job of a queue cannot run, and why: no capacity, a limit too low, a setting. */
  private tellOfBlockedQueues(queues: Queue[]): void {
    const rule = new Rule(this, 'QueueBlocked', {
      description: 'framefan: a job that cannot run blocks a queue',
      eventPattern: {
        source: ['aws.batch'],
        detailType: ['Batch Job Queue Blocked'],
        detail: { jobQueue: queues.map(({ queue }) => queue.jobQueueArn) },
      },
      // The library's own target would let every rule of every account publish.
      targets: [{ bind: () => ({ arn: this.topic.topicArn }) }],
    });
    this.allowPublishing(this.topic, 'events', { ArnEquals: { 'aws:SourceArn': rule.ruleArn } });
  }

  private allowPublishing(topic: Topic, service: string, conditions: Record<string, Record<string, string>>): void {
    topic.addToResourcePolicy(new PolicyStatement({
      sid: `${service}Publishes`,
      principals: [new ServicePrincipal(`${service}.amazonaws.com`)],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions,
    }));
  }
}
