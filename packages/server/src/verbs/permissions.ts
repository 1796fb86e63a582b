// Asks for what a write of some fields needs besides the right to the request (kubernetes pkg/registry/resource/utils.go).
import { type FieldError, fieldError } from '@tiphys/machinery';
import { isDns1123Subdomain, type Permission } from '@tiphys/registry';
import { NODE_NAME, splitServiceAccountName } from '../authentication/names.ts';
import { authorizationForbidden } from '../authorization/forbidden.ts';
import type { RequestContext } from '../request/context.ts';

/** Whether a token of the user says that its pod is on the node. */
function isOnNode({ user }: RequestContext, node: string): boolean {
  if (node === '' || !splitServiceAccountName(user.name)) return false;
  const names = user.extra?.[NODE_NAME] ?? [];
  return names.length === 1 && names[0] === node && isDns1123Subdomain(node).length === 0;
}

/** One of them is enough. */
function verbsOf(context: RequestContext, { node }: Permission): string[] {
  const { verb } = context.info;
  if (node === undefined) return [verb];
  return isOnNode(context, node) ? [`associated-node:${verb}`, `arbitrary-node:${verb}`] : [`arbitrary-node:${verb}`];
}

async function refusal(context: RequestContext, permission: Permission): Promise<FieldError | undefined> {
  const { field, about, subresource, namespace, name, node } = permission;
  const verbs = verbsOf(context, permission);
  let why: string | undefined;
  for (const verb of verbs) {
    const { attributes, decision } = await context.decide({ verb, subresource, namespace, name });
    if (decision.decision === 'allow') return undefined;
    const reason = [decision.error ?? '', decision.reason].filter((text) => text !== '').join(': ');
    why ??= authorizationForbidden(attributes, reason).message;
  }
  const verb = node === undefined ? verbs[0] : `[${verbs.join(' ')}]`;
  const resource = `${context.info.resource}/${subresource}`;
  return fieldError.forbidden(field, `changing ${about} requires resource="${resource}", verb="${verb}" permission: ${why}`);
}

/** An error for each that the caller doesn't have. */
export async function refusedOf(context: RequestContext, permissions: readonly Permission[]): Promise<FieldError[]> {
  const errors: FieldError[] = [];
  for (const permission of permissions) {
    const error = await refusal(context, permission);
    if (error) errors.push(error);
  }
  return errors;
}
