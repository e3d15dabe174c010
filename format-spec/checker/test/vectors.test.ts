/** The bundle vectors, which the format crate makes and reads too. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Refused, crc32, little } from '../src/bytes.js';
import { check } from '../src/check.js';
import { rowObject, summary } from '../src/describe.js';

const folder = new URL('../../../bundle-vectors/', import.meta.url);
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -5));

interface Expected {
  about: string;
  key: string;
  witnesses?: string;
  expect?: Record<string, unknown>;
  refuse?: string;
}

const load = (name: string): { bytes: Uint8Array; expected: Expected } => ({
  bytes: readFileSync(new URL(`${name}.bundle`, folder)),
  expected: JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Expected,
});

test('there are vectors to accept and to refuse', () => {
  const all = names.map((name) => load(name).expected);
  assert.ok(all.filter((one) => one.expect).length >= 10);
  assert.ok(all.filter((one) => one.refuse).length >= 20);
});

for (const name of names) {
  const { bytes, expected } = load(name);
  test(`${name}: ${expected.about}`, () => {
    if (expected.expect) {
      const report = check(bytes, expected.key, expected.witnesses);
      assert.deepEqual(summary(report), expected.expect);
      for (const row of report.rows) assert.equal(rowObject(row)['seq'], Number(row.seq));
    } else {
      assert.throws(() => check(bytes, expected.key, expected.witnesses), Refused);
    }
  });
}

test('any changed byte of a small bundle is refused, with a fresh checksum too', () => {
  const { bytes, expected } = load('bundle-record');
  for (let at = 0; at < bytes.length - 4; at++) {
    const changed = Uint8Array.from(bytes);
    changed[at]! ^= 1 << at % 8;
    assert.throws(() => check(changed, expected.key), Refused, `byte ${at}, old checksum`);
    changed.set(little(BigInt(crc32(changed.subarray(0, -4))), 4), changed.length - 4);
    assert.throws(() => check(changed, expected.key), Refused, `byte ${at}, new checksum`);
  }
});

test('any cut of a small bundle is refused', () => {
  const { bytes, expected } = load('bundle-record');
  for (let end = 0; end < bytes.length; end++) {
    assert.throws(() => check(bytes.subarray(0, end), expected.key), Refused, `cut at ${end}`);
  }
});
