/** B3 and the two kinds of trees (chapters 02 and 11). */

import { blake3 } from '@noble/hashes/blake3.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, little, refuse } from './bytes.js';

export type Hash = Uint8Array;

const contexts = new Map<string, Uint8Array>();

/** BLAKE3 in derive-key mode over the parts, padded with zeros to a multiple of 64 bytes. */
export function b3(purpose: string, ...parts: Uint8Array[]): Hash {
  let context = contexts.get(purpose);
  if (!context) {
    context = new TextEncoder().encode(`indelible 2026-11 ${purpose} v1`);
    contexts.set(purpose, context);
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const padded = new Uint8Array(Math.max(64, Math.ceil(length / 64) * 64));
  padded.set(concat(...parts));
  return blake3(padded, { context });
}

export const classNode = (left: Hash, right: Hash): Hash => b3('node', left, right);

export const logLeaf = (descriptor: Uint8Array): Hash => sha256(concat(Uint8Array.of(0), descriptor));
export const logNode = (left: Hash, right: Hash): Hash => sha256(concat(Uint8Array.of(1), left, right));
export const emptyRoot = (): Hash => sha256(new Uint8Array());

export function saltOf(classKey: Hash, rank: number): Uint8Array {
  return b3('salt', classKey, little(BigInt(rank), 4)).subarray(0, 16);
}

export function groupHash(salt: Uint8Array, group: number, bytes: Uint8Array): Hash {
  return b3('group', salt, Uint8Array.of(group, 0, 0, 0), little(BigInt(bytes.length), 4), bytes);
}

/** Largest power of two below `size`, which is at least 2. */
function half(size: bigint): bigint {
  return 1n << BigInt((size - 1n).toString(2).length - 1);
}

type Chosen = { index: bigint; hash: Hash };

/**
 * Root of a tree of `size` leaves of which some are known: the visit of chapter 11. `next` hands out the proof's hashes; with
 * a set that is known in advance it is called exactly as often as the proof has hashes.
 */
export function multiproofRoot(
  size: bigint,
  chosen: readonly Chosen[],
  next: () => Hash,
  node: (left: Hash, right: Hash) => Hash,
): Hash {
  const visit = (first: bigint, length: bigint, from: number, to: number): Hash => {
    if (from === to) return next();
    if (length === 1n) return chosen[from]!.hash;
    const middle = first + half(length);
    let border = from;
    while (border < to && chosen[border]!.index < middle) border++;
    const left = visit(first, middle - first, from, border);
    return node(left, visit(middle, first + length - middle, border, to));
  };
  return visit(0n, size, 0, chosen.length);
}

/** Number of hashes of such a proof. */
export function multiproofLength(size: bigint, chosen: readonly bigint[]): number {
  let count = 0;
  const nothing = new Uint8Array(32);
  const next = (): Hash => {
    count++;
    return nothing;
  };
  multiproofRoot(size, chosen.map((index) => ({ index, hash: nothing })), next, () => nothing);
  return count;
}

/** RFC 9162, 2.1.4.2: the tree of the old size is a prefix of that of the new size. */
export function checkConsistency(
  oldSize: bigint,
  oldRoot: Hash,
  newSize: bigint,
  newRoot: Hash,
  proof: readonly Hash[],
): void {
  const same = (a: Hash, b: Hash): boolean => a.every((byte, at) => byte === b[at]);
  const wrong = (): never =>
    refuse('the newer checkpoint does not extend the older one: the log was rewritten or cut between them');
  if (oldSize > newSize) wrong();
  if (oldSize === 0n || oldSize === newSize) {
    if (proof.length > 0) wrong();
    if (!same(oldRoot, oldSize === 0n ? emptyRoot() : newRoot)) wrong();
    return;
  }
  const path = (oldSize & (oldSize - 1n)) === 0n ? [oldRoot, ...proof] : [...proof];
  const start = path.shift();
  if (!start) return wrong();
  let fn = oldSize - 1n;
  let sn = newSize - 1n;
  while (fn & 1n) {
    fn >>= 1n;
    sn >>= 1n;
  }
  let fr = start;
  let sr = start;
  for (const hash of path) {
    if (sn === 0n) wrong();
    if (fn & 1n || fn === sn) {
      fr = logNode(hash, fr);
      sr = logNode(hash, sr);
      while (!(fn & 1n) && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      sr = logNode(sr, hash);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  if (sn !== 0n || !same(fr, oldRoot) || !same(sr, newRoot)) wrong();
}
