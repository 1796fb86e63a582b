// What may be asked of a capacity that several claims share (apis/resource/validation validateRequestPolicy).
import type { resourcev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import type { Errors } from '../rules/errors.ts';
import { addQuantities, compareQuantities, quantityText, quantityValue } from '../rules/quantities.ts';

const VALUES_MAX = 10;

function checkValues(errors: Errors, path: string, values: readonly unknown[], usual: unknown, capacity: unknown): void {
  values.forEach((value, i) => {
    if (i === 0 || compareQuantities(values[i - 1], value) <= 0) return;
    errors.push(fieldError.invalid(`${path}[${i}]`, String(value), 'values must be sorted in ascending order'));
  });
  let hasUsual = false;
  if (values.length > VALUES_MAX) errors.push(fieldError.tooMany(path, values.length, VALUES_MAX));
  else {
    const seen = new Set<number>();
    values.forEach((value, i) => {
      if (compareQuantities(value, capacity) > 0) {
        errors.push(fieldError.invalid(`${path}[${i}]`, String(value), `option is larger than capacity value: ${capacity}`));
      }
      if (compareQuantities(value, usual) === 0) hasUsual = true;
      const whole = quantityValue(value);
      if (seen.has(whole)) errors.push(fieldError.duplicate(`${path}[${i}]`, String(whole)));
      seen.add(whole);
    });
  }
  if (!hasUsual) errors.push(fieldError.invalid(path, String(usual), 'default value is not valid according to the requestPolicy'));
}

function checkStep(errors: Errors, path: string, value: unknown, min: unknown, step: unknown): void {
  if ((quantityValue(value) - quantityValue(min)) % quantityValue(step) === 0) return;
  errors.push(fieldError.invalid(path, String(value), `value is not a multiple of a given step (${step}) from (${min})`));
}

function checkRange(errors: Errors, path: string, range: resourcev1.CapacityRequestPolicyRange, usual: unknown, capacity: unknown): void {
  const { min, max, step } = range;
  if (min === undefined) {
    errors.push(fieldError.required(`${path}.min`, 'required when validRange is defined'));
    return;
  }
  const invalid = (name: string, value: unknown, why: string) => errors.push(fieldError.invalid(`${path}.${name}`, String(value), why));
  if (compareQuantities(min, capacity) > 0) invalid('min', min, `min is larger than capacity value: ${capacity}`);
  if (compareQuantities(usual, min) < 0) invalid('min', usual, `default is less than min: ${min}`);
  if (max !== undefined) {
    if (compareQuantities(min, max) > 0) invalid('max', min, `min is larger than max: ${max}`);
    if (compareQuantities(max, capacity) > 0) invalid('max', max, `max is larger than capacity value: ${capacity}`);
    if (compareQuantities(usual, max) > 0) invalid('max', usual, `default is more than max: ${max}`);
  }
  if (step === undefined) return;
  const added = quantityText(addQuantities([min, step]), min);
  if (compareQuantities(added, capacity) > 0) invalid('step', step, `one step ${added} is larger than capacity value: ${capacity}`);
  checkStep(errors, `${path}.step`, usual, min, step);
  if (max !== undefined) checkStep(errors, `${path}.step`, max, min, step);
}

export function checkRequestPolicy(errors: Errors, path: string, policy: resourcev1.CapacityRequestPolicy, capacity: unknown): void {
  const { default: usual, validValues, validRange } = policy;
  if (validValues?.length && validRange) {
    const why = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time';
    errors.push(fieldError.forbidden(path, why));
  } else if (validValues?.length) {
    if (usual === undefined) errors.push(fieldError.required(`${path}.default`, 'required when validValues is defined'));
    else checkValues(errors, `${path}.validValues`, validValues, usual, capacity);
  } else if (validRange) {
    if (usual === undefined) errors.push(fieldError.required(`${path}.default`, 'required when validRange is defined'));
    else checkRange(errors, `${path}.validRange`, validRange, usual, capacity);
  }
}
