import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from './decode.ts';
import { yamlNumber } from './yaml-scalars.ts';
import { readYamlDocuments } from './yaml-text.ts';

test('plain words are numbers where goyaml has them for numbers', () => {
  const numbers: Record<string, number> = {
    '0': 0,
    '-0': 0,
    '+1': 1,
    '017': 15,
    '0o17': 15,
    '0O17': 15,
    '08': 8,
    '0x1F': 31,
    '-0X10': -16,
    '0b11': 3,
    '0B11': 3,
    '1_0': 10,
    '1_': 1,
    '.5': 0.5,
    '.5_0': 0.5,
    '-.5': -0.5,
    '5.': 5,
    '1.e3': 1000,
    '5E-3': 0.005,
    '99999999999999999999': 1e20,
  };
  for (const [word, number] of Object.entries(numbers)) assert.equal(yamlNumber(word), number, word);
  for (const word of [
    '.',
    '..',
    '+',
    '-',
    '-.',
    '5e',
    '_1',
    '._5',
    '.5_',
    '0x',
    '0xg',
    '1:30',
    '1e400',
    '0xffffffffffffffffff',
    '1-2',
    '.e3',
    '2001-01-01',
  ])
    assert.equal(yamlNumber(word), undefined, word);
});

test('a point is a text, wherever it stands', () => {
  const [document] = readYamlDocuments('a: .\nb: [., -1, "1", !!str 1, !!float 5]\n.: c\n');
  assert.deepEqual(document!.value, { a: '.', b: ['.', -1, '1', '1', 5], '.': 'c' });
});

test('numbers that JSON has no word for are refused', () => {
  for (const [word, told] of Object.entries({ '.inf': '+Inf', '-.INF': '-Inf', '.nan': 'NaN' }))
    assert.throws(() => decode(`a: [${word}]`, { mediaType: 'application/yaml' }), { message: `json: unsupported value: ${told}` });
  assert.throws(() => decode('a: *x', { mediaType: 'application/yaml' }), /yaml: unknown anchor 'x' referenced$/);
});
