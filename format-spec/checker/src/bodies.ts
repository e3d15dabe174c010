/** Bodies of retention records (chapter 13): policies, holds, keys, intents and what came of them. */

import { Reader, compare, refuse } from './bytes.js';
import { type Filter, HEADER, needs, takeFilter } from './filter.js';
import { Members, parseJson } from './json.js';
import { type VerifierKey, base64, parseKey } from './note.js';

export const U32 = 0xffffffffn;
export const U64 = (1n << 64n) - 1n;

/** Ascending half-open runs that do not touch. */
export class SeqSet {
  constructor(readonly runs: readonly (readonly [bigint, bigint])[] = []) {}

  static parse(text: string): SeqSet {
    const reader = new Reader(base64(text, 'a seq set'), 'seq set');
    const count = reader.varint('runs');
    if (count > BigInt(reader.left)) refuse('seq set: more runs than bytes');
    const runs: [bigint, bigint][] = [];
    let before = 0n;
    for (let at = 0n; at < count; at++) {
      const gap = reader.varint('gap');
      if (gap === 0n && at > 0n) refuse('seq set: two runs touch');
      const start = before + gap;
      before = start + reader.varint('length') + 1n;
      if (before > U64) refuse('seq set: beyond 64 bits');
      runs.push([start, before]);
    }
    reader.end();
    return new SeqSet(runs);
  }

  get size(): bigint {
    return this.runs.reduce((sum, [start, end]) => sum + end - start, 0n);
  }

  union(other: SeqSet): SeqSet {
    const all = [...this.runs, ...other.runs].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    const runs: [bigint, bigint][] = [];
    for (const [start, end] of all) {
      const last = runs.at(-1);
      if (!last || last[1] < start) runs.push([start, end]);
      else if (last[1] < end) last[1] = end;
    }
    return new SeqSet(runs);
  }

  meets(other: SeqSet): boolean {
    return this.size + other.size > this.union(other).size;
  }

  /** Bit p set: first + p is in the set, for p below count. */
  window(first: bigint, count: number): bigint {
    let [low, high] = [0, this.runs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.runs[middle]![1] <= first) low = middle + 1;
      else high = middle;
    }
    const limit = first + BigInt(count);
    let bits = 0n;
    for (; low < this.runs.length && this.runs[low]![0] < limit; low++) {
      const [start, end] = this.runs[low]!;
      const from = start > first ? start : first;
      const to = end < limit ? end : limit;
      bits |= ((1n << (to - from)) - 1n) << (from - first);
    }
    return bits;
  }
}

export interface Duty {
  /** Durations by group: 0 stands for the record; null: never on its own. */
  keep: (bigint | null)[];
  byEvent: boolean;
  classes: number[];
  filter: Filter | null;
}

export interface Policy {
  name: string;
  version: bigint;
  /** null: the policy is retired. */
  duty: Duty | null;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
/** Names in the order of their bytes. */
export const byName = (a: string, b: string): number => compare(bytesOf(a), bytesOf(b));

export function ascends<T>(list: readonly T[], order: (a: T, b: T) => number): boolean {
  return list.every((item, at) => at === 0 || order(list[at - 1]!, item) < 0);
}

export function checkName(members: Members, name: string): string {
  const size = bytesOf(name).length;
  return size < 1 || size > 255 || /\p{Cc}/u.test(name) ? members.fails('not a name') : name;
}

export function takeName(members: Members): string {
  return checkName(members, members.text('name'));
}

export function filterOf(text: string): Filter {
  const reader = new Reader(base64(text, 'a filter'), 'filter');
  const filter = takeFilter(reader);
  reader.end();
  return filter;
}

function testsTimes(filter: Filter): boolean {
  switch (filter.op) {
    case 'occurred':
    case 'recorded':
      return true;
    case 'all':
    case 'any':
      return filter.filters.some(testsTimes);
    case 'not':
      return testsTimes(filter.filter);
    default:
      return false;
  }
}

function body<T>(what: string, text: string, read: (members: Members) => T): T {
  const members = new Members(parseJson(text), what);
  const value = read(members);
  members.end();
  return value;
}

export function parsePolicy(text: string): Policy {
  return body('policy record', text, takePolicy);
}

export function takePolicy(members: Members): Policy {
  const [name, version, action] = [takeName(members), members.number('version', U32), members.text('action')];
  if (version === 0n) members.fails('versions count from 1');
  if (action === 'retire') return { name, version, duty: null };
  if (action !== 'set') members.fails('unknown action');
  return { name, version, duty: takeDuty(members) };
}

function takeDuty(members: Members): Duty {
  const record = members.number('keep');
  const [identity, payload] = [members.numberOrNull('identity_keep'), members.numberOrNull('payload_keep')];
  if ([identity, payload].some((keep) => keep !== null && keep > record)) members.fails('a group is kept longer');
  const basis = members.text('basis');
  if (basis !== 'recorded' && basis !== 'event') members.fails('unknown basis');
  const classes = members.numbers('classes', 65_535n).map(Number);
  if (!ascends(classes, (a, b) => a - b) || classes[0] === 0) members.fails('classes do not ascend from 1');
  const filterText = members.textOrNull('filter');
  const filter = filterText === null ? null : filterOf(filterText);
  if (filter && (needs(filter) & ~(1 | HEADER) || testsTimes(filter))) members.fails('its filter is not of the envelope');
  members.text('text');
  return { keep: [record, identity, null, payload], byEvent: basis === 'event', classes, filter };
}

export type Hold = { name: string; placed?: { through: bigint; seqs: SeqSet } };

export const liesIn = (set: SeqSet, from: bigint, to: bigint): boolean =>
  set.runs.every(([start, end]) => start >= from && end <= to);

export function parseHold(text: string): Hold {
  return body('hold record', text, (members) => {
    const [name, action] = [takeName(members), members.text('action')];
    if (action === 'release') return { name };
    if (action !== 'place') members.fails('unknown action');
    if (needs(filterOf(members.text('filter'))) & 8) members.fails('a hold does not look into payloads');
    members.text('text');
    const [through, seqs] = [members.number('through'), SeqSet.parse(members.text('seqs'))];
    if (!liesIn(seqs, 0n, through)) members.fails('a seq lies beyond what was tested');
    return { name, placed: { through, seqs } };
  });
}

export interface HoldExtend {
  name: string;
  from: bigint;
  through: bigint;
  seqs: SeqSet;
}

export function parseExtend(text: string): HoldExtend {
  return body('hold_extend record', text, takeExtend);
}

export function takeExtend(members: Members): HoldExtend {
  const [name, from, through] = [takeName(members), members.number('from'), members.number('through')];
  const seqs = SeqSet.parse(members.text('seqs'));
  if (from >= through || !liesIn(seqs, from, through)) members.fails('seqs lie between from and through');
  return { name, from, through, seqs };
}

export interface KeyRecord {
  epoch: bigint;
  key: VerifierKey;
  role: 'checkpoint' | 'purge';
  add: boolean;
}

export function parseKeyRecord(text: string): KeyRecord {
  return body('key record', text, (members) => {
    const [epoch, key] = [members.number('epoch', U32), parseKey(members.text('key'))];
    const [role, action] = [members.text('role'), members.text('action')];
    if (role !== 'checkpoint' && role !== 'purge') return members.fails('unknown role');
    if (action !== 'add' && action !== 'retire') members.fails('unknown action');
    if (epoch === 0n || (role === 'checkpoint' && action !== 'add')) members.fails('no such key record');
    return { epoch, key, role, add: action === 'add' };
  });
}

export interface Segment {
  id: bigint;
  generation: bigint;
  firstFrame: bigint;
  frames: bigint;
}

/** What a deletion takes away. */
export interface Parts {
  segments: Segment[];
  classes: { class: number; group: number; frames: SeqSet }[];
  records: SeqSet;
  envelopes: SeqSet;
  /** Groups 1 and 3 of records that stay. */
  groups: Map<number, SeqSet>;
}

export interface Plan extends Parts {
  at: bigint;
  policies: { name: string; version: bigint }[];
  holds: { name: string; through: bigint }[];
}

export const order = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

export function parsePlan(text: string): Plan {
  return body('plan', text, (members) => {
    const at = members.number('at', U64 >> 1n);
    const policies = members.objects('policies', (one) => ({ name: takeName(one), version: one.number('version', U32) }));
    const holds = members.objects('holds', (one) => ({ name: takeName(one), through: one.number('through') }));
    const named = [policies, holds].every((list: { name: string }[]) => ascends(list, (a, b) => byName(a.name, b.name)));
    if (!named) members.fails('names do not ascend');
    return { at, policies, holds, ...takeParts(members) };
  });
}

export function takeParts(members: Members): Parts {
  const segments = members.objects('segments', takeSegment);
  const classes = members.objects('classes', (one) => ({
    class: Number(one.number('class', 65_535n)),
    group: Number(one.number('group', 3n)),
    frames: SeqSet.parse(one.text('frames')),
  }));
  const [records, envelopes] = [SeqSet.parse(members.text('records')), SeqSet.parse(members.text('envelopes'))];
  const groups = members.objects('groups', (one) => ({
    group: Number(one.number('group', 3n)),
    seqs: SeqSet.parse(one.text('seqs')),
  }));
  const apart = ascends(segments, (a, b) => (a.id < b.id && a.firstFrame + a.frames <= b.firstFrame ? -1 : 1));
  const sorted = ascends(classes, (a, b) => a.class - b.class || a.group - b.group);
  const filled = [...classes.map((one) => one.frames), ...groups.map((one) => one.seqs)].every((set) => set.size > 0n);
  if (!apart || !sorted || !filled || classes.some((one) => one.class === 0)) members.fails('a list is not as it must be');
  if (!ascends(groups, (a, b) => a.group - b.group) || groups.some((one) => one.group !== 1 && one.group !== 3)) {
    members.fails('groups of single records are 1 and 3');
  }
  return { segments, classes, records, envelopes, groups: new Map(groups.map((one) => [one.group, one.seqs])) };
}

export function takeSegment(one: Members): Segment {
  const [id, generation] = [one.number('id'), one.number('generation', U32)];
  const segment = { id, generation, firstFrame: one.number('first_frame'), frames: one.number('frames') };
  one.number('bytes');
  return segment;
}

export interface Intent {
  plan: Plan;
  planText: string;
  key: VerifierKey;
  signature: Uint8Array;
}

export function parseIntent(text: string): Intent {
  return body('intent record', text, (members) => {
    const [planText, key] = [members.text('plan'), parseKey(members.text('key'))];
    const signature = base64(members.text('signature'), 'the signature of an intent');
    if (signature.length !== 64) members.fails('a signature has 64 bytes');
    return { plan: parsePlan(planText), planText, key, signature };
  });
}

/** The seq of the intent that an abandon record gives up. */
export const parseAbandon = (text: string): bigint => body('abandon record', text, (members) => members.number('intent'));

export interface Done {
  intent: bigint;
  checkpoint: string;
  segments: { id: bigint; generation: bigint }[];
  records: bigint;
  identity: bigint;
  payload: bigint;
}

export function parseDone(text: string): Done {
  return body('done record', text, (members) => {
    const [intent, checkpoint] = [members.number('intent'), members.text('checkpoint')];
    const segments = members.objects('segments', (one) => {
      const segment = { id: one.number('id'), generation: one.number('generation', U32) };
      one.number('bytes');
      return segment;
    });
    if (!ascends(segments, (a, b) => order(a.id, b.id))) members.fails('segments do not ascend');
    const counts = { records: members.number('records'), identity: members.number('identity') };
    return { intent, checkpoint, segments, ...counts, payload: members.number('payload') };
  });
}
