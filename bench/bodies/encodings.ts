// YAML and protobuf: what is counted while it is read.
import { encodeProtobuf } from '@tiphys/api';
import { type Body, BYTES, created, PROTOBUF_TYPE, YAML_TYPE } from './body.ts';
import { MAPS, PODS } from './objects.ts';

const YAML_BYTES = 512 * 1024;

const yaml = (name: string, body: string): Body => created(name, MAPS, body, YAML_TYPE);
const lines = (line: (i: number) => string, bytes = YAML_BYTES) => {
  const made: string[] = [];
  for (let length = 0; length < bytes - 100; length += made.at(-1)!.length) made.push(line(made.length));
  return made.join('');
};
const enveloped = (fields: Uint8Array) => Buffer.concat([Buffer.from('k8s\0'), fields]);
const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']));
const HEAD = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: wide}\n';

export const encodingBodies: Body[] = [
  yaml('YAML: keys', `${HEAD}data:\n${lines((i) => `  k${i}: v\n`)}`),
  yaml('YAML: 5,000 keys', `${HEAD}data:\n${Array.from({ length: 5000 }, (_, i) => `  k${i}: v\n`).join('')}`),
  yaml('YAML: a file of 500 KB', `${HEAD}data:\n  file: |\n${lines(() => '    some: text, as in - files\n')}`),
  yaml('YAML: lists in one line', `a: [${'x,'.repeat(YAML_BYTES / 2 - 10)}x]`),
  yaml('YAML: commas alone', `[${','.repeat(YAML_BYTES - 10)}]`),
  yaml(
    'YAML: comments',
    lines(() => '#\n'),
  ),
  yaml(
    'YAML: documents',
    lines(() => '---\n'),
  ),
  yaml('YAML: empty lines', '\n'.repeat(YAML_BYTES - 1)),
  yaml('YAML: a text of many lines', `a: ${lines(() => 'x\n  ')}`),
  yaml(
    'YAML: quotes',
    lines(() => '"'),
  ),
  yaml('YAML: aliases of a long list', `a: &a [${Array(3000).fill('x').join(',')}]\nb: [${Array(900).fill('*a').join(',')}]`),
  {
    ...yaml('apply: no JSON, with its commas in quotes', `{a: '"', b: [${'1,'.repeat(BYTES / 2 - 20)}1]}`),
    method: 'PATCH',
    url: `${MAPS}/wide?fieldManager=m`,
    type: 'application/apply-patch+yaml',
  },
  created('bytes that are no protobuf', MAPS, Buffer.alloc(BYTES, 0xff), PROTOBUF_TYPE),
  created('protobuf: fields of nothing', MAPS, enveloped(Buffer.alloc(BYTES - 4, '\x0a\0')), PROTOBUF_TYPE),
  created(
    'protobuf: 6,600 keys',
    MAPS,
    encodeProtobuf({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'wide' }, data: keys(6600) } as object),
    PROTOBUF_TYPE,
  ),
  created(
    'protobuf: keys',
    MAPS,
    encodeProtobuf({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'wide' }, data: keys(200_000) } as object),
    PROTOBUF_TYPE,
  ),
  created(
    'protobuf: containers',
    PODS,
    encodeProtobuf({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'wide' },
      spec: { containers: Array.from({ length: 200_000 }, () => ({})) },
    } as object),
    PROTOBUF_TYPE,
  ),
  created(
    'protobuf: JSON inside',
    '/apis/apps/v1/namespaces/default/controllerrevisions',
    encodeProtobuf({
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: { name: 'wide' },
      data: Array(1_400_000).fill(1),
      revision: 1,
    } as object),
    PROTOBUF_TYPE,
  ),
];
