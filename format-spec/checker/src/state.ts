/** The state of a log's charter (chapter 14, "What follows from what"): what acts up to one of them say, and what the next changes. */

import { type Policy, SeqSet, byName } from './bodies.js';
import { refuse } from './bytes.js';
import type { AnyKey } from './note.js';
import { Rules } from './rules.js';
import type { SigningRole } from './act.js';
import type { ActBody, KeyChange, PlacedHold, Profile, Role, Schedule } from './signed.js';

export interface Hold {
  /** The keys that placed it. */
  by: string[];
  commit: string;
  through: bigint;
  seqs: SeqSet;
}

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
}

/** Never changed: an act gives a new one, or refuses and leaves the old one. */
export class State {
  private keys = new Map<Role, AnyKey[]>();
  /** By epoch, dropped ones included. */
  checkpoints: CheckpointKey[] = [];
  private policies = new Map<string, Policy>();
  private scheduleVersion = 0n;
  private trees = new Map<number, number>();
  profile = FIRST_PROFILE;
  holds = new Map<string, Hold>();
  ended = false;

  static first(first: FirstKeys): State {
    const state = new State();
    const filled = (keys: AnyKey[]): AnyKey[] => (keys.length > 0 ? keys : [first.key]);
    state.checkpoints = [{ key: first.key, dropped: false }];
    for (const role of ['admin', 'hold', 'purge'] as const) state.keys.set(role, filled(first[role]));
    state.keys.set('recovery', first.recovery);
    return state;
  }

  having(role: Role): readonly AnyKey[] {
    return role === 'checkpoint' ? this.checkpoints.filter((one) => !one.dropped).map((one) => one.key) : (this.keys.get(role) ?? []);
  }

  has(role: Role, key: AnyKey): boolean {
    return this.having(role).some((own) => own.typed === key.typed);
  }

  /** Epoch of the newest checkpoint key that is not dropped. */
  get epoch(): number {
    return this.checkpoints.findLastIndex((one) => !one.dropped);
  }

  rules(at: bigint): Rules {
    const inForce = [...this.policies.values()].filter((policy) => policy.duty).sort((a, b) => byName(a.name, b.name));
    const holds = [...this.holds].sort((a, b) => byName(a[0], b[0]));
    return new Rules(
      inForce.map((policy) => policy.duty!),
      inForce.map(({ name, version }) => ({ name, version })),
      holds.map(([name, { through }]) => ({ name, through })),
      holds.reduce((all, [, { seqs }]) => all.union(seqs), new SeqSet()),
      at,
    );
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

  extended(name: string, from: bigint, through: bigint, seqs: SeqSet): State {
    const state = this.copy();
    const hold = state.holds.get(name) ?? refuse('ACT-11: a hold is extended that is not open');
    if (hold.through !== from) refuse('ACT-11: an extension does not begin where its hold is resolved to');
    state.holds.set(name, { ...hold, through, seqs: hold.seqs.union(seqs) });
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
        for (const change of body.changes) state.takeChange(change, signed.role);
        state.checkKeys(state.profile);
        break;
      case 'schedule':
        state.takeSchedule(body.schedule);
        break;
      case 'profile':
        state.checkKeys(body.profile);
        state.profile = body.profile;
        break;
      case 'clock':
        if (body.through > signed.seq) refuse('ACT-14: a clock act covers records that are not there yet');
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

  private placeHold({ name, commit, through, seqs }: PlacedHold, { signers, seq }: Signed): void {
    if (this.holds.has(name)) refuse('ACT-11: a hold of this name is open');
    if (through > seq) refuse('ACT-11: a hold tests records that are not there yet');
    const by = signers.map((key) => key.typed);
    const open = (key: string): number => [...this.holds.values()].filter((hold) => hold.by.includes(key)).length;
    if (by.some((key) => BigInt(open(key)) >= this.profile.holdsPerKey)) refuse('ACT-11: a key has placed as many holds as it may');
    this.holds.set(name, { by, commit, through, seqs });
  }

  private releaseHolds(names: string[]): void {
    for (const name of names) if (!this.holds.delete(name)) refuse('ACT-11: a hold is released that is not open');
  }

  private takeChange({ action, role, key, epoch }: KeyChange, signing: SigningRole): void {
    if (role === 'recovery' && signing !== 'recovery') refuse('ACT-12: recovery keys are changed by recovery keys alone');
    if (signing === 'recovery' && role !== 'recovery' && role !== 'admin') refuse('ACT-12: recovery changes admin and recovery keys alone');
    if (role === 'checkpoint') return this.changeCheckpoint(action, key, epoch);
    const having = this.having(role);
    if (action === 'add' && this.has(role, key)) refuse('ACT-12: a key is added that has the role');
    if (action === 'retire' && !this.has(role, key)) refuse('ACT-12: a key is retired that does not have the role');
    const others = having.filter((one) => one.typed !== key.typed);
    this.keys.set(role, action === 'add' ? [...others, key] : others);
  }

  private changeCheckpoint(action: KeyChange['action'], key: AnyKey, epoch: bigint | null): void {
    const newest = this.checkpoints[this.epoch]!;
    if (action === 'compromised') return;
    if (action === 'drop') {
      if (epoch !== BigInt(this.epoch) || newest.key.typed !== key.typed) refuse('ACT-12: only the newest checkpoint key is dropped');
      newest.dropped = true;
      return;
    }
    if (epoch !== BigInt(this.checkpoints.length)) refuse('ACT-12: the epoch of a checkpoint key does not follow');
    if (this.checkpoints.some((one) => one.key.typed === key.typed)) refuse('ACT-12: a checkpoint key comes twice');
    if (key.name !== this.checkpoints[0]!.key.name) refuse('ACT-12: the name of a checkpoint key is not the origin');
    this.checkpoints.push({ key, dropped: false });
  }

  /** What must hold after changes of keys, and before a profile. */
  private checkKeys(profile: Profile): void {
    if (this.having('admin').length < profile.quorumAdmin) refuse('ACT-12, ACT-13: fewer admin keys than are asked for');
    if (!profile.separate) return;
    const all = [...this.keys.keys(), 'checkpoint' as const].flatMap((role) => this.having(role).map((key) => key.typed));
    if (new Set(all).size !== all.length) refuse('ACT-12, ACT-13: a key has two roles');
  }
}
