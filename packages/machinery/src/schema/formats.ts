// String formats that custom resource schemas check (apiextensions apiserver/validation/formats.go; kube-openapi validation/strfmt).
// Formats that upstream does not know are not in the table and pass.
import { urlProblem } from '../cel/library/url-problem.ts';
import type { JsonSchema } from './json-schema.ts';

const OCTET = '0*(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
/** Octets may begin with zeros. */
const IPV4 = new RegExp(`^${OCTET}(\\.${OCTET}){3}$`);
const HOSTNAME =
  /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$/u;
const HOSTNAME_BYTES_MAX = 255;
const LABEL_BYTES_MAX = 63;
const TIME = /^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$/;
const DURATION = /^[+-]?((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$|^[+-]?0$/;
const WORD_DURATION = /(\d+)\s*([A-Za-zµ]+)/g;
/** The last of a unit's names may go on: `seconds`. */
const UNITS = [
  ['ns', 'nano'],
  ['us', 'µs', 'micro'],
  ['ms', 'milli'],
  ['s', 'sec'],
  ['m', 'min'],
  ['h', 'hr', 'hour'],
  ['d', 'day'],
  ['w', 'wk', 'week'],
];
const CREDIT_CARD =
  /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$/;
const COLOR_PART = '(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])';
const RGB_COLOR = new RegExp(`^rgb\\(\\s*${COLOR_PART}\\s*,\\s*${COLOR_PART}\\s*,\\s*${COLOR_PART}\\s*\\)$`);

function isIpv6(text: string): boolean {
  if (!text.includes(':')) return false;
  try {
    new URL(`http://[${text}]/`);
    return true;
  } catch {
    return false;
  }
}

const isIpv4 = (text: string) => IPV4.test(text) || (text.includes('.') && isIpv6(text));

function isCidr(text: string): boolean {
  const [address, bits, ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d+$/.test(bits ?? '')) return false;
  return IPV4.test(address!) ? Number(bits) <= 32 : isIpv6(address!) && Number(bits) <= 128;
}

function isHostname(text: string): boolean {
  if (!HOSTNAME.test(text) || Buffer.byteLength(text) > HOSTNAME_BYTES_MAX) return false;
  return text.split('.').every((label) => Buffer.byteLength(label) <= LABEL_BYTES_MAX);
}

function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!match) return false;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const date = new Date(0);
  date.setUTCFullYear(year, month, 0);
  return month >= 1 && month <= 12 && day >= 1 && day <= date.getUTCDate();
}

function isDateTime(text: string): boolean {
  const [date, time] = text.toLowerCase().split('t');
  if (time === undefined || !isDate(date!)) return false;
  const match = TIME.exec(time);
  return match !== null && match[1]! <= '23' && match[2]! <= '59' && match[3]! <= '59';
}

function isDuration(text: string): boolean {
  if (DURATION.test(text)) return true;
  const units = [...text.matchAll(WORD_DURATION)].map((match) => match[2]!.toLowerCase());
  return units.some((unit) => UNITS.some((names) => names.includes(unit) || unit.startsWith(names.at(-1)!)));
}

function isMac(text: string): boolean {
  const form = /^([0-9a-f]{2}(:[0-9a-f]{2})+|[0-9a-f]{2}(-[0-9a-f]{2})+|[0-9a-f]{4}(\.[0-9a-f]{4})+|([0-9a-f]{2})+)$/i;
  return form.test(text) && [6, 8, 20].includes(text.replaceAll(/[:.-]/g, '').length / 2);
}

function isIsbn10(text: string): boolean {
  const digits = text.replaceAll(/[\s-]+/g, '');
  if (!/^(?:[0-9]{9}X|[0-9]{10})$/.test(digits)) return false;
  const sum = [...digits].reduce((total, digit, i) => total + (i + 1) * (digit === 'X' ? 10 : Number(digit)), 0);
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replaceAll(/[\s-]+/g, '');
  if (!/^[0-9]{13}$/.test(digits)) return false;
  const sum = [...digits].reduce((total, digit, i) => total + (i % 2 === 0 ? 1 : 3) * Number(digit), 0);
  return sum % 10 === 0;
}

function isCreditCard(text: string): boolean {
  const digits = text.replaceAll(/[^0-9]+/g, '');
  if (!CREDIT_CARD.test(digits)) return false;
  const sum = [...digits].reverse().reduce((total, digit, i) => {
    const value = Number(digit) * (i % 2 === 1 ? 2 : 1);
    return total + (value >= 10 ? (value % 10) + 1 : value);
  }, 0);
  return sum % 10 === 0;
}

const uuid = (version: string, variant: string) => new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}-?${variant}-?[0-9a-f]{12}$`, 'i');
const matches = (pattern: RegExp) => (text: string) => pattern.test(text);

const FORMATS: Record<string, (text: string) => boolean> = {
  bsonobjectid: matches(/^[0-9a-f]{24}$/i),
  uri: (text) => urlProblem(text) === undefined,
  email: matches(/^([^<>]*<)?[^\s@<>]+@[^\s@<>]+>?$/),
  hostname: isHostname,
  ipv4: isIpv4,
  ipv6: isIpv6,
  cidr: isCidr,
  mac: isMac,
  uuid: matches(uuid('[0-9a-f]{4}', '[0-9a-f]{4}')),
  uuid3: matches(uuid('3[0-9a-f]{3}', '[0-9a-f]{4}')),
  uuid4: matches(uuid('4[0-9a-f]{3}', '[89ab][0-9a-f]{3}')),
  uuid5: matches(uuid('5[0-9a-f]{3}', '[89ab][0-9a-f]{3}')),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  creditcard: isCreditCard,
  ssn: (text) => text.length === 11 && /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  hexcolor: matches(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  rgbcolor: matches(RGB_COLOR),
  byte: matches(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/),
  password: () => true,
  date: isDate,
  duration: isDuration,
  datetime: isDateTime,
  k8sshortname: (text) => text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text),
  k8slongname: (text) => text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text),
};

const NUMBER_FORMATS: Record<string, readonly string[]> = { integer: ['int32', 'int64'], number: ['float', 'double'] };

/** A schema's format as far as upstream knows it for the schema's type; '' otherwise. */
export function formatFor({ type, format, 'x-kubernetes-int-or-string': isEither }: JsonSchema): string {
  if (!format) return '';
  if (isEither || !type || type === 'string') return isKnownFormat(format) ? format : '';
  return NUMBER_FORMATS[type]?.includes(format) ? format : '';
}

/** The formats in a definition's schema, and in all its parts, that mean nothing. */
export function unknownFormats(schema: JsonSchema | undefined): string[] {
  if (!schema) return [];
  const { type, format } = schema;
  const own = format && !formatFor({ ...(type ? { type } : {}), format }) ? [format] : [];
  const lists = [schema.allOf, schema.anyOf, schema.oneOf].flatMap((list) => list ?? []);
  const additional = typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : [];
  const parts = [schema.items, schema.not, ...lists, ...additional, ...Object.values(schema.properties ?? {})];
  return [...own, ...parts.flatMap((part) => unknownFormats(part))];
}

const normalized = (format: string) => format.replaceAll('-', '');

export const isKnownFormat = (format: string): boolean => Object.hasOwn(FORMATS, normalized(format));

/** Whether the text has the format. Dashes in a format's name do not count. */
export const hasFormat = (format: string, text: string): boolean => !isKnownFormat(format) || FORMATS[normalized(format)]!(text);
