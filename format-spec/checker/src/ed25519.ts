/** The one equation by which every Ed25519 signature of the format is judged (chapter 14, ACT-23). */

import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concat, equal } from './bytes.js';

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;

/** Little-endian. */
const number = (bytes: Uint8Array): bigint => bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** A point in its one encoding and not of small order. */
function takePoint(bytes: Uint8Array): InstanceType<typeof Point> | null {
  try {
    const point = Point.fromBytes(bytes, false);
    return point.isSmallOrder() || !equal(point.toBytes(), bytes) ? null : point;
  } catch {
    return null;
  }
}

/**
 * Whether the encoding of [S]B - [k]A is R. The library's own verification multiplies with the cofactor even where it is
 * strict otherwise, so only its points are used.
 */
export function verify(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  if (signature.length !== 64 || key.length !== 32) return false;
  const [r, s] = [signature.subarray(0, 32), number(signature.subarray(32))];
  const point = takePoint(key);
  if (s >= ORDER || !point || !takePoint(r)) return false;
  const k = number(sha512(concat(r, key, message))) % ORDER;
  return equal(Point.BASE.multiplyUnsafe(s).subtract(point.multiplyUnsafe(k)).toBytes(), r);
}
