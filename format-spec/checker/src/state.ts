/** The state of a log's charter (chapter 14, "What follows from what"): what acts up to one of them say, and what the next changes. */

import { type Policy, SeqSet, byName } from './bodies.js';
import { refuse } from './bytes.js';
import type { AnyKey } from './note.js';
import type { SigningRole } from './act.js';
import { type ActBody, type KeyChange, type PlacedHold, type Profile, type Role, type Schedule, isKept } from './signed.js';

/** A hold over its life. States share it, since an extension resolves it for every state that has it. */
export interface Hold {
  name: string;
  /** The keys that placed it. */
  by: string[];
  commit: string;
  needs: number[];
  /** Every record below was tested. */
  through: bigint;
  seqs: SeqSet;
}

/** Records that count as recorded not later than a time. */
export interface Clock {
  from: bigint;
  through: bigint;
  notAfter: bigint;
}

/** A second as corrections have it: not later than any that covers its record. */
export const corrected = (clocks: readonly Clock[], seq: bigint, second: bigint): bigint =>
  clocks.reduce((time, { from, through, notAfter }) => (from <= seq && seq < through && notAfter < time ? notAfter : time), second);

export interface CheckpointKey {
  key: AnyKey;
  dropped: boolean;
}

export interface FirstKeys {
  key: AnyKey;
  admin: AnyKey[];
  hold: AnyKey[];
  purge: AnyKey[];
  recovery: AnyKey[];
}

export const FIRST_PROFILE: Profile = {
  purgeHead: 'signed',
  witnessPolicy: null,
  purgeNotice: 0n,
  quorumAdmin: 1,
  quorumPurge: 1,
  separate: false,
  refuseUnmarked: false,
  holdsPerKey: 1000n,
};

/** Who signed an act, and where its record stands. */
export interface Signed {
  role: SigningRole;
  signers: AnyKey[];
  seq: bigint;
  frameNo: bigint;
  /** States that the signers were asked in. */
  window: readonly State[];
  /** Groups that the text of a hold needs, where its record is there. */
  textNeeds: (commit: string) => number[] | undefined;
}

/** Never changed: an act gives a new one, or refuses and leaves the old one. */
export class State {
  private keys = new Map<Role, AnyKey[]>();
  /** By epoch, dropped ones included. */
  checkpoints: CheckpointKey[] = [];
  private policies = new Map<string, Policy>();
  private scheduleVersion = 0n;
  private trees = new Map([1, 2, 3].map((number) => [number, 0]));
  profile = FIRST_PROFILE;
  holds = new Map<string, Hold>();
  clocks: readonly Clock[] = [];
  /** Keys that ever had a role, under every name they had it under. */
  known: readonly AnyKey[] = [];
  ended = false;
  /** Seq of the first record that a newer reader decides (ACT-22). */
  undecided?: bigint;

  static first(first: FirstKeys): State {
    const state = new State();
    const filled = (keys: AnyKey[]): AnyKey[] => (keys.length > 0 ? keys : [first.key]);
    state.checkpoints = [{ key: first.key, dropped: false }];
    for (const role of ['admin', 'hold', 'purge'] as const) state.keys.set(role, filled(first[role]));
    state.keys.set('recovery', first.recovery);
    state.known = [first.key, ...first.admin, ...first.hold, ...first.purge, ...first.recovery];
    return state;
  }

  /** Keys that have a role; the checkpoint key is the newest one that is not dropped. */
  having(role: Role): readonly AnyKey[] {
    return role === 'checkpoint' ? [this.checkpoints[this.epoch]!.key] : (this.keys.get(role) ?? []);
  }

  has(role: Role, key: AnyKey): boolean {
    return this.having(role).some((own) => own.typed === key.typed);
  }

  /** Epoch of the newest checkpoint key that is not dropped. */
  get epoch(): number {
    return this.checkpoints.findLastIndex((one) => !one.dropped);
  }

  /** Policies in force, ascending by name. */
  get inForce(): Policy[] {
    return [...this.policies.values()].filter((policy) => policy.duty).sort((a, b) => byName(a.name, b.name));
  }

  /** The same state, of which a newer reader decides from a record on. */
  doubted(seq: bigint): State {
    const state = this.copy();
    state.undecided ??= seq;
    return state;
  }

  private copy(): State {
    const state = Object.assign(new State(), this);
    state.keys = new Map(this.keys);
    state.checkpoints = this.checkpoints.map((one) => ({ ...one }));
    state.policies = new Map(this.policies);
    state.trees = new Map(this.trees);
    state.holds = new Map(this.holds);
    return state;
  }

  after(body: ActBody, signed: Signed): State {
    if (this.ended) refuse('ACT-15: the charter has ended');
    const state = this.copy();
    switch (body.kind) {
      case 'policy':
        state.takePolicy(body.policy);
        break;
      case 'hold':
        if ('place' in body) state.placeHold(body.place, signed);
        else state.releaseHolds(body.release);
        break;
      case 'key':
        for (const change of body.changes) state.takeChange(change, signed);
        state.checkKeys(state.profile.quorumAdmin, signed.window.some(({ profile }) => profile.separate));
        break;
      case 'schedule':
        state.takeSchedule(body.schedule);
        break;
      case 'profile':
        state.checkKeys(body.profile.quorumAdmin, body.profile.separate);
        state.profile = body.profile;
        break;
      case 'clock':
        if (body.through > signed.seq) refuse('ACT-14: a clock act covers records that are not there yet');
        state.clocks = [...this.clocks, body];
        break;
      case 'loss':
        if (body.reason === 'behind' ? body.found >= body.anchored : body.found > body.anchored) refuse('ACT-15: nothing was lost');
        break;
      case 'end':
        state.ended = true;
        break;
      case 'void':
      case 'intent':
        break;
    }
    return state;
  }

  private takePolicy(policy: Policy): void {
    const before = this.policies.get(policy.name);
    if ((before?.version ?? 0n) + 1n !== policy.version) refuse('ACT-10: the version of a policy does not follow');
    if (policy.duty === null && !before?.duty) refuse('ACT-10: a policy is retired that is not in force');
    this.policies.set(policy.name, policy);
  }

  private takeSchedule(schedule: Schedule): void {
    if (this.scheduleVersion + 1n !== schedule.version) refuse('ACT-10: the version of the schedule does not follow');
    this.scheduleVersion = schedule.version;
    const named = schedule.rules.map((rule) => [rule.class, rule.trees] as const);
    if (!named.some(([number]) => number === schedule.default)) named.push([schedule.default, this.trees.get(schedule.default) ?? 0]);
    for (const [number, trees] of named) {
      if ((this.trees.get(number) ?? trees) !== trees) refuse(`ACT-10: class ${number} commits its groups otherwise`);
      this.trees.set(number, trees);
    }
  }

  private placeHold({ name, commit, needs, through, seqs }: PlacedHold, { signers, seq, window, textNeeds }: Signed): void {
    if (this.holds.has(name)) refuse('ACT-11: a hold of this name is open');
    if (through > seq) refuse('ACT-11: a hold tests records that are not there yet');
    const by = signers.map((key) => key.typed);
    const open = (key: string): number => [...this.holds.values()].filter((hold) => hold.by.includes(key)).length;
    const may = window.reduce((least, { profile }) => (profile.holdsPerKey < least ? profile.holdsPerKey : least), this.profile.holdsPerKey);
    if (by.some((key) => BigInt(open(key)) >= may)) refuse('ACT-11: a key has placed as many holds as it may');
    const tested = textNeeds(commit);
    if (tested && tested.join() !== needs.join()) refuse('ACT-18: the filter of a hold needs other groups than its act names');
    this.holds.set(name, { name, by, commit, needs, through, seqs });
  }

  private releaseHolds(names: string[]): void {
    for (const name of names) if (!this.holds.delete(name)) refuse('ACT-11: a hold is released that is not open');
  }

  private takeChange(change: KeyChange, { role: signing, seq, frameNo }: Signed): void {
    const { action, role, key } = change;
    if (role === 'recovery' && signing !== 'recovery') refuse('ACT-12: recovery keys are changed by recovery keys alone');
    if (signing === 'recovery' && role !== 'recovery' && role !== 'admin') refuse('ACT-12: recovery changes admin and recovery keys alone');
    if (isKept(role)) return;
    // A compromised key keeps its roles until it is retired: the change says since when there is doubt.
    if (action === 'compromised') {
      if (change.since! > frameNo) refuse('ACT-12: the last head that is held good is not there yet');
      if (!this.known.some((one) => one.typed === key.typed)) refuse('ACT-12: a key is compromised that never had a role');
      return;
    }
    if (role === 'checkpoint') return this.changeCheckpoint(change, seq);
    const having = this.having(role);
    if (action === 'add') {
      if (this.has(role, key)) refuse('ACT-12: a key is added that has the role');
      this.keys.set(role, [...having, key]);
      return this.remember(key);
    }
    const others = having.filter((one) => one.text !== key.text);
    if (others.length === having.length) refuse('ACT-12: a key is retired that does not have the role');
    this.keys.set(role, others);
  }

  private remember(key: AnyKey): void {
    if (!this.known.some(({ text }) => text === key.text)) this.known = [...this.known, key];
  }

  private changeCheckpoint({ action, key, epoch }: KeyChange, seq: bigint): void {
    if (action === 'drop') {
      const newest = this.checkpoints.at(-1)!;
      const own = epoch === BigInt(this.checkpoints.length - 1) && newest.key.text === key.text && !newest.dropped;
      if (!own) refuse('ACT-12: only the newest checkpoint key is dropped');
      newest.dropped = true;
      return;
    }
    if (epoch !== BigInt(this.checkpoints.length)) refuse('ACT-12: the epoch of a checkpoint key does not follow');
    if (this.checkpoints.some((one) => one.key.typed === key.typed)) refuse('ACT-12: a checkpoint key comes twice');
    if (key.name !== this.checkpoints[0]!.key.name) refuse('ACT-12: the name of a checkpoint key is not the origin');
    this.checkpoints.push({ key, dropped: false });
    this.remember(key);
    if (!key.key) this.undecided ??= seq;
  }

  /** What must hold after changes of keys, and before a profile. */
  private checkKeys(quorum: number, separate: boolean): void {
    if (this.having('admin').length < quorum) refuse('ACT-12, ACT-13: fewer admin keys than are asked for');
    if (!separate) return;
    const all = [...this.keys.keys(), 'checkpoint' as const].flatMap((role) => this.having(role).map((key) => key.typed));
    if (new Set(all).size !== all.length) refuse('ACT-12, ACT-13: a key has two roles');
  }
}
