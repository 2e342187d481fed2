// Tells when the month's cost passes half, all, or is forecast to pass all of what was expected.

import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { Settings } from '../settings';

export class Budget extends Construct {
  constructor(scope: Construct, id: string, settings: Settings, topic: ITopic) {
    super(scope, id);
    const { budgetUsd, budgetOfTagOnly } = settings.alarms;
    const notify = (notificationType: 'ACTUAL' | 'FORECASTED', threshold: number) => ({
      notification: { comparisonOperator: 'GREATER_THAN', notificationType, threshold, thresholdType: 'PERCENTAGE' },
      subscribers: [{ subscriptionType: 'SNS', address: topic.topicArn }],
    });
    new CfnBudget(this, 'Month', {
      budget: {
        budgetName: `${settings.stackName}-month`,
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: budgetUsd, unit: 'USD' },
        ...(budgetOfTagOnly && { costFilters: { TagKeyValue: [`user:stack$${settings.stackName}`] } }),
      },
      notificationsWithSubscribers: [notify('ACTUAL', 50), notify('ACTUAL', 100), notify('FORECASTED', 100)],
    });
  }
}
