// Formats of strings with upstream's wording (apimachinery util/validation/validation.go, api/validate/content).
// Each function answers with what is wrong; NOTHING when the value is fine.

const NOTHING: readonly string[] = [];
const encoder = new TextEncoder();

/** Length in bytes, as Go's len() counts. */
export function byteLength(value: string): number {
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) > 127) return encoder.encode(value).length;
  return value.length;
}

export const maxLengthError = (length: number) => `must be no more than ${length} characters`;
export const rangeError = (low: number, high: number) => `must be between ${low} and ${high}, inclusive`;

export function regexError(message: string, format: string, ...examples: string[]): string {
  const regex = `regex used for validation is '${format}')`;
  if (examples.length === 0) return `${message} (${regex}`;
  return `${message} (e.g. ${examples.map((example) => `'${example}', `).join('or ')}${regex}`;
}

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const LABEL_UNDERSCORE = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const SUBDOMAIN_UNDERSCORE = `${LABEL_UNDERSCORE}(\\.${LABEL_UNDERSCORE})*`;
const DNS1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${QUALIFIED})?`;
const ENV_KEY = '[-._a-zA-Z0-9]+';

const whole = (format: string) => new RegExp(`^${format}$`);
const labelRegex = whole(LABEL);
const subdomainRegex = whole(SUBDOMAIN);
const subdomainUnderscoreRegex = whole(SUBDOMAIN_UNDERSCORE);
const dns1035Regex = whole(DNS1035);
const wildcardRegex = whole(`\\*\\.${SUBDOMAIN}`);
const qualifiedRegex = whole(QUALIFIED);
const labelValueRegex = whole(LABEL_VALUE);
const configKeyRegex = whole(ENV_KEY);
const headerRegex = /^[-A-Za-z0-9]+$/;
const percentRegex = /^[0-9]+%$/;

const LABEL_MESSAGE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const SUBDOMAIN_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const SUBDOMAIN_UNDERSCORE_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";
const DNS1035_MESSAGE =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const WILDCARD_MESSAGE =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
const QUALIFIED_MESSAGE = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const LABEL_VALUE_MESSAGE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

export const DNS1123_LABEL_MAX = 63;
export const DNS1123_SUBDOMAIN_MAX = 253;

function check(value: string, max: number, regex: RegExp, message: () => string): readonly string[] {
  const tooLong = value.length > max || byteLength(value) > max;
  if (!tooLong && regex.test(value)) return NOTHING;
  return [...(tooLong ? [maxLengthError(max)] : []), ...(regex.test(value) ? [] : [message()])];
}

export const isDns1123Label = (value: string) =>
  check(value, DNS1123_LABEL_MAX, labelRegex, () =>
    subdomainRegex.test(value) ? 'must not contain dots' : regexError(LABEL_MESSAGE, LABEL, 'my-name', '123-abc'),
  );
export const isDns1123Subdomain = (value: string) =>
  check(value, DNS1123_SUBDOMAIN_MAX, subdomainRegex, () => regexError(SUBDOMAIN_MESSAGE, SUBDOMAIN, 'example.com'));
export const isDns1123SubdomainWithUnderscore = (value: string) =>
  check(value, DNS1123_SUBDOMAIN_MAX, subdomainUnderscoreRegex, () =>
    regexError(SUBDOMAIN_UNDERSCORE_MESSAGE, SUBDOMAIN_UNDERSCORE, 'example.com'),
  );
export const isDns1035Label = (value: string) =>
  check(value, DNS1123_LABEL_MAX, dns1035Regex, () => regexError(DNS1035_MESSAGE, DNS1035, 'my-name', 'abc-123'));
export const isWildcardSubdomain = (value: string) =>
  check(value, DNS1123_SUBDOMAIN_MAX, wildcardRegex, () => regexError(WILDCARD_MESSAGE, `\\*\\.${SUBDOMAIN}`, '*.example.com'));
export const isLabelValue = (value: string) =>
  check(value, 63, labelValueRegex, () => regexError(LABEL_VALUE_MESSAGE, LABEL_VALUE, 'MyValue', 'my_value', '12345'));

/** Label keys, annotation keys, finalizers, condition types … : a name with an optional DNS prefix. */
export function isQualifiedName(value: string): readonly string[] {
  if (value.length <= 63 && qualifiedRegex.test(value)) return NOTHING;
  const parts = value.split('/');
  const errors: string[] = [];
  const regexText = () => regexError(QUALIFIED_MESSAGE, QUALIFIED, 'MyName', 'my.name', '123-abc');
  if (parts.length > 2) {
    return [`a valid label key ${regexText()} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const name = parts[parts.length - 1]!;
  if (parts.length === 2) {
    if (parts[0] === '') errors.push('prefix part must be non-empty');
    else errors.push(...isDns1123Subdomain(parts[0]!).map((message) => `prefix part ${message}`));
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (byteLength(name) > 63) errors.push(`name part ${maxLengthError(63)}`);
  if (!qualifiedRegex.test(name)) errors.push(`name part ${regexText()}`);
  return errors;
}

function dotPrefix(value: string): string[] {
  if (value === '.') return ["must not be '.'"];
  if (value === '..') return ["must not be '..'"];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
}

/** Keys of ConfigMaps and Secrets. */
export function isConfigKey(value: string): readonly string[] {
  const errors = check(value, DNS1123_SUBDOMAIN_MAX, configKeyRegex, () =>
    regexError("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", ENV_KEY, 'key.name', 'KEY_NAME', 'key-name'),
  );
  return value.charCodeAt(0) === 46 ? [...errors, ...dotPrefix(value)] : errors;
}

/** Names of environment variables: printable ASCII but `=`. */
export function isEnvVarName(value: string): readonly string[] {
  if (value === '') return ['environment variable name must be non-empty'];
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 32 || code > 126 || code === 61) {
      return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
    }
  }
  return NOTHING;
}

export const isPort = (port: number) => (port >= 1 && port <= 65535 ? NOTHING : [rangeError(1, 65535)]);

export function isPortName(port: string): readonly string[] {
  const errors: string[] = [];
  if (byteLength(port) > 15) errors.push(maxLengthError(15));
  if (!/^[-a-z0-9]+$/.test(port)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(port)) errors.push('must contain at least one letter (a-z)');
  if (port.includes('--')) errors.push('must not contain consecutive hyphens');
  if (port.startsWith('-') || port.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

const ID_MAX = 2 ** 31 - 1;
/** User and group ids. */
export const isUnixId = (id: number) => (id >= 0 && id <= ID_MAX ? NOTHING : [rangeError(0, ID_MAX)]);

export const isHttpHeaderName = (value: string) =>
  headerRegex.test(value)
    ? NOTHING
    : [regexError("a valid HTTP header must consist of alphanumeric characters or '-'", '[-A-Za-z0-9]+', 'X-Header-Name')];

export const isPercent = (value: string) =>
  percentRegex.test(value)
    ? NOTHING
    : [regexError("a valid percent string must be a numeric string followed by an ending '%'", '[0-9]+%', '1%', '93%')];

/** What may be one segment of a URL path: the loosest rule for names. */
export function isPathSegment(name: string, prefix = false): readonly string[] {
  if (!prefix && (name === '.' || name === '..')) return [`may not be '${name}'`];
  return ['/', '%'].filter((illegal) => name.includes(illegal)).map((illegal) => `may not contain '${illegal}'`);
}

/** A generateName's trailing dash is followed by something that is fine. */
const masked = (name: string) => (name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name);

export const nameIsSubdomain = (name: string, prefix: boolean) => [...isDns1123Subdomain(prefix ? masked(name) : name)];
export const nameIsLabel = (name: string, prefix: boolean) => [...isDns1123Label(prefix ? masked(name) : name)];
export const nameIsDns1035Label = (name: string, prefix: boolean) => [...isDns1035Label(prefix ? masked(name) : name)];
export const nameIsPathSegment = (name: string, prefix: boolean) => [...isPathSegment(name, prefix)];
