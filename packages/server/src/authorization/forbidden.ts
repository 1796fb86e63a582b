// What a caller reads who may not do something (apiserver endpoints/handlers/responsewriters/errors.go).
import { type StatusError, statusError } from '@tiphys/machinery';
import type { AuthorizationAttributes } from '../interfaces.ts';

const sanitized = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function forbiddenMessage(attributes: AuthorizationAttributes): string {
  const user = JSON.stringify(attributes.user.name);
  if (!attributes.isResourceRequest) return `User ${user} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}`;
  const resource = attributes.subresource ? `${attributes.resource}/${attributes.subresource}` : attributes.resource;
  const what = `User ${user} cannot ${attributes.verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(attributes.apiGroup)}`;
  return attributes.namespace ? `${what} in the namespace ${JSON.stringify(attributes.namespace)}` : `${what} at the cluster scope`;
}

/** 403 with upstream's message; `reason` is what the authorizers said. */
export function authorizationForbidden(attributes: AuthorizationAttributes, reason: string): StatusError {
  const message = sanitized(forbiddenMessage(attributes));
  const subject = { group: attributes.apiGroup, resource: attributes.resource };
  return statusError.forbidden(subject, attributes.name, reason === '' ? message : `${message}: ${reason}`);
}
