/**
 * Who decides in a log, followed record by record (chapter 14): what counts under a signed head, and what beyond it.
 *
 * States are kept, one for every act that changed something, since an act beyond the head relaxes nothing: what goes must go by every
 * state from the one under the head on (terms.ts). Not here: the log's tree and its times, which the caller is asked for.
 */

import { type Act, type Note, type Statement, firstLink, isOtherVersion, noteOfRecord, openHoldText, parseAct, parseStatement, signersOf } from './act.js';
import { type HoldExtend, filterOf } from './bodies.js';
import { Refused, hex, refuse } from './bytes.js';
import type { Filter } from './filter.js';
import { type AnyKey, type Checkpoint, openNote } from './note.js';
import { uuidText } from './record.js';
import { CODES, type DoneBody, HOLD_TEXT_CODE, type IntentBody, STATEMENT_KINDS } from './signed.js';
import { type Clock, type FirstKeys, State, corrected } from './state.js';
import { Terms } from './terms.js';

export interface ClassZero {
  seq: bigint;
  frameNo: bigint;
  /** Whole seconds, and those of the `adopt` where one took the record in. */
  recorded: bigint;
  taken: bigint;
  /** Of the kind of the record. */
  code: number;
  /** Null where it is erased. */
  body: string | null;
}

/** What somebody who has the log knows of it; null where he does not. */
export interface Facts {
  rootOf(size: bigint): string | null;
  /** Recorded-at of the record before this seq, whole seconds. */
  recordedBefore(seq: bigint): bigint | null;
}

/** A finding says that the log is broken; what is set aside or not decided stands beyond the head or rests on an unknown key. */
export type Verdict = { is: 'counts' } | { is: 'finding' | 'set aside' | 'not decided'; why: string };

class NotDecided extends Error {}

interface Step {
  state: State;
  seq: bigint;
  frameNo: bigint;
  taken: bigint;
  clock?: Clock;
}

const KINDS = new Map(Object.entries(CODES).map(([kind, code]) => [code, kind]));
const isStatement = (kind: string): boolean => STATEMENT_KINDS.some((one) => one === kind);
/** Genesis, gap, recovery and access, and from 64 on notes: nothing follows from them here. */
const isNote = (code: number): boolean => [2, 8, 9, 12].includes(code) || (code >= 64 && code <= 127);

export class Charter {
  private readonly steps: Step[];
  private readonly logId: string;
  private readonly charter: { number: bigint; link: string };
  private readonly deletion: { number: bigint; link: string };
  private open?: { seq: bigint; frameNo: bigint; intent: IntentBody };
  private adopted = 0n;
  private stopped = false;
  private readonly texts = new Map<string, { groups: number[]; filter: Filter }>();
  /** Seqs of records of which something could not be compared here: a base, a head, or the time that a `clock` act begins at. */
  readonly unchecked: bigint[] = [];

  constructor(
    logId: Uint8Array,
    first: FirstKeys,
    /** Frames under the effective head. */
    private readonly head: bigint,
    private readonly facts: Facts,
  ) {
    this.logId = uuidText(logId);
    this.steps = [{ state: State.first(first), seq: 0n, frameNo: 0n, taken: 0n }];
    this.charter = { number: 0n, link: firstLink(logId, 'charter') };
    this.deletion = { number: 0n, link: firstLink(logId, 'deletion') };
  }

  get newest(): State {
    return this.steps.at(-1)!.state;
  }

  /** States that decide about what goes at a time: from the newest that is under the head and has waited its notice. */
  asked(at: bigint): State[] {
    const plain = this.inForce(at, []);
    const clocks = this.waited(plain, at);
    const from = clocks.length === 0 ? plain : this.inForce(at, clocks);
    return this.steps.slice(from).map((step) => step.state);
  }

  /** What all of these states let go at a time. */
  terms(at: bigint): Terms {
    return new Terms(this.asked(at), (commit) => this.texts.get(commit)?.filter, at);
  }

  private inForce(at: bigint, clocks: readonly Clock[]): number {
    const waits = ({ seq, frameNo, taken }: Step, index: number): boolean => {
      const notice = this.steps[index - 1]?.state.profile.purgeNotice ?? 0n;
      return index > 0 && (frameNo >= this.head || at < corrected(clocks, seq, taken) + notice);
    };
    const first = this.steps.findIndex(waits);
    return first < 0 ? this.steps.length - 1 : first - 1;
  }

  /** Clock acts that have waited the longest notice from the state in force on, so that nobody shortens a notice with one. */
  private waited(from: number, at: bigint): Clock[] {
    let longest = 0n;
    return this.steps.slice(from).flatMap(({ clock, frameNo, taken, state }, index) => {
      const counts = index > 0 && clock && frameNo < this.head && at >= taken + longest;
      if (state.profile.purgeNotice > longest) longest = state.profile.purgeNotice;
      return counts ? [clock] : [];
    });
  }

  take(record: ClassZero): Verdict {
    const under = record.frameNo < this.head;
    if (this.stopped) return { is: 'set aside', why: 'it follows a record that counts for nothing' };
    const follows = this.newest.checkpoints.some(({ key }) => !key.key) ? 'ACT-22: it follows a checkpoint key of an unknown type' : undefined;
    const unchecked = this.unchecked.length;
    try {
      if (follows && !under) throw new NotDecided(follows);
      const why = this.judge(record, under) ?? follows;
      return why === undefined ? { is: 'counts' } : { is: 'not decided', why: `record ${record.seq}: ${why}` };
    } catch (error) {
      if (!(error instanceof Refused || error instanceof NotDecided)) throw error;
      // What counts for nothing claims nothing either.
      this.unchecked.length = unchecked;
      this.stopped ||= !under;
      return { is: !under ? 'set aside' : follows ? 'not decided' : 'finding', why: `record ${record.seq}: ${error.message}` };
    }
  }

  /** Takes what may stand where it stands; gives back why a newer reader decides about it. */
  private judge(record: ClassZero, under: boolean): string | undefined {
    const { code, body } = record;
    if (code === HOLD_TEXT_CODE) return body === null ? undefined : this.takeHoldText(body);
    const kind = KINDS.get(code);
    if (kind === undefined) {
      if (isNote(code)) return undefined;
      if (code < 22 || code > 63) refuse(`kind ${code} is none of class 0`);
      return this.passOver(record, under, 'ACT-22: its kind is not known');
    }
    const what = isStatement(kind) ? 'statement' : 'act';
    const note = noteOfRecord(body ?? refuse('ACT-2: it is never erased'), what);
    if (isOtherVersion(note.text, what)) return this.passOver(record, under, 'ACT-22: it is of another version');
    return what === 'act' ? this.takeAct(record, kind, note, under) : this.takeStatement(record, kind, note, under);
  }

  /** From here on nothing goes by this reader; beyond the head the record is set aside instead. */
  private passOver(record: ClassZero, under: boolean, why: string): string {
    if (!under) throw new NotDecided(why);
    this.push(record, this.newest.doubted(record.seq));
    return why;
  }

  /** States in which a signer must have its role: the one before a record under the head, else all from the head on. */
  private judging(under: boolean): State[] {
    if (under) return [this.newest];
    return this.steps.filter((step, at) => step.frameNo >= this.head || (this.steps[at + 1]?.frameNo ?? this.head) >= this.head).map((step) => step.state);
  }

  private checkBase({ seq, frameNo }: ClassZero, { base, logId }: Act | Statement): void {
    if (logId !== this.logId) refuse('ACT-3: it is of another log');
    if (base.size > frameNo) refuse('ACT-7: its base lies beyond its own frame');
    if (base.size === 0n) return;
    const root = this.facts.rootOf(base.size);
    if (root === null) this.unchecked.push(seq);
    else if (root !== base.root) refuse('ACT-7: its base is not of this log');
  }

  private takeAct(record: ClassZero, kind: string, note: Note, under: boolean): string | undefined {
    const act = parseAct(note.text);
    const { body } = act;
    if (body.kind !== kind) refuse('ACT-3: its kind is not that of the record');
    // A grant of the purge role lets something go: whoever signs an intent has waited the notice.
    const window = body.kind === 'intent' ? this.asked(record.taken) : this.judging(under);
    const { signers, decided } = this.checkQuorum(act, signersOf(note, this.newest.known), window);
    const line = body.kind === 'intent' ? this.deletion : this.charter;
    if (act.number !== line.number + 1n || act.previous !== line.link || act.charter !== this.charter.link) {
      refuse('ACT-6: it does not continue its line');
    }
    this.checkBase(record, act);
    if (record.taken > act.expires) refuse('ACT-8: it had expired');
    if (this.open) refuse('ACT-15: a deletion is announced and not ended');
    if (body.kind === 'intent') this.checkIntent(record, body.intent);
    if (body.kind === 'clock') this.checkClock(record, body);
    const textNeeds = (commit: string): number[] | undefined => this.texts.get(commit)?.groups;
    const signed = { role: act.role, signers, seq: record.seq, frameNo: record.frameNo, window, textNeeds };
    const state = body.kind === 'intent' ? this.newest : this.newest.after(body, signed);
    const why = decided ? undefined : 'ACT-22: it rests on a key of an unknown type';
    if (why !== undefined && !under) throw new NotDecided(why);
    Object.assign(line, { number: act.number, link: act.link });
    if (body.kind === 'intent' && decided) this.open = { seq: record.seq, frameNo: record.frameNo, intent: body.intent };
    else this.push(record, decided ? state : state.doubted(record.seq), body.kind === 'clock' ? body : undefined);
    return why;
  }

  private checkClock({ seq, recorded }: ClassZero, { from, notAfter }: Clock): void {
    if (notAfter > recorded) refuse('ACT-14: its bound lies above its own time');
    if (from === 0n) return;
    const before = this.facts.recordedBefore(from);
    if (before === null) this.unchecked.push(seq);
    else if (notAfter < corrected(this.newest.clocks, from - 1n, before)) refuse('ACT-14: its bound lies below the time of the record before');
  }

  private push({ seq, frameNo, taken }: ClassZero, state: State, clock?: Clock): void {
    this.steps.push({ state, seq, frameNo, taken, ...(clock ? { clock } : {}) });
  }

  /** The different keys that have the role in every state, as many as the strictest state asks for; whether that is decided. */
  private checkQuorum({ role, body }: Act, signers: AnyKey[], window: State[]): { signers: AnyKey[]; decided: boolean } {
    const releases = body.kind === 'hold' && 'release' in body;
    const roles = releases ? (['hold', 'admin'] as const) : [role];
    const counting = signers.filter((key) => roles.some((one) => window.every((state) => state.has(one, key))));
    const different = counting.filter((key, at) => counting.findIndex((one) => one.typed === key.typed) === at);
    const restricts =
      body.kind === 'void' ||
      (body.kind === 'hold' && !releases) ||
      (body.kind === 'key' && body.changes.every(({ action, role: of }) => action === 'retire' && (of === 'hold' || of === 'purge')));
    const most = (asks: (state: State) => number): number => Math.max(...window.map(asks));
    let quorum = most(({ profile }) => (body.kind === 'intent' ? profile.quorumPurge : profile.quorumAdmin));
    if (restricts) quorum = 1;
    else if (role === 'recovery') quorum = Math.max(1, Math.min(quorum, ...window.map((state) => state.having('recovery').length)));
    if (different.length < quorum) refuse(`ACT-5: ${different.length} keys have signed, ${quorum} are asked for`);
    const own = different.filter(({ key }) => key);
    return { signers: own, decided: own.length >= quorum };
  }

  private checkIntent({ recorded }: ClassZero, intent: IntentBody): void {
    if (intent.at > recorded) refuse('ACT-15: it counts from a time that had not come');
    const open = new Set(this.asked(intent.at).flatMap((state) => [...state.holds.keys()]));
    if (open.size !== intent.kept.length || intent.kept.some(({ name }) => !open.has(name))) {
      refuse('ACT-15: the holds that it keeps are not those that were open');
    }
  }

  /** A text of kind 14 is held against every hold that ever committed to it (ACT-18). */
  private takeHoldText(body: string): undefined {
    const { commit, groups, filter } = openHoldText(body);
    const committed = this.steps.flatMap(({ state }) => [...state.holds.values()]).filter((hold) => hold.commit === commit);
    if (committed.some((hold) => hold.needs.join() !== groups.join())) refuse('ACT-18: the filter needs other groups than the act of its hold names');
    this.texts.set(commit, { groups, filter: filterOf(filter) });
  }

  private takeStatement(record: ClassZero, kind: string, note: Note, under: boolean): string | undefined {
    const statement = parseStatement(note.text);
    const { body, epoch } = statement;
    if (body.kind !== kind || statement.logId !== this.logId) refuse('ACT-3: it is of another log, or its kind is not that of the record');
    if (this.judging(under).some((state) => BigInt(state.epoch) !== epoch)) refuse('ACT-17: it is not of the newest checkpoint key');
    const key = this.newest.checkpoints[Number(epoch)]!.key;
    if (!key.key) return this.passOver(record, under, 'ACT-22: its key is of an unknown type');
    if (note.lines.length !== 1 || signersOf(note, [key]).length !== 1) refuse('ACT-17: it is not signed by the key of its epoch alone');
    this.checkBase(record, statement);
    this.follow(record, body);
    return undefined;
  }

  /** What follows from a statement: each is valid once, by its content. */
  private follow(record: ClassZero, body: Statement['body']): void {
    switch (body.kind) {
      case 'hold_extend':
        return this.extend(record, body.extend);
      case 'done':
      case 'abandon':
        if (this.open?.seq !== (body.kind === 'done' ? body.done.intent : body.intent)) refuse('ACT-16: no such deletion is open');
        if (body.kind === 'done') this.checkDone(record, body.done);
        delete this.open;
        return;
      case 'adopt':
        if (body.from < this.adopted || body.through > record.seq) refuse('ACT-17: it adopts what was adopted, or what is not there');
        this.adopted = body.through;
        return;
      case 'jump':
        if (body.after > record.recorded) refuse('ACT-17: it jumps to a time that had not come');
    }
  }

  private extend({ seq }: ClassZero, { name, from, through, seqs }: HoldExtend): void {
    // A hold that is released holds still where an older state is asked, so it is extended too.
    const own = this.steps.findLast(({ state }) => state.holds.has(name)) ?? refuse('ACT-11: a hold is extended that never was open');
    const hold = own.state.holds.get(name)!;
    if (hold.through !== from) refuse('ACT-11: an extension does not begin where its hold is resolved to');
    if (through > seq) refuse('ACT-11: it tests records that are not there yet');
    Object.assign(hold, { through, seqs: hold.seqs.union(seqs) });
  }

  private checkDone({ seq, frameNo }: ClassZero, done: DoneBody): void {
    const planned = this.open!.intent.segments;
    const same = planned.every(({ id, generation }, at) => done.segments[at]?.id === id && done.segments[at].generation === generation);
    if (!same || planned.length !== done.segments.length) refuse('ACT-16: its segments are not those of the plan');
    const { size, root } = this.openHead(done.head);
    if (size <= this.open!.frameNo || size > frameNo) refuse('ACT-16: its head was not there between intent and done');
    const own = this.facts.rootOf(size);
    if (own === null) this.unchecked.push(seq);
    else if (own !== hex(root)) refuse('ACT-16: its head is not of this log');
  }

  private openHead(note: string): Checkpoint {
    for (const { key: { key, ...own }, dropped } of [...this.newest.checkpoints].reverse()) {
      if (dropped || !key) continue;
      try {
        return openNote(note, { ...own, key });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
    return refuse('ACT-16: its head is not signed by a checkpoint key of the log');
  }
}
