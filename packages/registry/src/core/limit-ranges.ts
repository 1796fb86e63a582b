// LimitRanges (registry/core/limitrange, apis/core/validation ValidateLimitRange).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { complain, type Errors } from '../rules/errors.ts';
import { isQualifiedName } from '../rules/formats.ts';
import { checkContainerResourceName, checkResourceName, isOvercommitable } from '../rules/pod/resources.ts';
import { compareQuantities, quantityNano } from '../rules/quantities.ts';

type Item = corev1.LimitRangeItem;
const NANO = 1e9;
const quantityValueOf = (value: unknown) => Number(quantityNano(value) ?? 0n) / NANO;
const TYPES = ['Pod', 'Container', 'PersistentVolumeClaim'];

function checkType(errors: Errors, path: string, type: string): void {
  const wrong = isQualifiedName(type);
  complain(errors, path, type, wrong);
  if (!wrong.length && !type.includes('/') && !TYPES.includes(type)) {
    errors.push(fieldError.invalid(path, type, 'must be a standard limit type or fully qualified'));
  }
}

function checkOrder(errors: Errors, path: string, item: Item, key: string): void {
  const [min, max, limit, request, ratio] = [
    item.min?.[key],
    item.max?.[key],
    item.default?.[key],
    item.defaultRequest?.[key],
    item.maxLimitRequestRatio?.[key],
  ];
  const rule = (low: unknown, high: unknown, field: string, shown: unknown, why: string) => {
    if (low !== undefined && high !== undefined && compareQuantities(low, high) > 0) {
      errors.push(fieldError.invalid(`${path}.${field}[${key}]`, shown, why));
    }
  };
  rule(min, max, 'min', min, `min value ${min} is greater than max value ${max}`);
  rule(min, request, 'defaultRequest', request, `min value ${min} is greater than default request value ${request}`);
  rule(request, max, 'defaultRequest', request, `default request value ${request} is greater than max value ${max}`);
  rule(request, limit, 'defaultRequest', request, `default request value ${request} is greater than default limit value ${limit}`);
  rule(min, limit, 'default', min, `min value ${min} is greater than default value ${limit}`);
  rule(limit, max, 'default', max, `default value ${limit} is greater than max value ${max}`);
  if (ratio !== undefined && compareQuantities(ratio, '1') < 0) {
    errors.push(fieldError.invalid(`${path}.maxLimitRequestRatio[${key}]`, ratio, `ratio ${ratio} is less than 1`));
  }
  if (ratio !== undefined && min !== undefined && max !== undefined) {
    const limitRatio = quantityValueOf(max) / quantityValueOf(min);
    if (quantityValueOf(ratio) > limitRatio) {
      const why = `ratio ${ratio} is greater than max/min = ${limitRatio.toFixed(6)}`;
      errors.push(fieldError.invalid(`${path}.maxLimitRequestRatio[${key}]`, ratio, why));
    }
  }
  if (!isOvercommitable(key) && limit !== undefined && request !== undefined && compareQuantities(limit, request) !== 0) {
    const why = `default value ${limit} must equal to defaultRequest value ${request} in ${key}`;
    errors.push(fieldError.invalid(`${path}.defaultRequest[${key}]`, request, why));
  }
}

function validate({ spec }: corev1.LimitRange): Errors {
  const errors: Errors = [];
  const types = new Set<string>();
  spec?.limits?.forEach((item, i) => {
    const at = `spec.limits[${i}]`;
    const type = item.type ?? '';
    checkType(errors, `${at}.type`, type);
    if (types.has(type)) errors.push(fieldError.duplicate(`${at}.type`, type));
    types.add(type);
    const keys = new Set<string>();
    for (const field of ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const) {
      if (type === 'Pod' && (field === 'default' || field === 'defaultRequest')) {
        if (Object.keys(item[field] ?? {}).length) {
          errors.push(fieldError.forbidden(`${at}.${field}`, "may not be specified when `type` is 'Pod'"));
        }
        continue;
      }
      for (const key in item[field]) {
        if (type === 'Pod' || type === 'Container') checkContainerResourceName(errors, `${at}.${field}[${key}]`, key);
        else checkResourceName(errors, `${at}.${field}[${key}]`, key);
        keys.add(key);
      }
    }
    if (type === 'PersistentVolumeClaim' && item.min?.storage === undefined && item.max?.storage === undefined) {
      const why = 'either minimum or maximum storage value is required, but neither was provided';
      errors.push(fieldError.required(`${at}.limits`, why));
    }
    for (const key of keys) checkOrder(errors, at, item, key);
  });
  return errors;
}

export const limitRanges = defineBuiltIn<corev1.LimitRange>('', 'v1', 'limitranges', {
  prepareForCreate({ metadata }, { runtime }) {
    metadata!.name ||= runtime.random.uuid();
  },
  validateCreate: validate,
  validateUpdate: validate,
});
