// Conditions in a status, as apimachinery has them for all kinds (apis/meta/v1/validation ValidateConditions).
import type { metav1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import type { Errors } from './errors.ts';
import { byteLength, regexError } from './formats.ts';
import { checkLabelName } from './labels.ts';

const STATES = ['False', 'True', 'Unknown'];
const REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const REASON_PATTERN = new RegExp(`^${REASON}$`);
const REASON_FORM =
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
const REASON_EXAMPLES = ['my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB'];
const REASON_BYTES_MAX = 1024;
const MESSAGE_BYTES_MAX = 32 * 1024;

function checkCondition(errors: Errors, at: string, condition: Partial<metav1.Condition>): void {
  const { type, status = '', observedGeneration = 0, lastTransitionTime, reason = '', message = '' } = condition;
  checkLabelName(errors, `${at}.type`, type);
  if (!STATES.includes(status)) errors.push(fieldError.notSupported(`${at}.status`, status, STATES));
  if (observedGeneration < 0) {
    errors.push(fieldError.invalid(`${at}.observedGeneration`, observedGeneration, 'must be greater than or equal to zero'));
  }
  if (!lastTransitionTime) errors.push(fieldError.required(`${at}.lastTransitionTime`));
  if (reason === '') errors.push(fieldError.required(`${at}.reason`));
  else {
    if (!REASON_PATTERN.test(reason)) {
      errors.push(fieldError.invalid(`${at}.reason`, reason, regexError(REASON_FORM, REASON, ...REASON_EXAMPLES)));
    }
    if (byteLength(reason) > REASON_BYTES_MAX) errors.push(fieldError.tooLong(`${at}.reason`, REASON_BYTES_MAX));
  }
  if (byteLength(message) > MESSAGE_BYTES_MAX) errors.push(fieldError.tooLong(`${at}.message`, MESSAGE_BYTES_MAX));
}

/** Every condition, and no type twice. */
export function checkConditions(errors: Errors, at: string, conditions: readonly Partial<metav1.Condition>[] | null | undefined): void {
  const seen = new Set<string>();
  conditions?.forEach((condition, i) => {
    const { type = '' } = condition;
    if (seen.has(type)) errors.push(fieldError.duplicate(`${at}[${i}].type`, type));
    seen.add(type);
    checkCondition(errors, `${at}[${i}]`, condition);
  });
}
