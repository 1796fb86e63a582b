// RuntimeClasses (registry/node/runtimeclass, apis/node/validation, printers printRuntimeClass).
import type { nodev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { text, withNameAndAge } from '../rules/columns.ts';
import { complain, type Errors, IMMUTABLE } from '../rules/errors.ts';
import { isDns1123Label } from '../rules/formats.ts';
import { checkLabels } from '../rules/labels.ts';
import { NODE_LABELS, type Warn } from '../rules/node-labels.ts';
import { checkTolerations } from '../rules/pod/placement.ts';
import { checkResources } from '../rules/pod/resources.ts';

type RuntimeClass = nodev1.RuntimeClass;

function validate({ handler = '', overhead, scheduling }: RuntimeClass): Errors {
  const errors: Errors = [];
  if (handler === '') errors.push(fieldError.required('handler'));
  else complain(errors, 'handler', handler, isDns1123Label(handler));
  if (overhead?.podFixed) checkResources(errors, 'overhead', { limits: overhead.podFixed }, 'container', new Set());
  checkLabels(errors, 'scheduling.nodeSelector', scheduling?.nodeSelector);
  checkTolerations(errors, 'scheduling.tolerations', scheduling?.tolerations);
  const seen = new Set<string>();
  scheduling?.tolerations?.forEach((toleration, i) => {
    const { key = '', operator = '', value = '', effect = '', tolerationSeconds = null } = toleration;
    const identity = JSON.stringify([key, operator, value, effect]);
    const shown = { Key: key, Operator: operator, Value: value, Effect: effect, TolerationSeconds: tolerationSeconds };
    if (seen.has(identity)) errors.push(fieldError.duplicate(`scheduling.tolerations[${i}]`, shown));
    seen.add(identity);
  });
  return errors;
}

function warnOfLabels({ scheduling }: RuntimeClass, warn: Warn): void {
  for (const key in scheduling?.nodeSelector) if (NODE_LABELS[key]) warn(`scheduling.nodeSelector: ${NODE_LABELS[key]}`);
}

export const runtimeClasses = defineBuiltIn<RuntimeClass>('node.k8s.io', 'v1', 'runtimeclasses', {
  validateCreate(object, { warn }) {
    const errors = validate(object);
    if (errors.length === 0) warnOfLabels(object, warn);
    return errors;
  },
  validateUpdate(object, old, { warn }) {
    const errors = validate(object);
    if (object.handler !== old.handler) errors.push(fieldError.invalid('handler', object.handler, IMMUTABLE));
    if (errors.length === 0) warnOfLabels(object, warn);
    return errors;
  },
  columns: withNameAndAge<RuntimeClass>(text('Handler', ({ handler }) => handler ?? '')),
});
