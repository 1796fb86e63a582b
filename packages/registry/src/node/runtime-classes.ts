// RuntimeClasses (registry/node/runtimeclass, apis/node/validation, printers printRuntimeClass).
import type { nodev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { text, withNameAndAge } from '../rules/columns.ts';
import { complain, type Errors, IMMUTABLE } from '../rules/errors.ts';
import { isDns1123Label } from '../rules/formats.ts';
import { checkLabels } from '../rules/labels.ts';
import { checkTolerations } from '../rules/pod/placement.ts';
import { checkResources } from '../rules/pod/resources.ts';

type RuntimeClass = nodev1.RuntimeClass;

function validate({ handler = '', overhead, scheduling }: RuntimeClass): Errors {
  const errors: Errors = [];
  complain(errors, 'handler', handler, isDns1123Label(handler));
  if (overhead?.podFixed) checkResources(errors, 'overhead', { limits: overhead.podFixed }, 'container', new Set());
  checkLabels(errors, 'scheduling.nodeSelector', scheduling?.nodeSelector);
  checkTolerations(errors, 'scheduling.tolerations', scheduling?.tolerations);
  return errors;
}

export const runtimeClasses = defineBuiltIn<RuntimeClass>('node.k8s.io', 'v1', 'runtimeclasses', {
  validateCreate: validate,
  validateUpdate: (object, old) => (object.handler === old.handler ? [] : [fieldError.invalid('handler', object.handler, IMMUTABLE)]),
  columns: withNameAndAge<RuntimeClass>(text('Handler', ({ handler }) => handler ?? '')),
});
