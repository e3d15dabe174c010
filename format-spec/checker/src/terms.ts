/**
 * What may go when several states are asked (chapter 14, "What counts when"): only what every one of them lets go (ACT-19).
 *
 *     states that are asked, each with its rules and its clock -> all let go?  all holds of all of them -> held?
 *
 * Nothing goes while an open hold has no text or a newer reader decides. Not here: which states are asked (charter.ts), rules of
 * one state (rules.ts).
 */

import { SeqSet } from './bodies.js';
import { type Filter, type Tested, needs, passes } from './filter.js';
import { type KnownRow, Rules } from './rules.js';
import { type Clock, type Hold, type State, corrected } from './state.js';

interface Asked {
  rules: Rules;
  clocks: readonly Clock[];
}

interface HoldOf extends Hold {
  filter?: Filter;
}

export type Holding = 'committed' | 'matches' | 'cannot be tested';

export class Terms {
  private readonly sets: Asked[];
  private readonly holds: HoldOf[];
  /** Why nothing may go at all. */
  readonly blocked?: string;

  constructor(states: readonly State[], filterOf: (commit: string) => Filter | undefined, at: bigint) {
    const open = new Map(states.flatMap((state) => [...state.holds.values()].map((hold) => [hold, filterOf(hold.commit)] as const)));
    this.holds = [...open].map(([hold, filter]) => ({ ...hold, ...(filter ? { filter } : {}) }));
    const resolved = this.holds.map(({ name, through }) => ({ name, through }));
    const held = this.holds.reduce((all, { seqs }) => all.union(seqs), new SeqSet());
    this.sets = states.map((state) => {
      const policies = state.inForce;
      const named = policies.map(({ name, version }) => ({ name, version }));
      return { rules: new Rules(policies.map((policy) => policy.duty!), named, resolved, held, at), clocks: state.clocks };
    });
    const undecided = states.find((state) => state.undecided !== undefined)?.undecided;
    const untold = this.holds.find(({ filter }) => !filter);
    if (undecided !== undefined) this.blocked = `ACT-22: record ${undecided} is for a newer reader to decide`;
    else if (untold) this.blocked = `ACT-18: the text of hold ${JSON.stringify(untold.name)} is not there`;
  }

  /** An open hold that is not resolved up to a seq: nothing before it may go. */
  unresolved(end: bigint): string | undefined {
    return this.holds.find(({ through }) => through < end)?.name;
  }

  /** Why a record is held; `there` has the parts of it that are open, as in filters. */
  holding(seq: bigint, there: number, tested: Tested): Holding | undefined {
    for (const { seqs, through, filter } of this.holds) {
      if (seqs.window(seq, 1) === 1n) return 'committed';
      if (!filter || ((needs(filter) & ~there) !== 0 && seq >= through)) return 'cannot be tested';
      if ((needs(filter) & ~there) === 0 && passes(filter, tested)) return 'matches';
    }
    return undefined;
  }

  /** Whether every state lets go of a group of a record that nobody can see. */
  closedMayGo(seq: bigint, number: number, group: number, { recorded, occurred }: KnownRow): boolean {
    return this.all(({ rules, clocks }) => rules.closedExpired(number, group, corrected(clocks, seq, recorded), occurred));
  }

  /** Whether every state lets go of a group of a record. */
  openMayGo(seq: bigint, number: number, group: number, row: KnownRow): boolean {
    return this.all(({ rules, clocks }) => rules.openExpired(number, group, { ...row, recorded: corrected(clocks, seq, row.recorded) }));
  }

  private all(lets: (set: Asked) => boolean): boolean {
    return this.blocked === undefined && this.sets.length > 0 && this.sets.every(lets);
  }
}
