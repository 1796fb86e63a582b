// Values for fields: right ones, ones at the edge and wrong ones. Words that rules know come by the field's name, the rest by its type.

import { ValueKind } from '@tiphys/api';
import { CERTIFICATE_BYTES } from './certificate-words.ts';
import type { Chance } from './chance.ts';
import type { FieldShape, ValueShape } from './shape.ts';
import { WORDS } from './words.ts';

const LONG_CHARACTERS = [64, 254, 300, 1030];
const STRINGS = [
  '',
  'a',
  'valid-name',
  'UPPER',
  '-bad-',
  'under_score',
  'a.b',
  'a/b',
  'example.com/thing',
  '../x',
  'sp ace',
  'ünïcode',
  '10.0.0.1',
  '10.0.0.300',
  '2001:db8::1',
  '0123',
  'true',
  '1',
  '/absolute',
  'relative/path',
  'http://example.com',
  '*',
  '*.example.com',
  'a,b',
  '$(VAR)',
];
const INTEGERS = [-1, 0, 1, 2, 3, 10, 80, 100, 101, 300, 1000, 65535, 65536, 70000, 2147483647, 2147483648, -2147483649];
const QUANTITIES = [
  '1',
  '0',
  '-1',
  '100m',
  '1.5',
  '1Ki',
  '2Gi',
  '500M',
  '0.0001',
  '1e3',
  'bad',
  '',
  '1.0',
  '10',
  12,
  0.5,
  '1n',
  '9999999999999999999',
];
const INT_OR_STRINGS = [0, 1, 5, -1, 80, 70000, '50%', '150%', '0%', '-5%', 'abc', 'http', '', '1', 'UPPER', 'a_b'];
const TIMES = ['2020-01-02T03:04:05Z', '2020-01-02T03:04:05.123456Z', 'bad', '2020-01-02', '', '2030-01-02T03:04:05+02:00'];
const DURATIONS = ['1s', '0s', '1h0m0s', '-1s', 'bad', '90m'];
const RAW = [{}, { a: 1 }, 'text', 5, [], null, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } }];
const BYTES = ['', 'YQ==', 'bm90aGluZw==', 'not base64!', 'YQ'];
const KEYS = [
  'a',
  'example.com/a',
  'kubernetes.io/a',
  'UPPER',
  '-bad-',
  '',
  'a/b/c',
  'sp ace',
  'under_score',
  'a.b',
  'cpu',
  'memory',
  'ephemeral-storage',
  'hugepages-2Mi',
  'example.com/gpu',
  'pods',
  'requests.cpu',
  'storage',
  'x'.repeat(64),
];
const WRONG_TYPES = ['text', 5, 1.5, true, {}, { a: 'b' }, [], ['a'], [{}], null];
const DEPTH_MAX = 3;

const text = (chance: Chance) => (chance.percent(12) ? 'x'.repeat(chance.pick(LONG_CHARACTERS)) : chance.pick(STRINGS));

function wordsFor(name: string, node: ValueShape): readonly unknown[] | undefined {
  return node.words ?? WORDS[node.goType] ?? WORDS[name];
}

/** A value of the field's type; mostly one that rules accept where the name tells enough. */
export function valueFor(chance: Chance, name: string, node: ValueShape, depth = 0): unknown {
  const words = wordsFor(name, node);
  if (words && node.kind !== ValueKind.struct && node.kind !== ValueKind.map && chance.percent(85)) {
    const word = structuredClone(chance.pick(words));
    return node.kind === ValueKind.list && !Array.isArray(word) ? [word] : word;
  }
  switch (node.kind) {
    case ValueKind.string:
      return text(chance);
    case ValueKind.bool:
      return chance.percent(50);
    case ValueKind.int32:
    case ValueKind.int64:
      return chance.pick(INTEGERS);
    case ValueKind.float:
      return chance.pick([0, 1.5, -1, 100]);
    case ValueKind.bytes:
      return chance.pick(CERTIFICATE_BYTES[name] ?? BYTES);
    case ValueKind.quantity:
      return chance.pick(QUANTITIES);
    case ValueKind.intOrString:
      return chance.pick(INT_OR_STRINGS);
    case ValueKind.time:
      return chance.pick(TIMES);
    case ValueKind.microTime:
      return chance.pick(['2020-01-02T03:04:05.123456Z', ...TIMES]);
    case ValueKind.duration:
      return chance.pick(DURATIONS);
    case ValueKind.list:
      return Array.from({ length: 1 + chance.below(2) }, () => valueFor(chance, name, node.item!, depth + 1));
    case ValueKind.map:
      return { [chance.pick(KEYS)]: valueFor(chance, name, node.item!, depth + 1) };
    case ValueKind.struct:
      return structFor(chance, node.struct!.fields, depth);
    case ValueKind.raw:
    case ValueKind.any:
      return structuredClone(chance.pick(RAW));
    default:
      return chance.pick([true, {}, ['a']]);
  }
}

/** Required fields mostly, and a few of the others. */
function structFor(chance: Chance, fields: readonly FieldShape[], depth: number): unknown {
  const made: Record<string, unknown> = {};
  for (const field of fields) {
    const share = field.facts?.required ? 92 : depth >= DEPTH_MAX ? 3 : 180 / (fields.length + 4);
    if (chance.percent(share)) made[field.name] = valueFor(chance, field.name, field.value, depth + 1);
  }
  return made;
}

export const mapKey = (chance: Chance): string => chance.pick(KEYS);
export const wrongType = (chance: Chance): unknown => structuredClone(chance.pick(WRONG_TYPES));
