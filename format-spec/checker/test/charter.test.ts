/** A charter followed: good acts change the state, and every broken rule counts for nothing. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { firstLink, openHoldText } from '../src/act.js';
import { hex } from '../src/bytes.js';
import { Charter, type Verdict } from '../src/charter.js';
import { parseAnyKey } from '../src/note.js';
import { CODES } from '../src/signed.js';
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
  /** Recorded-at of the record before a seq, where a test knows it. */
  readonly before = new Map<bigint, bigint>();

  constructor(head = 1000n, keys: Partial<Record<keyof FirstKeys, Signer[]>> = {}) {
    const of = (signers: Signer[]): ReturnType<typeof parseAnyKey>[] => signers.map((one) => parseAnyKey(one.text));
    const first = { admin: [admin], hold: [hold], purge: [purge], recovery: [recovery], ...keys };
    const firstKeys = { key: of([log])[0]!, admin: of(first.admin), hold: of(first.hold), purge: of(first.purge), recovery: of(first.recovery) };
    this.charter = new Charter(LOG, firstKeys, head, { rootOf: () => ROOT, recordedBefore: (seq) => this.before.get(seq) ?? null });
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
    if (verdict.is === 'counts' || verdict.is === 'not decided') Object.assign(line, { number: line.number + 1, link: hex(sha256(utf8(text))) });
    return verdict;
  }

  statement(kind: string, body: unknown, signers: Signer[], epoch = 0): Verdict {
    const head = `log 11111111-1111-1111-1111-111111111111\nepoch ${epoch}\nbase 1 ${ROOT}\nkind ${kind}\n`;
    return this.put('statement', kind, `indelible 2026-11 statement v1\n${head}${JSON.stringify(body)}\n`, signers);
  }

  private put(what: 'act' | 'statement', kind: string, text: string, signers: Signer[]): Verdict {
    return this.record(CODES[kind as keyof typeof CODES], JSON.stringify({ [what]: `${text}\n${signers.map((one) => one.line(text)).join('')}` }));
  }

  record(code: number, body: string): Verdict {
    const recorded = BigInt(this.time);
    this.seq++;
    return this.charter.take({ seq: this.seq, frameNo: this.seq, recorded, taken: recorded, code, body });
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

const compromised = (role: string, key: Signer, size: number): unknown => ({
  action: 'compromised', role, key: key.text, epoch: null, since: { size, root: ROOT, date: null }, reason: null,
});
const clock = (from: number, through: number, not_after: number): unknown => ({ from, through, not_after });
const policy = (version: number, keep: number): unknown => ({
  name: 'a', version, action: 'set', keep, identity_keep: null, payload_keep: null, basis: 'recorded', classes: [], filter: null, text: '',
});

test('only the newest epoch is dropped, and a checkpoint key is replaced as it is added', () => {
  const written = new Written();
  const replace = { ...(change('replace', 'checkpoint', next, 1) as object), reason: 'lost' };
  counts(written.act('admin', 'key', keys(replace), [admin]));
  counts(written.act('admin', 'key', keys(change('add', 'checkpoint', second, 2)), [admin]));
  fails(written.act('admin', 'key', keys(change('drop', 'checkpoint', next, 1)), [admin]), 'ACT-12');
  counts(written.act('admin', 'key', keys(change('drop', 'checkpoint', second, 2)), [admin]));
  fails(written.act('admin', 'key', keys(change('drop', 'checkpoint', second, 2)), [admin]), 'ACT-12');
  fails(written.act('admin', 'key', keys(change('drop', 'checkpoint', next, 1)), [admin]), 'ACT-12');
  fails(written.act('admin', 'key', keys(change('add', 'checkpoint', new Signer(8), 2)), [admin]), 'ACT-12');
  assert.equal(written.charter.newest.epoch, 1);
});

test('a compromised key keeps its role until it is retired, under the name that it has it', () => {
  const written = new Written();
  fails(written.act('admin', 'key', keys(compromised('purge', next, 1)), [admin]), 'ACT-12');
  fails(written.act('admin', 'key', keys(compromised('purge', purge, 900)), [admin]), 'ACT-12');
  counts(written.act('admin', 'key', keys(compromised('purge', purge, 1)), [admin]));
  assert.equal(written.charter.newest.having('purge').length, 1);
  fails(written.act('admin', 'key', keys(change('retire', 'purge', new Signer(5, 'other'))), [admin]), 'ACT-12');
  counts(written.act('admin', 'key', keys(change('retire', 'purge', purge)), [admin]));
  fails(written.act('admin', 'key', keys(compromised('witness', purge, 1)), [admin]), 'ACT-9');
});

test('a role that is kept for later means nothing, and parted roles are those that sign', () => {
  const written = new Written();
  counts(written.act('admin', 'key', keys(change('add', 'witness', next), change('add', 'witness', next)), [admin]));
  counts(written.act('admin', 'key', keys(change('add', 'checkpoint', next, 1)), [admin]));
  counts(written.act('admin', 'key', keys(change('add', 'purge', log)), [admin]));
  counts(written.act('admin', 'profile', profile({ separate: true }), [admin]));
  fails(written.act('admin', 'key', keys(change('add', 'purge', next)), [admin]), 'ACT-12');
});

test('schedules: classes and severities from 1, one way to commit the groups of a class', () => {
  const written = new Written();
  const rule = (number: number, severity: number, trees: number): unknown => ({ class: number, label: 'a', severity, trees });
  const schedule = (...rules: unknown[]): unknown => ({ version: 1, rules, default: 1 });
  for (const wrong of [schedule(rule(0, 1, 0)), schedule(rule(4, 0, 0)), schedule(rule(4, 1, 0), rule(4, 2, 1))]) {
    fails(written.act('admin', 'schedule', wrong, [admin]), 'ACT-9');
  }
  fails(written.act('admin', 'schedule', schedule(rule(2, 1, 1)), [admin]), 'ACT-10');
  counts(written.act('admin', 'schedule', schedule(rule(4, 1, 1)), [admin]));
  fails(written.act('admin', 'schedule', { version: 2, rules: [rule(4, 1, 0)], default: 1 }, [admin]), 'ACT-10');
});

test('a clock act is not below the record before what it covers, and bounds what is judged', () => {
  const written = new Written();
  written.seq = 20n;
  fails(written.act('admin', 'clock', clock(7, 7, 900), [admin]), 'ACT-9');
  fails(written.act('admin', 'clock', clock(7, 90, 900), [admin]), 'ACT-14');
  fails(written.act('admin', 'clock', clock(7, 9, 1001), [admin]), 'ACT-14');
  counts(written.act('admin', 'clock', clock(0, 2, 900), [admin]));
  assert.deepEqual(written.charter.unchecked, []);
  counts(written.act('admin', 'clock', clock(7, 9, 900), [admin]));
  assert.deepEqual(written.charter.unchecked, [written.seq]);
  written.before.set(5n, 950n).set(8n, 950n);
  fails(written.act('admin', 'clock', clock(5, 6, 949), [admin]), 'ACT-14');
  counts(written.act('admin', 'clock', clock(5, 6, 950), [admin]));
  // The record before seq 8 is itself one that a clock act covers, so that it counts by its bound.
  counts(written.act('admin', 'clock', clock(8, 9, 900), [admin]));
  counts(written.act('admin', 'policy', policy(1, 50), [admin]));
  const terms = written.charter.terms(1000n);
  assert.equal(terms.closedMayGo(7n, 1, 0, { recorded: 990n, occurred: 990n }), true);
  assert.equal(terms.closedMayGo(9n, 1, 0, { recorded: 990n, occurred: 990n }), false);
});

test('nobody shortens a notice with a clock act', () => {
  const written = new Written();
  counts(written.act('admin', 'profile', profile({ purge_notice: 500 }), [admin]));
  counts(written.act('admin', 'profile', profile({}), [admin]));
  const loosened = Number(written.seq);
  counts(written.act('admin', 'clock', clock(loosened, loosened + 1, 600), [admin]));
  const waits = (at: bigint): number => written.charter.asked(at).length;
  assert.deepEqual([waits(1100n), waits(1499n), waits(1500n)], [3, 3, 1]);
});

test('every state that is asked lets a part go, and holds of all of them hold', () => {
  const written = new Written(6n);
  counts(written.act('admin', 'policy', policy(1, 500), [admin]));
  const hidden = { recorded: 800n, occurred: 800n };
  assert.equal(written.charter.terms(1000n).closedMayGo(1n, 1, 0, hidden), false);
  written.seq = 10n;
  counts(written.act('admin', 'policy', policy(2, 100), [admin]));
  assert.equal(written.charter.terms(1000n).closedMayGo(1n, 1, 0, hidden), false, 'an act beyond the head relaxes nothing');
  assert.equal(written.charter.terms(1500n).closedMayGo(1n, 1, 0, hidden), true);
  counts(written.act('admin', 'policy', policy(3, 5000), [admin]));
  assert.equal(written.charter.terms(1500n).closedMayGo(1n, 1, 0, hidden), false, 'and restricts at once');
});

test('the text of a hold is what its act committed to, and nothing goes without it', () => {
  const read = (name: string): string => (JSON.parse(readFileSync(new URL(`../../../vectors/act/${name}.json`, import.meta.url), 'utf8')) as { text: string }).text;
  const text = read('hold-text');
  const { commit, groups } = openHoldText(text);
  const placed = { ...(place('a') as object), commit, needs: groups };
  const other = { ...placed, needs: [2] };
  const early = new Written();
  counts(early.record(14, text));
  fails(early.act('hold', 'hold', other, [hold]), 'ACT-18');
  const late = new Written();
  counts(late.act('hold', 'hold', other, [hold]));
  fails(late.record(14, text), 'ACT-18');
  const written = new Written();
  counts(written.act('admin', 'policy', policy(1, 10), [admin]));
  counts(written.act('hold', 'hold', placed, [hold]));
  const hidden = { recorded: 800n, occurred: 800n };
  assert.ok(written.charter.terms(1000n).blocked?.includes('ACT-18'));
  assert.equal(written.charter.terms(1000n).closedMayGo(1n, 1, 0, hidden), false);
  fails(written.record(14, text.replace('u-17', 'u-18').replace('salt', 'salz')), 'ACT-9');
  counts(written.record(14, text));
  const terms = written.charter.terms(1000n);
  assert.equal(terms.closedMayGo(1n, 1, 0, hidden), true);
  const tested = (actor: string) => ({ fields: new Map([[8, actor]]), recordedAt: 0n });
  assert.equal(terms.holding(9n, 15, tested('u-17')), 'matches');
  assert.equal(terms.holding(9n, 15, tested('u-18')), undefined);
  assert.equal(terms.holding(9n, 1, tested('u-17')), 'cannot be tested');
  assert.equal(terms.holding(0n, 1, tested('u-17')), undefined, 'it was tested before');
  assert.equal(terms.unresolved(2n), 'a');
  counts(written.statement('hold_extend', { name: 'a', from: 1, through: 3, seqs: 'AQIA' }, [log]));
  assert.equal(written.charter.terms(1000n).holding(2n, 1, tested('u-18')), 'committed');
  assert.equal(written.charter.terms(1000n).unresolved(3n), undefined);
  counts(written.act('hold', 'hold', release('a'), [hold]));
  assert.equal(written.charter.terms(1000n).holding(2n, 15, tested('u-17')), undefined);
});

test('what a newer reader decides is not decided under the head, and set aside beyond it', () => {
  const written = new Written();
  counts(written.record(64, '{}'));
  fails(written.record(1, '{}'), 'kind 1');
  counts(written.act('admin', 'policy', policy(1, 10), [admin]));
  const hidden = { recorded: 800n, occurred: 800n };
  assert.equal(written.charter.terms(1000n).closedMayGo(1n, 1, 0, hidden), true);
  fails(written.record(22, '{}'), 'ACT-22', 'not decided');
  counts(written.act('admin', 'void', {}, [admin]));
  assert.equal(written.charter.terms(1000n).closedMayGo(1n, 1, 0, hidden), false, 'nothing goes that rests on it');
  fails(new Written(0n).record(63, '{}'), 'ACT-22', 'set aside');
  const newer = new Written();
  const text = `indelible 2026-11 act v2\nwho knows\n`;
  fails(newer.record(19, JSON.stringify({ act: `${text}\n${admin.line(text)}` })), 'ACT-22', 'not decided');
  fails(newer.record(21, JSON.stringify({ statement: `${text}\n${admin.line(text)}` })), 'ACT-1');
});

test('after a checkpoint key of an unknown type nothing is decided', () => {
  const written = new Written();
  counts(written.act('admin', 'key', keys(change('add', 'checkpoint', strange, 1)), [admin]));
  fails(written.act('admin', 'void', {}, [admin]), 'ACT-22', 'not decided');
  fails(written.statement('jump', { before: 1, after: 2 }, [strange], 1), 'ACT-22', 'not decided');
  fails(written.act('admin', 'void', {}, [next]), 'ACT-5', 'not decided');
  assert.ok(written.charter.terms(1000n).blocked?.includes('ACT-22'));
  const beyond = new Written(2n);
  counts(beyond.act('admin', 'key', keys(change('add', 'checkpoint', strange, 1)), [admin]));
  fails(beyond.act('admin', 'void', {}, [admin]), 'ACT-22', 'set aside');
});

test('a key counts for a release in one role that every state gives it, and for an intent after its notice', () => {
  const written = new Written();
  counts(written.act('admin', 'profile', profile({ purge_notice: 500 }), [admin]));
  counts(written.act('admin', 'key', keys(change('add', 'purge', next)), [admin]));
  fails(written.act('purge', 'intent', intent([]), [next]), 'ACT-5');
  written.time = 1500;
  counts(written.act('purge', 'intent', intent([]), [next]));
  const beyond = new Written(4n);
  counts(beyond.act('hold', 'hold', place('a'), [hold]));
  beyond.seq = 5n;
  counts(beyond.act('admin', 'key', keys(change('retire', 'hold', hold), change('add', 'admin', hold)), [admin]));
  fails(beyond.act('hold', 'hold', release('a'), [hold]), 'ACT-5', 'set aside');
});

test('beyond the head the strictest profile counts, and a released hold is extended', () => {
  const strict = (): Written => {
    const written = new Written(4n);
    counts(written.act('admin', 'profile', profile({ holds_per_key: 1, separate: true }), [admin]));
    written.seq = 5n;
    counts(written.act('admin', 'profile', profile({}), [admin]));
    return written;
  };
  fails(strict().act('admin', 'key', keys(change('add', 'purge', hold)), [admin]), 'ACT-12', 'set aside');
  const written = strict();
  counts(written.act('hold', 'hold', place('a'), [hold]));
  counts(written.act('hold', 'hold', release('a'), [hold]));
  counts(written.statement('hold_extend', { name: 'a', from: 1, through: 3, seqs: 'AQIA' }, [log]));
  assert.equal(written.charter.terms(1000n).holding(2n, 0, { fields: new Map(), recordedAt: 0n }), 'committed');
  counts(written.act('hold', 'hold', place('b'), [hold]));
  fails(written.act('hold', 'hold', place('c'), [hold]), 'ACT-11', 'set aside');
});

test('a record that is open goes by the time that counts', () => {
  const written = new Written();
  written.seq = 20n;
  counts(written.act('admin', 'policy', policy(1, 50), [admin]));
  const row = { recorded: 990n, occurred: 990n, tested: { fields: new Map(), recordedAt: 990n } };
  assert.equal(written.charter.terms(1000n).openMayGo(7n, 1, 0, row), false);
  counts(written.act('admin', 'clock', clock(0, 9, 900), [admin]));
  assert.equal(written.charter.terms(1000n).openMayGo(7n, 1, 0, row), true);
  assert.equal(written.charter.terms(1000n).openMayGo(7n, 0, 0, row), false, 'class 0 never goes');
});
