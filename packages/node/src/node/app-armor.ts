// Pods that want an AppArmor profile can't run where the kernel has none (pkg/security/apparmor/validate.go, lifecycle/handlers.go).
import { readFile } from 'node:fs/promises';
import type { corev1 } from '@tiphys/api';
import { effectiveSecurity } from '../container/security.ts';
import type { Refusal } from './admission.ts';

export const appArmorEnabled = (): Promise<boolean> =>
  readFile('/sys/module/apparmor/parameters/enabled', 'utf8').then(
    (text) => text.startsWith('Y'),
    () => false,
  );

/** Pure. */
export function appArmorRefusal(pod: corev1.Pod, isEnabled: boolean): Refusal | undefined {
  if (isEnabled || (pod.status?.phase && pod.status.phase !== 'Pending')) return undefined;
  const containers = [...(pod.spec!.initContainers ?? []), ...pod.spec!.containers];
  const wants = containers.some((container) => {
    const { type } = effectiveSecurity(pod, container).appArmorProfile ?? {};
    return type !== undefined && type !== 'Unconfined';
  });
  return wants ? { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' } : undefined;
}
