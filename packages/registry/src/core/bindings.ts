// The old resource `bindings`: pods/binding with the pod's name in the body (registry/core/pod/storage LegacyBindingREST).
import type { corev1 } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import { bindPod } from './pod/binding.ts';

export const bindings = defineBuiltIn<corev1.Binding>('', 'v1', 'bindings', {
  review(binding, context, operations) {
    const target = { name: binding.metadata?.name ?? '', ...(context.namespace ? { namespace: context.namespace } : {}) };
    return bindPod(binding, target, context, operations);
  },
});
