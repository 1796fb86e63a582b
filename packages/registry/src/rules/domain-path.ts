// Names such as `acme.io/foo`: a domain and a path (apimachinery util/validation IsDomainPrefixedPath).
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors } from './errors.ts';
import { isDns1123Subdomain } from './formats.ts';

const PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const WHOLE_PATH = new RegExp(`^${PATH}$`);

export function checkDomainPath(errors: Errors, path: string, value: string): void {
  const slash = value.indexOf('/');
  const [host, rest] = [value.slice(0, Math.max(0, slash)), value.slice(slash + 1)];
  if (value === '') errors.push(fieldError.required(path));
  else if (!host || !rest) {
    errors.push(fieldError.invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'));
  } else {
    complain(errors, path, host, isDns1123Subdomain(host));
    if (!WHOLE_PATH.test(rest)) errors.push(fieldError.invalid(path, rest, `Invalid path (regex used for validation is '${PATH}')`));
  }
}
