/**
 * Acts and statements (chapter 14): their texts, the notes that carry them, and the records of these notes.
 *
 *     text     lines in one order, the last one the body in its one form
 *     note     text, empty line, one line for each signer
 *     record   {"act":"<note>"} or {"statement":"<note>"}
 *
 * Each is read as exactly one form: written again, it is the same text. What follows from acts is in charter.ts.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { filterOf } from './bodies.js';
import { Refused, concat, equal, hex, little, refuse } from './bytes.js';
import { verify } from './ed25519.js';
import { needs } from './filter.js';
import { b3, emptyRoot } from './hashes.js';
import { type Json, Members, jsonText, parseJson } from './json.js';
import { type AnyKey, base64, checkOrigin } from './note.js';
import { uuidText } from './record.js';
import { ACT_KINDS, type ActBody, STATEMENT_KINDS, type StatementBody, takeAct, takeStatement } from './signed.js';

export interface Base {
  size: bigint;
  root: string;
}

export type SigningRole = 'admin' | 'hold' | 'purge' | 'recovery';

export interface Act {
  logId: string;
  role: SigningRole;
  number: bigint;
  previous: string;
  charter: string;
  base: Base;
  expires: bigint;
  body: ActBody;
  /** SHA-256 of the text: what the next act of the line names. */
  link: string;
}

export interface Statement {
  logId: string;
  epoch: bigint;
  base: Base;
  body: StatementBody;
}

export interface SignatureLine {
  name: string;
  id: Uint8Array;
  signature: Uint8Array;
}

export interface Note {
  text: string;
  lines: SignatureLine[];
}

const NOTE_BYTES_MAX = 1_048_576;
const LINES_MAX = 64;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const linkOf = (text: string): string => hex(sha256(bytesOf(text)));

/** What the first act of a line names in the place of one before. */
export function firstLink(logId: Uint8Array, line: 'charter' | 'deletion'): string {
  return linkOf(`indelible 2026-11 line v1\n${uuidText(logId)}\n${line}\n`);
}

const NUMBER = '(0|[1-9][0-9]{0,19})';
const HASH = '([0-9a-f]{64})';
const LOG = '([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})';
const ACT = new RegExp(
  `^indelible 2026-11 act v1\\nlog ${LOG}\\nrole (admin|hold|purge|recovery)\\nnumber ${NUMBER}\\nprevious ${HASH}\\n` +
    `charter ${HASH}\\nbase ${NUMBER} ${HASH}\\nexpires ${NUMBER}\\nkind (${ACT_KINDS.join('|')})\\n([^\\n]*)\\n$`,
);
const STATEMENT = new RegExp(
  `^indelible 2026-11 statement v1\\nlog ${LOG}\\nepoch ${NUMBER}\\nbase ${NUMBER} ${HASH}\\n` +
    `kind (${STATEMENT_KINDS.join('|')})\\n([^\\n]*)\\n$`,
);

/** Whether this is a text of another version, which is neither right nor wrong (ACT-22). */
export const isOtherVersion = (text: string, what: 'act' | 'statement'): boolean =>
  new RegExp(`^indelible 2026-11 ${what} v(?!1\\n)[0-9]+\\n`).test(text);

function numberOf(digits: string, bits: bigint): bigint {
  const value = BigInt(digits);
  return value >> bits ? refuse(`ACT-1: a number exceeds ${bits} bits`) : value;
}

function baseOf(size: string, root: string): Base {
  const base = { size: numberOf(size, 64n), root };
  if (base.size === 0n && root !== hex(emptyRoot())) refuse('ACT-1: the root of size 0 is SHA-256 of nothing');
  return base;
}

/** Reads a body and holds it against its one text (ACT-9). */
function bodyOf<T>(what: string, text: string, read: (members: Members) => T): T {
  try {
    const value: Json = parseJson(text);
    if (jsonText(value) !== text) refuse('the body could be written otherwise');
    const members = new Members(value, what, true);
    const body = read(members);
    members.end();
    return body;
  } catch (error) {
    if (error instanceof Refused) return refuse(`ACT-9: ${error.message}`);
    throw error;
  }
}

const SIGNERS: Record<SigningRole, (kind: string) => boolean> = {
  admin: (kind) => kind !== 'intent',
  hold: (kind) => kind === 'hold',
  purge: (kind) => kind === 'intent',
  recovery: (kind) => kind === 'key',
};

export function parseAct(text: string): Act {
  const found = ACT.exec(text) ?? refuse('ACT-1: the text is not that of an act');
  const [, logId, role, count, previous, charter, size, root, expires, kind, body] = found as unknown as string[];
  const number = numberOf(count!, 64n);
  if (number === 0n) refuse('ACT-1: acts are numbered from 1');
  const head = { logId: logId!, role: role as SigningRole, number, previous: previous!, charter: charter! };
  const act = {
    ...head,
    base: baseOf(size!, root!),
    expires: numberOf(expires!, 64n),
    body: bodyOf(`act, ${kind}`, body!, (members) => takeAct(kind as ActBody['kind'], members)),
    link: linkOf(text),
  };
  if (!SIGNERS[act.role](act.body.kind)) refuse(`ACT-3: a key of role ${act.role} does not sign ${act.body.kind}`);
  if (act.role === 'admin' || act.role === 'hold' || act.role === 'recovery') {
    if (act.charter !== act.previous) refuse('ACT-6: on the charter line charter equals previous');
  }
  return act;
}

export function parseStatement(text: string): Statement {
  const found = STATEMENT.exec(text) ?? refuse('ACT-1: the text is not that of a statement');
  const [, logId, epoch, size, root, kind, body] = found as unknown as string[];
  return {
    logId: logId!,
    epoch: numberOf(epoch!, 32n),
    base: baseOf(size!, root!),
    body: bodyOf(`statement, ${kind}`, body!, (members) => takeStatement(kind as StatementBody['kind'], members)),
  };
}

export function parseNote(note: string): Note {
  if (bytesOf(note).length > NOTE_BYTES_MAX) refuse('ACT-2: the note is too long');
  const border = note.indexOf('\n\n');
  if (border < 0 || !note.endsWith('\n')) refuse('ACT-2: not a signed note');
  const written = note.slice(border + 2, -1).split('\n');
  if (written.length > LINES_MAX) refuse('ACT-2: too many signature lines');
  if (new Set(written).size !== written.length) refuse('ACT-2: a signature line stands twice');
  try {
    return { text: note.slice(0, border + 1), lines: written.map(parseLine) };
  } catch (error) {
    if (error instanceof Refused) return refuse(`ACT-2: ${error.message}`);
    throw error;
  }
}

function parseLine(line: string): SignatureLine {
  const [, name, body] = /^\u2014 ([^ ]+) ([^ ]+)$/u.exec(line) ?? refuse('not a signature line');
  checkOrigin(name!);
  const signed = base64(body!, 'a signature');
  if (signed.length < 5) refuse('a signature is too short');
  return { name: name!, id: signed.subarray(0, 4), signature: signed.subarray(4) };
}

/** The note of a record's body. */
export function noteOfRecord(body: string, what: 'act' | 'statement'): Note {
  const value = parseJson(body);
  const note = value instanceof Map && value.size === 1 ? value.get(what) : undefined;
  if (typeof note !== 'string' || jsonText(value) !== body) return refuse(`ACT-2: the body is not that of a record of one ${what}`);
  return parseNote(note);
}

/**
 * The key of each line that names one of the keys, which must have made it (ACT-4). Key ids have 32 bits, so a line may name two
 * keys: one of them is enough. A key of a type that is not known signs as far as anybody here can tell: it is given back too,
 * and whoever counts it counts it apart.
 */
export function signersOf(note: Note, keys: readonly AnyKey[]): AnyKey[] {
  const message = bytesOf(note.text);
  return note.lines.flatMap((line) => {
    const named = keys.filter((key) => key.name === line.name && equal(key.id, line.id));
    if (named.length === 0) return [];
    const made = named.find(({ key }) => key && verify(line.signature, message, key)) ?? named.find(({ key }) => !key);
    return [made ?? refuse(`ACT-4: a line of ${line.name} is not its signature of the text`)];
  });
}

/** What a hold is for, and whether it is what the act committed (ACT-18). */
export function openHoldText(body: string): { commit: string; groups: number[]; filter: string; text: string } {
  return bodyOf('hold text', body, (members) => {
    const salt = members.text('salt');
    if (!/^[0-9a-f]{32}$/.test(salt)) members.fails('the salt has 16 bytes');
    const [filter, text] = [members.text('filter'), members.text('text')];
    const bits = needs(filterOf(filter));
    if (bits & 8) members.fails('a hold does not look into payloads');
    const [committed, written] = [base64(filter, 'a filter'), bytesOf(text)];
    const raw = Uint8Array.from({ length: 16 }, (_, at) => parseInt(salt.slice(2 * at, 2 * at + 2), 16));
    const size = (bytes: Uint8Array): Uint8Array => little(BigInt(bytes.length), 4);
    const commit = hex(b3('hold', concat(raw, size(committed), committed, size(written), written)));
    return { commit, groups: [0, 1, 2].filter((group) => bits & (1 << group)), filter, text };
  });
}
