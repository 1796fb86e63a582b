// Quantities, URLs, versions, formats and JSON Patch keys (apiserver pkg/cel/library/{quantity,urls,semverlib,format,jsonpatch}.go).
import {
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isQualifiedName,
  nameIsDns1035Label,
  nameIsDnsLabel,
  nameIsDnsSubdomain,
  Quantity,
} from '@tiphys/api';
import { hasFormat } from '../../schema/formats.ts';
import { type Declared, free, member } from '../functions.ts';
import { BOOL, DOUBLE, INT, listOf, mapOf, optionalOf, STRING, struct } from '../types.ts';
import { ArrayList, CelError, EntryMap, type OpaqueValue, Optional, type Value } from '../values.ts';
import { parseUrl, type UrlParts } from './url.ts';
import { urlProblem } from './url-problem.ts';

const none = () => undefined;

export const QUANTITY_TYPE = struct('kubernetes.Quantity', none);
export const URL_TYPE = struct('kubernetes.URL', none);
export const SEMVER_TYPE = struct('kubernetes.Semver', none);
export const FORMAT_TYPE = struct('kubernetes.NamedFormat', none);

const NANO = 1_000_000_000n;

class QuantityValue implements OpaqueValue {
  readonly typeName = QUANTITY_TYPE.name;
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    this.quantity = quantity;
  }
  equals(other: Value): boolean {
    return other instanceof QuantityValue && this.quantity.compare(other.quantity) === 0;
  }
}

/** For values that come as quantities, not as text. */
export const quantityValue = (quantity: Quantity): OpaqueValue => new QuantityValue(quantity);

function quantity(text: string): QuantityValue {
  try {
    return new QuantityValue(Quantity.parse(text));
  } catch (error) {
    throw new CelError((error as Error).message);
  }
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

const isWhole = ({ quantity: { nano } }: QuantityValue) => nano % NANO === 0n && nano / NANO < 2n ** 63n && nano / NANO >= -(2n ** 63n);

function asInteger(value: QuantityValue): bigint {
  if (!isWhole(value)) throw new CelError('cannot convert value to integer');
  return value.quantity.nano / NANO;
}

const ofInt = (value: bigint) => new Quantity(value * NANO, 'DecimalExponent');
const Q = QUANTITY_TYPE;

const QUANTITIES: readonly Declared[] = [
  free('quantity', 'string_to_quantity', [STRING], Q, quantity),
  free('isQuantity', 'is_quantity_string', [STRING], BOOL, (text: string) => succeeds(() => quantity(text))),
  free('sign', 'quantity_sign', [Q], INT, (q: QuantityValue) => BigInt(q.quantity.sign)),
  member(
    'isGreaterThan',
    'quantity_is_greater_than',
    [Q, Q],
    BOOL,
    (a: QuantityValue, b: QuantityValue) => a.quantity.compare(b.quantity) > 0,
  ),
  member('isLessThan', 'quantity_is_less_than', [Q, Q], BOOL, (a: QuantityValue, b: QuantityValue) => a.quantity.compare(b.quantity) < 0),
  member('compareTo', 'quantity_compare_to', [Q, Q], INT, (a: QuantityValue, b: QuantityValue) => BigInt(a.quantity.compare(b.quantity))),
  member('asApproximateFloat', 'quantity_get_float', [Q], DOUBLE, (q: QuantityValue) => q.quantity.asFloat()),
  member('asInteger', 'quantity_get_int', [Q], INT, asInteger),
  member('isInteger', 'quantity_is_integer', [Q], BOOL, isWhole),
  member('add', 'quantity_add', [Q, Q], Q, (a: QuantityValue, b: QuantityValue) => new QuantityValue(a.quantity.add(b.quantity))),
  member('add', 'quantity_add_int', [Q, INT], Q, (a: QuantityValue, b: bigint) => new QuantityValue(a.quantity.add(ofInt(b)))),
  member('sub', 'quantity_sub', [Q, Q], Q, (a: QuantityValue, b: QuantityValue) => new QuantityValue(a.quantity.sub(b.quantity))),
  member('sub', 'quantity_sub_int', [Q, INT], Q, (a: QuantityValue, b: bigint) => new QuantityValue(a.quantity.sub(ofInt(b)))),
];

class UrlValue implements OpaqueValue {
  readonly typeName = URL_TYPE.name;
  readonly text: string;
  readonly parts: UrlParts;
  constructor(text: string) {
    const problem = urlProblem(text);
    if (problem !== undefined) throw new CelError(`URL parse error during conversion from string: ${problem}`);
    this.text = text;
    this.parts = parseUrl(text);
  }
  equals(other: Value): boolean {
    return other instanceof UrlValue && this.text === other.text;
  }
}

function query({ parts }: UrlValue): Value {
  const values = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(parts.query)) values.set(key, [...(values.get(key) ?? []), value]);
  return new EntryMap([...values].map(([key, list]) => [key, new ArrayList(list)]));
}

const part = (name: string, id: string, read: (parts: UrlParts) => string) =>
  member(name, id, [URL_TYPE], STRING, (url: UrlValue) => read(url.parts));

const URLS: readonly Declared[] = [
  free('url', 'string_to_url', [STRING], URL_TYPE, (text: string) => new UrlValue(text)),
  free('isURL', 'is_url_string', [STRING], BOOL, (text: string) => urlProblem(text) === undefined),
  part('getScheme', 'url_get_scheme', ({ scheme }) => scheme),
  part('getHost', 'url_get_host', ({ host }) => host),
  part('getHostname', 'url_get_hostname', ({ hostname }) => hostname),
  part('getPort', 'url_get_port', ({ port }) => port),
  part('getEscapedPath', 'url_get_escaped_path', ({ path }) => path),
  member('getQuery', 'url_get_query', [URL_TYPE], mapOf(STRING, listOf(STRING)), query),
];

const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$/;

class SemverValue implements OpaqueValue {
  readonly typeName = SEMVER_TYPE.name;
  readonly numbers: readonly bigint[];
  readonly release: readonly string[];
  constructor(text: string) {
    const found = SEMVER.exec(text);
    if (!found) throw new CelError(text === '' ? 'Version string empty' : 'No Major.Minor.Patch elements found');
    this.numbers = found.slice(1, 4).map(BigInt);
    this.release = found[4] === undefined ? [] : found[4].split('.');
  }
  equals(other: Value): boolean {
    return other instanceof SemverValue && this.compare(other) === 0;
  }
  compare(other: SemverValue): number {
    for (let i = 0; i < 3; i++) if (this.numbers[i] !== other.numbers[i]) return this.numbers[i]! < other.numbers[i]! ? -1 : 1;
    if (this.release.length === 0 || other.release.length === 0) return Math.sign(other.release.length - this.release.length);
    for (let i = 0; i < Math.min(this.release.length, other.release.length); i++) {
      const order = compareIdentifiers(this.release[i]!, other.release[i]!);
      if (order !== 0) return order;
    }
    return Math.sign(this.release.length - other.release.length);
  }
}

function compareIdentifiers(a: string, b: string): number {
  const numeric = (text: string) => /^\d+$/.test(text);
  if (numeric(a) && numeric(b)) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0;
  if (numeric(a) !== numeric(b)) return numeric(a) ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `v1.2` and `01.02.3` are versions, too, when they are asked to be. */
function normalized(text: string): string {
  const [major, minor, ...rest] = text.replace(/^v/, '').split('.');
  const parts = [major!, ...(minor === undefined ? [] : [minor]), ...(rest.length ? [rest.join('.')] : [])].map((each) => {
    if (each.length < 2) return each;
    const trimmed = each.replace(/^0+/, '');
    return /^[0-9]/.test(trimmed) ? trimmed : `0${trimmed}`;
  });
  if (parts.length < 3 && /[+-]/.test(parts.at(-1)!)) throw new CelError('short version cannot contain PreRelease/Build meta data');
  while (parts.length < 3) parts.push('0');
  return parts.join('.');
}

const semver = (text: string, normalize = false) => new SemverValue(normalize ? normalized(text) : text);
/** Throws CelError. */
export const semverValue = (text: string): OpaqueValue => new SemverValue(text);
const V = SEMVER_TYPE;

const VERSIONS: readonly Declared[] = [
  free('semver', 'string_to_semver', [STRING], V, semver),
  free('semver', 'string_bool_to_semver', [STRING, BOOL], V, semver),
  free('isSemver', 'is_semver_string', [STRING], BOOL, (text: string) => succeeds(() => semver(text))),
  free('isSemver', 'is_semver_string_bool', [STRING, BOOL], BOOL, (text: string, normalize: boolean) =>
    succeeds(() => semver(text, normalize)),
  ),
  member('isGreaterThan', 'semver_is_greater_than', [V, V], BOOL, (a: SemverValue, b: SemverValue) => a.compare(b) > 0),
  member('isLessThan', 'semver_is_less_than', [V, V], BOOL, (a: SemverValue, b: SemverValue) => a.compare(b) < 0),
  member('compareTo', 'semver_compare_to', [V, V], INT, (a: SemverValue, b: SemverValue) => BigInt(a.compare(b))),
  ...['major', 'minor', 'patch'].map((name, i) => member(name, `semver_${name}`, [V], INT, (version: SemverValue) => version.numbers[i]!)),
];

class FormatValue implements OpaqueValue {
  readonly typeName = FORMAT_TYPE.name;
  readonly name: string;
  readonly validate: (text: string) => readonly string[];
  constructor(name: string, validate: (text: string) => readonly string[]) {
    this.name = name;
    this.validate = validate;
  }
  equals(other: Value): boolean {
    return other instanceof FormatValue && this.name === other.name;
  }
}

const schemaFormat = (name: string, message: string) => (text: string) => (hasFormat(name, text) ? [] : [message]);

const FORMAT_CHECKS: Record<string, (text: string) => readonly string[]> = {
  dns1123Label: isDns1123Label,
  dns1123Subdomain: isDns1123Subdomain,
  dns1035Label: isDns1035Label,
  qualifiedName: isQualifiedName,
  dns1123LabelPrefix: (text) => nameIsDnsLabel(text, true),
  dns1123SubdomainPrefix: (text) => nameIsDnsSubdomain(text, true),
  dns1035LabelPrefix: (text) => nameIsDns1035Label(text, true),
  labelValue: isLabelValue,
  uri: (text) => {
    const problem = urlProblem(text);
    return problem === undefined ? [] : [problem];
  },
  uuid: schemaFormat('uuid', 'does not match the UUID format'),
  byte: schemaFormat('byte', 'invalid base64'),
  date: schemaFormat('date', 'invalid date'),
  datetime: schemaFormat('datetime', 'invalid datetime'),
};

const NAMED_FORMATS = new Map(Object.entries(FORMAT_CHECKS).map(([name, check]) => [name, new FormatValue(name, check)]));

function validate(format: FormatValue, text: string): Optional {
  const problems = format.validate(text);
  return problems.length ? Optional.of(new ArrayList(problems)) : Optional.NONE;
}

const FORMATS: readonly Declared[] = [
  ...[...NAMED_FORMATS].map(([name, format]) => free(`format.${name}`, `format.${name}`, [], FORMAT_TYPE, () => format)),
  free('format.named', 'format-named', [STRING], optionalOf(FORMAT_TYPE), (name: string) => {
    const format = NAMED_FORMATS.get(name);
    return format ? Optional.of(format) : Optional.NONE;
  }),
  member('validate', 'format-validate', [FORMAT_TYPE, STRING], optionalOf(listOf(STRING)), validate),
];

export const JSON_PATCH: readonly Declared[] = [
  free('jsonpatch.escapeKey', 'string_jsonpatch_escapeKey_string', [STRING], STRING, (key: string) =>
    key.replaceAll('~', '~0').replaceAll('/', '~1'),
  ),
];

export const KUBERNETES: readonly Declared[] = [...QUANTITIES, ...URLS, ...VERSIONS, ...FORMATS];
