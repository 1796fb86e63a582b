// What writers of workloads are warned of: their name, and their template where this write is about it
// (registry/{apps,batch}/*/strategy.go WarningsOnCreate and WarningsOnUpdate).
import type { corev1, KubeObject } from '@tiphys/api';
import type { RuleContext } from '../define-resource.ts';
import type { Errors } from './errors.ts';
import { isDns1123Label } from './formats.ts';
import { warnAboutPod } from './pod/warnings.ts';
import { isWholeQuantity } from './quantities.ts';

interface About<T> {
  /** Such as `spec.template`. */
  path: string;
  template(object: T): corev1.PodTemplateSpec | undefined;
  /** Pods get the workload's name, and so should be a label. */
  named?: boolean;
  /** What else there is to say. */
  more?(object: T, warn: RuleContext['warn'], write: { isNew: boolean; touches: boolean }): void;
  /** Whether an update is about the template; by its generation otherwise. */
  touches?(object: T, old: T): boolean;
}

/** Warns of a new object that has no faults, and hands the faults on. */
export function warnOfNew<T extends KubeObject>(errors: Errors, object: T, { warn }: RuleContext, about: About<T>): Errors {
  if (errors.length > 0) return errors;
  const wrong = about.named ? isDns1123Label(object.metadata?.name ?? '') : [];
  if (wrong.length > 0) {
    const why = 'this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended';
    warn(`metadata.name: ${why}: [${wrong.join(' ')}]`);
  }
  const template = about.template(object);
  warnAboutPod(warn, about.path, template?.spec, template?.metadata);
  about.more?.(object, warn, { isNew: true, touches: true });
  return errors;
}

/** The same for an update. */
export function warnOfChanged<T extends KubeObject>(errors: Errors, object: T, old: T, { warn }: RuleContext, about: About<T>): Errors {
  if (errors.length > 0) return errors;
  const touches = about.touches?.(object, old) ?? object.metadata?.generation !== old.metadata?.generation;
  const template = about.template(object);
  if (touches) warnAboutPod(warn, about.path, template?.spec, template?.metadata);
  about.more?.(object, warn, { isNew: false, touches });
  return errors;
}

/** Bytes come whole. */
export function warnOfClaim(warn: RuleContext['warn'], path: string, spec: corev1.PersistentVolumeClaimSpec | undefined): void {
  for (const name of ['requests', 'limits'] as const) {
    const value = spec?.resources?.[name]?.storage;
    if (value === undefined || isWholeQuantity(value)) continue;
    warn(`${path}.resources.${name}[storage]: fractional byte value ${JSON.stringify(String(value))} is invalid, must be an integer`);
  }
}
