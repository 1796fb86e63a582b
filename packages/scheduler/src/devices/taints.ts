// Taints of devices and what claims tolerate of them (dynamic-resource-allocation resourceclaim/devicetoleration.go).
import type { resourcev1 } from '@tiphys/api';

/** The effect is the caller's to look at: unknown ones and None hinder nobody. */
export function isTolerated(toleration: resourcev1.DeviceToleration, taint: resourcev1.DeviceTaint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  const operator = toleration.operator || 'Equal';
  return operator === 'Exists' || (operator === 'Equal' && (toleration.value ?? '') === (taint.value ?? ''));
}
