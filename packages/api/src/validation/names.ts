// Rules for names, labels, ports and keys, with upstream's wording (apimachinery util/validation, api/validate/content,
// api/validation/generic.go). Every rule answers with its complaints; none means valid.

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const UNDERSCORE_LABEL = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const UNDERSCORE_SUBDOMAIN = `${UNDERSCORE_LABEL}(\\.${UNDERSCORE_LABEL})*`;
const DNS1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const WILDCARD = `\\*\\.${SUBDOMAIN}`;
const LABEL_KEY = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${LABEL_KEY})?`;

export const DNS1123_LABEL_LENGTH_MAX = 63;
export const DNS1123_SUBDOMAIN_LENGTH_MAX = 253;
export const DNS1035_LABEL_LENGTH_MAX = 63;
export const LABEL_VALUE_LENGTH_MAX = 63;
const PORT_NAME_LENGTH_MAX = 15;

const whole = (pattern: string, flags = '') => new RegExp(`^(?:${pattern})$`, flags);
const labelPattern = whole(LABEL);
const subdomainPattern = whole(SUBDOMAIN);
const underscoreSubdomainPattern = whole(UNDERSCORE_SUBDOMAIN);
const dns1035Pattern = whole(DNS1035);
const wildcardPattern = whole(WILDCARD);
const labelKeyPattern = whole(LABEL_KEY);
const labelValuePattern = whole(LABEL_VALUE);

const ALPHANUMERIC = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const UNDERSCORE_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";
const DNS1035_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const WILDCARD_TEXT =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";

/** The tail that names the pattern, as upstream writes it. */
export function patternMessage(text: string, pattern: string, ...examples: string[]): string {
  if (examples.length === 0) return `${text} (regex used for validation is '${pattern}')`;
  return `${text} (e.g. ${examples.map((example) => `'${example}', `).join(' or ')}regex used for validation is '${pattern}')`;
}

export const maxLengthMessage = (length: number) => `must be no more than ${length} characters`;
const maxBytesMessage = (length: number) => `must be no more than ${length} bytes`;
export const rangeMessage = (low: number, high: number) => `must be between ${low} and ${high}, inclusive`;
const bytes = (value: string) => Buffer.byteLength(value);

/** Checks length and pattern, the shape of most rules. */
function check(value: string, lengthMax: number, pattern: RegExp, message: () => string, tooLong = maxLengthMessage): string[] {
  const errors: string[] = [];
  if (bytes(value) > lengthMax) errors.push(tooLong(lengthMax));
  if (!pattern.test(value)) errors.push(message());
  return errors;
}

export const isDns1123Label = (value: string): string[] =>
  check(value, DNS1123_LABEL_LENGTH_MAX, labelPattern, () =>
    subdomainPattern.test(value) ? 'must not contain dots' : patternMessage(LABEL_TEXT, LABEL, 'my-name', '123-abc'),
  );

const subdomainMessage = () => patternMessage(SUBDOMAIN_TEXT, SUBDOMAIN, 'example.com');

export const isDns1123Subdomain = (value: string): string[] =>
  check(value, DNS1123_SUBDOMAIN_LENGTH_MAX, subdomainPattern, subdomainMessage);

/** The same, as declarative rules word it (`k8s-long-name`). */
export const isLongName = (value: string): string[] =>
  check(value, DNS1123_SUBDOMAIN_LENGTH_MAX, subdomainPattern, subdomainMessage, maxBytesMessage);

export const isDns1123SubdomainWithUnderscore = (value: string): string[] =>
  check(value, DNS1123_SUBDOMAIN_LENGTH_MAX, underscoreSubdomainPattern, () =>
    patternMessage(UNDERSCORE_TEXT, UNDERSCORE_SUBDOMAIN, 'example.com'),
  );

export const isDns1035Label = (value: string): string[] =>
  check(value, DNS1035_LABEL_LENGTH_MAX, dns1035Pattern, () => patternMessage(DNS1035_TEXT, DNS1035, 'my-name', 'abc-123'));

export const isWildcardDns1123Subdomain = (value: string): string[] =>
  check(value, DNS1123_SUBDOMAIN_LENGTH_MAX, wildcardPattern, () => patternMessage(WILDCARD_TEXT, WILDCARD, '*.example.com'));

/** Most are, and are seen to be so at once. What the patterns take is ASCII, so that characters are bytes. */
function isPlainlyQualified(value: string): boolean {
  const slash = value.indexOf('/');
  const name = value.slice(slash + 1);
  if (name.length > LABEL_VALUE_LENGTH_MAX || !labelKeyPattern.test(name)) return false;
  return slash < 0 || (slash <= DNS1123_SUBDOMAIN_LENGTH_MAX && subdomainPattern.test(value.slice(0, slash)));
}

/** Label and annotation keys: an optional DNS prefix and a name. */
export function isQualifiedName(value: string): string[] {
  if (isPlainlyQualified(value)) return [];
  const parts = value.split('/');
  const nameMessage = () => patternMessage(ALPHANUMERIC, LABEL_KEY, 'MyName', 'my.name', '123-abc');
  if (parts.length > 2) {
    return [`a valid label key ${nameMessage()} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const errors: string[] = [];
  const name = parts.at(-1)!;
  if (parts.length === 2) {
    if (parts[0] === '') errors.push('prefix part must be non-empty');
    else {
      const prefix = check(parts[0]!, DNS1123_SUBDOMAIN_LENGTH_MAX, subdomainPattern, subdomainMessage, maxBytesMessage);
      errors.push(...prefix.map((error) => `prefix part ${error}`));
    }
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (bytes(name) > LABEL_VALUE_LENGTH_MAX) errors.push(`name part ${maxBytesMessage(LABEL_VALUE_LENGTH_MAX)}`);
  if (!labelKeyPattern.test(name)) errors.push(`name part ${nameMessage()}`);
  return errors;
}

export const isLabelValue = (value: string): string[] =>
  check(
    value,
    LABEL_VALUE_LENGTH_MAX,
    labelValuePattern,
    () =>
      patternMessage(
        `a valid label must be an empty string or ${ALPHANUMERIC.replace('must consist', 'consist')}`,
        LABEL_VALUE,
        'MyValue',
        'my_value',
        '12345',
      ),
    maxBytesMessage,
  );

const C_IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*';
const identifierPattern = whole(C_IDENTIFIER);

export const isCIdentifier = (value: string): string[] =>
  identifierPattern.test(value)
    ? []
    : [
        patternMessage(
          "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
          C_IDENTIFIER,
          'my_name',
          'MY_NAME',
          'MyName',
        ),
      ];

export const isInRange = (value: number, low: number, high: number): string[] =>
  value >= low && value <= high ? [] : [rangeMessage(low, high)];

export const isValidPortNumber = (port: number): string[] => isInRange(port, 1, 65535);
/** Users and groups alike. */
export const isValidUserId = (id: number): string[] => isInRange(id, 0, 2 ** 31 - 1);

export function isValidPortName(port: string): string[] {
  const errors: string[] = [];
  if (bytes(port) > PORT_NAME_LENGTH_MAX) errors.push(maxLengthMessage(PORT_NAME_LENGTH_MAX));
  if (!/^[-a-z0-9]+$/.test(port)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(port)) errors.push('must contain at least one letter (a-z)');
  if (port.includes('--')) errors.push('must not contain consecutive hyphens');
  if (port.startsWith('-') || port.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

export const isValidPercent = (value: string): string[] =>
  /^[0-9]+%$/.test(value)
    ? []
    : [patternMessage("a valid percent string must be a numeric string followed by an ending '%'", '[0-9]+%', '1%', '93%')];

const HTTP_HEADER = '[-A-Za-z0-9]+';
export const isHttpHeaderName = (value: string): string[] =>
  whole(HTTP_HEADER).test(value)
    ? []
    : [patternMessage("a valid HTTP header must consist of alphanumeric characters or '-'", HTTP_HEADER, 'X-Header-Name')];

const ENV_NAME = '[-._a-zA-Z][-._a-zA-Z0-9]*';
const envNamePattern = whole(ENV_NAME);

export function isEnvVarName(value: string): string[] {
  const text =
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit";
  const errors = envNamePattern.test(value) ? [] : [patternMessage(text, ENV_NAME, 'my.env-name', 'MY_ENV.NAME', 'MyEnvName1')];
  return [...errors, ...parentPath(value)];
}

/** What v1.36 asks of environment variables' names by default. */
export function isRelaxedEnvVarName(value: string): string[] {
  if (value === '') return ['environment variable name must be non-empty'];
  return /^[ -<>-~]*$/.test(value)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

const CONFIG_KEY = '[-._a-zA-Z0-9]+';
const configKeyPattern = whole(CONFIG_KEY);

/** Keys of ConfigMaps and Secrets. */
export function isConfigMapKey(value: string): string[] {
  const errors = check(value, DNS1123_SUBDOMAIN_LENGTH_MAX, configKeyPattern, () =>
    patternMessage(
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
      CONFIG_KEY,
      'key.name',
      'KEY_NAME',
      'key-name',
    ),
  );
  return [...errors, ...parentPath(value)];
}

function parentPath(value: string): string[] {
  if (value === '.') return ["must not be '.'"];
  if (value === '..') return ["must not be '..'"];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
}

/** Names of kinds that are looser than DNS, such as RBAC roles. */
export function isPathSegmentName(name: string): string[] {
  return name === '.' || name === '..' ? [`may not be '${name}'`] : isPathSegmentPrefix(name);
}

const isPathSegmentPrefix = (name: string) => ['/', '%'].filter((part) => name.includes(part)).map((part) => `may not contain '${part}'`);

/** A generateName may end with a dash, which the suffix then hides. */
const maskTrailingDash = (name: string, prefix: boolean) =>
  prefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;

export const nameIsDnsSubdomain = (name: string, prefix: boolean): string[] => isDns1123Subdomain(maskTrailingDash(name, prefix));
export const nameIsDnsLabel = (name: string, prefix: boolean): string[] => isDns1123Label(maskTrailingDash(name, prefix));
export const nameIsDns1035Label = (name: string, prefix: boolean): string[] => isDns1035Label(maskTrailingDash(name, prefix));
export const nameIsPathSegment = (name: string, prefix: boolean): string[] =>
  prefix ? isPathSegmentPrefix(name) : isPathSegmentName(name);
