// Names of signers: `example.com/signer-name` (apis/core/validation/names.go ValidateSignerName).
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors } from './errors.ts';
import { byteLength, isDns1123Label, isDns1123Subdomain } from './formats.ts';

const DOMAIN_BYTES_MAX = 253;
const LABEL_BYTES_MAX = 63;
/** A path has room for a label and a subdomain. */
const PATH_BYTES_MAX = DOMAIN_BYTES_MAX + LABEL_BYTES_MAX + 1;
const NAME_BYTES_MAX = DOMAIN_BYTES_MAX + PATH_BYTES_MAX + 1;

/** The complaints of the first label that has some. */
function checkLabels(errors: Errors, at: string, segment: string, format: (label: string) => readonly string[]): void {
  for (const label of segment.split('.')) {
    const problems = format(label).map((problem) => `validating label ${JSON.stringify(label)}: ${problem}`);
    complain(errors, at, segment, problems);
    if (problems.length > 0) return;
  }
}

export function checkSignerName(errors: Errors, at: string, name: string): void {
  if (name === '') {
    errors.push(fieldError.required(at));
    return;
  }
  const [domain = '', path, ...more] = name.split('/');
  if (path === undefined || more.length > 0) {
    errors.push(fieldError.invalid(at, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"));
    return;
  }
  if (byteLength(domain) > DOMAIN_BYTES_MAX) errors.push(fieldError.tooLong(at, DOMAIN_BYTES_MAX));
  checkLabels(errors, at, domain, isDns1123Label);
  if (!domain.includes('.')) {
    errors.push(fieldError.invalid(at, domain, 'should be a domain with at least two segments separated by dots'));
  }
  checkLabels(errors, at, path, isDns1123Subdomain);
  if (byteLength(name) > NAME_BYTES_MAX) errors.push(fieldError.tooLong(at, NAME_BYTES_MAX));
}
