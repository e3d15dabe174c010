/** Checkpoints and keys (chapter 03): C2SP signed notes with Ed25519. */

import { sha256 } from '@noble/hashes/sha2.js';
import { compare, concat, equal, hex, refuse } from './bytes.js';
import { verify } from './ed25519.js';
import { emptyRoot, type Hash } from './hashes.js';

export interface VerifierKey {
  name: string;
  id: Uint8Array;
  key: Uint8Array;
  text: string;
}

/** A verifier key of any type: `key` where it is one of Ed25519, the only type that is known here. */
export interface AnyKey {
  name: string;
  id: Uint8Array;
  /** Type and public key: keys are the same where these are. */
  typed: string;
  key?: Uint8Array;
  text: string;
}

export interface Checkpoint {
  origin: string;
  size: bigint;
  root: Hash;
}

/** Padded standard base64 in its one form. */
export function base64(text: string, what: string): Uint8Array {
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
export function checkOrigin(origin: string): void {
  const size = new TextEncoder().encode(origin).length;
  if (size < 1 || size > 255 || /[\p{White_Space}\p{Cc}+]/u.test(origin)) refuse('not an origin: ' + JSON.stringify(origin));
}

export function parseAnyKey(text: string): AnyKey {
  const parts = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/su.exec(text);
  if (!parts) return refuse('a verifier key has the form name+id+key');
  const [, name, id, body] = parts as unknown as [string, string, string, string];
  checkOrigin(name);
  const typed = base64(body, 'the verifier key');
  if (typed.length < 2) refuse('a verifier key has a type and bytes');
  const computed = sha256(concat(new TextEncoder().encode(name + '\n'), typed)).subarray(0, 4);
  if (hex(computed) !== id) refuse('the key id is not that of the key: its text is damaged');
  const known = { name, id: computed, typed: hex(typed), text };
  if (typed[0] !== 1) return known;
  return typed.length === 33 ? { ...known, key: typed.subarray(1) } : refuse('an Ed25519 key has 32 bytes');
}

/**
 * A key as it stands in an act (ACT-22). What the id of a key of an unknown type is made of, and which texts are the same key, only
 * a newer reader knows: here each text is a key of its own.
 */
export function parseActKey(text: string): AnyKey {
  const [, name, id, body] = /^([^+]*)\+([0-9a-f]{8})\+(.+)$/su.exec(text) ?? refuse('a verifier key has the form name+id+key');
  const typed = base64(body!, 'the verifier key');
  if (typed[0] === 1 || typed.length === 0) return parseAnyKey(text);
  checkOrigin(name!);
  return { name: name!, id: Uint8Array.from(id!.match(/../g)!, (digits) => parseInt(digits, 16)), typed: text, text };
}

export function parseKey(text: string): VerifierKey {
  const { name, id, key } = parseAnyKey(text);
  return key ? { name, id, key, text } : refuse('not an Ed25519 verifier key');
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
    if (!verify(signature, message, key.key)) {
      refuse('the signature of the checkpoint is not that of the given key');
    }
    verified++;
  }
  if (verified !== 1) refuse('the checkpoint does not have exactly one signature of the given key');
  return checkpoint;
}

export interface Witness {
  name: string;
  id: Uint8Array;
  key: Uint8Array;
}

export interface Policy {
  quorum: number;
  witnesses: Witness[];
}

/** Chapter 12: who must have cosigned. */
export function parsePolicy(text: string): Policy {
  const witnesses: Witness[] = [];
  let quorum: number | undefined;
  for (const line of text.split('\n').map((one) => one.trimEnd())) {
    if (line === '' || line.startsWith('#')) continue;
    const count = /^quorum ([0-9]{1,9})$/.exec(line);
    const key = /^witness ([^+]*)\+([0-9a-f]{8})\+(.*)$/su.exec(line);
    if (count && quorum === undefined) quorum = Number(count[1]);
    else if (key) witnesses.push(parseWitness(key[1]!, key[2]!, key[3]!));
    else refuse('the witness policy is not understood: ' + JSON.stringify(line));
  }
  if (!quorum || quorum > witnesses.length) return refuse('the quorum is none that the witnesses can reach');
  const keys = witnesses.map((witness) => witness.key).sort(compare);
  if (keys.some((key, at) => at > 0 && equal(key, keys[at - 1]!))) refuse('two witnesses have the same key');
  return { quorum, witnesses };
}

function parseWitness(name: string, id: string, body: string): Witness {
  checkOrigin(name);
  const typed = base64(body, 'the key of a witness');
  if (typed.length !== 33 || typed[0] !== 4) refuse('not a key of cosignatures');
  const computed = sha256(concat(new TextEncoder().encode(name + '\n'), typed)).subarray(0, 4);
  if (hex(computed) !== id) refuse('the key id of a witness is not that of its key');
  return { name, id: computed, key: typed.subarray(1) };
}

/** Names of the policy's witnesses that cosigned the note, which must be well-formed (openNote). */
export function checkWitnesses(note: string, policy: Policy): string[] {
  const border = note.indexOf('\n\n');
  const text = note.slice(0, border + 1);
  const lines = note.slice(border + 2, -1).split('\n');
  const found = policy.witnesses.filter((witness) => {
    const own = lines.filter((line) => line.startsWith(`\u2014 ${witness.name} `)).map((line) => base64(line.split(' ')[2]!, 'a signature'));
    const signed = own.filter((one) => equal(one.subarray(0, 4), witness.id));
    if (signed.length > 1) refuse(`two lines of ${witness.name}`);
    const line = signed[0];
    if (!line) return false;
    const time = line.subarray(4, 12).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
    const message = new TextEncoder().encode(`cosignature/v1\ntime ${time}\n${text}`);
    if (line.length !== 76 || !verify(line.subarray(12), message, witness.key)) {
      refuse(`the cosignature of ${witness.name} is not its own`);
    }
    return true;
  });
  if (found.length < policy.quorum) refuse(`${found.length} witnesses have cosigned, ${policy.quorum} are asked for`);
  return found.map((witness) => witness.name);
}
