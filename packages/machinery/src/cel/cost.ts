// What calls cost at run time (cel-go interpreter/runtimecost.go; apiserver pkg/cel/library/cost.go).
import { CelList, CelMap, sizeOf, type Value } from './values.ts';

export type CallCost = (args: readonly Value[], result: Value) => number;

export const TRAVERSAL = 0.1;
export const REGEX = 0.25;
export const AUTHORIZER_CHECK_COST = 350_000;
/** Library formats take their longest pattern as a measure. */
const FORMAT_REGEX_SIZE_MAX = 128;

const scaled = (size: number, factor: number = TRAVERSAL) => Math.ceil(size * factor);
const one: CallCost = () => 1;
const first: CallCost = ([value]) => scaled(sizeOf(value!));
const twiceFirst: CallCost = ([value]) => scaled(sizeOf(value!) * 2);
const smaller: CallCost = ([a, b]) => scaled(Math.min(sizeOf(a!), sizeOf(b!)));
const both: CallCost = ([a, b]) => scaled(sizeOf(a!) + sizeOf(b!));
const pattern: CallCost = ([text, expression]) => scaled(1 + sizeOf(text!)) * scaled(sizeOf(expression!), REGEX);
const sets: CallCost = ([a, b]) => 1 + sizeOf(a!) * sizeOf(b!);

/** A selector's text is parsed; about every second character begins a requirement. */
const selector: CallCost = ([, text]) => {
  const size = sizeOf(text!);
  return 10 + scaled(size) + Math.ceil(Math.ceil(size * 0.5) * 50);
};

function traversal(value: Value): number {
  if (typeof value === 'string') return Math.floor(Buffer.byteLength(value) * TRAVERSAL);
  if (value instanceof Uint8Array) return Math.floor(value.length * TRAVERSAL);
  let cost = 0;
  if (value instanceof CelList) for (const item of value) cost += traversal(item);
  else if (value instanceof CelMap) for (const key of value.keys()) cost += traversal(key) + traversal(value.find(key)!);
  else return 1;
  return cost;
}

const traversed: CallCost = ([value]) => traversal(value!);

const UNITS = [
  'serviceAccount',
  'path',
  'group',
  'resource',
  'subresource',
  'namespace',
  'name',
  'allowed',
  'reason',
  'error',
  'errored',
  'masked',
  'prefixLength',
  'family',
  'isUnspecified',
  'isLoopback',
  'isLinkLocalMulticast',
  'isLinkLocalUnicast',
  'isGlobalUnicast',
  'format.named',
  'sign',
  'asInteger',
  'isInteger',
  'asApproximateFloat',
  'isGreaterThan',
  'isLessThan',
  'compareTo',
  'add',
  'sub',
  'major',
  'minor',
  'patch',
  'getScheme',
  'getHostname',
  'getHost',
  'getPort',
  'getEscapedPath',
  'getQuery',
];

const BY_NAME: ReadonlyMap<string, CallCost> = new Map<string, CallCost>([
  ...UNITS.map((name): [string, CallCost] => [name, one]),
  ['check', () => AUTHORIZER_CHECK_COST],
  ['fieldSelector', selector],
  ['labelSelector', selector],
  ...['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'].map((name): [string, CallCost] => [name, traversed]),
  ...[
    'url',
    'lowerAscii',
    'upperAscii',
    'substring',
    'trim',
    'jsonpatch.escapeKey',
    'cidr',
    'isIP',
    'isCIDR',
    'quantity',
    'isQuantity',
    'semver',
    'isSemver',
  ].map((name): [string, CallCost] => [name, first]),
  ['replace', twiceFirst],
  ['split', twiceFirst],
  ['ip.isCanonical', twiceFirst],
  ['join', (_, result) => scaled(sizeOf(result) * 2)],
  ['find', pattern],
  ['findAll', pattern],
  ['ip', first],
  ['validate', ([, text]) => scaled(1 + sizeOf(text!)) * scaled(FORMAT_REGEX_SIZE_MAX, REGEX)],
  ['sets.contains', sets],
  ['sets.intersects', sets],
  ['sets.equivalent', ([a, b]) => 1 + 2 * sizeOf(a!) * sizeOf(b!)],
]);

const BY_OVERLOAD: ReadonlyMap<string, CallCost> = new Map<string, CallCost>([
  ...['starts_with_string', 'ends_with_string', 'string_to_bytes', 'bytes_to_string', 'strings_quote', 'string_format'].map(
    (id): [string, CallCost] => [id, first],
  ),
  ['in_list', ([, list]) => sizeOf(list!)],
  ...[
    'less_string',
    'greater_string',
    'less_equals_string',
    'greater_equals_string',
    'less_bytes',
    'greater_bytes',
    'less_equals_bytes',
    'greater_equals_bytes',
  ].map((id): [string, CallCost] => [id, smaller]),
  ['equals', ([a, b]) => (isUnit(a!) ? 1 : smaller([a!, b!], null))],
  ['not_equals', smaller],
  ['add_string', both],
  ['add_bytes', both],
  ['matches_string', pattern],
  ['matches', pattern],
  ['contains_string', ([text, part]) => scaled(sizeOf(text!)) * scaled(sizeOf(part!))],
  ['cidr_ip', one],
  ['cidr_contains_ip_string', ([cidr, text]) => scaled(sizeOf(cidr!) * 2) + scaled(sizeOf(text!))],
  ['cidr_contains_ip_ip', ([cidr]) => scaled(sizeOf(cidr!) * 2)],
  ['cidr_contains_cidr_string', ([cidr, text]) => scaled(sizeOf(cidr!) * 2) + scaled(sizeOf(cidr!)) + 1 + scaled(sizeOf(text!))],
  ['cidr_contains_cidr', ([cidr]) => scaled(sizeOf(cidr!) * 2) + scaled(sizeOf(cidr!)) + 1],
]);

/** Values of the libraries compare in one step. */
const isUnit = (value: Value): boolean =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && 'typeName' in value && 'equals' in value;

/** The cost of calls to a function; the overload is '' when it is only known at run time. */
export function callCost(name: string, overload: string): CallCost {
  return (overload === 'cidr_ip' ? one : undefined) ?? BY_NAME.get(name) ?? BY_OVERLOAD.get(overload) ?? one;
}
