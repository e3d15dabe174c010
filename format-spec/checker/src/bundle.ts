/** A bundle's structure (chapter 11): read strictly, nothing hashed yet. */

import { Reader, concat, crc32, equal, little, refuse, utf8 } from './bytes.js';
import { type Filter, HEADER, takeFilter } from './filter.js';
import { type Hash, multiproofLength } from './hashes.js';
import { parseText } from './note.js';

export interface ClassEntry {
  class: number;
  positions: number[];
  recordedMin: bigint;
  recordedMax: bigint;
  occurredMax: bigint;
}

export interface Descriptor {
  stored: Uint8Array;
  count: number;
  logId: Uint8Array;
  frameNo: bigint;
  firstSeq: bigint;
  scheduleVersion: bigint;
  keyEpoch: bigint;
  lostEvents: bigint;
  frameRoot: Hash;
  classes: ClassEntry[];
}

export interface Row {
  position: number;
  open: number;
  recordedAt: bigint;
  closedEnvelope?: { occurredAt: bigint; hash: Hash };
  salts: (Uint8Array | undefined)[];
  groups: (Uint8Array | undefined)[];
}

export interface TreeProof {
  key?: Hash;
  hashes: Hash[];
}

export interface Frame {
  descriptor: Descriptor;
  chainBefore?: Hash;
  rows: Row[];
  classes: TreeProof[][];
}

export type Claim =
  | { kind: 'record'; seq: bigint }
  | { kind: 'rows'; filter: Filter }
  | { kind: 'range'; first: bigint; last: bigint }
  | { kind: 'complete'; first: bigint; last: bigint; disclosed: number; filter: Filter }
  | { kind: 'deletions' };

/** A rotation of the signing key; without the whole history the proof of its key record. */
export interface RotationProof {
  text: string;
  record?: { frame: Frame; tree: Hash[]; consistency: Hash[] };
}

export interface Bundle {
  logId: Uint8Array;
  claim: Claim;
  checkpoint: string;
  old?: { note: string; proof: Hash[] };
  wholeHistory: boolean;
  trail: RotationProof[];
  frames: Frame[];
  tree: Hash[];
}

export const isOpen = (open: number, group: number): boolean => ((open >> group) & 1) === 1;
export const hasHeader = (open: number): boolean => (open & HEADER) !== 0;
/** Whether a row stands open in tree k of its class. */
export const inTree = (row: Row, group: number): boolean => (group === 0 ? hasHeader(row.open) : isOpen(row.open, group));

/** Rows of a class with their ranks. */
export function ranked(entry: ClassEntry, rows: Row[]): { rank: number; row: Row }[] {
  return rows
    .map((row) => ({ rank: entry.positions.indexOf(row.position), row }))
    .filter(({ rank }) => rank >= 0);
}

export function readBundle(bytes: Uint8Array): Bundle {
  const reader = new Reader(bytes.subarray(0, Math.max(0, bytes.length - 4)), 'bundle');
  if (!equal(reader.take(8, 'magic'), new TextEncoder().encode('INDELBND'))) refuse('not a bundle');
  const version = reader.u16('version');
  if (version !== 1) refuse(`format version ${version}; this checker reads version 1`);
  const stored = new Reader(bytes.subarray(bytes.length - 4), 'bundle').unsigned(4, 'crc');
  if (BigInt(crc32(bytes.subarray(0, bytes.length - 4))) !== stored) refuse('the checksum differs: the file is damaged');
  const claimCode = reader.u8('claim');
  const flags = reader.u8('flags');
  if (flags > 7) refuse('unknown flags');
  reader.zeros(4, 'reserved');
  const logId = reader.take(16, 'log_id');
  const claim = takeClaim(reader, claimCode);
  const checkpoint = takeNote(reader);
  const old = flags & 1 ? { old: takeOld(reader) } : {};
  const wholeHistory = (flags & 2) !== 0;
  const trail = flags & 4 ? takeTrail(reader, wholeHistory) : [];
  const frames = takeFrames(reader);
  const tree = takeTree(reader, checkpoint, frames);
  reader.end();
  return { logId, claim, checkpoint, ...old, wholeHistory, trail, frames, tree };
}

/** A multiproof of frames in the log tree of a note's size. */
function takeTree(reader: Reader, note: string, frames: Frame[]): Hash[] {
  const { size } = parseText(note.slice(0, note.indexOf('\n\n') + 1));
  const numbers = frames.map((frame) => frame.descriptor.frameNo);
  if (numbers.at(-1)! >= size) refuse('a frame lies beyond the checkpoint');
  return takeHashes(reader, multiproofLength(size, numbers), 'log-tree proof');
}

function takeTrail(reader: Reader, wholeHistory: boolean): RotationProof[] {
  const count = reader.varint('rotations');
  if (count === 0n || count > BigInt(reader.left)) refuse('a trail has at least one rotation');
  const trail: RotationProof[] = [];
  for (let at = 0n; at < count; at++) {
    const text = takeNote(reader);
    if (wholeHistory) {
      trail.push({ text });
      continue;
    }
    const frame = takeFrame(reader, undefined);
    const tree = takeTree(reader, text.slice(text.indexOf('\n') + 1), [frame]);
    trail.push({ text, record: { frame, tree, consistency: takeConsistency(reader) } });
  }
  return trail;
}

function takeClaim(reader: Reader, code: number): Claim {
  const range = () => ({ first: reader.u64('first seq'), last: reader.u64('last seq') });
  switch (code) {
    case 1:
      return { kind: 'record', seq: reader.u64('seq') };
    case 2:
      return { kind: 'rows', filter: takeFilter(reader) };
    case 3:
      return { kind: 'range', ...range() };
    case 4:
      return { kind: 'complete', ...range(), disclosed: checkMask(reader.u8('disclosed')), filter: takeFilter(reader) };
    case 5:
      return { kind: 'deletions' };
    default:
      return refuse(`unknown claim ${code}`);
  }
}

function checkMask(open: number): number {
  return open > 31 || (open & 1 && !(open & HEADER)) ? refuse(`${open} is no open mask`) : open;
}

function takeNote(reader: Reader): string {
  return utf8(reader.take(reader.length('checkpoint length'), 'checkpoint'), 'checkpoint');
}

function takeHashes(reader: Reader, count: number, what: string): Hash[] {
  return Array.from({ length: count }, () => reader.hash(what));
}

function takeOld(reader: Reader): { note: string; proof: Hash[] } {
  return { note: takeNote(reader), proof: takeConsistency(reader) };
}

function takeConsistency(reader: Reader): Hash[] {
  const count = reader.varint('consistency proof');
  if (count > 65n) refuse('the consistency proof is longer than any');
  return takeHashes(reader, Number(count), 'consistency proof');
}

function takeFrames(reader: Reader): Frame[] {
  const count = reader.varint('frames');
  if (count === 0n || count > BigInt(reader.left)) refuse('a bundle has at least one frame');
  const frames: Frame[] = [];
  for (let at = 0n; at < count; at++) frames.push(takeFrame(reader, frames.at(-1)?.descriptor.frameNo));
  return frames;
}

function takeFrame(reader: Reader, before: bigint | undefined): Frame {
  const descriptor = takeDescriptor(reader);
  const number = descriptor.frameNo;
  if (before !== undefined && before >= number) refuse('frames do not ascend');
  const follows = number === 0n || before === number - 1n;
  const chainBefore = follows ? {} : { chainBefore: reader.hash('previous chain value') };
  const rows = takeMasks(reader, descriptor.count);
  const proven = rows.length > 0 ? descriptor.classes : [];
  const classes = proven.map((entry) => {
    const own = ranked(entry, rows);
    return [0, 1, 2, 3].map((group): TreeProof => {
      const all = own.filter(({ row }) => isOpen(row.open, group)).length === entry.positions.length;
      const key = all ? { key: reader.hash('class key') } : {};
      const ranks = own.filter(({ row }) => inTree(row, group)).map(({ rank }) => BigInt(rank));
      const length = multiproofLength(BigInt(entry.positions.length), ranks);
      return { ...key, hashes: takeHashes(reader, length, 'class proof') };
    });
  });
  const frame = { descriptor, ...chainBefore, rows, classes };
  for (const row of rows) takeRow(reader, frame, row);
  const size = rows.reduce((sum, row) => sum + row.groups.reduce((all, group) => all + (group?.length ?? 0), 0), 0);
  if (size > 1_048_576) refuse('more than 1,048,576 bytes of groups in a frame');
  return frame;
}

export function takeDescriptor(reader: Reader): Descriptor {
  const start = reader.at;
  if (reader.u16('version') !== 1 || reader.u16('suite') !== 1) refuse('descriptor: unknown version or suite');
  const classCount = reader.u8('classes');
  if (reader.u8('schema') !== 1) refuse('descriptor: unknown record schema');
  const count = reader.u16('count');
  if (count < 1 || count > 128) refuse('a frame has 1 to 128 records');
  const head = {
    count,
    logId: reader.take(16, 'log_id'),
    frameNo: reader.u64('frame_no'),
    firstSeq: reader.u64('first_seq'),
    scheduleVersion: reader.unsigned(4, 'schedule_version'),
    keyEpoch: reader.unsigned(4, 'key_epoch'),
    lostEvents: reader.u64('lost_events'),
    frameRoot: reader.hash('frame_root'),
  };
  reader.hash('index_hash');
  if ((head.firstSeq + BigInt(count)) >> 64n) refuse('descriptor: seqs exceed 64 bits');
  const classes: ClassEntry[] = [];
  const covered = new Set<number>();
  for (let at = 0; at < classCount; at++) {
    const number = reader.u16('class');
    const population = reader.u16('class count');
    const bits = reader.unsigned(16, 'positions');
    const positions: number[] = [];
    for (let bit = 0; bit < 128; bit++) if ((bits >> BigInt(bit)) & 1n) positions.push(bit);
    const sound =
      population > 0 &&
      positions.length === population &&
      number > (classes.at(-1)?.class ?? -1) &&
      positions.every((position) => position < count && !covered.has(position));
    if (!sound) refuse('the class table of a descriptor is not sound');
    positions.forEach((position) => covered.add(position));
    const times = { recordedMin: reader.i64('min'), recordedMax: reader.i64('max'), occurredMax: reader.i64('max') };
    classes.push({ class: number, positions, ...times });
  }
  if (covered.size !== count) refuse('the class table of a descriptor does not cover the frame');
  return { ...head, classes, stored: reader.bytes.subarray(start, reader.at) };
}

function takeMasks(reader: Reader, count: number): Row[] {
  const size = reader.u8('rows');
  if (size > 128) refuse('more than 128 rows');
  const rows: Row[] = [];
  for (let at = 0; at < size; at++) {
    const position = reader.u8('position');
    const open = checkMask(reader.u8('open mask'));
    if (open === 0) refuse('a row opens nothing');
    if (position >= count || position <= (rows.at(-1)?.position ?? -1)) refuse('positions do not ascend in the frame');
    rows.push({ position, open, recordedAt: 0n, salts: [], groups: [] });
  }
  return rows;
}

function takeRow(reader: Reader, frame: Frame, row: Row): void {
  const index = frame.descriptor.classes.findIndex((entry) => entry.positions.includes(row.position));
  const trees = frame.classes[index]!;
  if (hasHeader(row.open)) {
    row.recordedAt = reader.i64('recorded_at');
    if (!isOpen(row.open, 0)) {
      row.closedEnvelope = { occurredAt: reader.i64('occurred_at'), hash: reader.hash('group hash') };
    }
  }
  for (let group = 0; group < 4; group++) {
    if (isOpen(row.open, group) && !trees[group]!.key) row.salts[group] = reader.take(16, 'salt');
  }
  for (let group = 0; group < 4; group++) {
    if (!isOpen(row.open, group)) continue;
    const length = reader.length('group length');
    if (length === 0) refuse('a group is empty');
    row.groups[group] = reader.take(length, 'group');
  }
}

/** `chain_-1` of a log. */
export function genesisInput(logId: Uint8Array, origin: string, key: string): Uint8Array {
  const texts = [origin, key].map((text) => new TextEncoder().encode(text));
  const parts = texts.flatMap((text) => [little(BigInt(text.length), 4), text]);
  return concat(logId, little(1n, 2), little(0n, 2), ...parts);
}
