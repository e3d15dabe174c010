/** Canonical bytes of a record's groups (chapter 01): read whole, refused where they could be written otherwise. */

import { Reader, refuse, utf8 } from './bytes.js';

export type FieldType = 'text' | 'code' | 'bytes' | 'proof';

export interface Field {
  id: number;
  name: string;
  group: number;
  bit: number;
  type: FieldType;
}

const NAMES: [group: number, names: string][] = [
  [0, 'workspace lane service action severity:code outcome:code actor_type:code target_type'],
  [1, 'actor_id actor_name actor_role actor_ip auth_method target_id session'],
  [2, 'event_id correlation_id parent_id request_id'],
  [3, 'proof:proof reason error_code error_message metadata original_format original:bytes'],
];

export const FIELDS: Field[] = [];
for (const [group, names] of NAMES) {
  names.split(' ').forEach((entry, bit) => {
    const [name, type] = entry.split(':') as [string, FieldType | undefined];
    FIELDS.push({ id: FIELDS.length, name, group, bit, type: type ?? 'text' });
  });
}
/** The record kind: field 26, in the envelope's head. */
export const KIND = 26;
export const KINDS = 'event genesis key schedule policy hold hold_extend gap recovery intent done access loss - abandon'.split(' ');

export interface Envelope {
  kind: number;
  occurredAt: bigint;
}

export type FieldValue = string | number | Uint8Array | Proof;
export interface Proof {
  kind: number;
  data?: string;
  url?: string;
  hash?: string;
  capturedAt?: bigint;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** 16 bytes as a UUID. */
export function uuidText(bytes: Uint8Array): string {
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [8, 12, 16, 20, 32].map((end, at) => digits.slice([0, 8, 12, 16, 20][at], end)).join('-');
}

function takeText(reader: Reader, what: string): string {
  const prefix = reader.varint(what);
  if (prefix === 1n) {
    return uuidText(reader.take(16, what));
  }
  if (prefix & 1n) refuse(`${what}: odd text prefix`);
  if (prefix >> 1n > BigInt(reader.left)) refuse(`${what}: longer than the group`);
  const text = utf8(reader.take(Number(prefix >> 1n), what), what);
  if (UUID.test(text)) refuse(`${what}: a lower-case UUID has 16 bytes`);
  return text;
}

function takeCode(reader: Reader, what: string): number {
  const code = reader.u8(what);
  return code === 0 ? refuse(`${what}: code 0`) : code;
}

function takeProof(reader: Reader): Proof {
  const proof: Proof = { kind: takeCode(reader, 'proof kind') };
  const presence = reader.u8('proof presence');
  if (presence > 15) refuse('proof: unknown presence bits');
  if (presence & 1) proof.data = takeText(reader, 'proof data');
  if (presence & 2) proof.url = takeText(reader, 'proof url');
  if (presence & 4) proof.hash = takeText(reader, 'proof hash');
  if (presence & 8) proof.capturedAt = reader.i64('proof captured_at');
  return proof;
}

function takeValue(reader: Reader, field: Field): FieldValue {
  switch (field.type) {
    case 'text':
      return takeText(reader, field.name);
    case 'code':
      return takeCode(reader, field.name);
    case 'bytes':
      return reader.take(reader.length(field.name), field.name);
    case 'proof':
      return takeProof(reader);
  }
}

export function takeEnvelope(reader: Reader): Envelope {
  const kind = reader.u8('kind');
  if (kind < 1 || kind > KINDS.length || KINDS[kind - 1] === '-') refuse(`unknown record kind ${kind}`);
  if (reader.u8('schema') !== 1) refuse('unknown record schema');
  return { kind, occurredAt: reader.i64('occurred_at') };
}

/** The fields of a group by id. */
export function readGroup(group: number, bytes: Uint8Array): Map<number, FieldValue> {
  const reader = new Reader(bytes, `group ${group}`);
  if (group === 0) takeEnvelope(reader);
  const presence = reader.u8('presence');
  const fields = FIELDS.filter((field) => field.group === group);
  if (presence >> fields.length) refuse(`group ${group}: unknown presence bits`);
  const values = new Map<number, FieldValue>();
  for (const field of fields) {
    if ((presence >> field.bit) & 1) values.set(field.id, takeValue(reader, field));
  }
  reader.end();
  return values;
}
