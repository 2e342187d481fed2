// Roles made from the list of permissions. Each bears its name in the template's metadata, by which scripts/policies.ts
// and the tests find it.

import { Stack, Validations } from 'aws-cdk-lib';
import { type CfnRole, type IRole, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { Grant } from './permissions';
import { readable } from './readable';

/** Key of the name in the metadata of a role. */
export const ROLE_NAME = 'framefan:role';

/** A role of this name for this service, with exactly these grants: what CDK would add by itself must be among them. */
export function makeRole(scope: Construct, name: string, service: string, grants: Grant[]): IRole {
  const id = `${name.charAt(0).toUpperCase()}${name.slice(1)}Role`;
  const role = new Role(scope, id, { assumedBy: new ServicePrincipal(service), description: `framefan: ${name}` });
  for (const grant of grants) role.addToPolicy(statement(grant));
  (role.node.defaultChild as CfnRole).addMetadata(ROLE_NAME, name);
  acknowledgeWildcards(role, grants);
  return role.withoutPolicyUpdates();
}

/** A grant as a policy has it. */
export function statement({ sid, actions, resources, conditions }: Grant): PolicyStatement {
  return new PolicyStatement({ sid, actions, resources, conditions });
}

/** cdk-nag reports each wildcard; a grant that says why it has one answers for it. */
function acknowledgeWildcards(role: Role, grants: Grant[]): void {
  const reasons = new Map<string, string>();
  for (const { resources, whyAny } of grants) {
    if (whyAny === undefined) continue;
    for (const resource of resources) {
      const text = readable(Stack.of(role).resolve(resource));
      if (text.includes('*')) reasons.set(text, [reasons.get(text), whyAny].filter(Boolean).join('; '));
    }
  }
  for (const [text, reason] of reasons) {
    Validations.of(role).acknowledge({ id: `AwsSolutions::AwsSolutions-IAM5[Resource::${text}]`, reason });
  }
}
