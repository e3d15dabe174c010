/** Checks a bundle against a verifier key, in the order of chapter 11, "What a checker does". */

import {
  type Bundle,
  type Claim,
  type ClassEntry,
  type Frame,
  type Row,
  type TreeProof,
  genesisInput,
  hasHeader,
  inTree,
  isOpen,
  ranked,
  readBundle,
} from './bundle.js';
import { Reader, concat, equal, hex, little, refuse } from './bytes.js';
import { HEADER, needs, passes } from './filter.js';
import {
  type Hash,
  b3,
  checkConsistency,
  classNode,
  emptyRoot,
  groupHash,
  logLeaf,
  logNode,
  multiproofRoot,
  saltOf,
} from './hashes.js';
import { parseKeyRecord } from './bodies.js';
import { type Deletion, History, type Shown, UNKNOWNS, checkRoots } from './history.js';
import { type Checkpoint, checkWitnesses, parseKey, parsePolicy } from './note.js';
import { type Envelope, type FieldValue, KINDS, readGroup, takeEnvelope } from './record.js';
import { Trail } from './trail.js';

export interface CheckedRow {
  seq: bigint;
  class: number;
  open: number;
  recordedAt: bigint;
  /** Whole seconds. */
  occurredAt: bigint;
  envelope?: Envelope;
  fields: Map<number, FieldValue>;
}

export interface Report {
  logId: string;
  claim: Claim;
  checkpoint: Checkpoint;
  old?: Checkpoint;
  /** Keys that signed, from the one given. */
  keys: number;
  /** With the whole history: the deletions of the log, each found to be legitimate. */
  deletions?: Deletion[];
  /** What the check cannot know. */
  unknowns: string[];
  /** Records of a range that deletions removed. */
  removed: number;
  frames: number;
  examined: number;
  /** Records whose group k is open. */
  opened: [number, number, number, number];
  reachesEnd: boolean;
  rows: CheckedRow[];
}

type Leaf = { index: bigint; hash: Hash };

/** Field of a system record's body. */
const METADATA = 23;

const floorSeconds = (nanos: bigint): bigint => {
  const seconds = nanos / 1_000_000_000n;
  return nanos < seconds * 1_000_000_000n ? seconds - 1n : seconds;
};

/** Checks a bundle file, with a witness policy its cosignatures too; throws `Refused` with the first thing that does not hold. */
export function check(bytes: Uint8Array, keyText: string, policyText?: string): Report {
  const key = parseKey(keyText);
  const bundle = readBundle(bytes);
  const trail = new Trail(key);
  for (const rotation of bundle.trail) trail.push(rotation.text);
  const checkpoint = trail.open(bundle.checkpoint);
  if (policyText) checkWitnesses(bundle.checkpoint, parsePolicy(policyText));
  const genesis = b3('genesis', genesisInput(bundle.logId, key.name, key.text));
  checkTrail(bundle, trail, checkpoint, genesis);
  let old: Checkpoint | undefined;
  if (bundle.old) {
    old = trail.open(bundle.old.note);
    checkConsistency(old.size, old.root, checkpoint.size, checkpoint.root, bundle.old.proof);
  }
  const { rows, leaves } = checkFrames(bundle, checkpoint, genesis);
  const history = checkHistory(bundle, checkpoint, trail, rows, leaves);
  const report = checkClaim(bundle, checkpoint, rows, history);
  return { ...report, keys: trail.keys.length, ...(old ? { old } : {}) };
}

/** Each rotation's key record lies in the tree that the old key signed, and later checkpoints extend it. */
function checkTrail(bundle: Bundle, trail: Trail, newer: Checkpoint, genesis: Hash): void {
  bundle.trail.forEach(({ record }, at) => {
    const fails = (why: string): never => refuse(`rotation to key epoch ${at + 1}: ${why}`);
    const { key, checkpoint: here } = trail.rotations[at]!;
    const later = trail.rotations[at + 1]?.checkpoint ?? newer;
    if (here.size > later.size) fails('it is signed for more frames than what comes later');
    if (!record) return;
    const { frame, tree, consistency } = record;
    if (!equal(frame.descriptor.logId, bundle.logId)) fails('its frame is of another log');
    const leaf = { index: frame.descriptor.frameNo, hash: logLeaf(concat(frame.descriptor.stored, frame.chainBefore ?? genesis)) };
    if (!equal(proofRoot(here.size, [leaf], tree), here.root)) fails('its frame is not in the tree that it signs');
    const [row, ...others] = checkFrame(frame, fails);
    if (!row || others.length > 0 || row.open !== 31) return fails('its one row is the key record, whole');
    const body = row.fields.get(METADATA);
    if (KINDS[row.envelope!.kind - 1] !== 'key' || typeof body !== 'string') return fails('not a key record');
    const said = parseKeyRecord(body);
    if (said.epoch !== BigInt(at + 1) || said.role !== 'checkpoint' || said.key.text !== key.text) fails('not the record of its key');
    checkConsistency(here.size, here.root, later.size, later.root, consistency);
  });
}

function proofRoot(size: bigint, leaves: Leaf[], hashes: Hash[]): Hash {
  const proof = hashes[Symbol.iterator]();
  return multiproofRoot(size, leaves, () => proof.next().value ?? refuse('a log-tree proof is too short'), logNode);
}

/** With the whole history: every record of class 0, every deletion. */
function checkHistory(
  bundle: Bundle,
  checkpoint: Checkpoint,
  trail: Trail,
  rows: CheckedRow[],
  leaves: Leaf[],
): History | undefined {
  if (!bundle.wholeHistory) {
    return bundle.claim.kind === 'deletions' ? refuse('deletions are claimed without the whole history') : undefined;
  }
  if (BigInt(bundle.frames.length) !== checkpoint.size) refuse('a frame of the whole history is left out');
  const history = new History(bundle.logId, trail);
  const bySeq = new Map(rows.map((row) => [row.seq, row]));
  for (const { descriptor } of bundle.frames) {
    for (const position of descriptor.classes.find((entry) => entry.class === 0)?.positions ?? []) {
      const seq = descriptor.firstSeq + BigInt(position);
      const row = bySeq.get(seq);
      if (!row?.envelope || row.open !== 31) return refuse(`seq ${seq}: a record of class 0 is not open`);
      const kind = KINDS[row.envelope.kind - 1]!;
      const body = row.fields.get(METADATA);
      if (kind === 'event' || kind === 'access') continue;
      if (typeof body !== 'string') return refuse(`seq ${seq}: a system record without a body`);
      history.take(seq, descriptor.frameNo, floorSeconds(row.recordedAt), kind, body);
    }
  }
  for (const { descriptor, rows: own } of bundle.frames) {
    const shown: Shown = { there: [0n, 0n, 0n, 0n], rows: new Map() };
    for (const { position, open } of own) {
      const bit = 1n << BigInt(position);
      for (const group of [0, 1, 2, 3] as const) if (isOpen(open, group)) shown.there[group] |= bit;
      const row = bySeq.get(descriptor.firstSeq + BigInt(position))!;
      const known = { recorded: floorSeconds(row.recordedAt), occurred: row.occurredAt };
      if (hasHeader(open)) shown.rows.set(position, isOpen(open, 0) ? { ...known, tested: row } : known);
    }
    history.frame(descriptor, shown);
  }
  history.finish();
  const rootOf = (size: bigint): Hash => (size === 0n ? emptyRoot() : proofRoot(size, leaves.slice(0, Number(size)), []));
  checkRoots(history.roots(), rootOf, leaves.length);
  return history;
}

/** Everything up to the signed root; gives the rows, read. */
function checkFrames(bundle: Bundle, checkpoint: Checkpoint, genesis: Hash): { rows: CheckedRow[]; leaves: Leaf[] } {
  const leaves: Leaf[] = [];
  const rows: CheckedRow[] = [];
  let before: Frame | undefined;
  let chain = genesis;
  for (const frame of bundle.frames) {
    const { descriptor } = frame;
    const fails = (why: string): never => refuse(`frame ${descriptor.frameNo}: ${why}`);
    if (!equal(descriptor.logId, bundle.logId)) fails('it belongs to another log');
    checkOrder(frame, before, fails);
    rows.push(...checkFrame(frame, fails));
    const hashed = concat(descriptor.stored, frame.chainBefore ?? chain);
    leaves.push({ index: descriptor.frameNo, hash: logLeaf(hashed) });
    chain = b3('chain', hashed);
    before = frame;
  }
  const root = proofRoot(checkpoint.size, leaves, bundle.tree);
  if (!equal(root, checkpoint.root)) refuse('the frames are not in the tree that the checkpoint signs');
  return { rows, leaves };
}

/** What is shown of a frame is what its root commits to; gives its rows, read. */
function checkFrame(frame: Frame, fails: (why: string) => never): CheckedRow[] {
  const { descriptor } = frame;
  const rows = readRows(frame, fails);
  if (rows.length > 0 && !equal(frameRoot(frame, fails), descriptor.frameRoot)) fails('what is shown is not what its root commits to');
  for (const entry of descriptor.classes) checkTimes(frame, entry, fails);
  return rows;
}

function checkOrder(frame: Frame, before: Frame | undefined, fails: (why: string) => never): void {
  const here = frame.descriptor;
  if (here.frameNo === 0n && here.firstSeq !== 0n) fails('frame 0 begins at seq 0');
  if (!before) return;
  const there = before.descriptor;
  const end = there.firstSeq + BigInt(there.count);
  const adjoins = there.frameNo + 1n === here.frameNo;
  if (here.firstSeq < end || (adjoins && here.firstSeq !== end)) fails(`it does not follow seq ${end - 1n}`);
  const falls =
    here.scheduleVersion < there.scheduleVersion ||
    here.keyEpoch < there.keyEpoch ||
    here.lostEvents < there.lostEvents;
  if (falls) fails('schedule version, key epoch or lost events fall');
}

/** Group bytes must be canonical, and kinds stand where they may. */
function readRows(frame: Frame, fails: (why: string) => never): CheckedRow[] {
  const { descriptor } = frame;
  return frame.rows.map((row) => {
    const entry = descriptor.classes.find((one) => one.positions.includes(row.position))!;
    const fields = new Map<number, FieldValue>();
    row.groups.forEach((bytes, group) => {
      if (bytes) readGroup(group, bytes).forEach((value, id) => fields.set(id, value));
    });
    const seq = descriptor.firstSeq + BigInt(row.position);
    const occurredAt = hasHeader(row.open) ? occurredOf(row) : 0n;
    const checked = { seq, class: entry.class, open: row.open, recordedAt: row.recordedAt, occurredAt, fields };
    if (!row.groups[0]) return checked;
    const envelope = takeEnvelope(new Reader(row.groups[0], 'envelope'));
    const permanent = entry.class === 0;
    const sound = envelope.kind === 1 ? !permanent : envelope.kind === 12 || permanent;
    if (!sound || (envelope.kind === 2) !== (seq === 0n)) fails(`no record of its kind stands at seq ${seq}`);
    return { ...checked, envelope };
  });
}

function occurredOf(row: Row): bigint {
  if (row.closedEnvelope) return row.closedEnvelope.occurredAt;
  return floorSeconds(takeEnvelope(new Reader(row.groups[0]!, 'envelope')).occurredAt);
}

function frameRoot(frame: Frame, fails: (why: string) => never): Hash {
  const roots: Hash[] = [];
  frame.descriptor.classes.forEach((entry, index) => {
    const rows = ranked(entry, frame.rows);
    for (let group = 0; group < 4; group++) {
      const tree = frame.classes[index]![group]!;
      const leaves = rows
        .filter(({ row }) => inTree(row, group))
        .map(({ rank, row }) => ({ index: BigInt(rank), hash: leafOf(frame, entry, group, tree, rank, row) }));
      const proof = tree.hashes[Symbol.iterator]();
      const next = (): Hash => proof.next().value ?? fails('a class proof is too short');
      roots.push(multiproofRoot(BigInt(entry.positions.length), leaves, next, classNode));
    }
  });
  return b3('frame', ...roots);
}

function leafOf(frame: Frame, entry: ClassEntry, group: number, tree: TreeProof, rank: number, row: Row): Hash {
  let g = row.closedEnvelope?.hash;
  if (group > 0 || !g) {
    const salt = tree.key ? saltOf(tree.key, rank) : row.salts[group];
    const bytes = row.groups[group];
    if (!salt || !bytes) return refuse('a group that is open is missing');
    g = groupHash(salt, group, bytes);
  }
  if (group > 0) return g;
  return b3(
    'leaf',
    little(frame.descriptor.firstSeq + BigInt(row.position), 8),
    little(row.recordedAt, 8),
    little(occurredOf(row), 8),
    little(BigInt(entry.class), 2),
    new Uint8Array(3),
    g,
  );
}

function checkTimes(frame: Frame, entry: ClassEntry, fails: (why: string) => never): void {
  const rows = ranked(entry, frame.rows).filter(({ row }) => hasHeader(row.open));
  if (rows.length === 0) return;
  const recorded = rows.map(({ row }) => floorSeconds(row.recordedAt));
  const least = (times: bigint[]): bigint => times.reduce((a, b) => (a < b ? a : b));
  const most = (times: bigint[]): bigint => times.reduce((a, b) => (a > b ? a : b));
  const [min, max, latest] = [least(recorded), most(recorded), most(rows.map(({ row }) => occurredOf(row)))];
  const within = min >= entry.recordedMin && max <= entry.recordedMax && latest <= entry.occurredMax;
  const exact = min === entry.recordedMin && max === entry.recordedMax && latest === entry.occurredMax;
  if (!within || (rows.length === entry.positions.length && !exact)) {
    fails(`times of class ${entry.class} are not those of the class table`);
  }
}

type Fails = (why: string, seq?: bigint) => never;

function checkClaim(bundle: Bundle, checkpoint: Checkpoint, rows: CheckedRow[], history?: History): Omit<Report, 'keys'> {
  const { claim, frames } = bundle;
  const fails: Fails = (why, seq) => refuse(`the claim does not hold${seq === undefined ? '' : ` at seq ${seq}`}: ${why}`);
  if (!history && frames.some((frame) => frame.rows.length === 0)) fails('a frame shows no row');
  const { removed, evidence } = standing(frames, history);
  const covers = (seq: bigint): boolean => !('first' in claim) || (claim.first <= seq && seq <= claim.last);
  const claimed = rows.filter((row) => !removed.has(row.seq) && (covers(row.seq) || !evidence.has(row.seq)));
  let missing = 0;
  if (claim.kind === 'range' || claim.kind === 'complete') missing = checkRange(bundle, claim, claimed, removed, fails);
  if (claim.kind === 'complete') {
    if (needs(claim.filter) !== claim.disclosed) fails('it discloses something else than its filter needs');
    if (claim.disclosed & 0b1010) fails('completeness is proven over envelope and correlation columns only');
  }
  const own = claimed.map((row) => ({ row, is: isShown(claim, row, evidence.has(row.seq), fails) }));
  const shown = own.filter(({ is }) => is === 'shown').map(({ row }) => row);
  for (const row of shown) if (!hasHeader(row.open)) fails('its header is closed', row.seq);
  if (claim.kind === 'record' && shown.length !== 1) fails('not exactly one record is shown', claim.seq);
  const last = frames.at(-1)!.descriptor;
  const opened = [0, 1, 2, 3].map((group) => rows.filter((row) => isOpen(row.open, group)).length);
  return {
    logId: hex(bundle.logId),
    claim,
    checkpoint,
    ...(history ? { deletions: history.announced } : {}),
    unknowns: history ? unknownsOf(history, claim, missing) : [],
    removed: missing,
    frames: frames.length,
    examined: own.filter(({ is }) => is !== 'evidence').length,
    opened: opened as [number, number, number, number],
    reachesEnd:
      (claim.kind === 'range' || claim.kind === 'complete') &&
      last.frameNo + 1n === checkpoint.size &&
      claim.last + 1n === last.firstSeq + BigInt(last.count),
    rows: shown,
  };
}

/** Seqs that deletions removed, and seqs of rows that are there for the check of deletions. */
function standing(frames: Frame[], history?: History): { removed: Set<bigint>; evidence: Set<bigint> } {
  const [removed, evidence] = [new Set<bigint>(), new Set<bigint>()];
  for (const { descriptor } of history ? frames : []) {
    const [gone, wanted] = [history!.removed(descriptor), history!.wanted(descriptor)];
    for (let position = 0; position < descriptor.count; position++) {
      const seq = descriptor.firstSeq + BigInt(position);
      if ((gone >> BigInt(position)) & 1n) removed.add(seq);
      const permanent = descriptor.classes.some((entry) => entry.class === 0 && entry.positions.includes(position));
      if (permanent || (wanted >> BigInt(position)) & 1n) evidence.add(seq);
    }
  }
  return { removed, evidence };
}

function unknownsOf(history: History, claim: Claim, missing: number): string[] {
  const lost = history.deletions.reduce((sum, deletion) => sum + deletion.effect.unknown, 0);
  return [
    ...UNKNOWNS,
    ...(lost > 0 ? [`whether ${lost} parts that were removed alone might go then: their stubs went with their class later`] : []),
    ...(claim.kind === 'complete' && missing > 0
      ? [`whether any of the ${missing} removed records of the range passed the filter`]
      : []),
  ];
}

/** Every seq of the range has a row, or a deletion removed it, and no other has one; gives how many were removed. */
function checkRange(
  bundle: Bundle,
  claim: { first: bigint; last: bigint },
  rows: CheckedRow[],
  removed: Set<bigint>,
  fails: Fails,
): number {
  if (claim.first > claim.last) fails('the range ends before it begins');
  const numbers = bundle.frames.map((frame) => frame.descriptor.frameNo);
  if (numbers.some((number, at) => at > 0 && number !== numbers[at - 1]! + 1n)) fails('a frame of the range is left out');
  let next = claim.first;
  let missing = 0;
  const pass = (): void => {
    for (; next <= claim.last && removed.has(next); next++) missing++;
  };
  for (const row of rows) {
    pass();
    if (row.seq !== next) fails('the record is not shown, though the claim covers it', next);
    next++;
  }
  pass();
  if (next <= claim.last) fails('the record is not shown, though the claim covers it', next);
  if (next > claim.last + 1n) fails('records beyond the claim are shown', claim.last);
  return missing;
}

/** Whether a row is the claim's: shown, only tested, or there for the check of deletions alone. */
function isShown(claim: Claim, row: CheckedRow, evidence: boolean, fails: Fails): 'shown' | 'tested' | 'evidence' {
  switch (claim.kind) {
    case 'deletions':
      return evidence ? 'evidence' : fails('it is open, though no deletion is about it', row.seq);
    case 'record':
      if (row.seq === claim.seq) return 'shown';
      return evidence ? 'evidence' : fails('it is not the record claimed', row.seq);
    case 'range':
      return 'shown';
    case 'rows': {
      const wanted = needs(claim.filter) | HEADER;
      const decided = (row.open & wanted) === wanted;
      if (decided && passes(claim.filter, row)) return 'shown';
      if (evidence) return 'evidence';
      return fails(decided ? 'the record does not pass the filter' : 'what the filter needs is closed', row.seq);
    }
    case 'complete': {
      const { disclosed } = claim;
      if ((row.open & disclosed) !== disclosed) fails('what the claim discloses of every record is closed', row.seq);
      if (passes(claim.filter, row)) return 'shown';
      if (row.open !== disclosed && !evidence) fails('more of a record that does not pass is open than needed', row.seq);
      return 'tested';
    }
  }
}
