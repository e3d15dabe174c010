/**
 * Who decides in a log, followed record by record (chapter 14): what counts under a signed head, and what beyond it.
 *
 * States are kept, one for every act and statement that changed something, since an act beyond the head relaxes nothing: what goes must
 * go by every state from the one under the head on. Not here: the log's tree, which the caller asks for roots.
 */

import { type Act, type Note, type Statement, firstLink, isOtherVersion, noteOfRecord, parseAct, parseNote, parseStatement, signersOf } from './act.js';
import { Refused, hex, refuse } from './bytes.js';
import { type AnyKey, parseText } from './note.js';
import { uuidText } from './record.js';
import { type FirstKeys, State } from './state.js';
import type { DoneBody, IntentBody } from './signed.js';

export interface ClassZero {
  seq: bigint;
  frameNo: bigint;
  /** Whole seconds, and those of the `adopt` where one took the record in. */
  recorded: bigint;
  taken: bigint;
  what: 'act' | 'statement';
  /** Kind of the record. */
  kind: string;
  body: string;
}

/** A finding says that the log is broken; what is set aside or not decided stands beyond the head or rests on an unknown key. */
export type Verdict = { is: 'counts' } | { is: 'finding' | 'set aside' | 'not decided'; why: string };

class NotDecided extends Error {}

interface Step {
  state: State;
  seq: bigint;
  frameNo: bigint;
  taken: bigint;
  clock?: { from: bigint; through: bigint; notAfter: bigint };
}

export class Charter {
  private readonly steps: Step[];
  private readonly ever: AnyKey[];
  private readonly logId: string;
  private readonly charter: { number: bigint; link: string };
  private readonly deletion: { number: bigint; link: string };
  private open?: { seq: bigint; frameNo: bigint; intent: IntentBody };
  private adopted = 0n;
  private stopped = false;
  /** Seqs of records whose base nobody here could compare. */
  readonly unchecked: bigint[] = [];

  constructor(
    logId: Uint8Array,
    first: FirstKeys,
    /** Frames under the effective head. */
    private readonly head: bigint,
    private readonly rootOf: (size: bigint) => string | null,
  ) {
    this.logId = uuidText(logId);
    this.steps = [{ state: State.first(first), seq: 0n, frameNo: 0n, taken: 0n }];
    this.ever = [first.key, ...first.admin, ...first.hold, ...first.purge, ...first.recovery];
    this.charter = { number: 0n, link: firstLink(logId, 'charter') };
    this.deletion = { number: 0n, link: firstLink(logId, 'deletion') };
  }

  get newest(): State {
    return this.steps.at(-1)!.state;
  }

  /** States that decide about what goes at a time: from the newest that is under the head and has waited its notice. */
  asked(at: bigint): State[] {
    let from = 0;
    for (let index = 1; index < this.steps.length; index++) {
      const { frameNo } = this.steps[index]!;
      const notice = this.steps[index - 1]!.state.profile.purgeNotice;
      if (frameNo >= this.head || at < this.since(index, at) + notice) break;
      from = index;
    }
    return this.steps.slice(from).map((step) => step.state);
  }

  /** When an act began to wait: its own time, or the bound of a `clock` act that has waited itself. */
  private since(index: number, at: bigint): bigint {
    const { seq, taken } = this.steps[index]!;
    const bounds = this.steps.flatMap(({ clock, frameNo, taken: own }, number) => {
      if (!clock || frameNo >= this.head || seq < clock.from || seq >= clock.through) return [];
      const notices = this.steps.slice(number - 1).map((step) => step.state.profile.purgeNotice);
      const longest = notices.reduce((most, notice) => (notice > most ? notice : most), 0n);
      return at >= own + longest ? [clock.notAfter] : [];
    });
    return bounds.reduce((first, bound) => (bound < first ? bound : first), taken);
  }

  take(record: ClassZero): Verdict {
    const under = record.frameNo < this.head;
    if (this.stopped) return { is: 'set aside', why: 'it follows a record that counts for nothing' };
    try {
      const note = noteOfRecord(record.body, record.what);
      if (isOtherVersion(note.text)) throw new NotDecided('it is of another version');
      if (record.what === 'act') this.takeAct(record, note, under);
      else this.takeStatement(record, note, under);
      return { is: 'counts' };
    } catch (error) {
      if (!(error instanceof Refused || error instanceof NotDecided)) throw error;
      this.stopped ||= !under;
      const is = !under ? 'set aside' : error instanceof NotDecided ? 'not decided' : 'finding';
      return { is, why: `record ${record.seq}: ${error.message}` };
    }
  }

  /** States in which a signer must have its role: the one before a record under the head, else all from the head on. */
  private judging(under: boolean): State[] {
    if (under) return [this.newest];
    return this.steps.filter((step, at) => step.frameNo >= this.head || (this.steps[at + 1]?.frameNo ?? this.head) >= this.head).map((step) => step.state);
  }

  private checkBase({ seq, frameNo }: ClassZero, { base, logId }: Act | Statement): void {
    if (logId !== this.logId) refuse('ACT-3: it is of another log');
    if (base.size > frameNo) refuse('ACT-7: its base lies beyond its own frame');
    const root = this.rootOf(base.size);
    if (root === null) this.unchecked.push(seq);
    else if (root !== base.root) refuse('ACT-7: its base is not of this log');
  }

  private takeAct(record: ClassZero, note: Note, under: boolean): void {
    const act = parseAct(note.text);
    const { body } = act;
    if (body.kind !== record.kind) refuse('ACT-3: its kind is not that of the record');
    this.checkBase(record, act);
    const line = body.kind === 'intent' ? this.deletion : this.charter;
    if (act.number !== line.number + 1n || act.previous !== line.link || act.charter !== this.charter.link) {
      refuse('ACT-6: it does not continue its line');
    }
    if (record.taken > act.expires) refuse('ACT-8: it had expired');
    if (this.open) refuse('ACT-15: a deletion is announced and not ended');
    const states = body.kind === 'intent' ? this.asked(body.intent.at) : this.judging(under);
    const signers = this.checkQuorum(act, signersOf(note, this.ever), states);
    if (body.kind === 'intent') {
      this.checkIntent(record, body.intent, states);
      this.open = { seq: record.seq, frameNo: record.frameNo, intent: body.intent };
    } else {
      if (body.kind === 'clock' && body.notAfter > record.recorded) refuse('ACT-14: its bound lies above its own time');
      const state = this.newest.after(body, { role: act.role, signers, seq: record.seq });
      if (body.kind === 'key') this.ever.push(...body.changes.map((change) => change.key));
      this.push(record, state, body.kind === 'clock' ? body : undefined);
    }
    Object.assign(line, { number: act.number, link: act.link });
  }

  private push({ seq, frameNo, taken }: ClassZero, state: State, clock?: Step['clock']): void {
    this.steps.push({ state, seq, frameNo, taken, ...(clock ? { clock } : {}) });
  }

  /** The different keys that have the role in every state, as many as the strictest state asks for. */
  private checkQuorum({ role, body }: Act, signers: AnyKey[], states: State[]): AnyKey[] {
    const releases = body.kind === 'hold' && 'release' in body;
    const roles = releases ? (['hold', 'admin'] as const) : [role];
    const counting = signers.filter((key) => states.every((state) => roles.some((one) => state.has(one, key))));
    const different = counting.filter((key, at) => counting.findIndex((one) => one.typed === key.typed) === at);
    const restricts =
      body.kind === 'void' ||
      (body.kind === 'hold' && !releases) ||
      (body.kind === 'key' && body.changes.every(({ action, role: of }) => action === 'retire' && (of === 'hold' || of === 'purge')));
    const quorum = (state: State): number => {
      if (restricts) return 1;
      const asked = body.kind === 'intent' ? state.profile.quorumPurge : state.profile.quorumAdmin;
      return role === 'recovery' ? Math.max(1, Math.min(asked, state.having('recovery').length)) : asked;
    };
    const most = Math.max(...states.map(quorum));
    if (different.length < most) refuse(`ACT-5: ${different.length} keys have signed, ${most} are asked for`);
    if (different.filter((key) => key.key).length < most) throw new NotDecided('ACT-22: it rests on a key of an unknown type');
    return different;
  }

  private checkIntent({ recorded }: ClassZero, intent: IntentBody, states: State[]): void {
    if (intent.at > recorded) refuse('ACT-15: it counts from a time that had not come');
    const open = new Set(states.flatMap((state) => [...state.holds.keys()]));
    if (open.size !== intent.kept.length || intent.kept.some(({ name }) => !open.has(name))) {
      refuse('ACT-15: the holds that it keeps are not those that were open');
    }
  }

  private takeStatement(record: ClassZero, note: Note, under: boolean): void {
    const statement = parseStatement(note.text);
    const { body, epoch } = statement;
    if (body.kind !== record.kind) refuse('ACT-3: its kind is not that of the record');
    this.checkBase(record, statement);
    const states = this.judging(under);
    if (note.lines.length !== 1 || states.some((state) => BigInt(state.epoch) !== epoch)) {
      refuse('ACT-17: it is not signed by the newest checkpoint key alone');
    }
    const key = this.newest.checkpoints[Number(epoch)]!.key;
    if (signersOf(note, [key]).length !== 1) refuse('ACT-17: its line is not of the key of its epoch');
    if (!key.key) throw new NotDecided('ACT-22: its key is of an unknown type');
    switch (body.kind) {
      case 'hold_extend': {
        const { name, from, through, seqs } = body.extend;
        if (through > record.seq) refuse('ACT-11: it tests records that are not there yet');
        return this.push(record, this.newest.extended(name, from, through, seqs));
      }
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

  private checkDone({ seq, frameNo }: ClassZero, done: DoneBody): void {
    const planned = this.open!.intent.segments;
    const same = planned.every(({ id, generation }, at) => done.segments[at]?.id === id && done.segments[at].generation === generation);
    if (!same || planned.length !== done.segments.length) refuse('ACT-16: its segments are not those of the plan');
    const note = parseNote(done.head);
    const { origin, size, root } = parseText(note.text);
    const keys = this.newest.checkpoints.map((one) => one.key);
    if (origin !== keys[0]!.name || signersOf(note, keys).length === 0) refuse('ACT-16: its head is not signed by a checkpoint key of the log');
    if (size <= this.open!.frameNo || size > frameNo) refuse('ACT-16: its head was not there between intent and done');
    const own = this.rootOf(size);
    if (own === null) this.unchecked.push(seq);
    else if (own !== hex(root)) refuse('ACT-16: its head is not of this log');
  }
}
