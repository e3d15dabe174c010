/** A charter followed: good acts change the state, and every broken rule counts for nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { firstLink } from '../src/act.js';
import { hex } from '../src/bytes.js';
import { Charter, type Verdict } from '../src/charter.js';
import { parseAnyKey } from '../src/note.js';
import { FIRST_PROFILE, type FirstKeys } from '../src/state.js';

const LOG = new Uint8Array(16).fill(0x11);
const ROOT = 'ab'.repeat(32);
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

class Signer {
  readonly text: string;
  private readonly id: Uint8Array;
  constructor(
    private readonly number: number,
    private readonly name = 'log.example/a',
    type = 1,
  ) {
    const typed = Uint8Array.of(type, ...ed25519.getPublicKey(this.seed));
    this.id = sha256(Uint8Array.of(...utf8(`${this.name}\n`), ...typed)).subarray(0, 4);
    this.text = `${this.name}+${hex(this.id)}+${base64(typed)}`;
  }
  private get seed(): Uint8Array {
    return new Uint8Array(32).fill(this.number);
  }
  line(text: string): string {
    return `\u2014 ${this.name} ${base64(Uint8Array.of(...this.id, ...ed25519.sign(utf8(text), this.seed)))}\n`;
  }
}

const [log, admin, second, hold, purge, recovery, next] = [1, 2, 3, 4, 5, 6, 7].map((number) => new Signer(number)) as Signer[] as [
  Signer, Signer, Signer, Signer, Signer, Signer, Signer,
];
const strange = new Signer(9, 'log.example/a', 77);

/** A log in which every frame has one record. */
class Written {
  seq = 1n;
  readonly charter: Charter;
  private readonly lines = { charter: { number: 0, link: firstLink(LOG, 'charter') }, deletion: { number: 0, link: firstLink(LOG, 'deletion') } };
  time = 1000;

  constructor(head = 1000n, keys: Partial<Record<keyof FirstKeys, Signer[]>> = {}) {
    const of = (signers: Signer[]): ReturnType<typeof parseAnyKey>[] => signers.map((one) => parseAnyKey(one.text));
    const first = { admin: [admin], hold: [hold], purge: [purge], recovery: [recovery], ...keys };
    const firstKeys = { key: of([log])[0]!, admin: of(first.admin), hold: of(first.hold), purge: of(first.purge), recovery: of(first.recovery) };
    this.charter = new Charter(LOG, firstKeys, head, () => ROOT);
  }

  act(role: string, kind: string, body: unknown, signers: Signer[], changes: Record<string, string> = {}): Verdict {
    const line = this.lines[kind === 'intent' ? 'deletion' : 'charter'];
    const values = {
      log: '11111111-1111-1111-1111-111111111111', role, number: String(line.number + 1), previous: line.link,
      charter: this.lines.charter.link, base: `1 ${ROOT}`, expires: String(this.time + 100), kind, ...changes,
    };
    const head = Object.entries(values).map(([name, value]) => `${name} ${value}\n`);
    const text = `indelible 2026-11 act v1\n${head.join('')}${JSON.stringify(body)}\n`;
    const verdict = this.put('act', kind, text, signers);
    if (verdict.is === 'counts') Object.assign(line, { number: line.number + 1, link: hex(sha256(utf8(text))) });
    return verdict;
  }

  statement(kind: string, body: unknown, signers: Signer[], epoch = 0): Verdict {
    const head = `log 11111111-1111-1111-1111-111111111111\nepoch ${epoch}\nbase 1 ${ROOT}\nkind ${kind}\n`;
    return this.put('statement', kind, `indelible 2026-11 statement v1\n${head}${JSON.stringify(body)}\n`, signers);
  }

  private put(what: 'act' | 'statement', kind: string, text: string, signers: Signer[]): Verdict {
    const body = JSON.stringify({ [what]: `${text}\n${signers.map((one) => one.line(text)).join('')}` });
    const recorded = BigInt(this.time);
    this.seq++;
    return this.charter.take({ seq: this.seq, frameNo: this.seq, recorded, taken: recorded, what, kind, body });
  }
}

const change = (action: string, role: string, key: Signer, epoch: number | null = null): unknown => ({ action, role, key: key.text, epoch, since: null, reason: null });
const keys = (...changes: unknown[]): unknown => ({ changes });
const profile = (changes: Record<string, unknown>): unknown => ({
  purge_head: 'signed', witness_policy: null, purge_notice: 0, quorum_admin: 1, quorum_purge: 1, separate: false, refuse_unmarked: false,
  holds_per_key: 1000, ...changes,
});
const place = (name: string): unknown => ({ action: 'place', name, commit: ROOT, needs: [], through: 1, seqs: 'AA==' });
const release = (...names: string[]): unknown => ({ action: 'release', names });
const intent = (kept: string[], at = 1000): unknown => ({
  at, segments: [{ id: 1, generation: 1, first_frame: 0, frames: 1, bytes: 9 }], classes: [], records: 'AA==', envelopes: 'AA==', groups: [],
  kept: kept.map((name) => ({ name, seqs: 'AA==' })), clock: 'guard',
});
const counts = (verdict: Verdict): void => assert.deepEqual(verdict, { is: 'counts' });
const fails = (verdict: Verdict, rule: string, is = 'finding'): void => {
  assert.equal(verdict.is, is, JSON.stringify(verdict));
  assert.ok('why' in verdict && verdict.why.includes(rule), JSON.stringify(verdict));
};

test('lines, base, time and log', () => {
  const written = new Written();
  fails(written.act('admin', 'void', {}, [admin], { number: '2' }), 'ACT-6');
  fails(written.act('admin', 'void', {}, [admin], { previous: ROOT, charter: ROOT }), 'ACT-6');
  fails(written.act('admin', 'void', {}, [admin], { log: '22222222-1111-1111-1111-111111111111' }), 'ACT-3');
  fails(written.act('admin', 'void', {}, [admin], { base: `900 ${ROOT}` }), 'ACT-7');
  fails(written.act('admin', 'void', {}, [admin], { base: `1 ${'cd'.repeat(32)}` }), 'ACT-7');
  fails(written.act('admin', 'void', {}, [admin], { expires: '999' }), 'ACT-8');
  fails(written.act('hold', 'void', {}, [hold]), 'ACT-3');
  counts(written.act('admin', 'void', {}, [admin]));
  counts(written.act('admin', 'void', {}, [admin]));
});

test('quorums', () => {
  const written = new Written(1000n, { admin: [admin, second] });
  counts(written.act('admin', 'profile', profile({ quorum_admin: 2 }), [admin]));
  fails(written.act('admin', 'profile', profile({}), [admin]), 'ACT-5');
  fails(written.act('admin', 'profile', profile({}), [admin, hold]), 'ACT-5');
  fails(written.act('admin', 'profile', profile({ quorum_admin: 3 }), [admin, second]), 'ACT-13');
  fails(written.act('admin', 'profile', profile({ separate: true, quorum_admin: 2 }), [second]), 'ACT-5');
  counts(written.act('admin', 'void', {}, [second]));
  counts(written.act('hold', 'hold', place('a'), [hold]));
  fails(written.act('hold', 'hold', release('a'), [hold]), 'ACT-5');
  counts(written.act('hold', 'hold', release('a'), [hold, second]));
  counts(written.act('admin', 'key', keys(change('retire', 'purge', purge)), [admin]));
  fails(written.act('admin', 'key', keys(change('add', 'purge', purge)), [admin]), 'ACT-5');
  fails(written.act('admin', 'key', keys(change('retire', 'admin', second)), [admin, second]), 'ACT-12');
  counts(written.act('recovery', 'key', keys(change('add', 'admin', next)), [recovery]));
});

test('keys', () => {
  const written = new Written();
  fails(written.act('admin', 'key', keys(change('add', 'admin', admin)), [admin]), 'ACT-12');
  fails(written.act('admin', 'key', keys(change('retire', 'hold', next)), [admin]), 'ACT-12');
  fails(written.act('admin', 'key', keys(change('add', 'recovery', next)), [admin]), 'ACT-12');
  fails(written.act('recovery', 'key', keys(change('add', 'purge', next)), [recovery]), 'ACT-12');
  fails(written.act('admin', 'key', keys(change('add', 'checkpoint', next, 2)), [admin]), 'ACT-12');
  fails(written.act('admin', 'key', keys(change('add', 'checkpoint', log, 1)), [admin]), 'ACT-12');
  fails(written.act('admin', 'key', keys(change('add', 'checkpoint', new Signer(8, 'other'), 1)), [admin]), 'ACT-12');
  fails(written.act('admin', 'key', keys(change('retire', 'admin', admin)), [admin]), 'ACT-12');
  counts(written.act('admin', 'key', keys(change('add', 'checkpoint', next, 1)), [admin]));
  fails(written.statement('jump', { before: 1, after: 2 }, [log], 0), 'ACT-17');
  fails(written.statement('jump', { before: 1, after: 2 }, [next, log], 1), 'ACT-17');
  fails(written.statement('jump', { before: 1, after: 2000 }, [next], 1), 'ACT-17');
  counts(written.statement('jump', { before: 1, after: 2 }, [next], 1));
  counts(written.act('admin', 'key', keys(change('drop', 'checkpoint', next, 1)), [admin]));
  counts(written.statement('jump', { before: 1, after: 3 }, [log], 0));
  counts(written.act('admin', 'key', keys(change('add', 'admin', strange)), [admin]));
  assert.equal(written.act('admin', 'void', {}, [strange]).is, 'not decided');
});

test('holds, and what an intent keeps', () => {
  const written = new Written();
  counts(written.act('admin', 'profile', profile({ holds_per_key: 1 }), [admin]));
  counts(written.act('hold', 'hold', place('a'), [hold]));
  fails(written.act('hold', 'hold', place('a'), [hold]), 'ACT-11');
  fails(written.act('hold', 'hold', place('b'), [hold]), 'ACT-11');
  fails(written.act('hold', 'hold', release('b'), [hold]), 'ACT-11');
  fails(written.statement('hold_extend', { name: 'a', from: 2, through: 3, seqs: 'AA==' }, [log]), 'ACT-11');
  counts(written.statement('hold_extend', { name: 'a', from: 1, through: 3, seqs: 'AA==' }, [log]));
  fails(written.act('purge', 'intent', intent([]), [purge]), 'ACT-15');
  fails(written.act('purge', 'intent', intent(['a'], 1001), [purge]), 'ACT-15');
  fails(written.act('purge', 'intent', intent(['a']), [admin]), 'ACT-5');
  counts(written.act('purge', 'intent', intent(['a']), [purge]));
  const announced = Number(written.seq);
  fails(written.act('admin', 'void', {}, [admin]), 'ACT-15');
  fails(written.statement('abandon', { intent: 1 }, [log]), 'ACT-16');
  const text = `log.example/a\n${written.seq}\n${base64(new Uint8Array(32).fill(0xab))}\n`;
  const done = (head: string, generation: number): unknown => ({
    intent: announced, head, segments: [{ id: 1, generation, bytes: 9 }], records: 0, identity: 0, payload: 0,
  });
  fails(written.statement('done', done('', 2), [log]), 'ACT-16');
  fails(written.statement('done', done(`${text}\n${next.line(text)}`, 1), [log]), 'ACT-16');
  counts(written.statement('done', done(`${text}\n${log.line(text)}`, 1), [log]));
  counts(written.act('admin', 'end', { successor: null }, [admin]));
  fails(written.act('admin', 'void', {}, [admin]), 'ACT-15');
});

test('beyond the head an act relaxes nothing, and one that is wrong takes what follows with it', () => {
  const written = new Written(4n);
  counts(written.act('hold', 'hold', place('a'), [hold]));
  written.seq = 10n;
  counts(written.act('hold', 'hold', release('a'), [hold]));
  assert.deepEqual(written.charter.asked(5000n).map((state) => state.holds.size), [1, 0]);
  fails(written.act('admin', 'void', {}, [next]), 'ACT-5', 'set aside');
  fails(written.act('admin', 'void', {}, [admin]), 'follows', 'set aside');
});

test('an act waits for the notice of the profile before it', () => {
  const written = new Written();
  counts(written.act('admin', 'profile', profile({ purge_notice: 500 }), [admin]));
  counts(written.act('admin', 'profile', profile({}), [admin]));
  const notices = (at: bigint): bigint[] => written.charter.asked(at).map((state) => state.profile.purgeNotice);
  assert.deepEqual(notices(1499n), [500n, 0n]);
  assert.deepEqual(notices(1500n), [0n]);
  assert.equal(FIRST_PROFILE.purgeNotice, 0n);
});
