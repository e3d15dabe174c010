/** What may be deleted (chapter 13): policies, holds and keys as records give them, and what follows at a time. */

import { refuse } from './bytes.js';
import { type Duty, type Policy, SeqSet, byName, parseExtend, parseHold, parseKeyRecord, parsePolicy } from './bodies.js';
import type { ClassEntry } from './bundle.js';
import { passes, type Tested } from './filter.js';
import type { VerifierKey } from './note.js';

/** What is known of a record: times in whole seconds, and its fields where group 0 is open. */
export interface KnownRow {
  recorded: bigint;
  occurred: bigint;
  tested?: Tested;
}

/** Policies and holds of one moment, asked at one time. */
export class Rules {
  constructor(
    readonly duties: Duty[],
    readonly policies: { name: string; version: bigint }[],
    readonly holds: { name: string; through: bigint }[],
    readonly held: SeqSet,
    readonly at: bigint,
  ) {}

  private possible(number: number): Duty[] {
    if (number === 0) return [];
    return this.duties.filter((duty) => duty.classes.length === 0 || duty.classes.includes(number));
  }

  private expired(duty: Duty, group: number, recorded: bigint, occurred: bigint): boolean {
    const keep = duty.keep[group] ?? null;
    return keep !== null && (duty.byEvent ? occurred : recorded) < this.at - keep;
  }

  /** Decided without seeing the record: one policy is certain, and every possible one lets go. */
  closedExpired(number: number, group: number, recorded: bigint, occurred: bigint): boolean {
    const possible = this.possible(number);
    return (
      possible.some((duty) => duty.filter === null) &&
      possible.every((duty) => this.expired(duty, group, recorded, occurred))
    );
  }

  classExpired(entry: ClassEntry, group: number): boolean {
    return this.closedExpired(entry.class, group, entry.recordedMax, entry.occurredMax);
  }

  /** Some policy matches the record, and every one that does lets go. */
  openExpired(number: number, group: number, row: KnownRow): boolean {
    const tested = row.tested;
    if (!tested) return false;
    const matching = this.possible(number).filter((duty) => duty.filter === null || passes(duty.filter, tested));
    return matching.length > 0 && matching.every((duty) => this.expired(duty, group, row.recorded, row.occurred));
  }
}

interface PurgeKey {
  text: string;
  epoch: bigint;
  retired: boolean;
}

/** What records of class 0 have said so far. */
export class Register {
  private readonly policies = new Map<string, Policy>();
  private readonly holds = new Map<string, { through: bigint; seqs: SeqSet }>();
  private readonly purgeKeys: PurgeKey[] = [];
  readonly checkpointKeys: VerifierKey[];

  constructor(first: VerifierKey) {
    this.checkpointKeys = [first];
  }

  mayPurge(key: VerifierKey): boolean {
    return this.purgeKeys.some((one) => one.text === key.text && !one.retired);
  }

  /** Takes a record's body; kinds that nothing here follows from are passed over. */
  take(seq: bigint, kind: string, body: string): void {
    if (kind === 'policy') this.takePolicy(parsePolicy(body));
    if (kind === 'hold') this.takeHold(seq, body);
    if (kind === 'hold_extend') this.takeExtend(body);
    if (kind === 'key') this.takeKey(body);
  }

  private takePolicy(policy: Policy): void {
    const before = this.policies.get(policy.name);
    if ((before?.version ?? 0n) + 1n !== policy.version) refuse('the version of a policy does not follow');
    if (policy.duty === null && !before?.duty) refuse('a policy is retired that is not in force');
    this.policies.set(policy.name, policy);
  }

  private takeHold(seq: bigint, body: string): void {
    const hold = parseHold(body);
    if (this.holds.has(hold.name) === (hold.placed !== undefined)) refuse('a hold is open already, or not open');
    if (hold.placed && hold.placed.through > seq) refuse('a hold tests records that are not there yet');
    if (hold.placed) this.holds.set(hold.name, hold.placed);
    else this.holds.delete(hold.name);
  }

  private takeExtend(body: string): void {
    const { name, from, through, seqs } = parseExtend(body);
    const hold = this.holds.get(name) ?? refuse('a hold is extended that is not open');
    if (hold.through !== from) refuse('an extension does not begin where its hold is resolved to');
    this.holds.set(name, { through, seqs: hold.seqs.union(seqs) });
  }

  private takeKey(body: string): void {
    const { epoch, key, role, add } = parseKeyRecord(body);
    const last = role === 'checkpoint' ? BigInt(this.checkpointKeys.length - 1) : (this.purgeKeys.at(-1)?.epoch ?? 0n);
    if (add && last + 1n !== epoch) refuse('the epoch of a key does not follow');
    if (role === 'checkpoint') {
      if (this.checkpointKeys.some((one) => one.text === key.text)) refuse('a checkpoint key comes twice');
      if (key.name !== this.checkpointKeys[0]!.name) refuse('the name of a checkpoint key is not the origin');
      this.checkpointKeys.push(key);
    } else if (add) {
      if (this.mayPurge(key)) refuse('a key has the purge role already');
      this.purgeKeys.push({ text: key.text, epoch, retired: false });
    } else {
      const own = this.purgeKeys.find((one) => one.text === key.text && one.epoch === epoch && !one.retired);
      if (own) own.retired = true;
      else refuse('a key loses a role that it does not have');
    }
  }

  rules(at: bigint): Rules {
    const policies = [...this.policies.values()].filter((policy) => policy.duty).sort((a, b) => byName(a.name, b.name));
    const holds = [...this.holds].sort((a, b) => byName(a[0], b[0]));
    return new Rules(
      policies.map((policy) => policy.duty!),
      policies.map(({ name, version }) => ({ name, version })),
      holds.map(([name, { through }]) => ({ name, through })),
      holds.reduce((all, [, { seqs }]) => all.union(seqs), new SeqSet()),
      at,
    );
  }
}
