/** The deletions of a log with its whole history: declared, published, and only of what might go (chapters 11 and 13). */

import { type Done, type Plan, parseAbandon, parseDone, parseIntent } from './bodies.js';
import type { ClassEntry, Descriptor } from './bundle.js';
import { equal, refuse } from './bytes.js';
import { verify } from './ed25519.js';
import type { Hash } from './hashes.js';
import { uuidText } from './record.js';
import { type KnownRow, Register, type Rules } from './rules.js';
import type { Trail } from './trail.js';

export const UNKNOWNS = [
  'whether removed bytes are gone from media, and from backups made before',
  'whether a hold was in force that was never recorded',
  'whether times and retention classes of removed records are as they were when the writer first signed them',
];

/** Bitmaps of positions by group. */
type Masks = [bigint, bigint, bigint, bigint];

export interface Effect {
  frames: number;
  classes: Map<number, number>;
  identity: number;
  payload: number;
  /** Parts that cannot be judged any more. */
  unknown: number;
}

export interface Deletion {
  intent: bigint;
  frameNo: bigint;
  plan: Plan;
  key: string;
  rules: Rules;
  done?: { seq: bigint; body: Done; size: bigint; root: Hash };
  /** Seq of the record that gave it up: it removed nothing. */
  abandoned?: bigint;
  signature: Uint8Array;
  effect: Effect;
}

/** What a bundle shows of a frame. */
export interface Shown {
  /** Positions of which group k is open. */
  there: Masks;
  /** Rows with an open header by position. */
  rows: Map<number, KnownRow>;
}

const GROUPS = [0, 1, 2, 3] as const;
const maskOf = (entry: ClassEntry): bigint => entry.positions.reduce((bits, position) => bits | (1n << BigInt(position)), 0n);
const bitsOf = (bits: bigint): number[] => {
  const found: number[] = [];
  for (let position = 0; bits >> BigInt(position) > 0n; position++) if ((bits >> BigInt(position)) & 1n) found.push(position);
  return found;
};
const count = (bits: bigint): number => bitsOf(bits).length;
/** Records that are gone: all of them, or all but the envelope. */
const rowsGone = (gone: Masks): bigint => gone[0] | (gone[1] & gone[2] & gone[3]);

/** What a plan names of a frame. */
interface Part {
  classes: { class: number; group: number }[];
  records: bigint;
  envelopes: bigint;
  groups: { 1: bigint; 3: bigint };
}

function partOf(plan: Plan, frame: Descriptor): Part {
  const { firstSeq, count: size } = frame;
  const of = (group: number): bigint => plan.groups.get(group)?.window(firstSeq, size) ?? 0n;
  return {
    classes: plan.classes.filter((one) => one.frames.window(frame.frameNo, 1) === 1n),
    records: plan.records.window(firstSeq, size),
    envelopes: plan.envelopes.window(firstSeq, size),
    groups: { 1: of(1), 3: of(3) },
  };
}

const isEmpty = (part: Part): boolean =>
  part.classes.length === 0 && (part.records | part.envelopes | part.groups[1] | part.groups[3]) === 0n;

/** Positions that lose each group. */
function removal(part: Part, frame: Descriptor): Masks {
  const lost: Masks = [part.records, part.records, part.records, part.records];
  for (const group of [1, 2, 3] as const) lost[group] |= part.envelopes;
  lost[1] |= part.groups[1];
  lost[3] |= part.groups[3];
  for (const named of part.classes) {
    const entry = frame.classes.find((one) => one.class === named.class);
    for (const group of GROUPS) {
      if (entry && (named.group === 0 || named.group === group)) lost[group] |= maskOf(entry);
    }
  }
  return lost;
}

interface Step {
  deletion: Deletion;
  part: Part;
  before: Masks;
  after: Masks;
}

export class History {
  /** All that were announced. */
  readonly announced: Deletion[] = [];
  private readonly register: Register;
  private readonly keySeqs: bigint[] = [];
  private readonly named = new Map<bigint, bigint>();

  constructor(
    private readonly logId: Uint8Array,
    private readonly trail: Trail,
  ) {
    this.register = new Register(trail.first);
  }

  /** Those that were not given up. */
  get deletions(): Deletion[] {
    return this.announced.filter((one) => one.abandoned === undefined);
  }

  /** Takes the next record of class 0. */
  take(seq: bigint, frameNo: bigint, recorded: bigint, kind: string, body: string): void {
    if (kind === 'event' || kind === 'access') return;
    if (kind === 'intent') return this.takeIntent(seq, frameNo, recorded, body);
    if (kind === 'done') return this.takeDone(seq, frameNo, body);
    if (kind === 'abandon') return this.takeAbandon(seq, body);
    const keys = this.register.checkpointKeys.length;
    this.register.take(seq, kind, body);
    if (this.register.checkpointKeys.length === keys) return;
    this.keySeqs.push(seq);
    const rotation = this.trail.rotations[keys - 1];
    if (rotation && rotation.key.text !== this.register.checkpointKeys[keys]!.text) refuse('a rotation names another key');
    if (rotation && rotation.checkpoint.size <= frameNo) refuse('a rotation does not cover its key record');
  }

  private takeIntent(seq: bigint, frameNo: bigint, recorded: bigint, body: string): void {
    const fails = (why: string): never => refuse(`deletion of intent ${seq}: ${why}`);
    const { plan, planText, key, signature } = parseIntent(body);
    if (!this.register.mayPurge(key)) fails('its key was not given the purge role before it, or no longer had it');
    const text = `indelible 2026-11 intent v1\n${uuidText(this.logId)}\n${planText}`;
    if (!verify(signature, new TextEncoder().encode(text), key.key)) {
      fails('the signature is not that of its key under this plan for this log');
    }
    const open = this.open();
    if (open) fails(`the deletion of intent ${open.intent} is open still`);
    const before = this.announced.find((one) => equal(one.signature, signature));
    if (before) fails(`it was announced before, at seq ${before.intent}`);
    if (plan.at > recorded) fails('it counts from a time that had not come');
    const rules = this.register.rules(plan.at);
    const same = <T>(a: T[], b: T[], one: (a: T, b: T) => boolean): boolean =>
      a.length === b.length && a.every((item, at) => one(item, b[at]!));
    if (!same(plan.policies, rules.policies, (a, b) => a.name === b.name && a.version === b.version)) {
      fails('the policies it names are not those in force');
    }
    if (!same(plan.holds, rules.holds, (a, b) => a.name === b.name && a.through === b.through)) {
      fails('the holds it names are not those that were open');
    }
    const effect = { frames: 0, classes: new Map<number, number>(), identity: 0, payload: 0, unknown: 0 };
    this.announced.push({ intent: seq, frameNo, plan, key: key.text, rules, signature, effect });
  }

  /** The deletion that is announced and has no end yet. */
  private open(): Deletion | undefined {
    const last = this.announced.at(-1);
    return last && !last.done && last.abandoned === undefined ? last : undefined;
  }

  private takeAbandon(seq: bigint, text: string): void {
    const intent = parseAbandon(text);
    const open = this.open();
    if (open?.intent !== intent) return refuse(`deletion of intent ${intent}: it is abandoned and was not open`);
    open.abandoned = seq;
  }

  private takeDone(seq: bigint, frameNo: bigint, text: string): void {
    const body = parseDone(text);
    const deletion = this.announced.find((one) => one.intent === body.intent) ?? refuse('done, though no intent declares it');
    const fails = (why: string): never => refuse(`deletion of intent ${body.intent}: ${why}`);
    if (deletion.done) fails('it was done before');
    if (deletion.abandoned !== undefined) fails('it was abandoned before');
    const planned = deletion.plan.segments;
    const same = planned.every(({ id, generation }, at) => {
      const own = body.segments[at];
      return own && own.id === id && own.generation === generation;
    });
    if (!same || planned.length !== body.segments.length) fails('its segments are not those of the plan');
    const { size, root } = this.trail.open(body.checkpoint);
    if (size <= deletion.frameNo) fails('the checkpoint does not cover the intent: it was not published before');
    if (frameNo < size) fails('it was done before the checkpoint was there');
    deletion.done = { seq, body, size, root };
  }

  /** Roots that the log must have, by size. */
  roots(): { size: bigint; root: Hash }[] {
    const done = this.deletions.flatMap((one) => (one.done ? [one.done] : []));
    return [...done, ...this.trail.rotations.map((rotation) => rotation.checkpoint)];
  }

  /** Positions that deletions name alone: rows of a bundle as evidence. */
  wanted(frame: Descriptor): bigint {
    return this.deletions.reduce((all, { plan }) => {
      const part = partOf(plan, frame);
      return all | part.records | part.envelopes | part.groups[1] | part.groups[3];
    }, 0n);
  }

  /** Positions whose records deletions that are done have removed. */
  removed(frame: Descriptor): bigint {
    const gone: Masks = [0n, 0n, 0n, 0n];
    for (const deletion of this.deletions.filter((one) => one.done)) {
      const lost = removal(partOf(deletion.plan, frame), frame);
      for (const group of GROUPS) gone[group] |= lost[group];
    }
    return rowsGone(gone);
  }

  /** Checks the next frame against every deletion that names it. */
  frame(frame: Descriptor, shown: Shown): void {
    const end = frame.firstSeq + BigInt(frame.count);
    const epoch = this.keySeqs.filter((seq) => seq < end).length;
    if (frame.keyEpoch !== BigInt(epoch)) refuse(`frame ${frame.frameNo}: its key epoch is not that of the key records`);
    const steps: Step[] = [];
    let before: Masks = [0n, 0n, 0n, 0n];
    for (const deletion of this.deletions) {
      const part = partOf(deletion.plan, frame);
      if (isEmpty(part)) continue;
      const lost = removal(part, frame);
      const after = before.map((bits, group) => bits | lost[group]!) as Masks;
      steps.push({ deletion, part, before, after });
      before = after;
    }
    for (const step of steps) this.step(frame, step, before, shown);
    for (const { deletion, before: was, after } of steps.filter((step) => step.deletion.done)) {
      for (const group of GROUPS) {
        if (after[group] & ~was[group] & shown.there[group]) {
          refuse(`deletion of intent ${deletion.intent}: frame ${frame.frameNo} shows what it is said to have removed`);
        }
      }
    }
  }

  private step(frame: Descriptor, step: Step, last: Masks, shown: Shown): void {
    const { deletion, part, before, after } = step;
    const { rules, effect } = deletion;
    const fails = (why: string): never => refuse(`deletion of intent ${deletion.intent}, frame ${frame.frameNo}: ${why}`);
    const end = frame.firstSeq + BigInt(frame.count);
    const inPlan = deletion.plan.segments.some(
      ({ firstFrame, frames }) => firstFrame <= frame.frameNo && frame.frameNo < firstFrame + frames,
    );
    if (!inPlan || frame.frameNo >= deletion.frameNo) fails('it lies in no segment of the plan');
    if (rules.holds.some((hold) => hold.through < end)) fails('a hold had not been resolved up to its end');
    const touched = GROUPS.reduce((all, group) => all | (after[group] & ~before[group]), 0n);
    if (rules.held.window(frame.firstSeq, frame.count) & touched) fails('a hold held a record of it');
    checkNames(frame, part, before, fails);
    for (const { class: number, group } of part.classes) {
      const entry = frame.classes.find((one) => one.class === number) ?? fails(`it has no record of class ${number}`);
      if (!rules.classExpired(entry, group)) fails(`not every policy had let the latest of class ${number} go`);
      if ((maskOf(entry) & ~before[group]!) === 0n) fails(`class ${number} was gone before`);
    }
    effect.frames++;
    for (const entry of frame.classes) {
      const own = maskOf(entry);
      const singles = (part.records | part.envelopes | part.groups[1] | part.groups[3]) & own;
      if (entry.class === 0 && singles) fails('class 0 is permanent');
      const named = part.classes.some((one) => one.class === entry.class && one.group === 0);
      if (!named && (after[0] & own) === own && (before[0] & own) !== own) {
        fails(`records of class ${entry.class} go alone until none is left`);
      }
      for (const position of bitsOf(singles)) {
        effect.unknown += single(entry, position, step, last, shown, fails);
      }
      const removed = count(rowsGone(after) & ~rowsGone(before) & own);
      if (removed > 0) effect.classes.set(entry.class, (effect.classes.get(entry.class) ?? 0) + removed);
      const stay = own & ~rowsGone(after);
      effect.identity += count(after[1] & ~before[1] & stay);
      effect.payload += count(after[3] & ~before[3] & stay);
    }
    const parts = [part.records, part.envelopes, part.groups[1], part.groups[3]];
    const names = part.classes.length + parts.reduce((sum, bits) => sum + count(bits), 0);
    this.named.set(deletion.intent, (this.named.get(deletion.intent) ?? 0n) + BigInt(names));
  }

  /** What holds only once all frames are seen. */
  finish(): void {
    if (this.trail.rotations.length > this.keySeqs.length) refuse('a rotation has no key record');
    for (const { intent, plan, done, effect } of this.deletions) {
      const fails = (why: string): never => refuse(`deletion of intent ${intent}: ${why}`);
      const sets = [...plan.classes.map((one) => one.frames), plan.records, plan.envelopes, ...plan.groups.values()];
      const names = sets.reduce((sum, set) => sum + set.size, 0n);
      if ((this.named.get(intent) ?? 0n) !== names) fails('the plan names what is not there');
      if (!done) continue;
      const records = [...effect.classes.values()].reduce((sum, one) => sum + one, 0);
      const { body } = done;
      const same =
        body.records === BigInt(records) &&
        body.identity === BigInt(effect.identity) &&
        body.payload === BigInt(effect.payload);
      if (!same) fails('what it says was removed is not what the plan removes');
    }
  }
}

/** Nothing is named twice, and nothing that was gone before. */
function checkNames(frame: Descriptor, part: Part, before: Masks, fails: (why: string) => never): void {
  const { records, envelopes, groups } = part;
  const whole = (group: number): bigint =>
    frame.classes
      .filter((entry) => part.classes.some((one) => one.class === entry.class && one.group === group))
      .reduce((bits, entry) => bits | maskOf(entry), 0n);
  const alone = records | envelopes;
  const kept = groups[1] | groups[3];
  const twice =
    (records & envelopes) |
    (alone & kept) |
    (whole(0) & (alone | kept | whole(1) | whole(2) | whole(3))) |
    (whole(1) & groups[1]) |
    (whole(3) & groups[3]);
  if (twice) fails('the plan names a part of it twice');
  const again =
    (records & before[0]) | (envelopes & rowsGone(before)) | (groups[1] & before[1]) | (groups[3] & before[3]);
  if (again) fails('a part of it was gone before');
}

/** A record that a step names alone; gives how many parts of it cannot be judged any more. */
function single(
  entry: ClassEntry,
  position: number,
  step: Step,
  last: Masks,
  shown: Shown,
  fails: (why: string) => never,
): number {
  const { part, deletion } = step;
  const bit = 1n << BigInt(position);
  const parts: number[] = [];
  if ((part.records | part.envelopes) & bit) parts.push(0);
  if (part.groups[1] & bit) parts.push(1);
  if (part.groups[3] & bit) parts.push(3);
  const own = maskOf(entry);
  if ((last[0] & own) === own) return parts.length;
  const row = shown.rows.get(position) ?? fails(`the stub of position ${position} is left out`);
  let unknown = 0;
  for (const group of parts) {
    if (deletion.rules.closedExpired(entry.class, group, row.recorded, row.occurred)) continue;
    if (part.records & bit) fails(`not every policy of its class had let position ${position} go`);
    if (row.tested) {
      if (!deletion.rules.openExpired(entry.class, group, row)) fails(`no policy, or not every one, had let position ${position} go`);
    } else if (last[0] & bit) {
      unknown++;
    } else {
      fails(`the envelope of position ${position} is closed, though a filter decided`);
    }
  }
  return unknown;
}

/** Roots of the log tree of the sizes asked for, over all leaves. */
export function checkRoots(roots: { size: bigint; root: Hash }[], rootOf: (size: bigint) => Hash, frames: number): void {
  for (const { size, root } of roots) {
    if (size > BigInt(frames) || !equal(root, rootOf(size))) refuse(`the checkpoint of ${size} frames is not of this log`);
  }
}
