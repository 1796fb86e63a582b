// The value of the pod-template-hash label (pkg/controller/controller_utils.go, ComputeHash).
import type { corev1 } from '@tiphys/api';
import { collisionBytes, fnv32a, goJson, safeEncoded } from '../hash.ts';

export const TEMPLATE_HASH_LABEL = 'pod-template-hash';

export function templateHash(template: corev1.PodTemplateSpec, collisionCount: number | undefined): string {
  const parts: (string | Uint8Array)[] = [goJson(template)];
  if (collisionCount !== undefined) parts.push(collisionBytes(collisionCount));
  return safeEncoded(fnv32a(...parts));
}
