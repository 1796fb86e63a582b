// What a label key and a label value may look like, with upstream's sentences (apimachinery api/validate/content/kube.go).

const NAME = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const NAME_PATTERN = new RegExp(`^${NAME}$`);
const VALUE_PATTERN = new RegExp(`^(${NAME})?$`);
const SUBDOMAIN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';
const SUBDOMAIN_PATTERN = new RegExp(`^${SUBDOMAIN}$`);
const NAME_BYTES_MAX = 63;
const SUBDOMAIN_BYTES_MAX = 253;

const NAME_RULE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
  `(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${NAME}')`;
const VALUE_RULE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an " +
  `alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${NAME})?')`;
const SUBDOMAIN_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an " +
  `alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`;

const tooLong = (bytesMax: number) => `must be no more than ${bytesMax} bytes`;
const byteLength = (text: string) => Buffer.byteLength(text);

/** What is wrong with a label or annotation key; nothing when it is fine. */
export function labelKeyProblems(key: string): string[] {
  const parts = key.split('/');
  if (parts.length > 2) {
    return [`a valid label key ${NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const problems: string[] = [];
  if (parts.length === 2) {
    const prefix = parts[0]!;
    if (prefix === '') problems.push('prefix part must be non-empty');
    else {
      if (byteLength(prefix) > SUBDOMAIN_BYTES_MAX) problems.push(`prefix part ${tooLong(SUBDOMAIN_BYTES_MAX)}`);
      if (!SUBDOMAIN_PATTERN.test(prefix)) problems.push(`prefix part ${SUBDOMAIN_RULE}`);
    }
  }
  const name = parts.at(-1)!;
  if (name === '') problems.push('name part must be non-empty');
  else if (byteLength(name) > NAME_BYTES_MAX) problems.push(`name part ${tooLong(NAME_BYTES_MAX)}`);
  if (!NAME_PATTERN.test(name)) problems.push(`name part ${NAME_RULE}`);
  return problems;
}

/** What is wrong with a label value; nothing when it is fine. */
export function labelValueProblems(value: string): string[] {
  const problems: string[] = [];
  if (byteLength(value) > NAME_BYTES_MAX) problems.push(tooLong(NAME_BYTES_MAX));
  if (!VALUE_PATTERN.test(value)) problems.push(VALUE_RULE);
  return problems;
}
