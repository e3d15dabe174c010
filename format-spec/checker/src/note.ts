/** Checkpoints and keys (chapter 03): C2SP signed notes with Ed25519. */

import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, equal, hex, refuse } from './bytes.js';
import { emptyRoot, type Hash } from './hashes.js';

export interface VerifierKey {
  name: string;
  id: Uint8Array;
  key: Uint8Array;
  text: string;
}

export interface Checkpoint {
  origin: string;
  size: bigint;
  root: Hash;
}

/** Padded standard base64 in its one form. */
function base64(text: string, what: string): Uint8Array {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return refuse(`${what} is not base64`);
  }
  if (btoa(binary) !== text) refuse(`${what} is not padded base64`);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** 1 to 255 bytes, no white space, no control character, no plus. */
function checkOrigin(origin: string): void {
  const size = new TextEncoder().encode(origin).length;
  if (size < 1 || size > 255 || /[\p{White_Space}\p{Cc}+]/u.test(origin)) refuse('not an origin: ' + JSON.stringify(origin));
}

export function parseKey(text: string): VerifierKey {
  const parts = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/su.exec(text);
  if (!parts) return refuse('a verifier key has the form name+id+key');
  const [, name, id, body] = parts as unknown as [string, string, string, string];
  checkOrigin(name);
  const typed = base64(body, 'the verifier key');
  if (typed.length !== 33 || typed[0] !== 1) refuse('not an Ed25519 verifier key');
  const computed = sha256(concat(new TextEncoder().encode(name + '\n'), typed)).subarray(0, 4);
  if (hex(computed) !== id) refuse('the key id is not that of the key: its text is damaged');
  return { name, id: computed, key: typed.subarray(1), text };
}

export function parseText(text: string): Checkpoint {
  const lines = text.split('\n');
  const [origin, size, root, end] = lines;
  if (lines.length !== 4 || end !== '' || origin === undefined || size === undefined || root === undefined) {
    return refuse('a checkpoint has three lines');
  }
  checkOrigin(origin);
  if (!/^(0|[1-9][0-9]{0,19})$/.test(size) || BigInt(size) >> 64n) refuse('the size of a checkpoint is a decimal number');
  const hash = base64(root, 'the root of a checkpoint');
  if (hash.length !== 32) refuse('the root of a checkpoint has 32 bytes');
  if (BigInt(size) === 0n && !equal(hash, emptyRoot())) refuse('the root of size 0 is that of the empty tree');
  return { origin, size: BigInt(size), root: hash };
}

/** The checkpoint of a note that this key signed, exactly once. */
export function openNote(note: string, key: VerifierKey): Checkpoint {
  const bytes = new TextEncoder().encode(note);
  const border = note.indexOf('\n\n');
  if (bytes.length > 65_536 || border < 0) return refuse('not a signed note');
  const text = note.slice(0, border + 1);
  const checkpoint = parseText(text);
  if (checkpoint.origin !== key.name) refuse(`the checkpoint is of ${checkpoint.origin}, the key of ${key.name}`);
  const rest = note.slice(border + 2);
  if (!rest.endsWith('\n')) refuse('the last signature line is not ended');
  let verified = 0;
  for (const line of rest.slice(0, -1).split('\n')) {
    const parts = /^\u2014 ([^ ]+) ([^ ]+)$/u.exec(line);
    if (!parts) return refuse('not a signature line: ' + JSON.stringify(line));
    const [, name, body] = parts as unknown as [string, string, string];
    checkOrigin(name);
    const signed = base64(body, 'a signature');
    if (signed.length < 5) refuse('a signature is too short');
    if (name !== key.name || !equal(signed.subarray(0, 4), key.id)) continue;
    const signature = signed.subarray(4);
    const message = new TextEncoder().encode(text);
    if (signature.length !== 64 || !ed25519.verify(signature, message, key.key, { zip215: false })) {
      refuse('the signature of the checkpoint is not that of the given key');
    }
    verified++;
  }
  if (verified !== 1) refuse('the checkpoint does not have exactly one signature of the given key');
  return checkpoint;
}
