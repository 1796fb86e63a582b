// The value of the pod-template-hash label, and of a DaemonSet's controller-revision-hash: the same as upstream's for the same
// template, so that a cluster that comes from there rolls nothing (pkg/controller/controller_utils.go, ComputeHash).
import { type corev1, schemaOf } from '@tiphys/api';
import { invariant } from '@tiphys/std';
import { collisionBytes, fnv32a, safeEncoded } from '../hash.ts';
import { goDump } from './go-dump.ts';

export const TEMPLATE_HASH_LABEL = 'pod-template-hash';

const TEMPLATE = schemaOf('io.k8s.api.core.v1.PodTemplateSpec');

/** What upstream's hash is made of. */
export function templateDump(template: corev1.PodTemplateSpec): string {
  invariant(TEMPLATE, 'the tables hold PodTemplateSpec');
  return goDump(TEMPLATE, template);
}

export function templateHash(template: corev1.PodTemplateSpec, collisionCount: number | undefined): string {
  const parts: (string | Uint8Array)[] = [templateDump(template)];
  if (collisionCount !== undefined) parts.push(collisionBytes(collisionCount));
  return safeEncoded(fnv32a(...parts));
}
