// Runs the admission plugins over one write, in their order.
import type { KubeObject } from '@tiphys/api';
import type { AdmissionAttributes } from '../interfaces.ts';
import type { RequestContext } from '../request/context.ts';
import type { Endpoint } from '../resources.ts';

export interface AdmissionSubject {
  operation: AdmissionAttributes['operation'];
  object?: KubeObject;
  oldObject?: KubeObject;
  options?: object;
  dryRun: boolean;
  name: string;
  namespace?: string;
}

export function attributesOf(context: RequestContext, endpoint: Endpoint, subject: AdmissionSubject): AdmissionAttributes {
  const { core, info, user } = context;
  return {
    operation: subject.operation,
    type: endpoint.type,
    subresource: info.subresource,
    namespace: subject.namespace ?? info.namespace,
    name: subject.name,
    ...(subject.object ? { object: subject.object } : {}),
    ...(subject.oldObject ? { oldObject: subject.oldObject } : {}),
    ...(subject.options ? { options: subject.options } : {}),
    user,
    dryRun: subject.dryRun,
    reader: core.reader,
    warn: (text) => void context.warnings.push(text),
  };
}

/** Mutating admission. The object may change. */
export async function admit(context: RequestContext, attributes: AdmissionAttributes): Promise<void> {
  for (const plugin of context.core.admission) {
    const pending = plugin.admit?.(attributes);
    if (pending) await pending;
  }
}

export async function admitValid(context: RequestContext, attributes: AdmissionAttributes): Promise<void> {
  for (const plugin of context.core.admission) {
    const pending = plugin.validate?.(attributes);
    if (pending) await pending;
  }
}
