/** The act vectors: every text, note, record and signature, and what becomes of a text of which one character is another. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { noteOfRecord, openHoldText, parseAct, parseNote, parseStatement, signersOf } from '../src/act.js';
import { Refused } from '../src/bytes.js';
import { verify } from '../src/ed25519.js';
import { parseAnyKey } from '../src/note.js';

const folder = new URL('../../../vectors/act/', import.meta.url);
const names = readdirSync(folder).map((file) => file.slice(0, -'.json'.length));

interface Vector {
  structure: 'act' | 'statement' | 'hold_text';
  text: string;
  refuse?: string;
  expect?: { record: string; keys: string[]; commit: string } & Record<string, unknown>;
}

const load = <T>(name: string): T => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as T;
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const vectors = names.filter((name) => name !== 'ed25519').map((name) => ({ name, vector: load<Vector>(name) }));
const signed = vectors.filter(({ vector }) => vector.expect && vector.structure !== 'hold_text');

const parse = (structure: 'act' | 'statement', text: string): Record<string, unknown> => {
  const of = structure === 'act' ? parseAct(text) : parseStatement(text);
  const { body, base, ...rest } = of;
  return { ...rest, kind: body.kind, size: base.size };
};

test('there are vectors of every kind', () => {
  assert.ok(signed.length >= 19);
  assert.ok(vectors.filter(({ vector }) => vector.refuse).length >= 24);
});

for (const { name, vector } of vectors) {
  test(name, () => {
    const { structure, text, expect, refuse } = vector;
    if (structure === 'hold_text') {
      assert.equal(openHoldText(text).commit, expect!.commit);
    } else if (refuse) {
      assert.throws(() => parse(structure, text), (error: Error) => error instanceof Refused && error.message.startsWith(refuse));
    } else {
      const { record, keys, ...values } = expect!;
      const read = parse(structure, text);
      for (const [member, value] of Object.entries(values)) {
        assert.deepEqual(typeof read[member] === 'bigint' ? Number(read[member]) : read[member], value, member);
      }
      const note = noteOfRecord(record, structure);
      assert.equal(note.text, text);
      assert.deepEqual(signersOf(note, keys.map(parseAnyKey)).map((key) => key.text), keys);
    }
  });
}

const OTHERS = ['', '0', '1', ' ', '\n', '\r', '"', '\\', 'A', 'f', ',', '\u00e9', '\u0000'];

test('a text with another character is refused, or is another text that nobody has signed', () => {
  for (const { name, vector } of signed) {
    const structure = vector.structure as 'act' | 'statement';
    const { text } = vector;
    const note = noteOfRecord(vector.expect!.record, structure);
    const keys = vector.expect!.keys.map(parseAnyKey);
    let accepted = '';
    for (let at = 0; at <= text.length; at++) {
      for (const other of OTHERS) {
        for (const changed of [text.slice(0, at) + other + text.slice(at + 1), text.slice(0, at) + other + text.slice(at)]) {
          if (changed === text) continue;
          try {
            parse(structure, changed);
          } catch (error) {
            assert.ok(error instanceof Refused, `${name}, ${at}: ${error}`);
            continue;
          }
          accepted = changed;
          // Signatures are judged last and are slow: one of each place is enough, since they cover every byte alike.
          if (other === '1') assert.throws(() => signersOf({ ...note, text: changed }, keys), Refused, `${name}, ${at}`);
        }
      }
    }
    assert.notEqual(accepted, '', `${name}: no change is another text`);
  }
});

test('a note or a record with another character is refused, or says the same', () => {
  for (const { name, vector } of signed.slice(0, 3)) {
    const structure = vector.structure as 'act' | 'statement';
    const record = vector.expect!.record;
    const keys = vector.expect!.keys.map(parseAnyKey);
    for (let at = 0; at < record.length; at++) {
      for (const other of ['', '1', 'n', ' ']) {
        const changed = record.slice(0, at) + other + record.slice(at + 1);
        if (changed === record) continue;
        try {
          const note = noteOfRecord(changed, structure);
          parse(structure, note.text);
          // A line whose name or key id is another is that of somebody whom nobody knows, and means nothing.
          assert.ok(signersOf(note, keys).length < keys.length || note.text !== vector.text, `${name}, ${at}`);
          assert.equal(note.text, vector.text, `${name}, ${at}`);
        } catch (error) {
          assert.ok(error instanceof Refused, `${name}, ${at}: ${error}`);
        }
      }
    }
  }
});

test('notes without lines, with too many, and with one twice are refused', () => {
  const line = (count: number): string => `\u2014 a ${btoa('12345' + String(count).padStart(3, '0'))}\n`;
  const many = (count: number): string => 'text\n\n' + Array.from({ length: count }, (_, at) => line(at)).join('');
  assert.equal(parseNote(many(64)).lines.length, 64);
  for (const note of ['text\n', 'text\n\n', many(65), many(1) + line(0), many(1).slice(0, -1), `${'x'.repeat(1_048_576)}\n\n${line(0)}`]) {
    assert.throws(() => parseNote(note), /ACT-2/);
  }
});

test('signatures are judged by the one equation', () => {
  interface Case {
    about: string;
    accepted: boolean;
    key: string;
    message: string;
    signature: string;
  }
  const cases = load<Case[]>('ed25519');
  assert.ok(cases.filter((one) => one.accepted).length >= 10 && cases.length >= 100);
  for (const { about, accepted, key, message, signature } of cases) {
    assert.equal(verify(bytes(signature), bytes(message), bytes(key)), accepted, about);
  }
});
