// What kinds of dynamic resource allocation share: names, sets, selectors and configuration (apis/resource/validation).
import type { resourcev1 } from '@tiphys/api';
import { cel, fieldError } from '@tiphys/machinery';
import { complain, type Errors } from '../rules/errors.ts';
import { byteLength, isDns1123Label, isDns1123Subdomain, isLabelValue } from '../rules/formats.ts';
import { checkLabelName } from '../rules/labels.ts';
import { checkCsiDriverName } from '../rules/pod/driver-volumes.ts';

export const SELECTORS_MAX = 32;
export const CONFIGS_MAX = 32;
export const REQUESTS_MAX = 32;
const EXPRESSION_BYTES_MAX = 10 * 1024;
const PARAMETERS_BYTES_MAX = 10 * 1024;
const POOL_NAME_MAX = 253;
const CONDITIONS_MAX = 4;
const EFFECTS = ['NoExecute', 'NoSchedule', 'None'];

type ItemRule<T> = (item: T, path: string) => void;

/** Every item, unless there are too many to look at. */
export function checkList<T>(
  errors: Errors,
  path: string,
  items: readonly T[] | null | undefined,
  max: number,
  rule: ItemRule<T>,
): boolean {
  if (!items) return true;
  if (max >= 0 && items.length > max) {
    errors.push(fieldError.tooMany(path, items.length, max));
    return false;
  }
  items.forEach((item, i) => {
    rule(item, `${path}[${i}]`);
  });
  return true;
}

export interface SetOptions<T> {
  max: number;
  key(item: T): string;
  /** What a message shows of one that comes twice, where that is not its key. */
  shown?(item: T): unknown;
  rule: ItemRule<T>;
}

/** The same, and none twice. */
export function checkSet<T>(
  errors: Errors,
  path: string,
  items: readonly T[] | null | undefined,
  { max, key, shown, rule }: SetOptions<T>,
): void {
  if (!checkList(errors, path, items, max, rule)) return;
  const seen = new Set<string>();
  items?.forEach((item, i) => {
    const identity = key(item);
    if (seen.has(identity)) errors.push(fieldError.duplicate(`${path}[${i}]`, shown ? shown(item) : identity));
    seen.add(identity);
  });
}

export const checkLabelLike = (errors: Errors, path: string, name = ''): void => complain(errors, path, name, isDns1123Label(name));
export const checkDriver = checkCsiDriverName;

export function checkPoolName(errors: Errors, path: string, name = ''): void {
  if (name === '') {
    errors.push(fieldError.required(path));
    return;
  }
  if (byteLength(name) > POOL_NAME_MAX) errors.push(fieldError.tooLong(path, POOL_NAME_MAX));
  for (const part of name.split('/')) complain(errors, path, part, isDns1123Subdomain(part));
}

export function checkSelectors(errors: Errors, path: string, selectors: readonly resourcev1.DeviceSelector[] | undefined): void {
  checkList(errors, path, selectors, SELECTORS_MAX, ({ cel: selector }, at) => {
    if (!selector) {
      errors.push(fieldError.required(`${at}.cel`));
      return;
    }
    const { expression = '' } = selector;
    if (byteLength(expression) > EXPRESSION_BYTES_MAX) {
      errors.push(fieldError.tooLong(`${at}.cel.expression`, EXPRESSION_BYTES_MAX));
      return;
    }
    const fault = cel.compileDeviceSelector(expression);
    if (typeof fault === 'string') errors.push(fieldError.invalid(`${at}.cel.expression`, expression, fault));
  });
}

export function checkRaw(errors: Errors, path: string, raw: unknown, bytesMax = PARAMETERS_BYTES_MAX): void {
  if (raw === undefined || raw === null) errors.push(fieldError.required(path));
  else if (byteLength(JSON.stringify(raw)) > bytesMax) errors.push(fieldError.tooLong(path, bytesMax));
  else if (typeof raw !== 'object' || Array.isArray(raw)) {
    errors.push(fieldError.invalid(path, '<value omitted>', 'must be a valid JSON object'));
  }
}

export function checkConfiguration(errors: Errors, path: string, { opaque }: { opaque?: resourcev1.OpaqueDeviceConfiguration }): void {
  if (!opaque) {
    errors.push(fieldError.required(`${path}.opaque`));
    return;
  }
  checkDriver(errors, `${path}.opaque.driver`, opaque.driver);
  checkRaw(errors, `${path}.opaque.parameters`, opaque.parameters);
}

export function checkTaint(errors: Errors, path: string, { key, value, effect = '' }: resourcev1.DeviceTaint): void {
  checkLabelName(errors, `${path}.key`, key);
  if (value) complain(errors, `${path}.value`, value, isLabelValue(value));
  if (!effect) errors.push(fieldError.required(`${path}.effect`));
  else if (!EFFECTS.includes(effect)) errors.push(fieldError.notSupported(`${path}.effect`, effect, EFFECTS));
}

export function checkToleration(errors: Errors, path: string, toleration: resourcev1.DeviceToleration): void {
  const { key, operator = '', value = '', effect } = toleration;
  if (key) checkLabelName(errors, `${path}.key`, key);
  if (operator === 'Exists') {
    if (value) errors.push(fieldError.invalid(`${path}.value`, value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') complain(errors, `${path}.value`, value, isLabelValue(value));
  else if (!operator) errors.push(fieldError.required(`${path}.operator`));
  else errors.push(fieldError.notSupported(`${path}.operator`, operator, ['Equal', 'Exists']));
  if (effect && !EFFECTS.includes(effect)) errors.push(fieldError.notSupported(`${path}.effect`, effect, EFFECTS));
}

interface Binding {
  bindingConditions?: string[];
  bindingFailureConditions?: string[];
}

/** Conditions that a pod waits for, and those that end its wait: some of each or none, and none in both. */
export function checkBindingConditions(
  errors: Errors,
  path: string,
  { bindingConditions: good, bindingFailureConditions: bad }: Binding,
): void {
  for (const [name, names] of Object.entries({ bindingConditions: good, bindingFailureConditions: bad })) {
    checkList(errors, `${path}.${name}`, names, CONDITIONS_MAX, (condition, at) => checkLabelName(errors, at, condition));
  }
  for (const [name, names] of Object.entries({ bindingConditions: good, bindingFailureConditions: bad })) {
    const seen = new Set<string>();
    names?.forEach((condition, i) => {
      const at = `${path}.${name}[${i}]`;
      if (seen.has(condition)) errors.push(fieldError.duplicate(at, condition));
      seen.add(condition);
      if (names !== bad || !good?.includes(condition)) return;
      errors.push(fieldError.invalid(at, condition, 'bindingFailureConditions must not overlap with bindingConditions'));
    });
  }
  if (!good?.length && bad?.length) {
    const why = 'bindingConditions are required to use bindingFailureConditions';
    errors.push(fieldError.invalid(`${path}.bindingConditions`, good ?? null, why));
  }
  if (!bad?.length && good?.length) {
    const why = 'bindingFailureConditions are required to use bindingConditions';
    errors.push(fieldError.invalid(`${path}.bindingFailureConditions`, bad ?? null, why));
  }
}
