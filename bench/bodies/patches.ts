// Patches of each kind, of a ConfigMap `x`, one of 6,000 keys `big` and a Pod `p`; applies of what is not there yet.
import { type Body, full } from './body.ts';
import { MAPS, map, PODS, pod } from './objects.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
const OPERATIONS = 10_000;

const patch = (name: string, url: string, type: string, body: string): Body => ({ name, method: 'PATCH', url, type, body });
const operations = (name: string, make: (i: number) => object, url = `${MAPS}/big`) =>
  patch(name, url, JSON_PATCH, JSON.stringify(Array.from({ length: OPERATIONS }, (_, i) => make(i))));
const applied = (name: string, url: string, body: string) => patch(name, `${url}/wide?fieldManager=m`, APPLY, body);

const deep = (steps: number) => '/a'.repeat(steps);

export const patchBodies: Body[] = [
  operations('10,000 tests', () => ({ op: 'test', path: '/kind', value: 'ConfigMap' })),
  operations('10,000 tests of all', () => ({ op: 'test', path: '/data', value: {} })),
  operations('5,000 keys by operations', (i) => ({ op: 'add', path: `/data/k${i % 5000}`, value: 'v' }), `${MAPS}/x`),
  operations('10,000 copies', (i) => ({ op: 'copy', from: `/data/k${i % 6000}`, path: `/data/m${i}` })),
  operations('10,000 moves', (i) => ({ op: 'move', from: `/data/k${i}`, path: `/data/m${i}` })),
  patch(
    'copies of copies',
    `${MAPS}/x`,
    JSON_PATCH,
    JSON.stringify(Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '/data', path: `/data/k${i}` }))),
  ),
  patch(
    'a long way, often',
    `${MAPS}/x`,
    JSON_PATCH,
    `[{"op":"add","path":"/data/x","value":${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}},${full(() => `{"op":"add","path":"/data/x${deep(900)}","value":1}`)}]`,
  ),
  patch(
    'a list that grows at its beginning',
    `${MAPS}/x`,
    JSON_PATCH,
    `[{"op":"add","path":"/data/x","value":[${full(() => '1')}]},${full(() => '{"op":"add","path":"/data/x/0","value":1}')}]`,
  ),
  patch('merge: keys', `${MAPS}/x`, MERGE, `{"data":{${full((i) => `"key-${i}":"v"`)}}}`),
  patch('merge: fields that nobody knows', `${MAPS}/x`, MERGE, `{${full((i) => `"key-${i}":"v"`)}}`),
  patch('merge: numbers for texts', `${MAPS}/x`, MERGE, `{"data":{${full((i) => `"k${i}":1`)}}}`),
  patch('strategic: keys', `${MAPS}/x`, STRATEGIC, `{"data":{${full((i) => `"key-${i}":"v"`)}}}`),
  patch('strategic: finalizers', `${MAPS}/x`, STRATEGIC, `{"metadata":{"finalizers":[${full((i) => `"a.b/c${i}"`)}]}}`),
  patch('strategic: containers', `${PODS}/p`, STRATEGIC, `{"spec":{"containers":[${full((i) => `{"name":"c${i}","image":"i"}`)}]}}`),
  patch(
    'strategic: an order',
    `${PODS}/p`,
    STRATEGIC,
    `{"spec":{"$setElementOrder/containers":[${full((i) => `{"name":"c${i}"}`, { values: 10_000 })}],"containers":[${full((i) => `{"name":"c${i}"}`, { values: 10_000 })}]}}`,
  ),
  applied('apply: keys', MAPS, map(`"data":{${full((i) => `"key-${i}":"v"`)}}`)),
  applied('apply: fields that nobody knows', MAPS, map(full((i) => `"f${i}":1`))),
  applied('apply: finalizers', MAPS, map('"data":{}', `"finalizers":[${full((i) => `"a.b/${i}"`)}]`)),
  applied('apply: containers', PODS, pod(`"containers":[${full((i) => `{"name":"c${i}","image":"i"}`)}]`)),
  applied('apply: empty containers', PODS, pod(`"containers":[${full(() => '{}')}]`)),
  applied('apply: one key, often', MAPS, map(`"data":{${full(() => '"a":"b"')}}`)),
];
