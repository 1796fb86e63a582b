// Templates of kubectl's JSONPath documentation, and the failures upstream names.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonPath, relaxedJsonPath } from './index.ts';

const data = {
  kind: 'List',
  items: [
    {
      kind: 'None',
      metadata: { name: '127.0.0.1', labels: { 'kubernetes.io/hostname': '127.0.0.1' } },
      status: { capacity: { cpu: '4' }, addresses: [{ type: 'LegacyHostIP', address: '127.0.0.1' }] },
    },
    {
      kind: 'None',
      metadata: { name: '127.0.0.2' },
      status: {
        capacity: { cpu: '8' },
        addresses: [
          { type: 'LegacyHostIP', address: '127.0.0.2' },
          { type: 'another', address: '127.0.0.3' },
        ],
      },
    },
  ],
  users: [
    { name: 'myself', user: {} },
    { name: 'e2e', user: { username: 'admin', password: 'secret' } },
  ],
  count: 3,
};
const print = (template: string, allowMissingKeys = true) => jsonPath(template, { allowMissingKeys }).print(data);

test('the documented examples', () => {
  assert.equal(print('kind is {.kind}'), 'kind is List');
  assert.equal(print("{['kind']}"), 'List');
  assert.equal(print('{..name}'), '127.0.0.1 127.0.0.2 myself e2e');
  assert.equal(print('{.items[*].metadata.name}'), '127.0.0.1 127.0.0.2');
  assert.equal(print('{.users[0].name}'), 'myself');
  assert.equal(print("{.items[*]['metadata.name', 'status.capacity']}"), '127.0.0.1 127.0.0.2 {"cpu":"4"} {"cpu":"8"}');
  assert.equal(print('{.users[?(@.name=="e2e")].user.password}'), 'secret');
  assert.equal(
    print('{range .items[*]}[{.metadata.name}, {.status.capacity}] {end}'),
    '[127.0.0.1, {"cpu":"4"}] [127.0.0.2, {"cpu":"8"}] ',
  );
  assert.equal(print('{range .items[*]}{.metadata.name}{"\\t"}{end}|'), '127.0.0.1\t127.0.0.2\t|');
  assert.equal(print('{.items[*].metadata.labels.kubernetes\\.io/hostname}'), '127.0.0.1');
});

test('slices, nested ranges, filters on numbers and existence', () => {
  assert.equal(print('{.items[-1:].metadata.name}'), '127.0.0.2');
  assert.equal(print('{.items[-1].metadata.name}'), '127.0.0.2');
  assert.equal(print('{.items[0:2:2].metadata.name}'), '127.0.0.1');
  assert.equal(
    print('{range .items[*]}{.metadata.name}:{range .status.addresses[*]}{.address};{end}{end}'),
    '127.0.0.1:127.0.0.1;127.0.0.2:127.0.0.2;127.0.0.3;',
  );
  assert.equal(print('{.users[?(@.user.username)].name}'), 'e2e');
  assert.equal(print('{range .none[*]}{.x}{end}.'), '.');
  assert.equal(jsonPath('{.l[?(@.n>1)].n}').print({ l: [{ n: 1 }, { n: 2 }, { n: 3 }] }), '2 3');
  assert.equal(print('{.users}'), '[{"name":"myself","user":{}},{"name":"e2e","user":{"password":"secret","username":"admin"}}]');
  assert.equal(print('{.count}'), '3');
});

test('failures', () => {
  const failures: [string, string][] = [
    ['{.nothing}', 'nothing is not found'],
    ['{.items[9]}', 'array index out of bounds: index 9, length 2'],
    ['{.kind[0]}', 'string is not array or slice'],
    ['{.items[', 'unterminated array'],
    ['{.items', 'unclosed action'],
    ['{end}', 'not in range, nothing to end'],
    ['{what}', 'unrecognized identifier what'],
    ['{.items[abc]}', 'invalid array index abc'],
    ['{.users[?(@.name=="e2e"}', 'unterminated filter'],
    ['{*}', "unrecognized character in action: U+002A '*'"],
    ['{"abc}', 'unterminated quoted string'],
  ];
  for (const [template, message] of failures) assert.throws(() => print(template, false), { message }, template);
});

test('paths without braces', () => {
  for (const text of ['x.y', '.x.y', '{x.y}', '{.x.y}']) assert.equal(relaxedJsonPath(text), '{.x.y}');
  assert.throws(() => relaxedJsonPath('{.x'));
});
