// How a webhook is reached (apiserver util/webhook/validation.go), for admission and for conversion.
import type { admissionregistrationv1 } from '@tiphys/api';
import { fieldError, referenceProblem } from '@tiphys/machinery';
import type { Errors } from './errors.ts';
import { isDns1123Subdomain, isPort } from './formats.ts';

const FORM = 'desired format: https://host[/path]';
const PORT_DEFAULT = 443;
const PARTS = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#([\s\S]*))?/;

function checkUrl(errors: Errors, at: string, url: string): void {
  const problem = referenceProblem(url);
  if (problem !== undefined) {
    errors.push(fieldError.required(at, `url must be a valid URL: ${problem}; ${FORM}`));
    return;
  }
  const [, scheme = '', authority = '', query = '', fragment = ''] = PARTS.exec(url)!;
  const user = /^(.*)@/.exec(authority)?.[1];
  const host = authority.replace(/^.*@/, '');
  if (scheme.toLowerCase() !== 'https') {
    errors.push(fieldError.invalid(at, scheme.toLowerCase(), `'https' is the only allowed URL scheme; ${FORM}`));
  }
  if (host === '') errors.push(fieldError.invalid(at, host, `host must be specified; ${FORM}`));
  if (user !== undefined) errors.push(fieldError.invalid(at, user, 'user information is not permitted in the URL'));
  if (fragment !== '') errors.push(fieldError.invalid(at, fragment, 'fragments are not permitted in the URL'));
  if (query !== '') errors.push(fieldError.invalid(at, query, 'query parameters are not permitted in the URL'));
}

function checkPath(errors: Errors, at: string, path: string): void {
  if (path === '/' || path === '') return;
  if (path === '//') {
    errors.push(fieldError.invalid(at, path, 'segment[0] may not be empty'));
    return;
  }
  if (!path.startsWith('/')) errors.push(fieldError.invalid(at, path, "must start with a '/'"));
  const steps = path.slice(1).replace(/\/$/, '').split('/');
  for (const [i, step] of steps.entries()) {
    if (step === '') errors.push(fieldError.invalid(at, path, `segment[${i}] may not be empty`));
    else for (const why of isDns1123Subdomain(step)) errors.push(fieldError.invalid(at, path, `segment[${i}]: ${why}`));
  }
}

/** `at` is the field of the whole client configuration. */
export function checkWebhookClient(errors: Errors, at: string, config: admissionregistrationv1.WebhookClientConfig | undefined): void {
  const { url, service } = config ?? {};
  if ((url === undefined) === (service === undefined)) {
    errors.push(fieldError.required(at, 'exactly one of url or service is required'));
  } else if (url !== undefined) checkUrl(errors, `${at}.url`, url);
  else if (service) {
    // Upstream hands the two over the wrong way round, so each is missed under the other's name.
    if (!service.namespace) errors.push(fieldError.required(`${at}.service.name`));
    if (!service.name) errors.push(fieldError.required(`${at}.service.namespace`));
    const port = service.port ?? PORT_DEFAULT;
    const problems = isPort(port);
    if (problems.length > 0) errors.push(fieldError.invalid(`${at}.service.port`, port, `port is not valid: ${problems.join(', ')}`));
    if (service.path !== undefined) checkPath(errors, `${at}.service.path`, service.path);
  }
}
