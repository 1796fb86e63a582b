import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CelError, createEnvironment, DYN, EvaluationFailure, fromJson, INT, listOf, mapOf, STRING, struct } from './index.ts';
import { CompilationError } from './source.ts';

const spec = struct('Spec', (name) => ({ replicas: INT, names: listOf(STRING), labels: mapOf(STRING, STRING) })[name]);
const environment = createEnvironment({ variables: { object: DYN, self: spec } });
const object = fromJson({ a: 1, text: 'hello', list: [1, 2, 3], map: { x: { y: 'z' } }, nothing: null, pi: 3.5 });
const self = fromJson({ replicas: 3, names: ['a', 'b'], labels: { app: 'web' } });

const run = (text: string) => environment.compile(text).evaluate({ object, self }).value;

test('what holds', () => {
  const facts = `
    1 + 2 * 3 == 7
    -5 / 2 == -2 && -5 % 2 == -1
    1u + 2u == 3u
    1.5 + 2.5 == 4.0
    "a" + 'b' == "ab"
    b'abc' == b"\\x61bc"
    r'\\n'.size() == 2
    '\\u00e9' == 'é' && size('é') == 1
    0x10 == 16 && .5 == 0.5 && 1e3 == 1000.0
    1 < 2.5 && 3u > 2 && 2 <= 2.0
    dyn(1) == 1.0 && dyn(1u) == 1
    !(dyn('1') == 1)
    [1, 2] + [3] == [1, 2, 3]
    2 in [1, 2] && !('x' in {'y': 1})
    {'a': 1}.a == 1 && {'a': 1}['a'] == 1
    has({'a': 1}.a) && !has({'a': 1}.b)
    true ? 1 == 1 : false
    true || 1 / 0 == 1
    1 / 0 == 1 || true
    !(false && 1 / 0 == 1)
    [1, 2, 3].all(x, x > 0) && ![1, 2].all(x, x > 1)
    [1, 2, 3].exists(x, x == 2)
    [1, 2, 3].exists_one(x, x > 2)
    [1, 2, 3].map(x, x * 2) == [2, 4, 6]
    [1, 2, 3].map(x, x > 1, x * 2) == [4, 6]
    [1, 2, 3].filter(x, x % 2 == 1) == [1, 3]
    {'a': 1, 'b': 2}.all(k, k in ['a', 'b'])
    [1, 0].exists(x, 1 / x > 0)
    [0, 1].exists(x, 1 / x > 0)
    [[1, 2], [3]].all(x, x.all(y, y > 0))
    [1, 2].all(i, v, i + 1 == v)
    {'a': 1}.exists(k, v, k == 'a' && v == 1)
    [1, 2].transformList(i, v, i * v) == [0, 2]
    {'a': 1}.transformMap(k, v, v + 1) == {'a': 2}
    {'a': 1}.transformMapEntry(k, v, {v: k}) == {1: 'a'}
    object.a == 1 && object.map.x.y == 'z'
    object.list[2] == 3
    object.?a.orValue(5) == 1 && object.?b.orValue(5) == 5
    object.map.?x.?q.hasValue() == false
    object[?'a'].value() == 1 && object.list[?9].orValue(7) == 7
    optional.of(1).or(optional.none()).value() == 1
    optional.of(2).optMap(x, x * 2).value() == 4
    optional.ofNonZeroValue('').hasValue() == false
    [?optional.none(), 1] == [1] && {?'a': optional.of(1)} == {'a': 1}
    object.nothing == null && type(object.nothing) == null_type
    type(1) == int && type('') == string && type([]) == list && type({}) == map
    int('12') == 12 && string(12) == '12' && double('1.5') == 1.5 && uint(3) == 3u && bool('true')
    int(3.9) == 3 && string(1.5) == '1.5' && string(b'ab') == 'ab'
    'hello'.startsWith('he') && 'hello'.endsWith('lo') && 'hello'.contains('ell') && 'hello'.matches('^h.*o$')
    duration('1h30m') == duration('90m') && string(duration('1.5s')) == '1.5s'
    timestamp('2024-01-02T03:04:05Z').getFullYear() == 2024
    timestamp('2024-01-02T03:04:05Z').getHours('+01:00') == 4
    timestamp('2024-01-02T03:04:05Z').getHours('America/New_York') == 22
    timestamp('2024-01-02T00:00:00Z') - timestamp('2024-01-01T00:00:00Z') == duration('24h')
    string(timestamp('2024-01-02T03:04:05.5+01:00')) == '2024-01-02T02:04:05.5Z'
    'tacocat'.charAt(3) == 'o' && 'hello'.indexOf('l') == 2 && 'hello'.lastIndexOf('l') == 3
    'A,b'.lowerAscii() == 'a,b' && 'a'.upperAscii() == 'A' && ' x '.trim() == 'x'
    'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c']
    'hello'.replace('l', 'L', 1) == 'heLlo' && 'hello'.substring(1, 3) == 'el'
    ['a', 'b'].join('-') == 'a-b'
    '%s is %d, %.2f, %x'.format(['a', 1, 1.5, 255]) == 'a is 1, 1.50, ff'
    '%s'.format([[1, 'a']]) == '[1, "a"]'
    '%e'.format([3.14]) == '3.140000\u202f×\u202f10⁰⁰' && '%.1f'.format([1234567.89]) == '1,234,567.9'
    strings.quote('a"b') == '"a\\\\"b"'
    [1, 3, 2].max() == 3 && [1, 3, 2].min() == 1 && [1, 3, 2].sum() == 6 && [1, 2].isSorted() && ['a','b','a'].lastIndexOf('a') == 2
    [3, 1, 2].sort() == [1, 2, 3] && ['bb', 'a'].sortBy(x, x.size()) == ['a', 'bb']
    [1, 2, 3].slice(1, 3) == [2, 3] && [[1], [2]].flatten() == [1, 2] && [1, 1].distinct() == [1] && [1, 2].reverse() == [2, 1]
    lists.range(3) == [0, 1, 2]
    sets.contains([1, 2], [2]) && sets.equivalent([1, 2], [2, 1]) && sets.intersects([1], [1, 2])
    'abc 123'.find('[0-9]+') == '123' && '1 2'.findAll('[0-9]') == ['1', '2']
    url('https://example.com:80/p?a=1&a=2#f').getHost() == 'example.com:80'
    url('https://example.com:80/p?a=1').getQuery() == {'a': ['1']}
    isURL('https://a/b') && !isURL('../x')
    quantity('1.5Gi').isGreaterThan(quantity('1G')) && quantity('50k').asInteger() == 50000 && !isQuantity('x')
    quantity('1k').add(1).compareTo(quantity('1001')) == 0
    ip('192.168.0.1').family() == 4 && ip('::1').isLoopback() && isIP('2001:db8::1') && !isIP('1.2.3')
    string(ip('2001:DB8:0:0::1')) == '2001:db8::1' && !ip.isCanonical('2001:DB8::1')
    cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR(cidr('10.1.0.0/16'))
    cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.0/8').prefixLength() == 8
    semver('1.2.3').isLessThan(semver('1.10.0')) && isSemver('1.0.0-rc.1') && semver('v1.2', true).patch() == 0
    !format.dns1123Label().validate('my-name').hasValue() && format.named('uuid').hasValue()
    self.replicas > 2 && self.labels['app'] == 'web' && self.names.size() == 2`;
  for (const fact of facts.trim().split('\n')) assert.equal(run(fact.trim()), true, fact);
});

test('what goes wrong when it is evaluated', () => {
  const failures: [string, string][] = [
    ['1 / 0', 'division by zero'],
    ['9223372036854775807 + 1', 'integer overflow'],
    ['object.b', 'no such key: b'],
    ['object.list[9]', 'index out of bounds: 9'],
    ["object.a + 'x'", 'no such overload'],
    ['object.a.b', 'no such overload'],
    ['optional.none().value()', 'optional.none() dereference'],
    ["quantity('x')", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"],
  ];
  for (const [text, message] of failures) {
    assert.throws(
      () => run(text),
      (error) => error instanceof EvaluationFailure && error.cause instanceof CelError && error.cause.message === message,
      text,
    );
  }
});

const OPERANDS = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

test('what cannot be compiled, in upstream’s words', () => {
  const failures: [string, string][] = [
    ['nope', "ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')\n | nope\n | ^"],
    ["1 + 'a'", "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | 1 + 'a'\n | ..^"],
    ['self.nope > 1', "ERROR: <input>:1:5: undefined field 'nope'\n | self.nope > 1\n | ....^"],
    [
      "self.replicas.startsWith('a')",
      "ERROR: <input>:1:25: found no matching overload for 'startsWith' applied to 'int.(string)'\n | self.replicas.startsWith('a')\n | ........................^",
    ],
    ["'a'.matches('[')", "ERROR: <input>:1:13: invalid matches argument\n | 'a'.matches('[')\n | ............^"],
    ['ün', "ERROR: <input>:1:1: Syntax error: token recognition error at: 'ü'\n | ün\n | ＾"],
    [
      '*',
      ["1:1: Syntax error: mismatched input '*'", "1:2: Syntax error: mismatched input '<EOF>'"]
        .map((what, i) => `ERROR: <input>:${what} expecting ${OPERANDS}\n | *\n | ${'.'.repeat(i)}^`)
        .join('\n'),
    ],
    ["[1, 'a']", "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^"],
  ];
  for (const [text, message] of failures) assert.throws(() => environment.compile(text), { message }, text);
  for (const text of ['1 +', '(1', "'abc", '1 1', 'a.b(', '[1,,2]', '{1}', 'for', '@'])
    assert.throws(() => environment.compile(text), CompilationError, text);
});

test('evaluation stops at the limit of cost', () => {
  const program = environment.compile('lists.range(1000).all(x, lists.range(1000).all(y, x + y >= 0))');
  assert.throws(
    () => program.evaluate({ object, self }),
    (error) =>
      error instanceof EvaluationFailure && (error.cause as CelError).message === 'operation cancelled: actual cost limit exceeded',
  );
});

test('cost is upstream’s', () => {
  const costs: [string, number][] = [
    ['true', 0],
    ['object.a', 2],
    ['object.a == 1', 3],
    ["self.names.all(n, n == 'a')", 13],
    ['has(self.replicas)', 1],
    ["object.text.startsWith('he')", 3],
    ['[1, 2, 3].size()', 1],
    ['object.a in [1, 2]', 2],
  ];
  for (const [text, cost] of costs) assert.equal(environment.compile(text).evaluate({ object, self }).cost, cost, text);
});
