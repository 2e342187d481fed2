// The policies of a synthesized template, by the name of the role: what a test or a person compares with the calls that
// were seen.

import { readable } from './readable';
import { ROLE_NAME } from './roles';

/** What a role may do, as the template says it. */
export interface Allowed {
  sid: string;
  actions: string[];
  resources: string[];
  conditions?: unknown;
}

export interface Template {
  Resources: Record<string, { Type: string; Properties?: Record<string, unknown>; Metadata?: Record<string, unknown> }>;
  Outputs?: Record<string, { Value: unknown }>;
}

interface Policy {
  Roles: unknown[];
  PolicyDocument: {
    Statement: { Sid?: string; Action: string | string[]; Resource: unknown; Condition?: unknown }[];
  };
}

/**
 * Role names and what each may do; a role that CDK made for itself has its logical id as name. ARNs are written out as far
 * as they are known, with `<Name>` for the rest: `<BucketName>` and `<TableName>` after the stack's outputs, and
 * CloudFormation's own such as `<AWS::Region>`. `values` fills them in.
 */
export function policies(template: Template, values: Record<string, string> = {}): Record<string, Allowed[]> {
  const write = (value: unknown): string => fill(fill(readable(value), arns(template)), values);
  const found: Record<string, Allowed[]> = {};
  for (const resource of Object.values(template.Resources)) {
    if (resource.Type !== 'AWS::IAM::Policy') continue;
    const policy = resource.Properties as unknown as Policy;
    for (const role of policy.Roles) {
      const id = readable(role).slice(1, -1);
      const name = template.Resources[id]?.Metadata?.[ROLE_NAME] ?? id;
      const allowed = policy.PolicyDocument.Statement.map((statement) => ({
        sid: statement.Sid ?? '',
        actions: [statement.Action].flat().sort(),
        resources: [statement.Resource].flat().map(write).sort(),
        ...(statement.Condition !== undefined && { conditions: statement.Condition }),
      }));
      found[String(name)] = [...(found[String(name)] ?? []), ...allowed];
    }
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `<Id.Arn>` of resources as ARNs with names. */
function arns({ Resources, Outputs = {} }: Template): Record<string, string> {
  const outputs = Object.entries(Outputs).map(([name, { Value }]) => [readable(Value), `<${name}>`] as const);
  const names = new Map(outputs);
  const arn = (service: string, rest: string): string =>
    `arn:<AWS::Partition>:${service}:<AWS::Region>:<AWS::AccountId>:${rest}`;
  const written: Record<string, string> = {};
  for (const [id, { Type, Properties = {} }] of Object.entries(Resources)) {
    const given = (property: string): string =>
      (Properties[property] as string | undefined) ?? names.get(`<${id}>`) ?? `<${id}>`;
    switch (Type) {
      case 'AWS::S3::Bucket':
        written[`${id}.Arn`] = `arn:<AWS::Partition>:s3:::${given('BucketName')}`;
        break;
      case 'AWS::DynamoDB::GlobalTable':
        written[`${id}.Arn`] = arn('dynamodb', `table/${given('TableName')}`);
        break;
      case 'AWS::Logs::LogGroup':
        written[`${id}.Arn`] = arn('logs', `log-group:${given('LogGroupName')}:*`);
        break;
      case 'AWS::SQS::Queue':
        written[`${id}.Arn`] = arn('sqs', given('QueueName'));
        break;
      case 'AWS::StepFunctions::StateMachine':
        written[id] = arn('states', `stateMachine:${given('StateMachineName')}`);
        break;
    }
  }
  return written;
}

function fill(text: string, values: Record<string, string>): string {
  return text.replace(/<([^<>]+)>/g, (whole, name: string) => values[name] ?? whole);
}
