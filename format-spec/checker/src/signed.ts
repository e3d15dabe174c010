/** Bodies of acts and statements (chapter 14, "Bodies"): the members of each kind, in their order. */

import {
  type HoldExtend,
  type Parts,
  type Policy,
  SeqSet,
  U32,
  U64,
  ascends,
  byName,
  checkName,
  liesIn,
  order,
  takeExtend,
  takeName,
  takeParts,
  takePolicy,
} from './bodies.js';
import type { Members } from './json.js';
import { type AnyKey, parseActKey } from './note.js';

export const ROLES = ['checkpoint', 'admin', 'hold', 'purge', 'recovery', 'checkpoint2', 'witness', 'subject'] as const;
export type Role = (typeof ROLES)[number];
const ACTIONS = ['add', 'retire', 'drop', 'replace', 'compromised'] as const;

export interface KeyChange {
  action: (typeof ACTIONS)[number];
  role: Role;
  key: AnyKey;
  /** Exactly where a checkpoint key is added, dropped or replaced. */
  epoch: bigint | null;
  /** Size of the last head that is held good; exactly with `compromised`. */
  since: bigint | null;
}

/** Names of roles that are kept for later: changes of them mean nothing yet. */
export const isKept = (role: Role): boolean => role === 'checkpoint2' || role === 'witness' || role === 'subject';

export interface Schedule {
  version: bigint;
  rules: { class: number; label: string; severity: number; trees: number }[];
  default: number;
}

export interface Profile {
  purgeHead: 'signed' | 'anchored' | 'witnessed';
  witnessPolicy: string | null;
  purgeNotice: bigint;
  quorumAdmin: number;
  quorumPurge: number;
  separate: boolean;
  refuseUnmarked: boolean;
  holdsPerKey: bigint;
}

export interface PlacedHold {
  name: string;
  commit: string;
  needs: number[];
  through: bigint;
  seqs: SeqSet;
}

export interface IntentBody extends Parts {
  at: bigint;
  kept: { name: string; seqs: SeqSet }[];
  clock: 'guard' | 'confirmed';
}

export type ActBody =
  | { kind: 'policy'; policy: Policy }
  | { kind: 'hold'; place: PlacedHold }
  | { kind: 'hold'; release: string[] }
  | { kind: 'key'; changes: KeyChange[] }
  | { kind: 'schedule'; schedule: Schedule }
  | { kind: 'profile'; profile: Profile }
  | { kind: 'clock'; from: bigint; through: bigint; notAfter: bigint }
  | { kind: 'loss'; anchored: bigint; root: string; found: bigint; reason: 'behind' | 'forked' }
  | { kind: 'void' }
  | { kind: 'end'; successor: string | null }
  | { kind: 'intent'; intent: IntentBody };

export type StatementBody =
  | { kind: 'hold_extend'; extend: HoldExtend }
  | { kind: 'done'; done: DoneBody }
  | { kind: 'abandon'; intent: bigint }
  | { kind: 'adopt'; from: bigint; through: bigint }
  | { kind: 'jump'; before: bigint; after: bigint };

export interface DoneBody {
  intent: bigint;
  /** The signed note of a checkpoint. */
  head: string;
  segments: { id: bigint; generation: bigint; bytes: bigint }[];
  records: bigint;
  identity: bigint;
  payload: bigint;
}

export const ACT_KINDS = ['policy', 'hold', 'key', 'schedule', 'profile', 'clock', 'loss', 'void', 'end', 'intent'] as const;
export const STATEMENT_KINDS = ['hold_extend', 'done', 'abandon', 'adopt', 'jump'] as const;
export type ActKind = (typeof ACT_KINDS)[number];
export type StatementKind = (typeof STATEMENT_KINDS)[number];

/** Codes of the kinds of records that hold them (chapter 01). */
export const CODES: Record<ActKind | StatementKind, number> = {
  key: 3, schedule: 4, policy: 5, hold: 6, hold_extend: 7, intent: 10, done: 11, loss: 13, abandon: 15, adopt: 16, profile: 17, clock: 18,
  void: 19, end: 20, jump: 21,
};
export const HOLD_TEXT_CODE = 14;

const SECONDS_MAX = U64 >> 1n;
const NOTICE_MAX = 31_622_400n;
const CLASS_MAX = 65_535n;

function takeHash(members: Members, name: string): string {
  const text = members.text(name);
  return /^[0-9a-f]{64}$/.test(text) ? text : members.fails(`${name} is not 64 lower-case hexadecimal digits`);
}

function takeRun(members: Members): { from: bigint; through: bigint } {
  const run = { from: members.number('from'), through: members.number('through') };
  return run.from < run.through ? run : members.fails('from is not below through');
}

export function takeAct(kind: ActKind, members: Members): ActBody {
  switch (kind) {
    case 'policy':
      return { kind, policy: takePolicy(members) };
    case 'hold':
      return takeHold(members);
    case 'key':
      return { kind, changes: takeSome(members, 'changes', takeChange) };
    case 'schedule':
      return { kind, schedule: takeSchedule(members) };
    case 'profile':
      return { kind, profile: takeProfile(members) };
    case 'clock':
      return { kind, ...takeRun(members), notAfter: members.number('not_after', SECONDS_MAX) };
    case 'loss': {
      const [anchored, root] = [members.number('anchored_frames'), takeHash(members, 'anchored_root')];
      if (anchored === 0n) members.fails('no frames were anchored');
      return { kind, anchored, root, found: members.number('found_frames'), reason: members.oneOf('reason', 'behind', 'forked') };
    }
    case 'void':
      return { kind };
    case 'end':
      return { kind, successor: members.isNull('successor') ? members.nothing('successor') : takeHash(members, 'successor') };
    case 'intent':
      return { kind, intent: takeIntent(members) };
  }
}

function takeSome<T>(members: Members, name: string, read: (members: Members) => T): T[] {
  const list = members.objects(name, read);
  return list.length > 0 ? list : members.fails(`${name} is empty`);
}

function takeHold(members: Members): ActBody {
  if (members.oneOf('action', 'place', 'release') === 'release') {
    const names = members.texts('names').map((name) => checkName(members, name));
    if (names.length === 0 || !ascends(names, byName)) members.fails('names do not ascend, or there are none');
    return { kind: 'hold', release: names };
  }
  const [name, commit] = [takeName(members), takeHash(members, 'commit')];
  const needs = members.numbers('needs', 2n).map(Number);
  const [through, seqs] = [members.number('through'), SeqSet.parse(members.text('seqs'))];
  if (!ascends(needs, (a, b) => a - b)) members.fails('needs do not ascend');
  if (!liesIn(seqs, 0n, through)) members.fails('a seq lies beyond what was tested');
  return { kind: 'hold', place: { name, commit, needs, through, seqs } };
}

function takeChange(one: Members): KeyChange {
  const [action, role] = [one.oneOf('action', ...ACTIONS), one.oneOf('role', ...ROLES)];
  const key = parseActKey(one.text('key'));
  const forCheckpoint = action === 'drop' || action === 'replace';
  if (role === 'checkpoint' ? action === 'retire' : forCheckpoint) one.fails(`a ${role} key has no ${action}`);
  const counted = role === 'checkpoint' && action !== 'compromised';
  const epoch = counted ? one.number('epoch', U32) : one.nothing('epoch');
  if (epoch === 0n) one.fails('epochs of changes are from 1');
  if (action === 'compromised' && isKept(role)) one.fails(`a ${role} key has no compromised`);
  const since = action === 'compromised' ? takeSince(one) : one.nothing('since');
  if (action === 'replace') one.oneOf('reason', 'lost', 'compromised');
  else one.nothing('reason');
  return { action, role, key, epoch, since };
}

function takeSince(one: Members): bigint {
  return one.object('since', (since) => {
    const size = since.number('size');
    takeHash(since, 'root');
    if (since.isNull('date')) since.nothing('date');
    else since.number('date');
    return size;
  });
}

function takeSchedule(members: Members): Schedule {
  const version = members.number('version', U32);
  if (version === 0n) members.fails('versions count from 1');
  const rules = members.objects('rules', (one) => ({
    class: Number(one.number('class', CLASS_MAX)),
    label: one.text('label'),
    severity: Number(one.number('severity', 255n)),
    trees: Number(one.number('trees', 1n)),
  }));
  const schedule = { version, rules, default: Number(members.number('default', CLASS_MAX)) };
  if (schedule.default === 0 || rules.some((rule) => rule.class === 0)) members.fails('class 0 is of the log itself');
  if (rules.some((rule) => rule.severity === 0)) members.fails('severity 0 is none');
  const treesOf = new Map(rules.map((rule) => [rule.class, rule.trees]));
  if (rules.some((rule) => treesOf.get(rule.class) !== rule.trees)) members.fails('a class has two ways to commit its groups');
  return schedule;
}

function takeProfile(members: Members): Profile {
  const purgeHead = members.oneOf('purge_head', 'signed', 'anchored', 'witnessed');
  const profile = {
    purgeHead,
    witnessPolicy: purgeHead === 'witnessed' ? takeHash(members, 'witness_policy') : members.nothing('witness_policy'),
    purgeNotice: members.number('purge_notice', NOTICE_MAX),
    quorumAdmin: Number(members.number('quorum_admin', 5n)),
    quorumPurge: Number(members.number('quorum_purge', 5n)),
    separate: members.flag('separate'),
    refuseUnmarked: members.flag('refuse_unmarked'),
    holdsPerKey: members.number('holds_per_key'),
  };
  if (profile.quorumAdmin === 0 || profile.quorumPurge === 0 || profile.holdsPerKey === 0n) members.fails('a number is 0');
  return profile;
}

function takeIntent(members: Members): IntentBody {
  const intent = {
    at: members.number('at'),
    ...takeParts(members),
    kept: members.objects('kept', (one) => ({ name: takeName(one), seqs: SeqSet.parse(one.text('seqs')) })),
    clock: members.oneOf('clock', 'guard', 'confirmed'),
  };
  if (!ascends(intent.kept, (a, b) => byName(a.name, b.name))) members.fails('names of holds do not ascend');
  const alone = [intent.records, intent.envelopes, ...intent.groups.values()];
  if (intent.kept.some(({ seqs }) => alone.some((set) => set.meets(seqs)))) members.fails('a seq that is kept goes');
  return intent;
}

export function takeStatement(kind: StatementKind, members: Members): StatementBody {
  switch (kind) {
    case 'hold_extend':
      return { kind, extend: takeExtend(members) };
    case 'done':
      return { kind, done: takeDone(members) };
    case 'abandon':
      return { kind, intent: members.number('intent') };
    case 'adopt':
      return { kind, ...takeRun(members) };
    case 'jump':
      return { kind, ...takeJump(members) };
  }
}

function takeJump(members: Members): { before: bigint; after: bigint } {
  const jump = { before: members.number('before', SECONDS_MAX), after: members.number('after', SECONDS_MAX) };
  return jump.before < jump.after ? jump : members.fails('before is not below after');
}

function takeDone(members: Members): DoneBody {
  const [intent, head] = [members.number('intent'), members.text('head')];
  const segments = members.objects('segments', (one) => ({
    id: one.number('id'),
    generation: one.number('generation', U32),
    bytes: one.number('bytes'),
  }));
  if (!ascends(segments, (a, b) => order(a.id, b.id))) members.fails('segments do not ascend');
  const counts = { records: members.number('records'), identity: members.number('identity'), payload: members.number('payload') };
  return { intent, head, segments, ...counts };
}
