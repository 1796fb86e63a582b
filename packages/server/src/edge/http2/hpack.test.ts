import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompressionError, HeaderReader, headerBlock } from './hpack.ts';
import { decodeHuffman } from './huffman.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const huffman = (text: string) => decodeHuffman(hex(text), 0, hex(text).length);

/** Of RFC 7541, appendix C. */
const CODED = [
  ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
  ['no-cache', 'a8eb10649cbf'],
  ['custom-value', '25a849e95bb8e8b4bf'],
  ['302', '6402'],
  ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
  ['https://www.example.com', '9d29ad171863c78f0b97c8e9ae82ae43d3'],
  [
    'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    '94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
  ],
] as const;

test('text in HPACK’s code', () => {
  for (const [text, coded] of CODED) assert.equal(huffman(coded), text);
  assert.equal(huffman(''), '');
  assert.equal(huffman('ffffffff'), undefined, 'the end of text has no place in it');
  assert.equal(huffman('ff'), undefined, 'padding of a whole byte');
  assert.equal(huffman('1800'), undefined, 'padding that is not ones');
});

test('blocks of a connection refer to what came before', () => {
  const reader = new HeaderReader(10_000);
  // Appendix C.4: three requests.
  const first = reader.read(hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff')).headers;
  const request = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ];
  assert.deepEqual(first, request);
  assert.deepEqual(reader.read(hex('8286 84be 5886 a8eb 1064 9cbf')).headers, [...request, ['cache-control', 'no-cache']]);
  const third = reader.read(hex('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf')).headers;
  assert.deepEqual(third.slice(-2), [
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ]);
});

test('what can’t be read, and what is too much', () => {
  for (const block of ['80', 'ff ff ff ff ff ff ff', 'c5', '00', '0005 61', '41 8c f1', '82 20', '3f ff ff 7f', '0081 00 00']) {
    assert.throws(() => new HeaderReader(10_000).read(hex(block)), CompressionError, block);
  }
  const cut = new HeaderReader(100).read(hex(`82 0001 61 0501 02 03 04 05 ${'0001 62 0101'.repeat(3)}`));
  assert.deepEqual([cut.headers.length, cut.cut], [2, true]);
});

test('what we send is read as it was', () => {
  const headers = [
    ['content-type', 'application/json'],
    ['x-long', 'y'.repeat(40_000)],
    ['x-short', ''],
    ['x-edge', 'z'.repeat(127)],
  ] as const;
  for (const status of [200, 201, 404, 599]) {
    assert.deepEqual(new HeaderReader(100_000).read(headerBlock(status, headers)).headers, [[':status', String(status)], ...headers]);
  }
});
